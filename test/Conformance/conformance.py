# Products on every target against the interpreter, bit for bit (docs/spec/numerics.md).
#
# RUN: %python %s --work-dir=%t.dir --cases=5000 --minutes=2 --kinds=2 --per-module=50 | FileCheck %s
# CHECK: seed
# CHECK: {{[0-9]+}} cases in {{[0-9]+}} modules
# CHECK-SAME: bit-identical
#
# Cases are drawn from a printed seed, until the time is up. All of 5000 cases take two cores about an hour, nearly all of it in LLVM:
#   scripts/test --suite conformance [--seed=7]
"""Compares targets with the interpreter, and the interpreter with f64 arithmetic, on random products."""

from __future__ import annotations

import argparse
import concurrent.futures
import random
import shlex
import shutil
import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from suite import batch, draw, shrink, targets  # noqa: E402
from suite.cases import Case  # noqa: E402


def module_of(seed: int, index: int, mix: draw.Mix, kinds: int, count: int) -> tuple[list[Case], targets.Mode]:
    """The cases of a module and how it is compiled."""
    if index < 2:
        return draw.extremes(mix), targets.Mode(("i8", "f32")[index])
    rng = random.Random(f"{seed} {index}")
    table = rng.choice([("i8", "group")] * 3 + [("f32", "group")] * 2 + ([("f16", "group"), ("i16", "row"), ("i8", "table")]
                                                                       if "tables" in mix.extras else []))  # fmt: skip
    mode = targets.Mode(*table, fused="epilogues" in mix.extras and rng.random() < 0.5)
    return draw.draw(rng, mix, kinds, count), mode


def run_module(
    seed: int, index: int, mix: draw.Mix, kinds: int, count: int, setup: batch.Setup, work: Path
) -> batch.Outcome:
    """One module, in a worker."""
    cases, mode = module_of(seed, index, mix, kinds, count)
    outcome = batch.run(cases, work, mode, setup, values="values" in mix.extras)
    if not outcome.problem:
        shutil.rmtree(work)
    return outcome


