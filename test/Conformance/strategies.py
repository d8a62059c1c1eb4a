# Products of the strategies int8, dense and auto, on the CPU targets of this machine against the interpreter, bit for bit.
#
# RUN: %python %s --work-dir=%t.dir --cases=10 --minutes=1 | FileCheck %s
# CHECK: seed
# CHECK: bit-identical
#
# What the interpreter runs is the module at phase tables, where a choice by the number of rows is an scf.if; at phase lut it must be the same. By hand:
#   .venv/bin/python test/Conformance/strategies.py --work-dir=/tmp/x --cases=100 --seed=7
"""Compares compiled products of every strategy with the interpreter on random shapes."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from pathlib import Path

import numpy as np
from lookup_matmul import CASES_PER_MODEL, Case, activations, draw, host_targets, ir_model, onnx_model, run, same

#: A machine on which a few rows are looked up and more are multiplied.
FACTS = "{ cpu: any, source: made up, bandwidth: 1000, lookup-rate: 100, table-rate: 100, fma-rate: 0.01, int8-rate: 400, unpack-rate: 40 }\n"
ROWS = (1, 2, 3, 4, 6, 7, 8, 13, 17, 33, 64, 257)


def check(work: Path, model: Path, cases: list[Case], rng: np.random.Generator, targets: list[tuple[str, list[str]]]) -> int:
    """Compiles and runs one model for every target and strategy; the number of comparisons."""
    facts = work / "facts.yaml"
    facts.write_text(FACTS)
    inputs = []
    for i, case in enumerate(cases):
        np.save(work / f"a{i}.npy", activations(case, rng))
        inputs += ["--input", f"a{i}={work / f'a{i}.npy'}"]
    comparisons = 0
    for strategy in ("int8", "dense", "auto"):
        options = [f"--target-option=cpu.strategy={strategy}"]
        if strategy == "auto":
            options.append(f"--target-option=cpu.facts={facts}")
        expected = work / f"expected-{strategy}"
        lowered = work / "tables.mlir"
        run("lutrac", model, "--compile-to=tables", "-o", lowered, *options)
        run("lutra-run", "--interpret", lowered, "--output-dir", expected, *inputs)
        for name, target in targets:
            artifact = work / "artifact"
            run("lutrac", model, "-o", artifact, *target, *options)
            for threads in (1, 2):
                found = work / f"found-{name}-{strategy}-{threads}"
                run("lutra-run", artifact, f"--threads={threads}", "--output-dir", found, *inputs)
                for i, case in enumerate(cases):
                    want, have = np.load(expected / f"y{i}.npy"), np.load(found / f"y{i}.npy")
                    agree = same(want, have)
                    comparisons += 1
                    if not agree.all():
                        at = tuple(int(x) for x in np.argwhere(~agree)[0])
                        sys.exit(
                            f"{name}, {strategy}, {threads} threads: {case}: {np.count_nonzero(~agree)} of {agree.size} outputs "
                            f"differ; at {at} expected {want[at]!r}, found {have[at]!r}\nmodel {model}, case {i}"
                        )
    return comparisons


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=20, help="cases to draw (default 20)")
    parser.add_argument("--seed", type=int, help="default: from the clock")
    parser.add_argument("--minutes", type=float, default=4, help="stop drawing after this time (default 4)")
    parser.add_argument("--targets", help="comma-separated: x86-64, haswell, skylake-avx512, native (default: all)")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    print(f"seed {seed}", flush=True)
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    targets = [(name, options) for name, options in host_targets() if name != "ltc"]
    if arguments.targets:
        targets = [target for target in targets if target[0] in arguments.targets.split(",")]
    shutil.rmtree(arguments.work_dir, ignore_errors=True)

    begin, done, comparisons, models = time.monotonic(), 0, 0, 0
    while done < arguments.cases and time.monotonic() - begin < 60 * arguments.minutes:
        ir = models % 2 == 1
        drawn = [draw(rng, ir) for _ in range(min(CASES_PER_MODEL, arguments.cases - done))]
        cases = [Case(**{**vars(case), "m": rng.choice(ROWS)}) for case in drawn]
        work = arguments.work_dir / f"model{models}"
        work.mkdir(parents=True)
        model = work / ("model.mlir" if ir else "model.onnx")
        (ir_model if ir else onnx_model)(cases, numbers, model)
        comparisons += check(work, model, cases, numbers, targets)
        shutil.rmtree(work)
        done += len(cases)
        models += 1
    names = ", ".join(name for name, _ in targets)
    print(f"{done} cases in {models} models for {names}: {comparisons} results bit-identical to the interpreter's")


if __name__ == "__main__":
    main()
