"""Codebooks: w = s T[q] with a named table (NF4, bitsandbytes' FP4, E2M1) or one of the weight's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from lutra.errors import LutraError
from lutra.formats import layout
from lutra.formats.base import FLOAT, SCALES, UINT8, Component, Components, Format, default, spell

Table = Literal["nf4", "bnb_fp4", "e2m1", "tensor", "channel"]

_FP4 = [0, 1 / 192, 2 / 3, 1, 1 / 3, 1 / 2, 1 / 6, 1 / 4]
_E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
#: The named tables, f32 [16].
NAMED: dict[str, np.ndarray] = {
    "nf4": np.array(
        [-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
         -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
         0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1], np.float32),
    "bnb_fp4": np.array([*_FP4, *(-x for x in _FP4)], np.float32),
    "e2m1": np.array([*_E2M1, *(-x for x in _E2M1)], np.float32),
}  # fmt: skip
#: Rounds of the search for a weight's own table (Lloyd's algorithm).
_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Codebook(Format):
    """Codes of `bits` bits that index a table: a named one (4 bits), one of the weight, or one for each row.

    With `global_scale`, a scale means itself times one more f32, rounded. Raises LutraError for parameters out of range.
    """

    bits: int
    group: int
    table: Table
    global_scale: bool = False
    per: layout.Granularity = "group"
    scale: layout.ScaleType = "f32"

    def __post_init__(self) -> None:
        layout.check_range("bits", self.bits, 1, 8)
        layout.check_range("group", self.group, 1, layout.MAX_GROUP)
        layout.check_granularity(self.per)
        layout.check_scale_type(self.scale)
        if self.table not in get_args(Table):
            raise LutraError(f"table must be one of {', '.join(get_args(Table))}, but is '{self.table}'")
        if self.table in NAMED and self.bits != 4:
            raise LutraError(f"the table {self.table} has 16 entries: bits must be 4, but is {self.bits}")

    @property
    def spelling(self) -> str:
        return spell(
            "codebook", bits=self.bits, group=self.group, table=self.table, per=default(self.per, "group"),
            global_scale=default(int(self.global_scale), 0),
        )  # fmt: skip

    def schema(self, rows: int, cols: int) -> tuple[Component, ...]:
        parts = [
            Component("codes", (rows, layout.count_groups(cols, self.group), -(-self.group * self.bits // 8)), UINT8),
            Component("scales", layout.shared_shape(rows, cols, self.group, self.per), SCALES),
        ]
        if self.table not in NAMED:
            size = 1 << self.bits
            parts.append(Component("table", (rows, size) if self.table == "channel" else (size,), FLOAT))
        if self.global_scale:
            parts.append(Component("global_scale", (1,), FLOAT))
        return tuple(parts)

    def codes(self, components: Mapping[str, np.ndarray], cols: int) -> np.ndarray:
        """The codes uint8 [N, cols]."""
        return layout.unpack_codes(components["codes"], self.bits, self.group, cols)

    def scales(self, components: Mapping[str, np.ndarray], rows: int, cols: int) -> np.ndarray:
        """The scale of each element, f32 [rows, cols], the global one multiplied in."""
        scales = components["scales"].astype(np.float32)
        if self.global_scale:
            scales = scales * components["global_scale"]
        return layout.spread(scales, rows, cols, self.group)

    def dequantize(self, components: Mapping[str, np.ndarray], rows: int, cols: int) -> np.ndarray:
        self.check(components, rows, cols)
        table = components["table"] if self.table not in NAMED else NAMED[self.table]
        entries = look_up(table, self.codes(components, cols))
        found: np.ndarray = self.scales(components, rows, cols).astype(np.float64) * entries
        return found

    def quantize(self, weights: np.ndarray) -> Components:
        """Scales bring the greatest magnitude of a group to the table's greatest; f8E8M0FNU ones of E2M1 follow the OCP
        Microscaling rule (2^(floor(log2(greatest)) - 2)). A table of the weight's own is fitted to the scaled elements.
        """
        weights = weights.astype(np.float64)
        rows, cols = weights.shape
        greatest = layout.reduce_shared(np.maximum, np.abs(weights), self.group, self.per)
        own = self.table not in NAMED
        scales = greatest if own else greatest / np.max(np.abs(NAMED[self.table]))
        components: Components = {"codes": np.empty(0)}
        if self.global_scale:
            # The greatest block scale becomes the greatest that its type holds (448 of f8E4M3FN).
            most = 448.0 if self.scale == "f8E4M3FN" else 1.0
            whole = np.float32(max(float(scales.max()) / most, 2.0**-100))
            scales = scales / whole
        if self.scale == "f8E8M0FNU" and self.table == "e2m1":
            scales = np.exp2(np.floor(np.log2(np.maximum(greatest, 2.0**-120))) - 2)
        components["scales"] = layout.to_scale(scales, self.scale)
        if self.global_scale:
            components["global_scale"] = np.array([whole], np.float32)
        scaled = layout.divide(weights, self.scales(components, rows, cols))
        if own:
            # The order of the schema: the table comes before the global scale.
            table = fit_rows(scaled, 1 << self.bits) if self.table == "channel" else fit(scaled, 1 << self.bits)
            components = {"codes": components["codes"], "scales": components["scales"], "table": table} | components
        else:
            table = NAMED[self.table]
        order = np.argsort(table, axis=-1, kind="stable")
        ranked = np.take_along_axis(table, order, axis=-1).astype(np.float64)
        ranked = ranked[:, None, :] if self.table == "channel" else ranked
        places = layout.nearest(scaled, ranked)
        components["codes"] = layout.pack_codes(look_up(order.astype(np.uint8), places), self.bits, self.group)
        return components


def look_up(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """table[codes], codes [N, K], for a table [size] or one for each row [N, size]."""
    return table[codes] if table.ndim == 1 else np.take_along_axis(table, codes.astype(np.intp), axis=1)


def fit(values: np.ndarray, size: int) -> np.ndarray:
    """A table f32 [size], ascending, near to `values`: quantiles, improved by Lloyd's algorithm."""
    flat = np.sort(values, axis=None)
    table = np.quantile(flat, (np.arange(size) + 0.5) / size)
    for _ in range(_ROUNDS):
        bounds = np.searchsorted(flat, (table[1:] + table[:-1]) / 2)
        edges = np.concatenate([[0], bounds, [flat.size]])
        sums = np.diff(np.concatenate([[0.0], np.cumsum(flat)])[edges])
        counts = np.diff(edges)
        table = np.where(counts > 0, sums / np.maximum(counts, 1), table)
    found: np.ndarray = table.astype(np.float32)
    return found


def fit_rows(values: np.ndarray, size: int) -> np.ndarray:
    """A table for each row of values [N, K]: f32 [N, size]."""
    return np.stack([fit(row, size) for row in values])
