# Ternary weights in triples, times codes with both ends of a byte, on the CPU targets of this machine, or on NEON under qemu, against the interpreter
# on planes.
#
# RUN: %python %s --work-dir=%t.dir --cases=4 --minutes=1 --seed=1 | FileCheck %s
# CHECK: seed
# CHECK: bit-identical
#
# By hand: .venv/bin/python test/Conformance/triples.py --work-dir=/tmp/x --cases=60 [--targets=neon,neon-dotprod]
"""Compares products of ternary weights, stored three codes in 5 bits, with the interpreter's on planes."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
from lookup_matmul import Case, arguments_of, ir_model, run, same, save_inputs
from suite.packings import Machines, compare_models

#: Several streams of tiles and a rest; an octet behind a block; a short last group, longer than K; a long group whose panel is in parts.
FIXED = [
    Case(1, 1100, 48, 2, 24, "none", "ternary", "extreme"),
    Case(3, 130, 264, 2, 128, "integer", "ternary", "extreme"),
    Case(1, 63, 7, 2, 40, "float", "ternary"),
    Case(7, 65, 700, 2, 640, "none", "ternary", "extreme"),
]


def draw(rng: random.Random) -> Case:
    return Case(
        m=rng.choice([1, 1, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13]),
        n=rng.choice([1, 63, 64, 65, 130, rng.randrange(1, 300), 1100]),
        k=rng.choice([1, 7, 31, 130, 264, rng.randrange(1, 700), 2560]),
        bits=2,
        group=rng.choice([24, 32, 40, 64, 96, 128, 200, 256, 1024, 2560]),
        zero=rng.choice(["none", "integer", "float"]),
        format="ternary",
        activations=rng.choice(["extreme", "extreme", "normal", "special"]),
    )


def check(work: Path, cases: list[Case], _: random.Random, numbers: np.random.Generator, machines: Machines) -> int:
    """Interprets planes, then triples, and runs triples on every machine; the number of comparisons."""
    model = work / "model.mlir"
    ir_model(cases, numbers, model)
    inputs = save_inputs(work, cases, numbers)
    strategy = "--target-option=cpu.strategy=int8"
    for name in ("off", "on"):
        lowered = work / f"{name}.mlir"
        run(
            "lutrac",
            model,
            "--compile-to=tables",
            "-o",
            lowered,
            "--target=cpu",
            strategy,
            f"--target-option=cpu.triples={name}",
        )
        run("lutra-run", "--interpret", lowered, "--output-dir", work / name, *inputs)
    if "triples = true" in (work / "off.mlir").read_text():
        sys.exit(f"cpu.triples=off stores triples: {work / 'off.mlir'}")
    for i, case in enumerate(cases):
        if not same(np.load(work / "off" / f"y{i}.npy"), np.load(work / "on" / f"y{i}.npy")).all():
            sys.exit(f"the interpreter reads triples of {case} otherwise than planes; case {i}, work directory {work}")
    return machines.compare(work, cases, inputs, [strategy], work / "off")


if __name__ == "__main__":
    compare_models(arguments_of(__doc__, 12).parse_args(), FIXED, draw, check, "the interpreter's on planes")
