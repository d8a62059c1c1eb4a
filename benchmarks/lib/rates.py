"""The form of the compiler's cost model (lowbit-select-strategy), and its rates from measured times.

A product's time, as long as it computes rather than reads, is a sum of amounts of work, each over a rate: linear in the rates' inverses. The terms are read from the
compiler's own list, CostRates.def.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from cases import Case
from paths import ROOT, BenchmarkError

_LIST = ROOT / "dialects" / "lowbit" / "Transforms" / "CostRates.def"
_ENTRY = re.compile(
    r'^LUTRA_COST_RATE\(\w+, "(?P<name>[\w-]+)", (?P<strategy>\w+), (?:During|Before), (?P<amount>[^,]+), ".*"\)$',
    re.MULTILINE,
)


def _terms() -> dict[str, dict[str, str]]:
    """For each strategy, names of rates and the expressions of their amounts."""
    terms: dict[str, dict[str, str]] = {}
    for entry in _ENTRY.finditer(_LIST.read_text()):
        terms.setdefault(entry["strategy"].lower(), {})[entry["name"]] = entry["amount"]
    return terms


_TERMS = _terms()
#: The names of all rates, without bandwidth.
RATES = tuple(name for terms in _TERMS.values() for name in terms)
#: How often fits are repeated with weights, and the error below which all fit equally well.
_PASSES, _GOOD = 5, 0.05


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
    """How much a product does of what has a rate."""
    m, tables = case.m, groups(case) * 2 * -(-min(case.group or case.k, case.k) // 8)
    amounts = {
        "m": m,
        "n": -(-case.n // 64) * 64,
        "k": 4 * tables,
        "tables": tables,
        "planes": planes(case),
        "groups": groups(case),
        "panels": -(-m // 512),
        "quads": m // 4 + m % 4 // 2 + m % 2,
        "blocks": m // 6 + m % 6 // 2 + m % 2,
    }
    return {name: eval(amount, {"__builtins__": {}}, amounts) for name, amount in _TERMS[strategy].items()}


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
    rates = _fit(timed, RATES)
    if "index-rate" in rates:
        # With many rows there are as many fours of rows as rows: either term can stand for both, and then lookups come for nothing.
        rates.setdefault("lookup-rate", 100 * rates["index-rate"])
    if missing := {"lookup-rate", "table-rate", "fma-rate", "int8-rate"} - rates.keys():
        raise BenchmarkError(
            f"the products' times fit no {' and no '.join(sorted(missing))}: something else ran; try again"
        )
    return rates


def _fit(timed: Sequence[Timed], names: Sequence[str]) -> dict[str, float]:
    """The rates of `names`, as `solve` gives them."""
    matrix = np.zeros((len(timed), len(names)))
    for row, product in enumerate(timed):
        for name, amount in work(product.case, product.strategy).items():
            if name in names:
                matrix[row, names.index(name)] = amount / product.ns
    scale = np.where(matrix.any(0), np.abs(matrix).max(0), 1)
    found = least_squares(matrix / scale, np.ones(len(timed))) / scale
    # Again, with less weight on those that fit badly: something else may have run.
    for _ in range(_PASSES):
        weight = np.maximum(np.abs(matrix @ found - 1), _GOOD) ** -0.5
        found = least_squares(matrix / scale * weight[:, None], weight) / scale
    return {name: float(1 / value) for name, value in zip(names, found, strict=True) if value > 0}


def predict(rates: Mapping[str, float], case: Case, strategy: str) -> float:
    """Nanoseconds of a product that does not wait for memory."""
    return sum(amount / rates[name] for name, amount in work(case, strategy).items() if name in rates)
