"""A module of cases on every target: prepared, interpreted, compiled, run, compared."""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import check, module, targets
from .cases import Case
from .composites import Mixed, Nested, Outliers
from .targets import Failure, Mode, Target


@dataclass
class Outcome:
    """What a batch did, or the first thing that went wrong."""

    comparisons: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    # What differs, where (a target, "f64", "values"), in which case (None: a tool failed on the module), threads.
    problem: str = ""
    where: str = ""
    case: int | None = None
    threads: int = 1


@dataclass(frozen=True)
class Setup:
    """What every batch of a run shares."""

    targets: tuple[Target, ...]
    emulator: Path
    threads: tuple[int, ...] = (2,)


class _Clock:
    """Adds the time of a block to an outcome."""

    def __init__(self, outcome: Outcome, what: str):
        self.outcome, self.what = outcome, what

    def __enter__(self):
        self.begin = time.monotonic()

    def __exit__(self, *_):
        self.outcome.seconds[self.what] += time.monotonic() - self.begin


def write(cases: list[Case], work: Path) -> list[str]:
    """Writes module.mlir and its inputs into an empty `work`; the inputs' names."""
    shutil.rmtree(work, ignore_errors=True)
    (work / "in").mkdir(parents=True)
    (work / "module.mlir").write_text(module.text(cases))
    names = []
    for i, case in enumerate(cases):
        for name, array in case.inputs().items():
            np.save(work / "in" / f"{name}{i}.npy", array)
            names.append(f"{name}{i}")
    return names


def check_values(cases: list[Case], work: Path, outcome: Outcome) -> None:
    """The weights' values, read by the interpreter, against those that numpy reads: one weight of each kind."""
    seen = set()
    for i, case in enumerate(cases):
        if case.kind in seen or isinstance(case.kind.format, (Nested, Mixed, Outliers)) or case.n * case.k > 40000:
            continue
        seen.add(case.kind)
        (work / "values.mlir").write_text(module.values_text(case))
        targets.run("lutra-run", "--interpret", work / "values.mlir", "--output-dir", work / "values")
        found = np.load(work / "values" / "result0.npy")
        want = check.weight_values(case.kind.format, case)
        # -0 and 0 are one value of a weight.
        if not np.array_equal(want, found):
            outcome.problem, outcome.where, outcome.case = check.describe(case, want, found), "values", i
            return


def run(cases: list[Case], work: Path, mode: Mode, setup: Setup, values: bool = True) -> Outcome:
    """Runs the cases as one module. Stops at the first problem."""
    outcome = Outcome()
    try:
        with _Clock(outcome, "numpy"):
            names = write(cases, work)
        with _Clock(outcome, "values"):
            if values:
                check_values(cases, work, outcome)
        if outcome.problem:
            return outcome
        lowered = work / "lowbit.mlir"
        with _Clock(outcome, "prepare"):
            targets.prepare(work / "module.mlir", lowered)
        with _Clock(outcome, "interpret"):
            targets.interpret(lowered, mode, work / "in", names, work / "expected")
        expected = [np.load(work / "expected" / f"y{i}.npy") for i in range(len(cases))]
        with _Clock(outcome, "numpy"):
            for i, case in enumerate(cases):
                problem = check.against_f64(case, expected[i], mode.table)
                if problem:
                    outcome.problem, outcome.where, outcome.case = problem, "f64", i
                    return outcome
        for target in setup.targets:
            compare(cases, lowered, work, mode, target, setup, names, expected, outcome)
            if outcome.problem:
                return outcome
    except Failure as failure:
        outcome.problem = str(failure)
        outcome.where = outcome.where or "tools"
    return outcome


def compare(cases, lowered, work, mode, target, setup, names, expected, outcome) -> None:
    """Compiles for one target, runs with each number of threads and compares."""
    artifact, found = work / "artifact", work / "found"
    outcome.where = target.name
    with _Clock(outcome, f"compile {target.name}"):
        targets.run(*target.compile_command(lowered, artifact, mode))
    for threads in setup.threads:
        with _Clock(outcome, f"run {target.name}"):
            target.run(artifact, threads, work / "in", names, found, setup.emulator)
        with _Clock(outcome, "numpy"):
            for i, case in enumerate(cases):
                result = np.load(found / f"y{i}.npy")
                if not check.same(expected[i], result).all():
                    outcome.problem, outcome.case, outcome.threads = (
                        check.describe(case, expected[i], result),
                        i,
                        threads,
                    )
                    return
                outcome.comparisons += 1
    outcome.where = ""
