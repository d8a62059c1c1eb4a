"""Bit planes of -1 and +1: bipolar (powers of two times one alpha) and binary coding (an alpha per plane)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lutra.errors import LutraError
from lutra.formats import layout
from lutra.formats.base import FLOAT, SCALES, UINT8, Component, Components, Format, default, spell
from lutra.formats.uniform import Uniform


def _codes_component(rows: int, cols: int, group: int, planes: int) -> Component:
    return Component("codes", (rows, layout.count_groups(cols, group), -(-group * planes // 8)), UINT8)


@dataclass(frozen=True, slots=True)
class Bipolar(Format):
    """w = alpha (sum_p 2^p s_p + zeta), s_p = 2 bit_p - 1; `zeta` is a constant, or None for one where alphas are.

    Raises LutraError for parameters out of range.
    """

    planes: int
    group: int
    zeta: float | None = None
    per: layout.Granularity = "group"
    scale: layout.ScaleType = "f32"

    def __post_init__(self) -> None:
        layout.check_range("planes", self.planes, 1, 8)
        layout.check_range("group", self.group, 1, layout.MAX_GROUP)
        layout.check_granularity(self.per)
        layout.check_scale_type(self.scale)
        if self.zeta is not None and not abs(self.zeta) <= float(np.finfo(np.float32).max):
            raise LutraError(f"zeta must be a finite f32, but is {self.zeta}")

    @property
    def spelling(self) -> str:
        zeta = None if self.zeta is None else np.format_float_positional(np.float32(self.zeta), trim="-")
        return spell("bipolar", planes=self.planes, group=self.group, zeta=zeta, per=default(self.per, "group"))

    def schema(self, rows: int, cols: int) -> tuple[Component, ...]:
        shared = layout.shared_shape(rows, cols, self.group, self.per)
        parts = [_codes_component(rows, cols, self.group, self.planes), Component("alphas", shared, SCALES)]
        if self.zeta is None:
            parts.append(Component("zetas", shared, FLOAT))
        return tuple(parts)

    def dequantize(self, components: Mapping[str, np.ndarray], rows: int, cols: int) -> np.ndarray:
        self.check(components, rows, cols)
        codes = layout.unpack_codes(components["codes"], self.planes, self.group, cols)
        alphas = layout.spread(components["alphas"].astype(np.float64), rows, cols, self.group)
        zetas = components["zetas"].astype(np.float64) if self.zeta is None else np.full((1, 1), np.float32(self.zeta))
        odd = 2.0 * codes - ((1 << self.planes) - 1)
        found: np.ndarray = alphas * (odd + layout.spread(zetas, rows, cols, self.group))
        return found

    def quantize(self, weights: np.ndarray) -> Components:
        """With a constant zeta of 0: the least and greatest codes at the greatest magnitude. With another constant or
        none: as uniform codes between the least and the greatest element, whose zero points a constant overrides."""
        weights = weights.astype(np.float64)
        rows, cols = weights.shape
        top = (1 << self.planes) - 1
        if self.zeta is None:
            uniform = Uniform(self.planes, self.group, "float", per=self.per).quantize(weights)
            alphas = layout.to_scale(uniform["scales"].astype(np.float64) / 2, self.scale)
            zetas = (top - 2.0 * uniform["zeros"]).astype(np.float32)
        else:
            zetas = np.full((1, 1), np.float32(self.zeta))
            greatest = layout.reduce_shared(np.maximum, np.abs(weights), self.group, self.per)
            alphas = layout.to_scale(greatest / max(top - abs(self.zeta), 0.5), self.scale)
        odd = layout.divide(weights, layout.spread(alphas, rows, cols, self.group))
        odd = odd - layout.spread(zetas.astype(np.float64), rows, cols, self.group)
        codes = np.clip(np.rint((odd + top) / 2), 0, top).astype(np.uint8)
        components = {"codes": layout.pack_codes(codes, self.planes, self.group), "alphas": alphas}
        if self.zeta is None:
            components["zetas"] = zetas
        return components


@dataclass(frozen=True, slots=True)
class BCQ(Format):
    """w = sum_p alpha_p s_p + beta, s_p = 2 bit_p - 1; with `shift_terms` T, alphas are sums of T signed powers of two.

    Raises LutraError for parameters out of range.
    """

    planes: int
    group: int
    shift_terms: int = 0
    per: layout.Granularity = "group"
    scale: layout.ScaleType = "f32"

    def __post_init__(self) -> None:
        layout.check_range("planes", self.planes, 1, 8)
        layout.check_range("group", self.group, 1, layout.MAX_GROUP)
        layout.check_range("shift_terms", self.shift_terms, 0, 8)
        layout.check_granularity(self.per)
        layout.check_scale_type(self.scale)

    @property
    def spelling(self) -> str:
        return spell(
            "bcq", planes=self.planes, group=self.group, per=default(self.per, "group"),
            shift_terms=default(self.shift_terms, 0),
        )  # fmt: skip

    def schema(self, rows: int, cols: int) -> tuple[Component, ...]:
        shared = layout.shared_shape(rows, cols, self.group, self.per)
        alphas = Component("alphas", (*shared, self.planes), SCALES)
        if self.shift_terms:
            alphas = Component("alphas", (*shared, self.planes, self.shift_terms), UINT8)
        codes = _codes_component(rows, cols, self.group, self.planes)
        return codes, alphas, Component("betas", shared, FLOAT)

    def alphas(self, components: Mapping[str, np.ndarray]) -> np.ndarray:
        """The alphas f64, P x [planes]; sums of shift terms are rounded once to f32."""
        alphas = components["alphas"]
        if not self.shift_terms:
            return alphas.astype(np.float64)
        found: np.ndarray = decode_shifts(alphas).sum(axis=-1).astype(np.float32).astype(np.float64)
        return found

    def dequantize(self, components: Mapping[str, np.ndarray], rows: int, cols: int) -> np.ndarray:
        self.check(components, rows, cols)
        codes = layout.unpack_codes(components["codes"], self.planes, self.group, cols)
        alphas = layout.spread(self.alphas(components), rows, cols, self.group)
        total = np.zeros((rows, cols))
        for plane in range(self.planes):
            total += np.where(codes >> plane & 1, alphas[..., plane], -alphas[..., plane])
        found: np.ndarray = total + layout.spread(components["betas"].astype(np.float64), rows, cols, self.group)
        return found

    def quantize(self, weights: np.ndarray) -> Components:
        """Greedy: beta is the mean, and each alpha (the greatest in the highest plane) the mean magnitude of what the
        ones before leave; then every element takes the nearest of the 2^planes sums."""
        weights = weights.astype(np.float64)
        rows, cols = weights.shape
        counts = layout.reduce_shared(np.add, np.ones_like(weights), self.group, self.per)

        def mean(values: np.ndarray) -> np.ndarray:
            found: np.ndarray = layout.reduce_shared(np.add, values, self.group, self.per) / counts
            return found

        betas = mean(weights).astype(np.float32)
        rest = weights - layout.spread(betas, rows, cols, self.group)
        residue = rest
        columns = []
        for _ in range(self.planes):
            alpha = mean(np.abs(residue))
            columns.append(alpha)
            residue = np.abs(residue) - layout.spread(alpha, rows, cols, self.group)
        stored = np.stack(columns[::-1], axis=-1)
        components: Components = {"codes": np.empty(0), "alphas": layout.to_scale(stored, self.scale), "betas": betas}
        if self.shift_terms:
            components["alphas"] = encode_shifts(stored, self.shift_terms)
        signs = np.arange(1 << self.planes)[:, None] >> np.arange(self.planes) & 1
        levels = self.alphas(components) @ (2.0 * signs - 1).T
        order = np.argsort(levels, axis=-1)
        table = layout.spread(np.take_along_axis(levels, order, axis=-1), rows, cols, self.group)
        places = layout.nearest(rest, table)
        order = layout.spread(order.astype(np.uint8), rows, cols, self.group)
        codes = np.take_along_axis(order, places[..., None], axis=-1)[..., 0]
        components["codes"] = layout.pack_codes(codes, self.planes, self.group)
        return components


def decode_shifts(terms: np.ndarray) -> np.ndarray:
    """The values f64 of shift-term bytes: 0 is none, else a sign (bit 7) and an exponent + 64 (bits 0 to 6)."""
    magnitude = np.ldexp(1.0, (terms & 127).astype(np.int32) - 64)
    return np.where(terms == 0, 0.0, np.where(terms & 128, -magnitude, magnitude))


def encode_shifts(values: np.ndarray, count: int) -> np.ndarray:
    """`values` as sums of `count` signed powers of two: uint8 [..., count]; each term the nearest power to the rest."""
    rest, terms = values.astype(np.float64), []
    for _ in range(count):
        magnitude = np.maximum(np.abs(rest), 2.0**-80)
        # The midpoint between 2^e and 2^(e+1) is 1.5 * 2^e.
        exponent = np.floor(np.log2(magnitude * (4 / 3)))
        biased = np.clip(exponent + 64, 0, 127).astype(np.uint8)
        term = np.where(magnitude < 2.0**-63, 0, biased | np.where(rest < 0, 128, 0)).astype(np.uint8)
        terms.append(term)
        rest = rest - decode_shifts(term)
    return np.stack(terms, axis=-1)
