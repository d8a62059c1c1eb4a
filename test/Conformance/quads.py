# Weights packed in quads for a machine that looks up in four tables at once, on the CPU targets of this machine (which need not be one), or on NEON under
# qemu, against the interpreter: of tables and lookups as values, and of the packed bytes. Looked up, or multiplied as codes.
#
# RUN: %python %s --work-dir=%t.dir --cases=12 --minutes=1 --seed=1 | FileCheck %s
# CHECK: seed
# CHECK: bit-identical
#
# By hand: .venv/bin/python test/Conformance/quads.py --work-dir=/tmp/x --cases=60 [--targets=neon,neon-dotprod]
"""Compares products of weights in quads with the interpreter's."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
from lookup_matmul import Case, arguments_of, ir_model, save_inputs
from suite.packings import Machines, compare_models, interpret_packed

#: Several streams of tiles and a short one; tables that pad a quad; runs of four, two planes and one; an alpha for each plane.
FIXED = [
    Case(1, 1100, 64, 1, 32, "none", "uniform", "normal"),
    Case(5, 131, 264, 3, 32, "float", "uniform", "wide"),
    Case(1, 70, 1600, 1, 1600, "none", "uniform", "wide"),
    Case(3, 80, 1537, 3, 1537, "integer", "uniform", "normal"),
    Case(1, 300, 1553, 7, 1553, "none", "uniform", "wide"),
    Case(2, 65, 128, 2, 16, "float", "uniform", "special"),
    Case(9, 130, 96, 3, 32, "none", "bcq", "wide"),
    Case(1, 129, 1545, 7, 1545, "none", "bcq", "normal"),
]


def draw(rng: random.Random) -> Case:
    return Case(
        m=rng.choice([1, 1, 1, 2, 3, 4, 5, 8, 9, 17]),
        n=rng.choice([1, 16, 33, 64, 65, 130, rng.randrange(1, 300), 1100]),
        k=rng.choice([1, 31, 130, 264, rng.randrange(1, 700), 2000]),
        bits=rng.choice([1, 1, 2, 3, 3, 5, 6, 7]),
        group=rng.choice([16, 32, 32, 64, 128, 256, 2000, rng.randrange(1540, 1800)]),
        zero=rng.choice(["none", "float"]),
        format=rng.choice(["uniform", "uniform", "bcq"]),
        activations=rng.choice(["wide", "normal", "special"]),
    )


def check(work: Path, cases: list[Case], rng: random.Random, numbers: np.random.Generator, machines: Machines) -> int:
    """Packs for a machine with quads, interprets what it made, and runs it on every other; the number of comparisons."""
    model = work / "model.mlir"
    ir_model(cases, numbers, model)
    inputs = save_inputs(work, cases, numbers)
    strategy = rng.choice(["lut", "int8"])
    options = [
        f"--target-option=cpu.table-scale={rng.choice(['group', 'row'])}",
        f"--target-option=cpu.strategy={strategy}",
    ]
    text = interpret_packed(work, cases, inputs, ["--target-option=cpu.mcpu=znver4", *options])
    # Planes with an alpha each are no codes to multiply.
    wanted = sum(strategy == "lut" or case.format != "bcq" for case in FIXED)
    if cases[0] == FIXED[0] and text.count("quads = true") < wanted:
        sys.exit(f"some weights do not lie in quads: {work / 'tables.mlir'}")
    model.write_text(text)
    return machines.compare(work, cases, inputs, options, work / "tables")


if __name__ == "__main__":
    compare_models(arguments_of(__doc__, 12).parse_args(), FIXED, draw, check, "the interpreter's")
