"""Weights made of weights: nested, mixed by output channel, and with outliers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from . import arrays
from .arrays import Component
from .formats import BCQ, Bipolar, Codebook, Components, Format, Uniform


def _prefixed(parts: Components, prefix: str) -> Components:
    return {prefix + name: part for name, part in parts.items()}


def _without(parts: Components, prefix: str) -> Components:
    return {name.removeprefix(prefix): part for name, part in parts.items() if name.startswith(prefix)}


@dataclass(frozen=True)
class Nested(Format):
    """A body that runs at `precision` bits, which the module says by an operand of the product."""

    body: Format
    min_bits: int
    precision: int

    @property
    def step(self) -> int:
        return self.body.step

    @property
    def width(self) -> int:
        return self.body.planes if isinstance(self.body, (Bipolar, BCQ)) else self.body.bits

    def spell(self) -> str:
        return f"#lowbit.nested<{self.body.spell()}, min_bits = {self.min_bits}>"

    def components(self, rng, n, k, mode):
        parts = self.body.components(rng, n, k, mode)
        if isinstance(self.body, Codebook):
            del parts["table"]
            for bits in range(self.min_bits, self.width + 1):
                table = rng.standard_normal((n, 2**bits)).astype(np.float32)
                parts[f"table{bits}"] = Component(table, "f32")
        return parts

    def truncated(self, parts: Components) -> tuple[Format, Components]:
        """The body at `precision` bits: for a codebook and BCQ as a format, where that says all."""
        drop = self.width - self.precision
        codes = parts["codes"].data
        q = arrays.unpack(codes, self.width, self.step, codes.shape[1] * self.step) >> drop
        packed = arrays.pack(q.reshape(codes.shape[0], codes.shape[1], self.step), self.precision)
        parts = {**parts, "codes": Component(packed, "i8")}
        if isinstance(self.body, Codebook):
            return replace(self.body, bits=self.precision), {**parts, "table": parts[f"table{self.precision}"]}
        alphas = parts["alphas"]
        parts["alphas"] = Component(alphas.data[:, :, drop:], alphas.element)
        return replace(self.body, planes=self.precision), parts

    def values(self, parts, n, k):
        if isinstance(self.body, (Codebook, BCQ)):
            body, kept = self.truncated(parts)
            return body.values(kept, n, k)
        # The middle of the codes that share the upper bits: the lower bits at their mean.
        drop = self.width - self.precision
        if isinstance(self.body, Uniform):
            s, q, z = self.body.split(parts, n, k)
            return s * ((q >> drop << drop) + (2**drop - 1) / 2 - z)
        alpha, signs, zeta = self.body.split(parts, n, k)
        q = (signs + 2**self.width - 1) // 2
        return alpha * (2 * (q >> drop << drop) + 2**drop - 1 - (2**self.width - 1) + zeta)

    def magnitude(self, parts, n, k):
        if isinstance(self.body, (Codebook, BCQ)):
            body, kept = self.truncated(parts)
            return body.magnitude(kept, n, k)
        return self.body.magnitude(parts, n, k)


@dataclass(frozen=True)
class Mixed(Format):
    """Output channels in several formats; `shares` are their parts of the rows, in 256ths, the last takes what is left."""

    parts: tuple[Format, ...]
    shares: tuple[int, ...]

    @property
    def step(self) -> int:
        return max(part.step for part in self.parts)

    def rows(self, n: int) -> list[int]:
        rows = [max(1, n * share // 256) for share in self.shares[:-1]]
        return rows + [n - sum(rows)]

    def fits(self, n, k):
        return self.rows(n)[-1] >= 1

    def spell_for(self, n: int) -> str:
        formats = ", ".join(part.spell() for part in self.parts)
        return f"#lowbit.mixed<rows = [{', '.join(map(str, self.rows(n)))}], formats = [{formats}]>"

    def components(self, rng, n, k, mode):
        found = {"permutation": Component(rng.permutation(n).astype(np.int32), "i32")}
        for index, (part, rows) in enumerate(zip(self.parts, self.rows(n))):
            found |= _prefixed(part.components(rng, rows, k, mode), f"{index}.")
        return found

    def gather(self, parts, n, k, method):
        stacked = [
            np.broadcast_to(getattr(part, method)(_without(parts, f"{index}."), rows, k), (rows, k))
            for index, (part, rows) in enumerate(zip(self.parts, self.rows(n)))
        ]
        result = np.empty((n, k))
        result[parts["permutation"].data] = np.concatenate(stacked)
        return result

    def values(self, parts, n, k):
        return self.gather(parts, n, k, "values")

    def magnitude(self, parts, n, k):
        return self.gather(parts, n, k, "magnitude")


@dataclass(frozen=True)
class Outliers(Format):
    """A body and `count` outliers: whole columns, or up to so many entries of each row."""

    body: Format
    count: int
    columns: bool
    value: str = "f16"

    @property
    def step(self) -> int:
        return self.body.step

    def spell(self) -> str:
        where = "columns" if self.columns else "entries"
        return f"#lowbit.outliers<{self.body.spell()}, {where} = {self.count}, value = {self.value}>"

    def fits(self, n, k):
        return k >= self.count and self.body.fits(n, k)

    def components(self, rng, n, k, mode):
        parts = _prefixed(self.body.components(rng, n, k, mode), "body.")
        values = rng.standard_normal((n, self.count)).astype(np.float16 if self.value == "f16" else np.float32)
        if self.columns:
            columns = np.sort(rng.choice(k, self.count, replace=False)).astype(np.int32)
            parts["columns"] = Component(columns, "i32")
        else:
            indices = np.full((n, self.count), -1, np.int32)
            for row in indices:
                used = rng.integers(0, self.count + 1)
                row[:used] = np.sort(rng.choice(k, used, replace=False))
            parts["indices"] = Component(indices, "i32")
        parts["values"] = Component(values, self.value)
        return parts

    def outliers(self, parts: Components, n: int, k: int) -> np.ndarray:
        result = np.zeros((n, k))
        values = parts["values"].data.astype(np.float64)
        if self.columns:
            result[:, parts["columns"].data] = values
        else:
            rows, places = np.nonzero(parts["indices"].data >= 0)
            result[rows, parts["indices"].data[rows, places]] = values[rows, places]
        return result

    def values(self, parts, n, k):
        return self.body.values(_without(parts, "body."), n, k) + self.outliers(parts, n, k)

    def magnitude(self, parts, n, k):
        return self.body.magnitude(_without(parts, "body."), n, k) + np.abs(self.outliers(parts, n, k))


def spell(format: Format, n: int) -> str:
    """The attribute for a weight of n rows."""
    return format.spell_for(n) if isinstance(format, Mixed) else format.spell()
