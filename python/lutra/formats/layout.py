"""How codes and shared numbers lie in components: bits of codes, groups along K, and who shares a scale.

Shapes: a weight is [N, K]; K is cut into G = ceil(K / group) groups, the last of which may be short.
"""

from __future__ import annotations

from typing import Literal, get_args

import ml_dtypes
import numpy as np

from lutra.errors import LutraError

#: Who shares a scale: its component is [N, G], [N, 1] or [1, 1].
Granularity = Literal["group", "channel", "tensor"]
#: The element type of a scale component.
ScaleType = Literal["f32", "f16", "bf16", "f8E8M0FNU", "f8E4M3FN"]

SCALE_TYPES: dict[str, np.dtype] = {
    "f32": np.dtype(np.float32),
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f8E8M0FNU": np.dtype(ml_dtypes.float8_e8m0fnu),
    "f8E4M3FN": np.dtype(ml_dtypes.float8_e4m3fn),
}
#: The largest group: 32 bits hold every sum of a group's table entries (docs/spec/numerics.md, "Ranges").
MAX_GROUP = 1 << 18


def check_range(what: str, value: int, low: int, high: int) -> None:
    """Raises LutraError unless low <= value <= high."""
    if not low <= value <= high:
        raise LutraError(f"{what} must be {low} to {high}, but is {value}")


def check_granularity(per: str) -> None:
    """Raises LutraError unless `per` is a Granularity."""
    if per not in get_args(Granularity):
        raise LutraError(f"per must be one of {', '.join(get_args(Granularity))}, but is '{per}'")


def check_scale_type(scale: str) -> None:
    """Raises LutraError unless `scale` is a ScaleType."""
    if scale not in SCALE_TYPES:
        raise LutraError(f"the scales' type must be one of {', '.join(SCALE_TYPES)}, but is '{scale}'")


def count_groups(cols: int, group: int) -> int:
    """Groups along a row of `cols` elements."""
    return -(-cols // group)


def shared_shape(rows: int, cols: int, group: int, per: Granularity) -> tuple[int, int]:
    """The shape P of a component that is shared as `per` says."""
    if per == "group":
        return rows, count_groups(cols, group)
    return (rows, 1) if per == "channel" else (1, 1)


def to_groups(elements: np.ndarray, group: int) -> np.ndarray:
    """[N, K] as [N, G, group], with zeros for padding."""
    rows, cols = elements.shape
    groups = count_groups(cols, group)
    padded = np.zeros((rows, groups * group), elements.dtype)
    padded[:, :cols] = elements
    return padded.reshape(rows, groups, group)


def pack_codes(codes: np.ndarray, bits: int, group: int) -> np.ndarray:
    """Codes uint8 [N, K] of `bits` bits as bytes [N, G, ceil(group * bits / 8)], the lowest bit first."""
    grouped = to_groups(codes.astype(np.uint8), group)
    planes = np.unpackbits(grouped[..., None], axis=-1, bitorder="little")[..., :bits]
    return np.packbits(planes.reshape(*grouped.shape[:2], group * bits), axis=-1, bitorder="little")


def unpack_codes(packed: np.ndarray, bits: int, group: int, cols: int) -> np.ndarray:
    """The codes uint8 [N, cols] in bytes [N, G, ceil(group * bits / 8)]."""
    rows, groups, _ = packed.shape
    planes = np.unpackbits(packed, axis=-1, bitorder="little")[..., : group * bits].reshape(rows, groups, group, bits)
    codes = np.packbits(planes, axis=-1, bitorder="little")[..., 0]
    return codes.reshape(rows, groups * group)[:, :cols]


def reduce_shared(ufunc: np.ufunc, weights: np.ndarray, group: int, per: Granularity) -> np.ndarray:
    """`ufunc` (np.add, np.maximum...) over the elements [N, K] that share a number: an array of shape P."""
    if per == "group" and weights.shape[1] % group == 0:
        grouped: np.ndarray = ufunc.reduce(weights.reshape(len(weights), -1, group), axis=-1)
        return grouped
    if per == "group":
        return ufunc.reduceat(weights, np.arange(0, weights.shape[1], group), axis=1)
    whole: np.ndarray = ufunc.reduce(weights, axis=1 if per == "channel" else None, keepdims=True)
    return whole


def spread(shared: np.ndarray, rows: int, cols: int, group: int) -> np.ndarray:
    """Numbers of shape P (and more dimensions behind) for each element: [N, K, ...]."""
    if shared.shape[1] > 1:
        shared = np.repeat(shared, group, axis=1)[:, :cols]
    return np.broadcast_to(shared, (rows, cols, *shared.shape[2:]))


def to_scale(values: np.ndarray, scale: ScaleType) -> np.ndarray:
    """Numbers as scales of a type: the nearest, but for f8E8M0FNU the next power of two that is not below."""
    dtype = SCALE_TYPES[scale]
    if scale == "f8E8M0FNU":
        magnitude = np.maximum(np.abs(values.astype(np.float64)), 2.0**-127)
        values = np.exp2(np.minimum(np.ceil(np.log2(magnitude)), 127))
    if scale == "f8E4M3FN":
        values = np.clip(values, -448, 448)
    return values.astype(np.float32).astype(dtype)


def divide(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """values / by in f64, 0 where `by` is 0."""
    by = by.astype(np.float64)
    return np.where(by == 0, 0.0, values / np.where(by == 0, 1.0, by))


def nearest(values: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The index of the entry of `table` (sorted, along the last axis) that is nearest to each of `values`, as uint8.

    values [...]; table [..., size], broadcast against values[..., None].
    """
    middles = (table[..., 1:] + table[..., :-1]) / 2
    found: np.ndarray = np.sum(values[..., None] > middles, axis=-1).astype(np.uint8)
    return found