def report(
    outcome: batch.Outcome, cases: list[Case], mode: targets.Mode, setup: batch.Setup, work: Path, repeat: str
) -> None:
    """Prints a failure with its reduction and how to repeat it."""
    where = outcome.where
    print(f"FAILED on {where}, {mode}, {outcome.threads} threads: {outcome.problem}")
    print(f"again: {repeat}")
    reduced = work.parent / f"reduced-{work.name}"
    only = [target for target in setup.targets if target.name == where]
    narrow = batch.Setup(tuple(only), setup.emulator, (outcome.threads,))
    if outcome.case is None:
        culprits = shrink.find_failing(cases, reduced, mode, narrow, where, seconds=60)
    else:
        culprits = [cases[outcome.case]]
        print(f"case {outcome.case}: {culprits[0]}")
    best = shrink.shrink(culprits[0], reduced, mode, narrow, where, seconds=90) if len(culprits) == 1 else None
    if not best:
        print(f"not reduced: the case alone passes; the module is {work}")
        return
    case, last = best
    names = batch.write([case], reduced)
    print(f"reduced: {case}\n  {last.problem}\nmodule: {reduced / 'module.mlir'}\ncommands:")
    commands = [["lutra-opt", reduced / "module.mlir", *targets.PREPARE, "-o", reduced / "lowbit.mlir"]]
    given = [word for name in names for word in ("--input", f"{name}={reduced / 'in' / name}.npy")]
    commands.append(
        [
            "lutra-run",
            "--interpret",
            reduced / "lowbit.mlir",
            *mode.flags(),
            "--output-dir",
            reduced / "expected",
            *given,
        ]
    )
    for target in only:
        commands.append(target.compile_command(reduced / "lowbit.mlir", reduced / "artifact", mode))
        if not target.emulated:
            commands.append(
                target.run_command(reduced / "artifact", last.threads, reduced / "in", names, reduced / "found")
            )
    for command in commands:
        print("  " + shlex.join(map(str, command)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=5000, help="cases to draw (default 5000)")
    parser.add_argument("--minutes", type=float, default=45, help="start no module after this time (default 45)")
    parser.add_argument("--seed", type=int, help="default: from the clock")
    parser.add_argument("--module", type=int, help="only this module of the seed")
    parser.add_argument("--kinds", type=int, default=4, help="kinds of products in a module (default 4)")
    parser.add_argument("--per-module", type=int, default=200, help="cases of a module (default 200)")
    parser.add_argument("--jobs", type=int, default=2, help="modules at a time (default 2)")
    parser.add_argument(
        "--keep-going", action="store_true", help="report all failures instead of stopping at the first"
    )
    parser.add_argument("--targets", help="comma-separated (default: all that this machine has)")
    parser.add_argument("--families", help=f"comma-separated, of: {', '.join(draw.FAMILIES)} (default: all)")
    parser.add_argument("--extras", help=f"comma-separated, of: {', '.join(draw.EXTRAS)} (default: all)")
    parser.add_argument("--times", action="store_true", help="print where the time went")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    found = targets.available()
    if arguments.targets is not None:
        wanted = arguments.targets.split(",")
        unknown = set(wanted) - {target.name for target in found} - {""}
        if unknown:
            sys.exit(f"no target {', '.join(sorted(unknown))}: this machine has {', '.join(t.name for t in found)}")
        found = [target for target in found if target.name in wanted]
    print(f"seed {seed}, targets {', '.join(target.name for target in found)}", flush=True)
    chosen = {}
    for option in ("families", "extras"):
        text = getattr(arguments, option)
        if text is not None:
            chosen[option] = tuple(filter(None, text.split(",")))
    mix = draw.Mix(**chosen)
    work = arguments.work_dir.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    emulator = work / "emulator"
    if any(target.emulated for target in found):
        targets.build_emulator(emulator)
    setup = batch.Setup(tuple(found), emulator)

    begin, done, comparisons, modules, failures = time.monotonic(), 0, 0, 0, 0
    seconds: dict[str, float] = defaultdict(float)
    indices = iter([arguments.module] if arguments.module is not None else range(10**9))
    running: dict[concurrent.futures.Future, int] = {}
    started = 0
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:

        def start() -> None:
            nonlocal started
            late = time.monotonic() - begin > 60 * arguments.minutes
            if started >= arguments.cases or late or (failures and not arguments.keep_going):
                return
            index = next(indices, None)
            if index is None:
                return
            started += len(module_of(seed, index, mix, arguments.kinds, arguments.per_module)[0])
            job = (seed, index, mix, arguments.kinds, arguments.per_module, setup, work / f"module{index}")
            running[pool.submit(run_module, *job)] = index

        for _ in range(arguments.jobs):
            start()
        while running:
            finished, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in finished:
                index, outcome = running.pop(future), future.result()
                cases, mode = module_of(seed, index, mix, arguments.kinds, arguments.per_module)
                for what, time_spent in outcome.seconds.items():
                    seconds[what] += time_spent
                modules += 1
                comparisons += outcome.comparisons
                if outcome.problem:
                    failures += 1
                    options = [f"--kinds={arguments.kinds}", f"--per-module={arguments.per_module}"]
                    options += [f"--{o}={','.join(v)}" for o, v in chosen.items()]
                    repeat = shlex.join(
                        [
                            sys.executable,
                            __file__,
                            f"--work-dir={work}-again",
                            f"--seed={seed}",
                            f"--module={index}",
                            *options,
                        ]
                    )
                    report(outcome, cases, mode, setup, work / f"module{index}", repeat)
                    sys.stdout.flush()
                else:
                    done += len(cases)
                start()
    if arguments.times:
        for what, time_spent in sorted(seconds.items(), key=lambda item: -item[1]):
            print(f"{time_spent:8.1f} s  {what}")
    if failures:
        sys.exit(f"{failures} of {modules} modules failed")
    names = ", ".join(target.name for target in found)
    print(f"{done} cases in {modules} modules for {names}: {comparisons} results bit-identical to the interpreter's")


if __name__ == "__main__":
    main()
