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
import shutil
import sys
import time
from pathlib import Path

import numpy as np
from lookup_matmul import Case, arguments_of, compare, host_targets, ir_model, run, same, save_inputs
from suite.targets import available, build_emulator
from triples import compare_emulated

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


def main() -> None:
    arguments = arguments_of(__doc__, 12).parse_args()
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    print(f"seed {seed}", flush=True)
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    wanted = arguments.targets.split(",") if arguments.targets else []
    targets = [(name, options) for name, options in host_targets() if (name in wanted if wanted else name != "ltc")]
    emulated = [target for target in available() if target.emulated and target.name in wanted]
    emulator = build_emulator(arguments.work_dir / "emulator") if emulated else arguments.work_dir
    begin, done, comparisons = time.monotonic(), 0, 0
    while done < arguments.cases and time.monotonic() - begin < 60 * arguments.minutes:
        cases = (FIXED if done == 0 else [draw(rng) for _ in range(4)])[: arguments.cases - done]
        work = arguments.work_dir / f"model{done}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        model = work / "model.mlir"
        ternary_model(cases, numbers, model)
        inputs = save_inputs(work, cases, numbers)
        scale = rng.choice(["group", "row"])
        options = ["--target-option=cpu.ternary-table=3", f"--target-option=cpu.table-scale={scale}"]
        for phase in ("tables", "lut"):
            lowered = work / f"{phase}.mlir"
            run("lutrac", model, f"--compile-to={phase}", "-o", lowered, "--target=cpu", *options)
            run("lutra-run", "--interpret", lowered, "--output-dir", work / phase, *inputs)
        if (work / "tables.mlir").read_text().count("lookup_triples = true") == 0:
            sys.exit(f"no weight lies in lookup_triples: {work / 'tables.mlir'}")
        for i, case in enumerate(cases):
            if not same(np.load(work / "tables" / f"y{i}.npy"), np.load(work / "lut" / f"y{i}.npy")).all():
                sys.exit(
                    f"the interpreter reads packed bytes of {case} otherwise than its codes; case {i}, work directory {work}"
                )
        (work / "off").symlink_to(work / "tables", target_is_directory=True)
        for name, target in targets:
            run("lutrac", model, "-o", work / "artifact", *target, *options)
            comparisons += compare(work, work / "artifact", cases, inputs, work / "tables", name)
        for found in emulated:
            run("lutrac", model, "-o", work / "artifact", *found.options, *options)
            comparisons += compare_emulated(work, work / "artifact", cases, found, emulator)
        shutil.rmtree(work)
        done += len(cases)
    names = ", ".join([*(name for name, _ in targets), *(target.name for target in emulated)])
    print(f"{done} cases for {names}: {comparisons} results bit-identical to the interpreter's")


if __name__ == "__main__":
    main()
