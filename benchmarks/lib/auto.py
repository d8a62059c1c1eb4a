"""Does `cpu.strategy=auto` take the fastest way where the number of rows is only known at run time? One artifact for any number of rows, beside those of
the two strategies that it chooses between, in turn."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence

from cases import OPEN_ROWS, Case
from cost import Comparison
from figures import Spread, regret
from pace import Pace
from paths import BenchmarkError
from report import Table

STRATEGIES = ("lut", "int8", "auto")
_HEADER = ("case", "lut us", "int8 us", "auto us", "over the better")
#: How much slower than the better strategy a choice may be.
_TOLERANCE = 0.1


def over(lows: Mapping[str, float]) -> float:
    """By what fraction `auto` took longer than the faster of the others."""
    return regret(lows, "auto")


def run(found: Sequence[Case], options: Sequence[str], rows: list[dict[str, object]], pace: Pace) -> None:
    """Measures the weights `found` as far as `pace` allows, with all numbers of rows; prints and adds the rows."""
    table = Table(_HEADER, max(len(case.name) for case in found) + len("m64/"))
    comparison = Comparison(options, STRATEGIES)
    try:
        for weight in found:
            counts = {dataclasses.replace(weight, m=m): m for m in OPEN_ROWS}
            if pace.done(next(iter(counts)).name) or not pace.go_on(weight.name):
                continue
            try:
                times = _measure(comparison, weight)
            except BenchmarkError as error:
                print(f"benchmarks: {weight.name}: {error}", file=sys.stderr)
                continue
            for case, m in counts.items():
                lows = _lows(times[m])
                table.add((case.name, *(f"{lows[name] / 1e3:.1f}" for name in STRATEGIES), f"{over(lows):.1%}"))
                rows += _rows(case, times[m], over(lows))
    finally:
        comparison.close()
    _sum_up([row for row in rows if str(row["name"]).startswith("auto/")])


def _measure(comparison: Comparison, weight: Case) -> dict[int, dict[str, Spread]]:
    """The times by number of rows. Where the choice seems wrong, once more: then all have as many rounds, and the machine may have changed its speed in the
    middle of one."""
    times = comparison.spreads(weight, OPEN_ROWS)
    doubted = [m for m, found in times.items() if over(_lows(found)) > _TOLERANCE]
    if doubted:
        for m, again in comparison.spreads(weight, doubted).items():
            times[m] = {name: min(spread, again[name], key=lambda each: each.low) for name, spread in times[m].items()}
    return times


def _lows(times: Mapping[str, Spread]) -> dict[str, float]:
    """The best rounds: where a machine has a slow and a fast state, all have met the fast one."""
    return {name: spread.low for name, spread in times.items()}


def _sum_up(rows: Sequence[Mapping[str, object]]) -> None:
    lost = {str(row["name"]): float(str(row["regret"])) for row in rows}
    if not lost:
        raise BenchmarkError("no case of auto could be measured")
    worst = max(lost, key=lambda name: lost[name])
    right = sum(value <= _TOLERANCE for value in lost.values()) / len(lost)
    print(
        f"\n{len(lost)} products: auto within {_TOLERANCE:.0%} of the better in {right:.1%}; worst {lost[worst]:.1%}: {worst}"
    )


def _rows(case: Case, times: Mapping[str, Spread], lost: float) -> list[dict[str, object]]:
    """For --json: a row for each of the two that auto chooses between."""
    own = times["auto"]
    common: dict[str, object] = {
        **case.facts,
        "median_ns": own.median,
        "low_ns": own.low,
        "high_ns": own.high,
        "bytes": None,
        "roofline_fraction": None,
        "regret": lost,
    }
    return [
        {
            **common,
            "peer": name,
            "peer_ns": spread.median,
            "peer_low_ns": spread.low,
            "ratio_to_peer": spread.low / own.low,
        }
        for name, spread in times.items()
        if name != "auto"
    ]
