"""One product of the suite: what it multiplies, its numbers, and random draws of it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from .composites import Mixed, Nested, spell
from .formats import Components, Format

FLT_MAX = np.float32(3.4028235e38)


@dataclass(frozen=True)
class Kind:
    """What compiled code depends on, sizes aside: products of one kind share kernels."""

    format: Format
    # f32, f16, bf16; codes<b>: i8 codes of b bits with a scale per token; groups<b>: per group; absmax<b>, bipolar<b>:
    # quantized by the module itself, per token.
    activations: str = "f32"
    table: tuple[str, str] | None = None  # Element and scale; absent: what the target's option says.
    dense: bool = False
    int8: bool = False  # Strategy int8: floats are quantized, codes stay.
    epilogue: str = ""  # bias, residual, gate
    result: str = "f32"

    @property
    def bits(self) -> int:
        """Bits of the activations' codes; 0 for floats."""
        digits = "".join(c for c in self.activations if c.isdigit())
        return 0 if self.activations in ("f32", "f16", "bf16") else int(digits)

    @property
    def act_bits(self) -> int:
        """What a product must be told: odd integers of b bits need one bit more."""
        return self.bits + (1 if self.activations.startswith("bipolar") else 0)

    def __str__(self) -> str:
        table = f" table={','.join(self.table)}" if self.table else ""
        rest = (
            (" dense" if self.dense else "")
            + (" int8" if self.int8 else "")
            + (f" {self.epilogue}" if self.epilogue else "")
        )
        name = f"precision {self.format.precision} of " if isinstance(self.format, Nested) else ""
        text = "mixed" if isinstance(self.format, Mixed) else self.format.spell()
        return f"{name}{text} {self.activations} to {self.result}{table}{rest}"


@dataclass(frozen=True)
class Case:
    """A product of an m x k and an n x k matrix. Its numbers follow from `seed` and the sizes."""

    kind: Kind
    m: int
    n: int
    k: int
    # normal, wide (very different sizes), special (an infinity or NaN), max (+-FLT_MAX), denormal, zero.
    numbers: str = "normal"
    codes: str = "random"  # or mixed, ones, zeros: extreme codes
    seed: int = 0

    def __str__(self) -> str:
        return f"M={self.m} N={self.n} K={self.k} {self.numbers} {self.codes} seed={self.seed}: {self.kind}"

    def rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.m, self.n, self.k, zlib.crc32(purpose.encode())])

    def weight(self) -> Components:
        return self.kind.format.components(self.rng("weight"), self.n, self.k, self.codes)

    def weight_type(self) -> str:
        return f"!lowbit.weight<{self.n}x{self.k}, {spell(self.kind.format, self.n)}>"

    def inputs(self) -> dict[str, np.ndarray]:
        """The arrays that the module takes: a, and as the kind asks s (scales), e (of the epilogue), b (precision)."""
        kind, rng = self.kind, self.rng("activations")
        if kind.activations.startswith(("codes", "groups")):
            half = 2 ** (kind.bits - 1)
            a = rng.integers(-half, half, (self.m, self.k))
            if self.numbers != "normal":
                a = np.where(rng.random(a.shape) < 0.5, -half if self.numbers == "special" else 1 - half, half - 1)
            width = 1 if kind.activations.startswith("codes") else -(-self.k // kind.format.step)
            scales = (rng.random((self.m, width)) + 0.01).astype(np.float32)
            found = {"a": a.astype(np.int8), "s": scales}
        else:
            a = numbers(rng, self.m, self.k, self.numbers)
            with np.errstate(over="ignore"):
                found = {"a": a.astype(np.float16) if kind.activations == "f16" else a}
        if kind.epilogue:
            shape = (self.n,) if kind.epilogue == "bias" else (self.m, self.n)
            found["e"] = rng.standard_normal(shape).astype(np.float32)
        if isinstance(kind.format, Nested):
            found["b"] = np.array(kind.format.precision, np.int32)
        return found


def numbers(rng: np.random.Generator, m: int, k: int, sort: str) -> np.ndarray:
    """M x K activations in f32."""
    a = rng.standard_normal((m, k)).astype(np.float32)
    if sort == "wide":
        a *= np.exp2(rng.integers(-120, 60, (m, k))).astype(np.float32)
        a[rng.random(a.shape) < 0.1] = np.float32(1e-40)
    elif sort == "special":
        for row in range(m):
            a[row] = rng.choice(np.array([0.0, -0.0, 1.0, -1.0, 0.5], np.float32), k)
        a[rng.integers(m), rng.integers(k)] = rng.choice(np.array([np.inf, -np.inf, np.nan], np.float32))
    elif sort == "max":
        a = np.where(rng.random((m, k)) < 0.5, FLT_MAX, -FLT_MAX).astype(np.float32)
        # Some rows stay finite: one activation of theirs is large.
        for row in range(0, m, 2):
            a[row] = 0
            a[row, rng.integers(k)] = FLT_MAX / 512
    elif sort == "denormal":
        a = (rng.integers(-(2**22), 2**22, (m, k)) * 2.0**-149).astype(np.float32)
    elif sort == "zero":
        a = np.where(rng.random((m, k)) < 0.5, 0.0, -0.0).astype(np.float32)
    return a
