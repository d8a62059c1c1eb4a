"""Exact repacking of GGUF quantized blocks into the layout of ONNX's com.microsoft MatMulNBits.

A GGUF matrix of `rows` x `cols` weights is stored as rows of blocks. Each supported kind maps to
`w = (code - zero_point) * scale` in f32 with codes of 4 or 8 bits, low bits first:

    Q4_0  4 bits, block 32, zero point 8 (MatMulNBits' default)          exact
    Q4_1  4 bits, block 32, float zero point -m/d, scale d               see `_q4_1`
    Q8_0  8 bits, block 32, zero point 128 (the default)                 exact
    Q6_K  8 bits, block 16, zero point 128 (the default), scale d * sc   exact
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from gguf import GGMLQuantizationType as Kind

from lutra.convert.kinds import TensorKind
from lutra.errors import LutraError

#: Weights repacked at a time; bounds the temporary arrays whatever the size of the tensor.
_CHUNK_WEIGHTS = 1 << 21


@dataclass(frozen=True, slots=True)
class NBitsMatrix:
    """A matrix [N, K] in MatMulNBits' layout.

    codes: uint8 [N, k_blocks, block * bits / 8]; scales: f32 [N, k_blocks];
    zero_points: f32 [N, k_blocks], or None for the default 2^(bits-1).
    """

    bits: int
    block: int
    codes: np.ndarray
    scales: np.ndarray
    zero_points: np.ndarray | None

    @property
    def rows(self) -> int:
        found: int = self.codes.shape[0]
        return found

    @property
    def cols(self) -> int:
        found: int = self.codes.shape[1] * self.block
        return found

    def dequantize(self) -> np.ndarray:
        """The weights f32 [N, K] as onnxruntime computes them: (code - zero point) * scale, in f32."""
        n, blocks, _ = self.codes.shape
        codes = self.codes if self.bits == 8 else _unpack_nibbles(self.codes)
        zero: np.ndarray | np.float32 = np.float32(1 << (self.bits - 1))
        if self.zero_points is not None:
            zero = self.zero_points[:, :, None]
        found: np.ndarray = ((codes.astype(np.float32) - zero) * self.scales[:, :, None]).reshape(
            n, blocks * self.block
        )
        return found


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one GGUF kind is stored and repacked; `unpack(blocks uint8 [B, bytes])` gives (codes uint8 [B, weights] in
    the order of K, scales f32 [B, weights / block], zero points like scales or None)."""

    bits: int
    block: int
    weights: int
    bytes: int
    unpack: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray | None]]


def _unpack_nibbles(packed: np.ndarray) -> np.ndarray:
    """uint8 [..., n] -> codes [..., 2n], low nibble first."""
    out = np.empty((*packed.shape[:-1], packed.shape[-1] * 2), np.uint8)
    out[..., 0::2] = packed & 15
    out[..., 1::2] = packed >> 4
    return out


def _f16(column: np.ndarray) -> np.ndarray:
    """Bytes [B, 2n] read as little-endian f16 [B, n], widened exactly to f32."""
    return np.ascontiguousarray(column).view("<f2").astype(np.float32)


def _split_nibbles(qs: np.ndarray) -> np.ndarray:
    """GGUF's order in a block of 32: 16 low nibbles, then 16 high nibbles."""
    return np.concatenate([qs & 15, qs >> 4], axis=-1)


def _q4_0(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, None]:
    return _split_nibbles(blocks[:, 2:]), _f16(blocks[:, :2]), None


