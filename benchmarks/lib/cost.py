"""Is the compiler's choice the fastest? Random products, computed in every way there is; the choice is what the cost model says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cases import Case
from figures import Spread, judge, regret
from paths import CACHE, BenchmarkError, driver, library, tool
from products import make_model, prepare
from report import Table
from worker_process import WorkerProcess

_HEADER = ("case", "lut us", "int8 us", "dense us", "chosen", "regret")
#: Above this many rows a product computes more than it reads, whatever the strategy.
_ROTATED_ROWS = 8
_ROTATED_BYTES = 96 << 20
_ROUNDS, _SECONDS = 3, 0.03
_HOPELESS = 3
_CHOICE = re.compile(r"\b(lut|dense|int8): (?:predicted|the weight|integer)")


STRATEGIES = ("lut", "int8", "dense")


def chosen(model: Path, options: Sequence[str]) -> str:
    """The strategy that the cost model takes for a model of one product."""
    command = [str(tool("lutrac")), str(model), "-o", "-", "--compile-to=tables", "-Rpass=select-strategy"]
    command += [f"--target-option={option}" for option in ("cpu.strategy=auto", *options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = _CHOICE.search(done.stderr)
    if done.returncode or not found:
        raise BenchmarkError(f"lutrac did not say what it chose: {done.stderr.strip()[-500:]}")
    return found.group(1)


class Comparison:
    """Times the strategies of products, alternating."""

    def __init__(self, options: Sequence[str]) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="cost.", dir=CACHE))
        self._driver = WorkerProcess(driver(), library())

    def close(self) -> None:
        """Ends the driver and removes what was compiled."""
        self._driver.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def times(self, case: Case, hopeless: float = _HOPELESS) -> dict[str, float]:
        """Nanoseconds of `case` by strategy: medians of a few rounds. Who takes `hopeless` times as long as the fastest is timed once."""
        rotated = _ROTATED_BYTES if case.m <= _ROTATED_ROWS else 0
        folders: dict[str, Path] = {}
        try:
            for name in STRATEGIES:
                folder = self._folder / name
                folders[name] = folder
                artifact = prepare(case, folder, (f"cpu.strategy={name}",), rotated)
                self._driver.ask(f"open {case.name}/{name} {folder} {artifact.copies} {case.n} {case.k}")
            # The first round warms up, and shows who is out of the race: timing that one again would take most of the time.
            first = {name: self._time(case, name) for name in folders}
            found = {name: [ns] for name, ns in first.items() if ns > hopeless * min(first.values())}
            for _ in range(_ROUNDS):
                for name in folders:
                    if first[name] <= hopeless * min(first.values()):
                        found.setdefault(name, []).append(self._time(case, name))
            for name in folders:
                self._driver.ask(f"close {case.name}/{name}")
        finally:
            for folder in folders.values():
                shutil.rmtree(folder, ignore_errors=True)
        return {name: Spread.of(values).median for name, values in found.items()}

    def _time(self, case: Case, name: str) -> float:
        return float(self._driver.ask(f"time {case.name}/{name} {case.threads} {case.m} {_SECONDS}")["ns"])

    def choice(self, case: Case) -> str:
        """What the compiler takes for `case`."""
        model = self._folder / "model.onnx"
        make_model(case, model)
        return chosen(model, self._options)


def run(found: Sequence[Case], options: Sequence[str], rows: list[dict[str, object]]) -> None:
    """Compares all cases and prints how good the choices were."""
    comparison = Comparison(options)
    table = Table(_HEADER, max(len(case.name) for case in found))
    regrets = []
    try:
        for case in found:
            try:
                times, choice = comparison.times(case), comparison.choice(case)
            except BenchmarkError as error:
                print(f"benchmarks: {case.name}: {error}", file=sys.stderr)
                continue
            lost = regret(times, choice)
            regrets.append(lost)
            columns = [f"{times[name] / 1e3:.1f}" if name in times else "" for name in ("lut", "int8", "dense")]
            table.add((case.name, *columns, choice, f"{lost:.1%}"))
            for name, ns in times.items():
                rows.append(
                    {
                        "name": case.name,
                        "format": case.spelling,
                        "M": case.m,
                        "N": case.n,
                        "K": case.k,
                        "group": case.group,
                        "threads": case.threads,
                        "median_ns": times[choice],
                        "bytes": None,
                        "roofline_fraction": None,
                        "peer": name,
                        "peer_ns": ns,
                        "ratio_to_peer": ns / times[choice],
                        "chosen": choice,
                        "regret": lost,
                    }
                )
    finally:
        comparison.close()
    if not regrets:
        raise BenchmarkError("no case of cost could be measured")
    result = judge(regrets)
    print(
        f"\n{result.cases} cases: right, or within 5 %, in {result.right_share:.1%}; mean regret {result.mean_regret:.1%}, "
        f"worst {result.worst_regret:.0%}"
    )
