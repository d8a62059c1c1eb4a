"""scripts/calibrate: what this machine does in a nanosecond, as a file for cpu.facts.

The rates that the cost model uses are those of compiled products, not of bare instructions: some products are timed in each strategy with different
numbers of rows, and the rates found by which the model comes closest to all of these times (rates.py).
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import cases
import cost
from figures import Spread
from lutra import native
from lutra.errors import LutraError
from paths import BenchmarkError, driver, library, tool
from rates import Timed, solve
from report import cpu_name
from worker_process import WorkerProcess

_ROUNDS = 5


def cache_sizes(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> dict[int, int]:
    """Level to bytes of the data caches that the system tells of."""
    sizes: dict[int, int] = {}
    for index in sorted(folder.glob("index*")):
        if (index / "type").read_text().strip() in ("Data", "Unified"):
            text = (index / "size").read_text().strip()
            scale = {"K": 1 << 10, "M": 1 << 20}.get(text[-1], 1)
            sizes[int((index / "level").read_text())] = int(text.rstrip("KM")) * scale
    return sizes


def llvm_cpu() -> str:
    """The processor's name as the compiler has it: that of the file of facts that it takes by itself (lib/Target/CPU/facts)."""
    listed = subprocess.run([tool("lutrac"), "--print-targets"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^  cpu: (\S+)$", listed, re.MULTILINE)
    return found[1] if found else "unknown"


def spell(facts: Mapping[str, object]) -> str:
    """The facts as YAML, in flow style below the first level: JSON values are YAML values."""
    lines = []
    for key, value in facts.items():
        if isinstance(value, list):
            lines.append(f"{key}:")
            lines += ["  - { " + ", ".join(f"{k}: {_number(v)}" for k, v in entry.items()) + " }" for entry in value]
        else:
            lines.append(f"{key}: {_number(value)}")
    return "\n".join(lines) + "\n"


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)


def read_rows(path: Path) -> list[Timed]:
    """The times in the rows that `benchmarks/run --json` wrote for its parts cost and auto: of the latter the best rounds, which is what it judges by."""
    try:
        rows = json.loads(path.read_text())
        return [
            Timed(cases.Case.parse(row["name"]), row["peer"], row.get("peer_low_ns") or row["peer_ns"])
            for row in rows
            if row["name"].startswith(("cost/", "auto/"))
        ]
    except (ValueError, KeyError, TypeError):
        raise BenchmarkError(f"'{path}' is no file of rows that benchmarks/run --json wrote") from None


class Calibration:
    """The measurements; everything is the median of a few rounds. `rows` are times that are known already."""

    def __init__(self, log: bool, times: Path | None = None, rows: Sequence[Timed] = ()) -> None:
        self._log, self._times, self._rows = log, times, rows
        self._driver = WorkerProcess(driver(), library())

    def close(self) -> None:
        """Ends the driver."""
        self._driver.close()

    def facts(self) -> dict[str, object]:
        """Everything, in the order of the file."""
        counts = sorted({1, os.cpu_count() or 1, *(2**i for i in range(8) if 2**i < (os.cpu_count() or 1))})
        self._say("memory")
        threads = [
            {"count": count, "bandwidth": self._reads(count, 256 << 10), "region-ns": self._region(count)}
            for count in counts
        ]
        self._say("caches")
        caches = [
            # Half a cache: the rest of the machine uses the last one, too.
            {"level": level, "bytes": size, "bandwidth": self._reads(1, size // 2 >> 10)}
            for level, size in cache_sizes().items()
        ]
        self._say("instructions")
        peaks = [{"name": name, "rate": rate} for name, rate in self._driver.ask("peaks 1 0.2").items()]
        self._say("products")
        rates = self._products(threads[0]["bandwidth"])
        return {
            "cpu": f"{cpu_name()} ({llvm_cpu()})",
            "source": f"scripts/calibrate of Lutra {native.version()}, {datetime.date.today()}{self._others()}",
            "bandwidth": threads[0]["bandwidth"],
            **rates,
            "threads": threads,
            "caches": caches,
            "peaks": peaks,
        }

    def _others(self) -> str:
        kinds = {kind: sum(timed.case.kind == kind for timed in self._rows) for kind in ("cost", "auto")}
        named = " and ".join(f"{count} times of benchmarks/run --only {kind}" for kind, count in kinds.items() if count)
        return named and f", with {named}"

    def _say(self, what: str) -> None:
        if self._log:
            print(f"calibrate: {what}", file=sys.stderr)

    def _reads(self, threads: int, kibibytes: int) -> float:
        request = f"reads {threads} {max(kibibytes, 16 * threads)} 0.05"
        return Spread.of([float(self._driver.ask(request)["best"]) for _ in range(_ROUNDS)]).median

    def _region(self, threads: int) -> float:
        return Spread.of([float(self._driver.ask(f"region {threads} 0.05")["ns"]) for _ in range(_ROUNDS)]).median

    def _products(self, bandwidth: float) -> dict[str, float]:
        comparison = cost.Comparison(())
        timed = []
        try:
            for case, counts in cases.calibration():
                for m, times in comparison.sweep(case, counts).items():
                    timed += [Timed(dataclasses.replace(case, m=m), name, ns) for name, ns in times.items()]
        finally:
            comparison.close()
        if self._times:
            self._times.write_text("".join(json.dumps(dataclasses.asdict(product)) + "\n" for product in timed))
        return solve([*timed, *self._rows], bandwidth)


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0, or 1 with a line on stderr."""
    parser = argparse.ArgumentParser("scripts/calibrate", description="Measures this machine and writes its facts.")
    parser.add_argument("-o", dest="output", type=Path, metavar="FILE", help="default: standard output")
    parser.add_argument(
        "--times", type=Path, metavar="FILE", help="write the products' times too, a JSON object a line"
    )
    parser.add_argument(
        "--rows",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="fit to these times too: what benchmarks/run --only cost (or auto) --json FILE wrote on this machine",
    )
    parser.add_argument(
        "--prepare", action="store_true", help="only compile what is to be timed; the next call finds it"
    )
    options = parser.parse_args(arguments)
    output: Path | None = options.output
    # scripts/calibrate leaves the folder that it was called in.
    caller = Path(os.environ.get("LUTRA_CALLER_FOLDER", "."))
    try:
        if output:
            output = caller / output
            output.open("a").close()
        rows = [timed for path in options.rows for timed in read_rows(caller / path)]
        for case, _ in cases.calibration():
            cost.keep(case)
        if options.prepare:
            return 0
        calibration = Calibration(True, options.times and caller / options.times, rows)
        try:
            text = spell(calibration.facts())
        finally:
            calibration.close()
        if output:
            output.write_text(text)
        else:
            print(text, end="")
    except OSError as error:
        print(f"calibrate: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except (BenchmarkError, LutraError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
