"""Statistics of repeated measurements, and of choices."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of repetitions, and their extremes."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        """Raises ValueError without values."""
        if not values:
            raise ValueError("no values")
        return Spread(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Choices:
    """How good choices were: the share that was best or within the tolerance of it, and by how much time they were worse."""

    cases: int
    right_share: float
    mean_regret: float
    worst_regret: float


def regret(times: Mapping[str, float], chosen: str) -> float:
    """By what fraction `chosen` took longer than the fastest of `times`."""
    return times[chosen] / min(times.values()) - 1


def judge(regrets: Sequence[float], tolerance: float = 0.05) -> Choices:
    """Sums up regrets. Raises ValueError without any."""
    if not regrets:
        raise ValueError("no choices")
    right = sum(value <= tolerance for value in regrets) / len(regrets)
    return Choices(len(regrets), right, statistics.fmean(regrets), max(regrets))


def cliffs(times: Sequence[float]) -> list[float]:
    """For times at growing work, how much each exceeds the least of those after it: 0 where more work takes longer."""
    result = []
    least = float("inf")
    for value in reversed(times):
        result.append(max(0.0, value / least - 1))
        least = min(least, value)
    return result[::-1]
