"""Small floats, packed codes, and how MLIR spells arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Component:
    """A component of a weight: raw numbers, and the element type that MLIR calls them by."""

    data: np.ndarray
    element: str

    def spell(self) -> str:
        shape = "x".join(map(str, self.data.shape))
        return f'dense<"0x{np.ascontiguousarray(self.data).tobytes().hex().upper()}"> : tensor<{shape}x{self.element}>'


def bf16_bits(values: np.ndarray) -> np.ndarray:
    """f32 to the bits of the nearest bf16, ties to even; no NaN."""
    bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def decode(data: np.ndarray, element: str) -> np.ndarray:
    """Raw numbers of an MLIR float type as f64, by the types' definitions."""
    if element in ("f32", "f16"):
        return data.astype(np.float64)
    if element == "bf16":
        return (data.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    byte = data.astype(np.int64)
    if element == "f8E8M0FNU":
        return np.ldexp(1.0, byte - 127)
    if element == "f8E4M3FN":
        sign, exponent, mantissa = 1 - 2 * (byte >> 7), (byte >> 3) & 15, byte & 7
        normal = np.ldexp(1 + mantissa / 8, exponent - 7)
        return sign * np.where(exponent == 0, np.ldexp(mantissa / 8, -6), normal)
    raise ValueError(element)


def scales(rng: np.random.Generator, shape: tuple[int, ...], element: str, positive: bool = False) -> Component:
    """Random scales, about 0.05 in size, of either sign where the type has signs."""
    if element == "f8E8M0FNU":
        return Component(rng.integers(118, 126, shape, dtype=np.uint8), element)
    if element == "f8E4M3FN":
        # 0x7f and 0xff are NaN.
        codes = rng.integers(1, 0x60, shape, dtype=np.uint8)
        if not positive:
            codes |= (rng.random(shape) < 0.3).astype(np.uint8) << 7
        return Component(codes, element)
    values = (rng.standard_normal(shape) * 0.05).astype(np.float32)
    if positive:
        values = np.abs(values)
    if element == "bf16":
        return Component(bf16_bits(values), element)
    if element == "f32" and rng.random() < 0.5:  # Exact in f16: packed in two bytes.
        values = values.astype(np.float16).astype(np.float32)
    return Component(values.astype(np.float16 if element == "f16" else np.float32), element)


def unpack(codes: np.ndarray, bits: int, group: int, cols: int) -> np.ndarray:
    """N x G x B bytes to N x cols unsigned codes, each group from its first bit, least significant first."""
    n, groups, _ = codes.shape
    flat = np.unpackbits(codes, axis=2, bitorder="little")[:, :, : group * bits].reshape(n, groups, group, bits)
    return (flat.astype(np.int64) << np.arange(bits)).sum(axis=3).reshape(n, groups * group)[:, :cols]


def pack(values: np.ndarray, bits: int) -> np.ndarray:
    """N x G x group unsigned codes to N x G x B bytes."""
    n, groups, group = values.shape
    flat = (values[..., None].astype(np.int64) >> np.arange(bits)) & 1
    return np.packbits(flat.reshape(n, groups, group * bits).astype(np.uint8), axis=2, bitorder="little")


def spread(values: np.ndarray, n: int, cols: int, group: int) -> np.ndarray:
    """P x Q numbers, N x G or N x 1 or 1 x 1, to every element."""
    groups = -(-cols // group)
    full = np.broadcast_to(values, (n, groups) + values.shape[2:])
    return np.repeat(full, group, axis=1)[:, :cols]


def codes(rng: np.random.Generator, n: int, groups: int, group: int, bits: int, mode: str) -> Component:
    """Random codes; all ones, all zeros, or one of the two for each element in the extreme modes."""
    blob = -(-group * bits // 8)
    if mode == "random":
        data = rng.integers(0, 256, (n, groups, blob), dtype=np.uint8)
    elif mode == "mixed":
        data = pack((rng.random((n, groups, group)) < 0.5) * (2**bits - 1), bits)
    else:
        data = np.full((n, groups, blob), 255 if mode == "ones" else 0, np.uint8)
    return Component(data, "i8")
