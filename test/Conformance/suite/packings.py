"""What comparisons of packed layouts share: how they are interpreted, the machines they run on, and the loop over models of random cases."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from lookup_matmul import Case, Targets, compare, host_targets, run, same

from suite.targets import Target, available, build_emulator


def interpret_packed(work: Path, cases: list[Case], inputs: list[str], options: Sequence[str]) -> str:
    """Interprets tables and lookups of `work`/model.mlir as values (to `work`/tables), then the packed bytes, which must give the same; the text of the module with
    tables."""
    for phase in ("tables", "lut"):
        lowered = work / f"{phase}.mlir"
        run("lutrac", work / "model.mlir", f"--compile-to={phase}", "-o", lowered, "--target=cpu", *options)
        run("lutra-run", "--interpret", lowered, "--output-dir", work / phase, *inputs)
    for i, case in enumerate(cases):
        if not same(np.load(work / "tables" / f"y{i}.npy"), np.load(work / "lut" / f"y{i}.npy")).all():
            sys.exit(
                f"the interpreter reads packed bytes of {case} otherwise than its codes; case {i}, work directory {work}"
            )
    return (work / "tables.mlir").read_text()


@dataclass(frozen=True)
class Machines:
    """CPU targets of this machine, and those under qemu that were asked for."""

    host: Targets
    emulated: list[Target]
    emulator: Path

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Machines:
        wanted = arguments.targets.split(",") if arguments.targets else []
        host = [(name, options) for name, options in host_targets() if (name in wanted if wanted else name != "ltc")]
        emulated = [target for target in available() if target.emulated and target.name in wanted]
        emulator = build_emulator(arguments.work_dir / "emulator") if emulated else arguments.work_dir
        return cls(host, emulated, emulator)

    def __str__(self) -> str:
        return ", ".join([*(name for name, _ in self.host), *(target.name for target in self.emulated)])

    def compare(self, work: Path, cases: list[Case], inputs: list[str], options: Sequence[str], expected: Path) -> int:
        """Compiles `work`/model.mlir for each machine and runs it; the number of comparisons with the interpreter's outputs."""
        model, artifact, comparisons = work / "model.mlir", work / "artifact", 0
        for name, target in self.host:
            run("lutrac", model, "-o", artifact, *target, *options)
            comparisons += compare(work, artifact, cases, inputs, expected, name)
        for found in self.emulated:
            run("lutrac", model, "-o", artifact, *found.options, *options)
            comparisons += _compare_emulated(work, artifact, cases, found, self.emulator, expected)
        return comparisons


def _compare_emulated(
    work: Path, artifact: Path, cases: list[Case], target: Target, emulator: Path, expected: Path
) -> int:
    for threads in (1, 2):
        found = work / f"found-{threads}"
        target.run(artifact, threads, work, [], found, emulator)
        for i, case in enumerate(cases):
            if not same(np.load(expected / f"y{i}.npy"), np.load(found / f"y{i}.npy")).all():
                sys.exit(f"{target.name}, {threads} threads: {case} differs; case {i}, work directory {work}")
    return 2 * len(cases)


def compare_models(
    arguments: argparse.Namespace,
    fixed: list[Case],
    draw: Callable[[random.Random], Case],
    check: Callable[[Path, list[Case], random.Random, np.random.Generator, Machines], int],
    reference: str,
) -> None:
    """Checks a model of the fixed cases, then models of four drawn ones, each in a folder of its own, and prints how many results agreed with `reference`."""
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    print(f"seed {seed}", flush=True)
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    machines = Machines.of(arguments)
    begin, done, comparisons = time.monotonic(), 0, 0
    while done < arguments.cases and time.monotonic() - begin < 60 * arguments.minutes:
        cases = (fixed if done == 0 else [draw(rng) for _ in range(4)])[: arguments.cases - done]
        work = arguments.work_dir / f"model{done}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        comparisons += check(work, cases, rng, numbers, machines)
        shutil.rmtree(work)
        done += len(cases)
    print(f"{done} cases for {machines}: {comparisons} results bit-identical to {reference}")