def _q4_1(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w = d q + m as (q - z) d with z = -m/d, divided in f64 and rounded once to f32.

    That z is the f32 whose product misses the exact weight least at the codes next to it, where the weight is smallest;
    elsewhere rounding q - z costs as much for its neighbours. Against f32(d q + m) the result is within 1 ulp of the
    block's largest |weight|. Blocks with d = 0 hold one value m: scale m, zero point -1 and codes 0 give it exactly.
    """
    d, m = _f16(blocks[:, 0:2]), _f16(blocks[:, 2:4])
    codes = _split_nibbles(blocks[:, 4:])
    flat = d == 0
    zero = (-m.astype(np.float64) / np.where(flat, 1, d)).astype(np.float32)
    if flat.any():
        codes[flat[:, 0]] = 0
        zero = np.where(flat, np.float32(-1), zero)
        d = np.where(flat, m, d)
    return codes, d, zero


def _q8_0(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, None]:
    return blocks[:, 2:] ^ 0x80, _f16(blocks[:, :2]), None  # int8 q -> q + 128


def _q6_k(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, None]:
    """256 weights: 128 bytes of low nibbles, 64 of high pairs, 16 int8 scales, f16 d; w = (d sc) (q - 32).

    Half h (128 weights) has 4 runs of 32: run r takes nibble r // 2 of ql[h, r % 2] and pair r of qh[h].
    """
    count = blocks.shape[0]
    low = blocks[:, :128].reshape(count, 2, 2, 32)
    high = blocks[:, 128:192].reshape(count, 2, 1, 32)
    codes = np.concatenate([low & 15, low >> 4], axis=2)
    codes |= ((high >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1)) & 3) << 4
    codes += 128 - 32
    scales = _f16(blocks[:, 208:210]) * blocks[:, 192:208].view(np.int8).astype(np.float32)
    return codes.reshape(count, 256), scales, None


_LAYOUTS: dict[TensorKind, _Layout] = {
    Kind.Q4_0: _Layout(4, 32, 32, 18, _q4_0),
    Kind.Q4_1: _Layout(4, 32, 32, 20, _q4_1),
    Kind.Q8_0: _Layout(8, 32, 32, 34, _q8_0),
    Kind.Q6_K: _Layout(8, 16, 256, 210, _q6_k),
}

#: Tensor kinds that `repack` takes.
QUANTIZED_KINDS: tuple[TensorKind, ...] = tuple(_LAYOUTS)
#: Those that are not exact (see `_q4_1`).
ROUNDED_KINDS: tuple[TensorKind, ...] = (Kind.Q4_1,)
#: Tensor kinds that become plain f32.
FLOAT_KINDS: tuple[TensorKind, ...] = (Kind.F32, Kind.F16)


def supported_kinds() -> str:
    """The names of the tensor kinds that can be converted, for messages."""
    return ", ".join(kind.name for kind in (*_LAYOUTS, *FLOAT_KINDS))


def has_default_zero_point(kind: TensorKind) -> bool:
    """Whether matrices of this kind need no zero-point tensor (so GatherBlockQuantized can hold them too)."""
    return kind in (Kind.Q4_0, Kind.Q8_0, Kind.Q6_K)


def repack(data: np.ndarray, kind: TensorKind, name: str) -> NBitsMatrix:
    """Repacks the stored bytes `data` (uint8 [N, bytes per row]) of a quantized GGUF matrix.

    Raises LutraError naming the tensor when its kind has no exact form here.
    """
    layout = _LAYOUTS.get(kind)
    if layout is None:
        raise LutraError(
            f"tensor '{name}' has type {kind.name}; expected one of {supported_kinds()}: "
            "quantize the model to one of these (llama-quantize)"
        )
    rows, row_bytes = data.shape
    per_row, rest = divmod(row_bytes, layout.bytes)
    if rest:
        raise LutraError(
            f"tensor '{name}' has rows of {row_bytes} bytes, not a multiple of {kind.name}'s {layout.bytes}: "
            "the file is damaged"
        )
    blocks = per_row * layout.weights // layout.block
    codes = np.empty((rows, blocks, layout.block * layout.bits // 8), np.uint8)
    scales = np.empty((rows, blocks), np.float32)
    zeros: np.ndarray | None = None
    step = max(1, _CHUNK_WEIGHTS // (blocks * layout.block))
    for row in range(0, rows, step):
        part = slice(row, min(rows, row + step))
        chunk, scale, zero = layout.unpack(np.ascontiguousarray(data[part]).reshape(-1, layout.bytes))
        if layout.bits == 4:
            chunk = chunk[:, 0::2] | chunk[:, 1::2] << 4
        codes[part] = chunk.reshape(-1, *codes.shape[1:])
        scales[part] = scale.reshape(-1, blocks)
        if zero is not None:
            zeros = np.empty_like(scales) if zeros is None else zeros
            zeros[part] = zero.reshape(-1, blocks)
    return NBitsMatrix(layout.bits, layout.block, codes, scales, zeros)


def unpermute_rows(rows: int, heads: int) -> np.ndarray:
    """Row indices that undo GGUF's order of a llama Q or K projection [rows, K].

    GGUF interleaves the two halves of each head for interleaved rotary: stored row (h, i, half) is the model's row
    (h, half, i). `matrix[unpermute_rows(...)]` is in half-split order (rotary_interleaved = 0).
    """
    return np.arange(rows).reshape(heads, rows // heads // 2, 2).swapaxes(1, 2).reshape(-1)
