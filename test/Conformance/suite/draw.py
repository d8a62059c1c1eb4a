"""Random cases, from a random.Random: few kinds to a module (kernels are compiled once for each), many sizes of each."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .cases import Case, Kind
from .composites import Mixed, Nested, Outliers
from .formats import BCQ, Bipolar, Codebook, Format, Ternary, Uniform

FAMILIES = ["uniform", "ternary", "bipolar", "bcq", "codebook", "nested", "mixed", "outliers"]
#: Other things that can be left out: kinds of tables, of activations, dense and int8 products, epilogues, the values of weights.
EXTRAS = ["tables", "halves", "integers", "dense", "int8", "epilogues", "values"]
GROUPS = [4, 8, 12, 16, 20, 32, 32, 64, 64, 96, 128, 256, 5, 18, 50]
#: Code for many planes is long and takes the compiler long.
BITS = [1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7, 8]
NUMBERS = ["normal"] * 5 + ["wide", "wide", "special", "max", "denormal", "zero"]
CODES = ["random"] * 6 + ["mixed", "ones", "zeros"]


@dataclass(frozen=True)
class Mix:
    """What may be drawn."""

    families: tuple[str, ...] = tuple(FAMILIES)
    extras: tuple[str, ...] = tuple(EXTRAS)


def _shared(rng: random.Random) -> dict:
    return {
        "group": rng.choice(GROUPS),
        "per": rng.choice(["group", "group", "group", "channel", "tensor"]),
        "scale": rng.choice(["f32", "f32", "f16", "bf16", "f8E8M0FNU", "f8E4M3FN"]),
    }


def simple(rng: random.Random, family: str) -> Format:
    """A format of a simple family."""
    shared = _shared(rng)
    if family == "uniform":
        zero = rng.choice(["midpoint", "none", "integer", "float"])
        return Uniform(bits=rng.choice(BITS), zero=zero, signed=rng.random() < 0.4, **shared)
    if family == "ternary":
        return Ternary(storage=rng.choice(["two_bit", "three_in_five", "five_in_eight"]), **shared)
    if family == "bipolar":
        zeta = rng.choice([None, None, -1.0, 0.0, 0.5, -3.0])
        return Bipolar(planes=rng.choice(BITS), zeta=zeta, **shared)
    if family == "bcq":
        terms = rng.choice([0, 0, 1, 2, 3])
        if terms:
            shared["scale"] = "f32"  # Alphas are bytes.
        return BCQ(planes=rng.choice(BITS), terms=terms, **shared)
    return codebook(rng, shared)


def codebook(rng: random.Random, shared: dict) -> Codebook:
    sort = rng.choice(["mxfp4", "nvfp4", "nf4", "bnb_fp4", "e2m1", "tensor", "channel"])
    if sort == "mxfp4":
        return Codebook(table="e2m1", group=32, scale="f8E8M0FNU")
    if sort == "nvfp4":
        return Codebook(table="e2m1", group=16, scale="f8E4M3FN", global_scale=True)
    bits = rng.randrange(1, 9) if sort in ("tensor", "channel") else 4
    return Codebook(table=sort, bits=bits, **shared)


def draw_format(rng: random.Random, mix: Mix) -> Format:
    family = rng.choices(mix.families, [4 if f == "uniform" else 2 if f in FAMILIES[:5] else 1 for f in mix.families])[
        0
    ]
    if family == "nested":
        bodies = ["uniform", "bipolar", "bcq", "codebook"]
        body = simple(rng, rng.choice(bodies))
        if isinstance(body, Codebook):
            body = Codebook(table="channel", bits=rng.randrange(2, 9), group=body.group, per=body.per, scale=body.scale)
        if isinstance(body, BCQ):
            body = BCQ(planes=body.planes, group=body.group, per=body.per, scale=body.scale)
        width = body.planes if isinstance(body, (Bipolar, BCQ)) else body.bits
        least = rng.randrange(1, width + 1)
        return Nested(body, least, rng.randrange(least, width + 1))
    others = [f for f in mix.families if f in FAMILIES[:5]] or ["uniform"]
    if family == "mixed":
        count = rng.choice([2, 2, 3])
        return Mixed(tuple(simple(rng, rng.choice(others)) for _ in range(count)), (rng.randrange(16, 100),) * count)
    if family == "outliers":
        body = simple(rng, rng.choice(others))
        return Outliers(body, rng.randrange(1, 5), rng.random() < 0.5, rng.choice(["f16", "f32"]))
    return simple(rng, family)


def draw_kind(rng: random.Random, mix: Mix) -> Kind:
    format = draw_format(rng, mix)
    choice = lambda extra, share: extra in mix.extras and rng.random() < share
    activations, table, result = "f32", None, "f32"
    if choice("integers", 0.3) and not isinstance(format, (Mixed, Outliers)):
        sort = rng.choice(["codes", "codes", "groups", "absmax", "bipolar"])
        bits = rng.choice([8, 8, rng.randrange(2, 9)])
        activations = f"{sort}{min(bits, 7) if sort == 'bipolar' else bits}"
        scale = "group" if sort == "groups" else "row"
        if choice("tables", 0.3):
            act_bits = Kind(format, activations).act_bits
            table = (rng.choice(["i16", "i8"]) if act_bits <= 5 else "i16", scale)
    else:
        if choice("halves", 0.2):
            activations = rng.choice(["f16", "bf16"])
            result = "f16" if activations == "f16" and rng.random() < 0.5 else "f32"
        if choice("tables", 0.4):
            table = rng.choice(
                [("f32", "group"), ("f16", "group")]
                + [(e, s) for e in ("i8", "i16") for s in ("group", "table", "row")]
            )
    dense = not table and choice("dense", 0.15)
    int8 = not table and not dense and choice("int8", 0.25)
    epilogue = rng.choice(["bias", "residual", "gate"]) if result == "f32" and choice("epilogues", 0.3) else ""
    return Kind(format, activations, table, dense, int8, epilogue, result)


def draw(rng: random.Random, mix: Mix, kinds: int, count: int) -> list[Case]:
    """`count` cases of `kinds` kinds."""
    cases: list[Case] = []
    for index in range(kinds):
        kind = draw_kind(rng, mix)
        step = kind.format.step
        # Remainders are what compiled code depends on: the columns of the last tile, the last group's length.
        columns = [rng.choice([0, rng.randrange(1, 64)]), rng.randrange(1, 64)]
        rests = [0, rng.randrange(step), rng.randrange(step)]
        goal = count * (index + 1) // kinds
        while len(cases) < goal:
            case = Case(
                kind,
                m=rng.choice([1, 1, 2, 3, 4, 5, 7, 8, 9, 13, 17]),
                # From 16 tiles on one row is multiplied in several streams of tiles.
                n=64 * rng.choice([0, 0, 1, 1, 2, 3, 4, 17]) + rng.choice(columns),
                k=step * rng.randrange(0, max(2, 400 // step)) + rng.choice(rests),
                numbers=rng.choice(NUMBERS),
                codes=rng.choice(CODES),
                seed=rng.randrange(2**31),
            )
            if case.n > 0 and case.k > 0 and kind.format.fits(case.n, case.k):
                cases.append(case)
            elif not kind.format.fits(200, 200 + step):
                raise ValueError(f"no weight fits {kind}")
    return cases


def extremes(mix: Mix) -> list[Case]:
    """The cases that random sizes do not meet: long sums of the largest numbers."""
    cases = []
    for bits, group, k in ((8, 64, 32768), (4, 32, 32768), (1, 32768, 32768), (8, 32768, 32768), (2, 128, 11008)):
        kind = Kind(Uniform(bits=bits, group=group, zero="none"))
        cases += [Case(kind, 2, 3, k, sort, codes, seed=k + bits) for sort, codes in
                  (("normal", "ones"), ("max", "ones"), ("normal", "mixed"), ("wide", "zeros"))]  # fmt: skip
        if "integers" in mix.extras:
            token = Kind(Uniform(bits=bits, group=group, zero="none", signed=True), "codes8")
            cases += [
                Case(token, 2, 3, k, sort, codes, seed=k + bits)
                for sort in ("wide", "special")
                for codes in ("ones", "mixed")
            ]
    if "ternary" in mix.families:
        cases.append(Case(Kind(Ternary(group=256, per="tensor")), 2, 5, 32768, "max", "ones", 5))
    return cases
