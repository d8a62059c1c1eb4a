"""Formats made of others: nested (several widths in one), mixed (by rows) and outliers (a body and some entries)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lutra.errors import LutraError
from lutra.formats import codebook, layout
from lutra.formats.base import FLOAT, INT32, VALUES, Component, Components, Format, default, spell
from lutra.formats.codebook import Codebook
from lutra.formats.planes import BCQ, Bipolar
from lutra.formats.uniform import Uniform


def strip(components: Mapping[str, np.ndarray], prefix: str) -> Components:
    """The components whose names begin with `prefix`, without it."""
    return {name[len(prefix) :]: array for name, array in components.items() if name.startswith(prefix)}


@dataclass(frozen=True, slots=True)
class Nested(Format):
    """An n-bit weight that runs at any of `min_bits` .. n bits: the upper bits of its codes.

    Raises LutraError for a body that cannot be cut, or a `min_bits` out of range.
    """

    body: Format
    min_bits: int
    composite = True

    def __post_init__(self) -> None:
        body = self.body
        cuttable = isinstance(body, Uniform | Bipolar) or (isinstance(body, BCQ) and not body.shift_terms)
        if not cuttable and not (isinstance(body, Codebook) and body.table == "channel"):
            raise LutraError(
                "the body of a nested format must be uniform, bipolar, bcq without shift_terms, or codebook with "
                f"table = channel, but is {body}"
            )
        layout.check_range("min_bits", self.min_bits, 1, self.bits)

    @property
    def bits(self) -> int:
        """The bits of the body."""
        return self.body.bits if isinstance(self.body, Uniform | Codebook) else self._planes

    @property
    def _planes(self) -> int:
        assert isinstance(self.body, Bipolar | BCQ)
        return self.body.planes

    @property
    def spelling(self) -> str:
        return spell("nested", self.body.spelling, min_bits=self.min_bits)

    def schema(self, rows: int, cols: int) -> tuple[Component, ...]:
        parts = self.body.schema(rows, cols)
        if not isinstance(self.body, Codebook):
            return parts
        tables = (
            Component(f"table{bits}", (rows, 1 << bits), FLOAT) for bits in range(self.min_bits, self.body.bits + 1)
        )
        return (*(part for part in parts if part.name != "table"), *tables)

    def dequantize(
        self, components: Mapping[str, np.ndarray], rows: int, cols: int, bits: int | None = None
    ) -> np.ndarray:
        """The weight f64 [rows, cols] at `bits` bits (all of them when None)."""
        self.check(components, rows, cols)
        bits = self.bits if bits is None else bits
        layout.check_range("the bits of a nested weight", bits, self.min_bits, self.bits)
        body, drop = self.body, self.bits - bits
        if isinstance(body, Codebook):
            codes = body.codes(components, cols) >> drop
            scales = body.scales(components, rows, cols).astype(np.float64)
            found: np.ndarray = scales * codebook.look_up(components[f"table{bits}"], codes)
            return found
        if drop == 0:
            return body.dequantize(components, rows, cols)
        if isinstance(body, BCQ):
            kept = BCQ(bits, body.group, per=body.per)
            codes = layout.unpack_codes(components["codes"], self.bits, body.group, cols) >> drop
            packed = layout.pack_codes(codes, bits, body.group)
            parts = {"codes": packed, "alphas": components["alphas"][..., drop:], "betas": components["betas"]}
            return kept.dequantize(parts, rows, cols)
        if isinstance(body, Uniform):
            alphas, zetas = components["scales"].astype(np.float64) / 2, 2.0**self.bits - 1 - 2 * body.zeros(components)
            codes = body.codes(components, cols) >> drop
            if body.signed:
                zetas, codes = zetas - 2.0**self.bits, codes + (1 << (bits - 1))
        else:
            assert isinstance(body, Bipolar)
            alphas = components["alphas"].astype(np.float64)
            constant = np.full((1, 1), np.float32(body.zeta or 0), np.float64)
            zetas = constant if body.zeta is not None else components["zetas"].astype(np.float64)
            codes = layout.unpack_codes(components["codes"], self.bits, body.group, cols).astype(np.int16) >> drop
        odd = 2.0 * codes - (2.0**bits - 1)
        zetas = layout.spread(zetas, rows, cols, body.group) / (1 << drop)
        return layout.spread(alphas, rows, cols, body.group) * (1 << drop) * (odd + zetas)

    def quantize(self, weights: np.ndarray) -> Components:
        """The body's quantizer at all bits; a codebook's narrower tables are the means of what falls into an entry."""
        components = self.body.quantize(weights)
        if not isinstance(self.body, Codebook):
            return components
        rows, cols = weights.shape
        finest = components.pop("table")
        codes = self.body.codes(components, cols)
        scaled = layout.divide(weights.astype(np.float64), self.body.scales(components, rows, cols))
        for bits in range(self.min_bits, self.bits + 1):
            drop = self.bits - bits
            # Without an element, an entry is the mean of the finer entries below it.
            table = finest.reshape(rows, 1 << bits, 1 << drop).mean(axis=-1)
            for entry in range(1 << bits if drop else 0):
                inside = codes >> drop == entry
                counts = inside.sum(axis=1)
                means = np.where(inside, scaled, 0).sum(axis=1) / np.maximum(counts, 1)
                table[:, entry] = np.where(counts > 0, means, table[:, entry])
            components[f"table{bits}"] = table.astype(np.float32)
        return components


@dataclass(frozen=True, slots=True)
class Mixed(Format):
    """Row ranges of different formats, behind a permutation of the output channels (MixLLM).

    Raises LutraError when `rows` and `formats` do not fit each other, or a part is composite.
    """

    rows: tuple[int, ...]
    formats: tuple[Format, ...]
    composite = True

    def __post_init__(self) -> None:
        if not self.rows or len(self.rows) != len(self.formats):
            raise LutraError(f"mixed needs one number of rows for each format: {len(self.rows)}, {len(self.formats)}")
        for rows, part in zip(self.rows, self.formats, strict=True):
            layout.check_range("the rows of a part", rows, 1, 1 << 40)
            if isinstance(part, Nested | Mixed):
                raise LutraError(f"a part of mixed must not be nested or mixed, but is {part}")

    @property
    def spelling(self) -> str:
        return spell("mixed", *(part.spelling for part in self.formats), rows=self.rows)

    def schema(self, rows: int, cols: int) -> tuple[Component, ...]:
        if sum(self.rows) != rows:
            raise LutraError(f"the parts have {sum(self.rows)} rows together, but the weight has {rows}")
        parts = [
            part.renamed(f"{index}.{part.name}")
            for index, (count, body) in enumerate(zip(self.rows, self.formats, strict=True))
            for part in body.schema(count, cols)
        ]
        return (*parts, Component("permutation", (rows,), INT32))

    def dequantize(self, components: Mapping[str, np.ndarray], rows: int, cols: int) -> np.ndarray:
        self.check(components, rows, cols)
        permutation = components["permutation"]
        if not np.array_equal(np.sort(permutation), np.arange(rows)):
            raise LutraError(f"the permutation must hold each of 0 .. {rows - 1} once")
        parts = [
            body.dequantize(strip(components, f"{index}."), count, cols)
            for index, (count, body) in enumerate(zip(self.rows, self.formats, strict=True))
        ]
        result = np.empty((rows, cols))
        result[permutation] = np.concatenate(parts)
        return result

    def quantize(self, weights: np.ndarray) -> Components:
        """The rows of least energy go to the first part, those of most to the last."""
        self.schema(*weights.shape)
        permutation = np.argsort(np.sum(weights.astype(np.float64) ** 2, axis=1), kind="stable").astype(np.int32)
        components: Components = {}
        start = 0
        for index, (count, body) in enumerate(zip(self.rows, self.formats, strict=True)):
            part = body.quantize(weights[permutation[start : start + count]])
            components |= {f"{index}.{name}": array for name, array in part.items()}
            start += count
        return components | {"permutation": permutation}


@dataclass(frozen=True, slots=True)
class Outliers(Format):
    """A body plus some values of higher precision: whole columns (QUIK) or entries of each row (SqueezeLLM).

    Exactly one of `columns` and `entries` is not None; `value` is what quantize() stores. Raises LutraError otherwise.
    """

    body: Format
    columns: int | None = None
    entries: int | None = None
    value: layout.ScaleType = "f16"
    composite = True

    def __post_init__(self) -> None:
        if self.body.composite:
            raise LutraError(f"the body of outliers must not be nested, mixed or outliers, but is {self.body}")
        if (self.columns is None) == (self.entries is None):
            raise LutraError("outliers has either columns or entries")
        layout.check_range("columns" if self.columns is not None else "entries", self.count, 1, 1 << 20)
        if self.value not in ("f16", "f32"):
            raise LutraError(f"the values' type must be f16 or f32, but is '{self.value}'")

    @property
    def count(self) -> int:
        """Outlier columns, or entries of each row."""
        return self.columns or self.entries or 0

    @property
    def spelling(self) -> str:
        return spell("outliers", self.body.spelling, columns=self.columns, entries=default(self.entries, None))

    def schema(self, rows: int, cols: int) -> tuple[Component, ...]:
        layout.check_range("the number of outliers", self.count, 1, cols)
        parts = [part.renamed(f"body.{part.name}") for part in self.body.schema(rows, cols)]
        if self.columns is not None:
            parts.append(Component("columns", (self.count,), INT32))
        else:
            parts.append(Component("indices", (rows, self.count), INT32))
        return (*parts, Component("values", (rows, self.count), VALUES))

    def dequantize(self, components: Mapping[str, np.ndarray], rows: int, cols: int) -> np.ndarray:
        self.check(components, rows, cols)
        places = components["columns"][None, :] if self.columns is not None else components["indices"]
        used = places >= 0
        if self.columns is not None and not used.all():
            raise LutraError("outlier columns must not be negative")
        ascending = (np.diff(places, axis=1) > 0) | ~used[:, 1:]
        if places.max() >= cols or places.min() < -1 or not ascending.all() or (used[:, 1:] & ~used[:, :-1]).any():
            raise LutraError(f"outlier places must ascend within 0 .. {cols - 1}, with -1 only at the end of a row")
        extra = np.zeros((rows, cols + 1))
        places = np.broadcast_to(np.where(used, places, cols), (rows, self.count))
        np.put_along_axis(extra, places, components["values"].astype(np.float64), axis=1)
        return self.body.dequantize(strip(components, "body."), rows, cols) + extra[:, :cols]

    def quantize(self, weights: np.ndarray) -> Components:
        """The columns (or entries of a row) of greatest magnitude; the body is that of the weight without them."""
        weights = weights.astype(np.float64)
        rows, cols = weights.shape
        if self.columns is not None:
            chosen = np.sort(np.argsort(-np.abs(weights).max(axis=0), kind="stable")[: self.count])
            places = np.broadcast_to(chosen, (rows, self.count))
        else:
            places = np.sort(np.argsort(-np.abs(weights), axis=1, kind="stable")[:, : self.count], axis=1)
        rest = weights.copy()
        np.put_along_axis(rest, places, 0.0, axis=1)
        body = self.body.quantize(rest)
        # A body need not hold 0 exactly: the values make up for what it has at their places.
        left = weights - self.body.dequantize(body, rows, cols)
        components: Components = {f"body.{name}": array for name, array in body.items()}
        if self.columns is not None:
            components["columns"] = chosen.astype(np.int32)
        else:
            components["indices"] = places.astype(np.int32)
        values = np.take_along_axis(left, places, axis=1)
        components["values"] = values.astype(np.float16 if self.value == "f16" else np.float32)
        return components
