"""The simple weight formats: how a module spells them, random components, and what those mean.

`values` evaluates a weight from its raw components in f64, independently of the compiler: bytes are taken apart by numpy. The bound
of the numeric check comes from `magnitude`: no partial sum of an element's value is larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import arrays
from .arrays import Component

Components = dict[str, Component]


@dataclass(frozen=True)
class Format:
    """A weight format. `components` draws a weight of n rows and k columns; `values` and `magnitude` evaluate one."""

    @property
    def step(self) -> int:
        """The group: elements along K that share tables' sums."""
        raise NotImplementedError

    def spell(self) -> str:
        raise NotImplementedError

    def components(self, rng: np.random.Generator, n: int, k: int, mode: str) -> Components:
        raise NotImplementedError

    def values(self, parts: Components, n: int, k: int) -> np.ndarray:
        raise NotImplementedError

    def magnitude(self, parts: Components, n: int, k: int) -> np.ndarray:
        raise NotImplementedError

    def fits(self, n: int, k: int) -> bool:
        """Whether there is such a weight of n rows and k columns."""
        return True


@dataclass(frozen=True)
class Simple(Format):
    """What formats of codes and scales share."""

    group: int
    per: str = "group"
    scale: str = "f32"

    @property
    def step(self) -> int:
        return self.group

    def shared(self, n: int, k: int) -> tuple[int, int]:
        groups = -(-k // self.group)
        return {"group": (n, groups), "channel": (n, 1), "tensor": (1, 1)}[self.per]

    def parameters(self) -> str:
        """`per` and `scale`, where they are not the defaults."""
        per = "" if self.per == "group" else f", per = {self.per}"
        return per + ("" if self.scale == "f32" else f", scale = {self.scale}")

    def spread(self, parts: Components, name: str, n: int, k: int) -> np.ndarray:
        return arrays.spread(arrays.decode(parts[name].data, parts[name].element), n, k, self.group)


@dataclass(frozen=True)
class Uniform(Simple):
    bits: int = 4
    zero: str = "midpoint"  # none, integer, float
    signed: bool = False

    def spell(self) -> str:
        zero = "" if self.zero == "midpoint" else f", zero = {self.zero}"
        signed = ", signed = true" if self.signed else ""
        return f"#lowbit.uniform<bits = {self.bits}, group = {self.group}{zero}{signed}{self.parameters()}>"

    def components(self, rng, n, k, mode):
        shared = self.shared(n, k)
        parts = {
            "codes": arrays.codes(rng, n, -(-k // self.group), self.group, self.bits, mode),
            "scales": arrays.scales(rng, shared, self.scale),
        }
        low = -(2 ** (self.bits - 1)) if self.signed else 0
        if self.zero == "integer":
            zeros = rng.integers(low, low + 2**self.bits, shared)
            parts["zeros"] = Component(zeros.astype(np.int8 if self.signed else np.uint8), "i8")
        elif self.zero == "float":
            parts["zeros"] = Component((rng.random(shared) * 2**self.bits + low).astype(np.float32), "f32")
        return parts

    def split(self, parts, n, k):
        q = arrays.unpack(parts["codes"].data, self.bits, self.group, k)
        if self.signed:
            q = np.where(q >> (self.bits - 1) & 1, q - 2**self.bits, q)
        if self.zero == "midpoint":
            z = 0 if self.signed else 2 ** (self.bits - 1)
        elif self.zero == "none":
            z = 0
        else:
            z = arrays.spread(parts["zeros"].data.astype(np.float64), n, k, self.group)
        return self.spread(parts, "scales", n, k), q, z

    def values(self, parts, n, k):
        s, q, z = self.split(parts, n, k)
        return s * (q - z)

    def magnitude(self, parts, n, k):
        s, _, z = self.split(parts, n, k)
        return np.abs(s) * (2**self.bits + np.abs(z))


@dataclass(frozen=True)
class Ternary(Simple):
    storage: str = "two_bit"  # three_in_five, five_in_eight

    def spell(self) -> str:
        storage = "" if self.storage == "two_bit" else f", storage = {self.storage}"
        return f"#lowbit.ternary<group = {self.group}{storage}{self.parameters()}>"

    def components(self, rng, n, k, mode):
        groups = -(-k // self.group)
        digits = rng.integers(-1, 2, (n, groups, self.group))
        if mode == "mixed":
            digits = rng.choice([-1, 1], digits.shape)
        elif mode != "random":
            digits[:] = 1 if mode == "ones" else -1
        scales = arrays.scales(rng, self.shared(n, k), self.scale)
        return {"codes": Component(self.store(digits), "i8"), "scales": scales}

    def store(self, digits: np.ndarray) -> np.ndarray:
        if self.storage == "two_bit":
            return arrays.pack(digits + 1, 2)
        n, groups, group = digits.shape
        width = 5 if self.storage == "five_in_eight" else 3
        padded = np.zeros((n, groups, -(-group // width) * width), np.int64)
        padded[:, :, :group] = digits
        runs = padded.reshape(n, groups, -1, width)
        if self.storage == "five_in_eight":
            return ((runs + 1) * 3 ** np.arange(5)).sum(axis=3).astype(np.uint8)
        v = (runs * 3 ** np.arange(3)).sum(axis=3)
        nibbles = arrays.pack(np.abs(v), 4)
        return np.concatenate([nibbles, arrays.pack((v < 0).astype(np.int64), 1)], axis=2)

    def digits(self, stored: np.ndarray, k: int) -> np.ndarray:
        if self.storage == "two_bit":
            return arrays.unpack(stored, 2, self.group, k) - 1
        n, groups, _ = stored.shape
        if self.storage == "five_in_eight":
            runs = stored.astype(np.int64)[..., None] // 3 ** np.arange(5) % 3 - 1
        else:
            threes = -(-self.group // 3)
            nibbles = stored[:, :, : -(-threes // 2)]
            v = arrays.unpack(nibbles, 4, threes, groups * threes).reshape(n, groups, threes)
            signs = stored[:, :, -(-threes // 2) :]
            v = v * (1 - 2 * arrays.unpack(signs, 1, threes, groups * threes).reshape(n, groups, threes))
            runs = (v[..., None] + 13) // 3 ** np.arange(3) % 3 - 1  # v + 13 has the digits t + 1.
        return runs.reshape(n, groups, -1)[:, :, : self.group].reshape(n, -1)[:, :k]

    def values(self, parts, n, k):
        return self.spread(parts, "scales", n, k) * self.digits(parts["codes"].data, k)

    def magnitude(self, parts, n, k):
        return 4 * np.abs(self.spread(parts, "scales", n, k))


@dataclass(frozen=True)
class Bipolar(Simple):
    planes: int = 4
    zeta: float | None = None

    def spell(self) -> str:
        zeta = "" if self.zeta is None else f", zeta = {self.zeta:.8e} : f32"
        return f"#lowbit.bipolar<planes = {self.planes}, group = {self.group}{zeta}{self.parameters()}>"

    def components(self, rng, n, k, mode):
        shared = self.shared(n, k)
        parts = {
            "codes": arrays.codes(rng, n, -(-k // self.group), self.group, self.planes, mode),
            "alphas": arrays.scales(rng, shared, self.scale),
        }
        if self.zeta is None:
            zetas = rng.standard_normal(shared) * 2**self.planes
            zetas = np.round(zetas) if rng.random() < 0.5 else zetas
            parts["zetas"] = Component(zetas.astype(np.float32), "f32")
        return parts

    def split(self, parts, n, k):
        q = arrays.unpack(parts["codes"].data, self.planes, self.group, k)
        zeta = np.float64(np.float32(self.zeta)) if self.zeta is not None else self.spread(parts, "zetas", n, k)
        return self.spread(parts, "alphas", n, k), 2 * q - (2**self.planes - 1), zeta

    def values(self, parts, n, k):
        alpha, s, zeta = self.split(parts, n, k)
        return alpha * (s + zeta)

    def magnitude(self, parts, n, k):
        alpha, _, zeta = self.split(parts, n, k)
        return np.abs(alpha) * (2**self.planes + np.abs(zeta))


@dataclass(frozen=True)
class BCQ(Simple):
    planes: int = 3
    terms: int = 0

    def spell(self) -> str:
        terms = f", shift_terms = {self.terms}" if self.terms else ""
        return f"#lowbit.bcq<planes = {self.planes}, group = {self.group}{self.parameters()}{terms}>"

    def components(self, rng, n, k, mode):
        shared = self.shared(n, k)
        alphas = arrays.scales(rng, shared + (self.planes,), self.scale)
        if self.terms:
            shape = shared + (self.planes, self.terms)
            terms = rng.integers(-9, 0, shape) + 64 | (rng.integers(0, 2, shape) << 7)
            alphas = Component(np.where(rng.random(shape) < 0.2, 0, terms).astype(np.uint8), "i8")
        betas = Component((rng.standard_normal(shared) * 0.05).astype(np.float32), "f32")
        return {
            "codes": arrays.codes(rng, n, -(-k // self.group), self.group, self.planes, mode),
            "alphas": alphas,
            "betas": betas,
        }

    def alphas(self, parts: Components) -> np.ndarray:
        if not self.terms:
            return arrays.decode(parts["alphas"].data, parts["alphas"].element)
        byte = parts["alphas"].data.astype(np.int64)
        terms = np.where(byte == 0, 0.0, (1 - 2 * (byte >> 7)) * np.ldexp(1.0, (byte & 127) - 64))
        return terms.sum(axis=-1).astype(np.float32).astype(np.float64)

    def split(self, parts, n, k):
        q = arrays.unpack(parts["codes"].data, self.planes, self.group, k)
        signs = 2 * (q[..., None] >> np.arange(self.planes) & 1) - 1
        return arrays.spread(self.alphas(parts), n, k, self.group), signs, self.spread(parts, "betas", n, k)

    def values(self, parts, n, k):
        alphas, signs, beta = self.split(parts, n, k)
        return (alphas * signs).sum(axis=2) + beta

    def magnitude(self, parts, n, k):
        alphas, _, beta = self.split(parts, n, k)
        return np.abs(alphas).sum(axis=2) + np.abs(beta)


_NF4 = [-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
        -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
        0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1]  # fmt: skip
_FP4 = [0, 0.005208333333, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25]
_E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6]


@dataclass(frozen=True)
class Codebook(Simple):
    bits: int = 4
    table: str = "nf4"  # bnb_fp4, e2m1, tensor, channel
    global_scale: bool = False

    def spell(self) -> str:
        tail = ", global_scale = true" if self.global_scale else ""
        return (
            f"#lowbit.codebook<bits = {self.bits}, group = {self.group}, table = {self.table}{self.parameters()}{tail}>"
        )

    def components(self, rng, n, k, mode):
        parts = {
            "codes": arrays.codes(rng, n, -(-k // self.group), self.group, self.bits, mode),
            "scales": arrays.scales(rng, self.shared(n, k), self.scale, positive=True),
        }
        shape = {"tensor": (2**self.bits,), "channel": (n, 2**self.bits)}.get(self.table)
        if shape:
            parts["table"] = Component(rng.standard_normal(shape).astype(np.float32), "f32")
        if self.global_scale:
            parts["global_scale"] = Component(np.array([rng.random() + 0.01], np.float32), "f32")
        return parts

    def entries(self, parts: Components) -> np.ndarray:
        """The table, 2^bits or N x 2^bits."""
        fixed = {"nf4": _NF4, "bnb_fp4": _FP4 + [-x for x in _FP4], "e2m1": _E2M1 + [-x for x in _E2M1]}
        values = fixed[self.table] if self.table in fixed else parts["table"].data
        return np.asarray(values, np.float32).astype(np.float64)

    def values(self, parts, n, k):
        q = arrays.unpack(parts["codes"].data, self.bits, self.group, k)
        table, s = self.entries(parts), self.spread(parts, "scales", n, k)
        if self.global_scale:
            s = (s * np.float64(parts["global_scale"].data[0])).astype(np.float32).astype(np.float64)
        return s * (table[q] if table.ndim == 1 else np.take_along_axis(table, q, axis=1))

    def magnitude(self, parts, n, k):
        s = np.abs(self.spread(parts, "scales", n, k))
        if self.global_scale:
            s = s * np.float64(parts["global_scale"].data[0])
        return 32 * s * max(1.0, np.abs(self.entries(parts)).max())
