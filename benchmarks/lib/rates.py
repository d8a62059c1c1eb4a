"""The form of the compiler's cost model (lowbit-select-strategy), and its rates from measured times.

A product's time, as long as it computes rather than reads, is a sum of amounts of work, each over a rate: linear in the rates' inverses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from cases import Case
from paths import BenchmarkError

#: The options of lowbit-select-strategy, without bandwidth.
RATES = (
    "lookup-rate", "index-rate", "table-rate", "sum-rate", "store-rate", "fma-rate", "number-rate", "int8-rate", "panel-rate",
    "unpack-rate", "code-rate", "scale-rate",
)  # fmt: skip
#: How often fits are repeated with weights, and the error below which all fit equally well.
_PASSES, _GOOD = 5, 0.05
#: What a call takes whatever it computes; no choice depends on it.
CALL = "call"


@dataclass(frozen=True, slots=True)
class Timed:
    """A product in one strategy, and its nanoseconds."""

    case: Case
    strategy: str
    ns: float


def planes(case: Case) -> int:
    """Bit planes of the weight."""
    return case.bits


def groups(case: Case) -> int:
    """Groups of a row."""
    return -(-case.k // (case.group or case.k))


def work(case: Case, strategy: str) -> dict[str, float]:
    """How much a product does of what has a rate (dialects/lowbit/Transforms/CostModel.cpp has the same)."""
    m, n = case.m, -(-case.n // 64) * 64
    tables = groups(case) * 2 * -(-min(case.group or case.k, case.k) // 8)
    k, panels = 4 * tables, -(-m // 512)
    ends = {"sum-rate": m * n * groups(case), "store-rate": m * n}
    if strategy == "lut":
        lookups = n * tables * planes(case)
        blocks = m // 4 + m % 4
        return {"lookup-rate": m * lookups, "index-rate": blocks * lookups, "table-rate": 8 * m * tables, **ends}
    if strategy == "int8":
        blocks = m // 6 + m % 6 // 2 + m % 2
        return {
            "int8-rate": m * n * k,
            "panel-rate": blocks * n * k,
            "unpack-rate": panels * planes(case) * n * k,
            "code-rate": m * k,
            "scale-rate": m * groups(case),
            **ends,
        }
    return {"fma-rate": m * n * k, "number-rate": panels * n * k, "store-rate": m * n}


def least_squares(matrix: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The x >= 0 that minimizes |matrix x - wanted| (Lawson and Hanson's active sets)."""
    count = matrix.shape[1]
    used = np.zeros(count, bool)
    x = np.zeros(count)
    gradient = matrix.T @ wanted
    for _ in range(10 * count):
        candidates = np.where(used, -np.inf, gradient)
        if candidates.max() <= 1e-10 * np.abs(matrix.T @ wanted).max():
            break
        used[int(candidates.argmax())] = True
        while True:
            solved = np.zeros(count)
            solved[used] = np.linalg.lstsq(matrix[:, used], wanted, rcond=None)[0]
            if (solved[used] > 0).all():
                break
            # As far towards the solution as stays positive; who becomes 0 leaves.
            falling = used & (solved <= 0)
            step = float((x[falling] / (x[falling] - solved[falling])).min())
            x += step * (solved - x)
            used &= x > 1e-14 * max(float(x.max()), 1e-300)
            x[~used] = 0
        x = solved
        gradient = matrix.T @ (wanted - matrix @ x)
    return x


def solve(timed: Sequence[Timed]) -> dict[str, float]:
    """The rates by which the predicted times come closest to `timed`, as fractions of these; a rate whose term explains nothing is left out.

    Raises BenchmarkError when one of the rates that the compiler needs is.
    """
    names = (*RATES, CALL)
    matrix = np.zeros((len(timed), len(names)))
    for row, product in enumerate(timed):
        for name, amount in (work(product.case, product.strategy) | {CALL: 1}).items():
            matrix[row, names.index(name)] = amount / product.ns
    scale = np.where(matrix.any(0), np.abs(matrix).max(0), 1)
    found = least_squares(matrix / scale, np.ones(len(timed))) / scale
    # Again, with less weight on those that fit badly: something else may have run.
    for _ in range(_PASSES):
        weight = np.maximum(np.abs(matrix @ found - 1), _GOOD) ** -0.5
        found = least_squares(matrix / scale * weight[:, None], weight) / scale
    rates = {name: float(1 / value) for name, value in zip(names, found, strict=True) if value > 0 and name != CALL}
    if missing := {"lookup-rate", "table-rate", "fma-rate", "int8-rate"} - rates.keys():
        raise BenchmarkError(f"the products' times fit no {' and no '.join(sorted(missing))}: something else ran; try again")
    return rates


def predict(rates: Mapping[str, float], case: Case, strategy: str) -> float:
    """Nanoseconds of a product that does not wait for memory."""
    return sum(amount / rates[name] for name, amount in work(case, strategy).items() if name in rates)
