# Ternary weights that are looked up in tables of three, on the CPU targets of this machine, or on NEON under qemu, against the interpreter: of tables and
# lookups as values, and of the packed bytes.
#
# RUN: %python %s --work-dir=%t.dir --cases=8 --minutes=1 --seed=1 | FileCheck %s
# CHECK: seed
# CHECK: bit-identical
#
# By hand: .venv/bin/python test/Conformance/ternary_tables.py --work-dir=/tmp/x --cases=60 [--targets=neon,neon-dotprod]
"""Compares products of ternary weights by tables of three activations with the interpreter's."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import numpy as np
from lookup_matmul import Case, arguments_of, ir_model, save_inputs
from suite.packings import Machines, compare_models, interpret_packed

#: Several streams of tiles and a rest; an odd number of tables; a short last group, and one longer than K; groups longer than 16-bit sums hold.
FIXED = [
    Case(1, 1100, 48, 2, 24, "none", "ternary", "normal"),
    Case(5, 130, 264, 2, 128, "none", "ternary", "wide"),
    Case(1, 63, 7, 2, 40, "none", "ternary", "normal"),
    Case(2, 65, 2000, 2, 1540, "none", "ternary", "wide"),
    Case(1, 70, 1537, 2, 768, "none", "ternary", "normal"),
    Case(3, 33, 97, 2, 1, "none", "ternary", "special"),
    Case(4, 128, 64, 2, 2, "none", "ternary", "normal"),
    Case(1, 192, 130, 2, 64, "none", "ternary", "special"),
]


def draw(rng: random.Random) -> Case:
    return Case(
        m=rng.choice([1, 1, 1, 2, 3, 4, 5, 7, 9, 17]),
        n=rng.choice([1, 33, 63, 64, 65, 130, rng.randrange(1, 300), 1100]),
        k=rng.choice([1, 7, 31, 130, 264, rng.randrange(1, 700), 2560]),
        bits=2,
        group=rng.choice([1, 3, 24, 32, 40, 64, 96, 128, 200, 256, 1024, 2560, rng.randrange(1, 900)]),
        zero="none",
        format="ternary",
        activations=rng.choice(["wide", "normal", "special"]),
    )


def ternary_model(cases: list[Case], rng: np.random.Generator, path: Path) -> None:
    """A module at phase lowbit with a product a case, whose weights are ternary: two bits a weight, a scale for each row and group."""
    ir_model(cases, rng, path)
    text = path.read_text()
    text = re.sub(r"#lowbit.uniform<bits = 2, group = (\d+)>", r"#lowbit.ternary<group = \1, storage = two_bit>", text)
    text = re.sub(
        r"#lowbit.bipolar<planes = 2, group = (\d+)>",
        r"#lowbit.bipolar<planes = 2, group = \1, zeta = 1.0 : f32>",
        text,
    )
    path.write_text(text)


def check(work: Path, cases: list[Case], rng: random.Random, numbers: np.random.Generator, machines: Machines) -> int:
    """Interprets tables and lookups as values, then the packed bytes, and runs every machine; the number of comparisons."""
    model = work / "model.mlir"
    ternary_model(cases, numbers, model)
    inputs = save_inputs(work, cases, numbers)
    options = ["--target-option=cpu.ternary-table=3", f"--target-option=cpu.table-scale={rng.choice(['group', 'row'])}"]
    if "lookup_triples = true" not in interpret_packed(work, cases, inputs, options):
        sys.exit(f"no weight lies in lookup_triples: {work / 'tables.mlir'}")
    return machines.compare(work, cases, inputs, options, work / "tables")


if __name__ == "__main__":
    compare_models(arguments_of(__doc__, 12).parse_args(), FIXED, draw, check, "the interpreter's")
