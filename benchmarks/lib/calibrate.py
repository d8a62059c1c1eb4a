"""scripts/calibrate: what this machine does in a nanosecond, as a file for cpu.facts.

The rates that the cost model uses are those of compiled products, not of bare instructions: two or three products of each strategy, whose
predicted times are linear in the wanted rates, are timed and the equations solved.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cases import Case
from cost import Comparison
from figures import Spread
from lutra import native
from lutra.errors import LutraError
from paths import BenchmarkError, driver, library
from report import cpu_name
from worker_process import WorkerProcess

_PLANES, _GROUP = 2, 128
#: In cache, and with so many rows that computing takes longer than reading; the second has few sums for each table.
_WIDE = Case(16, 2048, 1024, "2", _GROUP, 1, "cost")
_NARROW = Case(64, 64, 4096, "2", _GROUP, 1, "cost")
_ROUNDS = 5


def table_count(case: Case) -> int:
    """Tables of a row of activations: one of four of them."""
    return case.k // 4


def solve_lookups(wide_ns: float, narrow_ns: float) -> tuple[float, float]:
    """lookup-rate and table-rate for which M N T P / lookup-rate + 8 M T / table-rate are the times of _WIDE and _NARROW.

    Raises BenchmarkError when no positive rates do that.
    """
    rows = []
    for case in (_WIDE, _NARROW):
        tables = case.m * table_count(case)
        rows.append((tables * case.n * _PLANES, 8 * tables))
    (a, b), (c, d) = rows
    determinant = a * d - b * c
    lookup, table = (wide_ns * d - b * narrow_ns) / determinant, (a * narrow_ns - wide_ns * c) / determinant
    if lookup <= 0 or table <= 0:
        raise BenchmarkError(
            f"the products' times ({wide_ns:.0f} and {narrow_ns:.0f} ns) fit no rates: something else ran; try again"
        )
    return 1 / lookup, 1 / table


def product_rates(wide: Mapping[str, float], narrow: Mapping[str, float]) -> dict[str, float]:
    """The rates of lowbit-select-strategy from the times of _WIDE and _NARROW by strategy."""
    lookup, table = solve_lookups(wide["lut"], narrow["lut"])
    m, n, k = _WIDE.m, _WIDE.n, _WIDE.k
    rates = {"lookup-rate": lookup, "table-rate": table, "fma-rate": m * n * k / wide["dense"]}
    # Codes are made in a pass over the activations, which the model counts at table-rate.
    multiplied = max(wide["int8"] - m * k / table, wide["int8"] / 2)
    rates["int8-rate"] = (m + _PLANES) * n * k / multiplied
    return rates


def cache_sizes(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> dict[int, int]:
    """Level to bytes of the data caches that the system tells of."""
    sizes: dict[int, int] = {}
    for index in sorted(folder.glob("index*")):
        if (index / "type").read_text().strip() in ("Data", "Unified"):
            text = (index / "size").read_text().strip()
            scale = {"K": 1 << 10, "M": 1 << 20}.get(text[-1], 1)
            sizes[int((index / "level").read_text())] = int(text.rstrip("KM")) * scale
    return sizes


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


class Calibration:
    """The measurements; everything is the median of a few rounds."""

    def __init__(self, log: bool) -> None:
        self._log = log
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
        rates = self._products()
        return {
            "cpu": cpu_name(),
            "source": f"scripts/calibrate of Lutra {native.version()}, {datetime.date.today()}",
            "bandwidth": threads[0]["bandwidth"],
            **rates,
            "threads": threads,
            "caches": caches,
            "peaks": peaks,
        }

    def _say(self, what: str) -> None:
        if self._log:
            print(f"calibrate: {what}", file=sys.stderr)

    def _reads(self, threads: int, kibibytes: int) -> float:
        request = f"reads {threads} {max(kibibytes, 16 * threads)} 0.05"
        return Spread.of([float(self._driver.ask(request)["best"]) for _ in range(_ROUNDS)]).median

    def _region(self, threads: int) -> float:
        return Spread.of([float(self._driver.ask(f"region {threads} 0.05")["ns"]) for _ in range(_ROUNDS)]).median

    @staticmethod
    def _products() -> dict[str, float]:
        comparison = Comparison(())
        try:
            return product_rates(comparison.times(_WIDE), comparison.times(_NARROW, without=("int8", "dense")))
        finally:
            comparison.close()


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0, or 1 with a line on stderr."""
    parser = argparse.ArgumentParser("scripts/calibrate", description="Measures this machine and writes its facts.")
    parser.add_argument("-o", dest="output", type=Path, metavar="FILE", help="default: standard output")
    output: Path | None = parser.parse_args(arguments).output
    try:
        if output:
            # scripts/calibrate leaves the folder that it was called in.
            output = Path(os.environ.get("LUTRA_CALLER_FOLDER", ".")) / output
            output.open("a").close()
        calibration = Calibration(log=True)
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
