"""Is the compiler's choice the fastest? Random products, computed in every way there is; the choice is what the cost model says."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import products
from cases import Case
from figures import Spread, judge, regret
from pace import Pace
from paths import CACHE, BenchmarkError, driver, library, tool
from products import make_model, prepare
from report import Table
from worker_process import WorkerProcess

_HEADER = ("case", "lut us", "int8 us", "dense us", "chosen", "regret")
#: Above this many rows a product computes more than it reads, whatever the strategy.
ROTATED_ROWS = 8
_ROTATED_BYTES = 96 << 20
_ROUNDS, _SECONDS = 3, 0.03
#: Where the best round counts: more and shorter ones, so that all strategies meet a machine's fast state.
_SHORT_ROUNDS, _SHORT_SECONDS = 8, 0.01
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
    """Times `strategies` of products, alternating; `options` are those of strategy auto."""

    def __init__(self, options: Sequence[str], strategies: Sequence[str] = STRATEGIES) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        self._options, self._strategies = options, strategies
        self._folder = Path(tempfile.mkdtemp(prefix="cost.", dir=CACHE))
        self._driver = WorkerProcess(driver(), library())

    def close(self) -> None:
        """Ends the driver and removes what was compiled."""
        self._driver.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def times(self, case: Case) -> dict[str, float]:
        """Nanoseconds of `case` by strategy: medians of a few rounds. Who takes three times as long as the fastest is timed once."""
        rotated = _ROTATED_BYTES if case.m <= ROTATED_ROWS else 0
        with self._opened(case, rotated):
            return _medians(self._rounds(case, (case.m,), hopeless=_HOPELESS))[case.m]

    def sweep(self, case: Case, counts: Sequence[int]) -> dict[int, dict[str, float]]:
        """The same for one weight and many rows, everybody in every round; `case` leaves M open. Few rows read the weight from memory, as in `times`."""
        found: dict[int, dict[str, float]] = {}
        few = [m for m in counts if m <= ROTATED_ROWS]
        many = [m for m in counts if m > ROTATED_ROWS]
        for some, rotated in ((few, _ROTATED_BYTES), (many, 0)):
            if some:
                with self._opened(case, rotated):
                    found |= _medians(self._rounds(case, some))
        return found

    def spreads(self, case: Case, counts: Sequence[int]) -> dict[int, dict[str, Spread]]:
        """The same with all weights from memory, and with the best and the worst of the rounds."""
        with self._opened(case, _ROTATED_BYTES):
            return self._rounds(case, counts, _SHORT_ROUNDS, _SHORT_SECONDS)

    @contextmanager
    def _opened(self, case: Case, rotated: int) -> Iterator[None]:
        folders = {name: self._folder / name for name in self._strategies}
        try:
            for name, folder in folders.items():
                artifact = prepare(case, folder, _options(name, self._options), rotated)
                self._driver.ask(f"open {name} {folder} {artifact.copies} {case.n} {case.k}")
            yield
            for name in folders:
                self._driver.ask(f"close {name}")
        finally:
            for folder in folders.values():
                shutil.rmtree(folder, ignore_errors=True)

    def _rounds(
        self,
        case: Case,
        counts: Sequence[int],
        rounds: int = _ROUNDS,
        seconds: float = _SECONDS,
        hopeless: float = math.inf,
    ) -> dict[int, dict[str, Spread]]:
        found: dict[int, dict[str, Spread]] = {}
        for m in counts:
            # The first round warms up, and shows who is out of the race: timing that one again would take most of the time.
            first = {name: self._time(case, m, name, seconds) for name in self._strategies}
            racing = [name for name, ns in first.items() if ns <= hopeless * min(first.values())]
            values: dict[str, list[float]] = {name: [] for name in racing}
            for _ in range(rounds):
                for name in racing:
                    values[name].append(self._time(case, m, name, seconds))
            found[m] = {name: Spread.of(values.get(name, [ns])) for name, ns in first.items()}
        return found

    def _time(self, case: Case, m: int, name: str, seconds: float) -> float:
        return float(self._driver.ask(f"time {name} {case.threads} {m} {seconds}")["ns"])

    def choice(self, case: Case) -> str:
        """What the compiler takes for `case`."""
        model = self._folder / "model.onnx"
        make_model(case, model)
        return chosen(model, self._options)


def keep(case: Case, options: Sequence[str] = (), strategies: Sequence[str] = STRATEGIES) -> bool:
    """Compiles `case` in `strategies` for later; whether something was not there yet."""
    return any([products.keep(case, _options(name, options)) for name in strategies])


def _options(strategy: str, options: Sequence[str] = ()) -> tuple[str, ...]:
    return (f"cpu.strategy={strategy}", *(options if strategy == "auto" else ()))


def _medians(found: Mapping[int, Mapping[str, Spread]]) -> dict[int, dict[str, float]]:
    return {m: {name: spread.median for name, spread in spreads.items()} for m, spreads in found.items()}


def run(found: Sequence[Case], options: Sequence[str], rows: list[dict[str, object]], pace: Pace) -> None:
    """Measures `found` as far as `pace` allows, prints and adds the rows. Of cases that `rows` has the times are taken from there, and only the
    choice is asked for anew."""
    table = Table(_HEADER, max(len(case.name) for case in found))
    known: dict[str, dict[str, float]] = {}
    for row in rows:
        known.setdefault(str(row["name"]), {})[str(row["peer"])] = float(str(row["peer_ns"]))
    comparison = Comparison(options)
    regrets = []
    try:
        for case in found:
            if case.name not in known and not pace.go_on(case.name):
                continue
            try:
                times = known.get(case.name) or comparison.times(case)
                choice = comparison.choice(case)
            except BenchmarkError as error:
                print(f"benchmarks: {case.name}: {error}", file=sys.stderr)
                continue
            lost = regret(times, choice)
            regrets.append(lost)
            columns = [f"{times[name] / 1e3:.1f}" if name in times else "" for name in STRATEGIES]
            table.add((case.name, *columns, choice, f"{lost:.1%}"))
            rows[:] = [row for row in rows if row["name"] != case.name]
            rows += _rows(case, times, choice, lost)
    finally:
        comparison.close()
    if not regrets:
        raise BenchmarkError("no case of cost could be measured")
    result = judge(regrets)
    print(
        f"\n{result.cases} cases: right, or within 5 %, in {result.right_share:.1%}; mean regret {result.mean_regret:.1%}, "
        f"worst {result.worst_regret:.0%}"
    )


def _rows(case: Case, times: Mapping[str, float], choice: str, lost: float) -> list[dict[str, object]]:
    """For --json: a row for each strategy."""
    common: dict[str, object] = {
        **case.facts,
        "median_ns": times[choice],
        "bytes": None,
        "roofline_fraction": None,
        "chosen": choice,
        "regret": lost,
    }
    return [{**common, "peer": name, "peer_ns": ns, "ratio_to_peer": ns / times[choice]} for name, ns in times.items()]
