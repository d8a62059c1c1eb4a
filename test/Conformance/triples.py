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
import shutil
import sys
import time
from pathlib import Path

import numpy as np
from lookup_matmul import Case, Targets, arguments_of, compare, host_targets, ir_model, run, same, save_inputs
from suite.targets import Target, available, build_emulator

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


def compare_emulated(work: Path, artifact: Path, cases: list[Case], target: Target, emulator: Path) -> int:
    """Runs one artifact under qemu with 1 and 2 threads; the number of comparisons with the interpreter's outputs."""
    for threads in (1, 2):
        found = work / f"found-{threads}"
        target.run(artifact, threads, work, [], found, emulator)
        for i, case in enumerate(cases):
            if not same(np.load(work / "off" / f"y{i}.npy"), np.load(found / f"y{i}.npy")).all():
                sys.exit(f"{target.name}, {threads} threads: {case} differs; case {i}, work directory {work}")
    return 2 * len(cases)


def check(
    work: Path,
    model: Path,
    cases: list[Case],
    rng: np.random.Generator,
    targets: Targets,
    emulated: list[Target],
    emulator: Path,
) -> int:
    """Interprets planes, then triples, and runs triples on every target; the number of comparisons."""
    inputs = save_inputs(work, cases, rng)
    strategy = ["--target=cpu", "--target-option=cpu.strategy=int8"]
    for name in ("off", "on"):
        lowered = work / f"{name}.mlir"
        run("lutrac", model, "--compile-to=tables", "-o", lowered, *strategy, f"--target-option=cpu.triples={name}")
        run("lutra-run", "--interpret", lowered, "--output-dir", work / name, *inputs)
    if "triples = true" in (work / "off.mlir").read_text():
        sys.exit(f"cpu.triples=off stores triples: {work / 'off.mlir'}")
    for i, case in enumerate(cases):
        if not same(np.load(work / "off" / f"y{i}.npy"), np.load(work / "on" / f"y{i}.npy")).all():
            sys.exit(f"the interpreter reads triples of {case} otherwise than planes; case {i}, work directory {work}")
    comparisons = 0
    for name, target in targets:
        run("lutrac", model, "-o", work / "artifact", *target, *strategy[1:])
        comparisons += compare(work, work / "artifact", cases, inputs, work / "off", name)
    for found in emulated:
        run("lutrac", model, "-o", work / "artifact", *found.options, *strategy[1:])
        comparisons += compare_emulated(work, work / "artifact", cases, found, emulator)
    return comparisons


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
        ir_model(cases, numbers, work / "model.mlir")
        comparisons += check(work, work / "model.mlir", cases, numbers, targets, emulated, emulator)
        shutil.rmtree(work)
        done += len(cases)
    names = ", ".join([*(name for name, _ in targets), *(target.name for target in emulated)])
    print(f"{done} cases for {names}: {comparisons} results bit-identical to the interpreter's on planes")


if __name__ == "__main__":
    main()
