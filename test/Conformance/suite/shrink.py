"""Makes a failing case small: a greedy search over its sizes and options, while it fails at the same place."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from . import batch
from .batch import Outcome, Setup
from .cases import Case
from .targets import Mode


def _simpler(case: Case):
    """Candidates, the largest steps first."""
    step = case.kind.format.step
    for size in ("m", "n", "k"):
        now = getattr(case, size)
        unit = {"m": 1, "n": 64, "k": step}[size]
        smaller = {1, 2, 4, 16, now // 2, now - now % unit, now % unit, now - unit, now - 1}
        for value in sorted(v for v in smaller if 0 < v < now):
            yield replace(case, **{size: value})
    if case.kind.epilogue:
        yield replace(case, kind=replace(case.kind, epilogue=""))
    if case.codes != "random":
        yield replace(case, codes="random")
    if case.numbers != "normal":
        yield replace(case, numbers="normal")
    if case.kind.result != "f32":
        yield replace(case, kind=replace(case.kind, result="f32"))


def fails(case: Case, work: Path, mode: Mode, setup: Setup, where: str) -> Outcome | None:
    """The outcome of the case alone, if it still fails where it did."""
    outcome = batch.run([case], work, mode, setup, values=where == "values")
    return outcome if outcome.problem and outcome.where == where else None


def find_failing(cases: list[Case], work: Path, mode: Mode, setup: Setup, where: str, seconds: float) -> list[Case]:
    """The part of `cases` on which a tool fails, halved again and again."""
    end = time.monotonic() + seconds
    while len(cases) > 1 and time.monotonic() < end:
        halves = cases[: len(cases) // 2], cases[len(cases) // 2 :]
        for half in halves:
            outcome = batch.run(half, work, mode, setup, values=where == "values")
            if outcome.problem and outcome.where == where:
                cases = half
                break
        else:
            break
    return cases


def shrink(case: Case, work: Path, mode: Mode, setup: Setup, where: str, seconds: float) -> tuple[Case, Outcome] | None:
    """The smallest case found in the given time; None when the case alone does not fail."""
    end = time.monotonic() + seconds
    outcome = fails(case, work, mode, setup, where)
    if not outcome:
        return None
    best, improved = (case, outcome), True
    while improved and time.monotonic() < end:
        improved = False
        for candidate in _simpler(best[0]):
            if time.monotonic() > end:
                break
            if not candidate.kind.format.fits(candidate.n, candidate.k):
                continue
            outcome = fails(candidate, work, mode, setup, where)
            if outcome:
                best, improved = (candidate, outcome), True
                break
    return best
