"""Uniform quantization: w = s (q - z)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lutra.errors import LutraError
from lutra.formats import layout
from lutra.formats.base import FLOAT, INT8, SCALES, UINT8, Component, Components, Format, default, spell

ZeroKind = Literal["midpoint", "none", "integer", "float"]


@dataclass(frozen=True, slots=True)
class Uniform(Format):
    """Codes of `bits` bits with a scale and, by `zero`, a zero point.

    `zero` is midpoint (2^(bits-1); unsigned codes only, their default), none (0; the default of signed codes), integer
    (within the codes' range) or float. Raises LutraError for parameters out of range.
    """

    bits: int
    group: int
    zero: ZeroKind | None = None
    signed: bool = False
    per: layout.Granularity = "group"
    scale: layout.ScaleType = "f32"

    def __post_init__(self) -> None:
        layout.check_range("bits", self.bits, 1, 8)
        layout.check_range("group", self.group, 1, layout.MAX_GROUP)
        layout.check_granularity(self.per)
        layout.check_scale_type(self.scale)
        if self.zero_kind not in ("midpoint", "none", "integer", "float"):
            raise LutraError(f"zero must be midpoint, none, integer or float, but is '{self.zero}'")
        if self.signed and self.zero == "midpoint":
            raise LutraError("zero = midpoint is for unsigned codes: signed ones have zero = none, integer or float")

    @property
    def zero_kind(self) -> ZeroKind:
        """`zero`, or the default of the codes' signedness."""
        return self.zero or ("none" if self.signed else "midpoint")

    @property
    def spelling(self) -> str:
        normal = "none" if self.signed else "midpoint"
        return spell(
            "uniform", bits=self.bits, group=self.group, zero=default(self.zero_kind, normal),
            signed=default(int(self.signed), 0), per=default(self.per, "group"),
        )  # fmt: skip

    def schema(self, rows: int, cols: int) -> tuple[Component, ...]:
        shared = layout.shared_shape(rows, cols, self.group, self.per)
        bytes_per_group = -(-self.group * self.bits // 8)
        parts = [
            Component("codes", (rows, layout.count_groups(cols, self.group), bytes_per_group), UINT8),
            Component("scales", shared, SCALES),
        ]
        if self.zero_kind == "integer":
            parts.append(Component("zeros", shared, INT8 if self.signed else UINT8))
        if self.zero_kind == "float":
            parts.append(Component("zeros", shared, FLOAT))
        return tuple(parts)

    def codes(self, components: Mapping[str, np.ndarray], cols: int) -> np.ndarray:
        """The codes int16 [N, cols], negative where signed ones are."""
        codes = layout.unpack_codes(components["codes"], self.bits, self.group, cols).astype(np.int16)
        if self.signed:
            codes -= (codes >> (self.bits - 1)) << self.bits
        return codes

    def zeros(self, components: Mapping[str, np.ndarray]) -> np.ndarray:
        """The zero points f64, of the shape that they are shared in."""
        if "zeros" in components:
            return components["zeros"].astype(np.float64)
        return np.full((1, 1), 2.0 ** (self.bits - 1) if self.zero_kind == "midpoint" else 0.0)

    def dequantize(self, components: Mapping[str, np.ndarray], rows: int, cols: int) -> np.ndarray:
        self.check(components, rows, cols)
        scales = layout.spread(components["scales"].astype(np.float64), rows, cols, self.group)
        zeros = layout.spread(self.zeros(components), rows, cols, self.group)
        found: np.ndarray = scales * (self.codes(components, cols) - zeros)
        return found

    def quantize(self, weights: np.ndarray) -> Components:
        """Symmetric for `none` and `midpoint`: the element of greatest magnitude gets the code of greatest magnitude, so
        that a scale may be negative (a positive scale where the type has no sign). Else between the least and the
        greatest element, with 0 among them for integer zero points.
        """
        weights = weights.astype(np.float64)
        rows, cols = weights.shape
        low, high = (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1) if self.signed else (0, (1 << self.bits) - 1)
        least = layout.reduce_shared(np.minimum, weights, self.group, self.per)
        greatest = layout.reduce_shared(np.maximum, weights, self.group, self.per)
        zeros: np.ndarray | None = None
        if self.zero_kind in ("integer", "float"):
            if self.zero_kind == "integer":
                least, greatest = np.minimum(least, 0), np.maximum(greatest, 0)
            # Equal elements: a scale of their value and codes one above the zero point give them exactly.
            flat = least == greatest
            scales = layout.to_scale(np.where(flat, greatest, (greatest - least) / (high - low)), self.scale)
            zeros = low - layout.divide(least, scales.astype(np.float64))
            zeros = np.where(flat, low - 1 if self.zero_kind == "float" else low, zeros)
            if self.zero_kind == "integer":
                zeros = np.clip(np.rint(zeros), low, high).astype(np.int8 if self.signed else np.uint8)
            else:
                zeros = zeros.astype(np.float32)
        else:
            extreme = np.where(greatest > -least, greatest, least)
            if self.scale == "f8E8M0FNU":
                extreme = -np.abs(extreme)
            scales = layout.to_scale(extreme / -(1 << (self.bits - 1)), self.scale)
        components = {"codes": np.empty(0), "scales": scales}
        if zeros is not None:
            components["zeros"] = zeros
        steps = layout.divide(weights, layout.spread(scales, rows, cols, self.group))
        offset = layout.spread(self.zeros(components), rows, cols, self.group)
        if self.zero_kind == "midpoint":
            low, high = 0, (1 << self.bits) - 1
        codes = np.clip(np.rint(steps + offset), low, high).astype(np.int16) & ((1 << self.bits) - 1)
        components["codes"] = layout.pack_codes(codes, self.bits, self.group)
        return components
