# Products of the strategies int8, dense and auto, on the CPU targets of this machine against the interpreter, bit for bit.
#
# RUN: %python %s --work-dir=%t.dir --cases=5 --minutes=1 | FileCheck %s
# CHECK: seed
# CHECK: bit-identical
#
# What the interpreter runs is the module at phase tables, where a choice by the number of rows is an scf.if; at phase lut it must be the same. By hand:
#   .venv/bin/python test/Conformance/strategies.py --work-dir=/tmp/x --cases=100 --seed=7
"""Compares compiled products of every strategy with the interpreter on random shapes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from lookup_matmul import (
    CASES_PER_MODEL,
    CODEBOOKS,
    Case,
    Targets,
    arguments_of,
    compare,
    compare_models,
    draw,
    host_targets,
    is_ir,
    run,
    save_inputs,
)

#: A machine on which a few rows are looked up and more are multiplied.
FACTS = "{ cpu: any, source: made up, bandwidth: 1000, lookup-rate: 100, table-rate: 100, fma-rate: 0.01, int8-rate: 400, unpack-rate: 40 }\n"
ROWS = (1, 2, 3, 4, 6, 7, 8, 13, 17, 33, 64, 257)


def check(work: Path, model: Path, cases: list[Case], rng: np.random.Generator, targets: Targets) -> int:
    """Compiles and runs one model for every target and strategy; the number of comparisons."""
    facts = work / "facts.yaml"
    facts.write_text(FACTS)
    inputs = save_inputs(work, cases, rng)
    comparisons = 0
    for strategy in ("int8", "dense", "auto"):
        options = [f"--target-option=cpu.strategy={strategy}"]
        if strategy == "auto":
            options.append(f"--target-option=cpu.facts={facts}")
        # By which numbers of rows auto chooses depends on the CPU: what is lowered alike is interpreted once.
        interpreted: dict[str, Path] = {}
        for name, target in targets:
            lowered = work / "tables.mlir"
            run("lutrac", model, "--compile-to=tables", "-o", lowered, *target, *options)
            text = lowered.read_text()
            expected = interpreted.setdefault(text, work / f"expected-{strategy}-{name}")
            if not expected.exists():
                run("lutra-run", "--interpret", lowered, "--output-dir", expected, *inputs)
            artifact = work / "artifact"
            run("lutrac", model, "-o", artifact, *target, *options)
            comparisons += compare(work, artifact, cases, inputs, expected, f"{name}, {strategy}")
    return comparisons


def draw_cases(rng: random.Random, model: int) -> list[Case]:
    """Random cases of numbers of rows on both sides of what the strategies choose by; in IR, one of them with a codebook, and ternary ones: with 3 codes
    in 5 bits where they are multiplied, as all are of activations that are codes."""
    drawn = [draw(rng, is_ir(model)) for _ in range(CASES_PER_MODEL)]
    cases = [Case(**{**vars(case), "m": rng.choice(ROWS)}) for case in drawn]
    if is_ir(model):
        cases[0] = Case(**{**vars(cases[0]), "bits": 4, "format": rng.choice(list(CODEBOOKS))})
        for i, (kind, m) in enumerate((("normal", cases[1].m), ("extreme", 1), ("extreme", rng.choice(ROWS))), start=1):
            cases[i] = Case(**{**vars(cases[i]), "bits": 2, "format": "ternary", "m": m, "activations": kind})
    return cases


def main() -> None:
    targets = [(name, options) for name, options in host_targets() if name != "ltc"]
    compare_models(arguments_of(__doc__, 20).parse_args(), targets, draw_cases, check)


if __name__ == "__main__":
    main()
