"""The form of the compiler's cost model (lowbit-select-strategy), and its rates from measured times.

A product's time, as long as it computes rather than reads, is a sum of amounts of work, each over a rate: linear in the rates' inverses. Where it reads, what is computed meanwhile
takes no time. The terms are read from the compiler's own list, CostRates.def.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from cases import Case
from paths import ROOT, BenchmarkError, tool

_LIST = ROOT / "dialects" / "lowbit" / "Transforms" / "CostRates.def"
_INTEGER_ROWS = _LIST.with_name("IntegerRows.h")
_ENTRY = re.compile(
    r'^LUTRA_COST_RATE\(\w+, "(?P<name>[\w-]+)", (?P<strategy>\w+), (?P<part>During|Before), (?P<amount>[^,]+), ".*"\)$',
    re.MULTILINE,
)


def _terms() -> dict[str, dict[str, str]]:
    """For each strategy, names of rates and the expressions of their amounts."""
    terms: dict[str, dict[str, str]] = {}
    for entry in _ENTRY.finditer(_LIST.read_text()):
        terms.setdefault(entry["strategy"].lower(), {})[entry["name"]] = entry["amount"]
    return terms


_TERMS = _terms()
#: What is done while the weights are read.
_DURING = frozenset(entry["name"] for entry in _ENTRY.finditer(_LIST.read_text()) if entry["part"] == "During")
#: The names of all rates, without bandwidth.
RATES = tuple(name for terms in _TERMS.values() for name in terms)
#: How often fits are repeated with weights, and the error below which all fit equally well.
_PASSES, _GOOD = 5, 0.05
#: How often fits are repeated with what all strategies of a case have in common taken out of their times, and how much of that is.
_STATES, _COMMON = 3, 0.8
#: The numbers of rows at which loops of int8 products change, by their names in the compiler (IntegerRows.h).
_ROWS = {
    name: int(rows)
    for name, rows in re.findall(r"^inline constexpr int64_t (\w+) = (\d+);$", _INTEGER_ROWS.read_text(), re.MULTILINE)
}
#: Rows of activations up to which products are timed with weights from memory (cost.ROTATED_ROWS).
_COLD_ROWS = 8


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


@functools.cache
def panel_rows() -> tuple[int, int]:
    """From how many rows on int8 products have a panel on this machine, and those of ternary weights, as the compiler says."""
    listed = subprocess.run([tool("lutrac"), "--print-targets"], capture_output=True, text=True, check=True).stdout
    planes, triples = re.findall(r"^  (?:triple-)?panel-rows: (\d+)$", listed, re.MULTILINE)
    return int(planes), int(triples)


def _passes(m: int) -> list[int]:
    """The rows that an int8 product of few rows multiplies in each pass over the weight."""
    length = -(-m // -(-m // _ROWS["kRowsOfPass"]))
    return [min(length, m - first) for first in range(0, m, length)]


def _loads(m: int, ternary: bool) -> int:
    """How often an int8 product of few rows loads their codes for 64 rows of a weight."""
    parts = "kRowsOfTwoParts"
    if ternary:
        slow = panel_rows()[1] <= _ROWS["kFewRowsOfTriples"] + 1
        parts = "kRowsOfTwoTripleParts" if slow else "kRowsOfTwoNumberParts"
    return 4 if m > _ROWS[parts] else 2 if ternary or m > _ROWS["kRowsOfFourParts"] else 1


def work(case: Case, strategy: str) -> dict[str, float]:
    """How much a product does of what has a rate."""
    m, tables = case.m, groups(case) * 2 * -(-(case.group or case.k) // 8)
    # The largest power of two up to four, where M is known.
    block = 1 << min(2, m.bit_length() - 1) if case.known_m else 4
    ternary = case.width == "ternary"
    few = m < panel_rows()[ternary]
    single = few and ternary and m == 1
    passed = few and not single
    counts = _passes(m) if passed else []
    amounts = {
        "m": m,
        "n": -(-case.n // 64) * 64,
        "k": 4 * tables,
        "tables": tables,
        "planes": planes(case),
        "columns": case.k,
        "ones": planes(case) % 2,
        "twos": planes(case) % 4 // 2 * 2,
        "fours": planes(case) // 4 * 4,
        "groups": groups(case),
        "panels": -(-m // 512),
        "quads": -(-m // block),
        "single": int(single),
        "few": len(counts),
        "bare": sum(max(0.0, 1 - count / (2 * planes(case) + 1)) for count in counts),
        "passes": sum(counts),
        "loads": sum(count * _loads(count, ternary) for count in counts),
        "many": 0 if few else m,
        "blocks": 0 if few else -(-m // _ROWS["kPanelBlockRows"]),
        "fresh": 0 if few else -(-m // 512),
        "bits": 0 if ternary else planes(case),
        "runs": 0 if ternary else planes(case) // 4 + planes(case) % 4 // 2 + planes(case) % 2,
        "triples": int(ternary),
    }
    return {name: eval(amount, {"__builtins__": {}}, amounts) for name, amount in _TERMS[strategy].items()}


def read_bytes(case: Case, strategy: str) -> float:
    """Bytes of the packed weight, as the compiler counts them: it takes alphas and zetas for f32."""
    bits = 5 / 3 if case.width == "ternary" and strategy == "int8" else planes(case)
    stored_zetas = case.width == "1" or (case.width in ("2", "4", "8") and not case.group)
    amounts = work(dataclasses.replace(case, m=1), "lut")
    codes = 4 * (amounts["fetch-rate"] + amounts["fetch-two-rate"]) / planes(case)
    return codes * bits / 8 + 4 * amounts["sum-rate"] * (2 if stored_zetas else 1)


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


def solve(timed: Sequence[Timed], bandwidth: float = math.inf) -> dict[str, float]:
    """The rates by which the predicted times come closest to `timed`, as fractions of these, where `bandwidth` bytes are read in a nanosecond; a rate whose
    term explains nothing is left out.

    Raises BenchmarkError when one of the rates that the compiler needs is.
    """
    rates = _fit(timed, RATES, bandwidth)
    for _ in range(_STATES):
        rates = _fit(_level(timed, rates, bandwidth), RATES, bandwidth)
    # With many rows there are as many blocks of rows as rows: either term can stand for both, and then what is done for a row comes for nothing.
    lookups = ("lookup-rate", "lookup-two-rate", "lookup-one-rate")
    for row, block in (
        ("lookup-rate", "index-rate"),
        *((name, "index-two-rate") for name in lookups[1:]),
        ("int8-rate", "panel-rate"),
        ("few-rate", "few-code-rate"),
        # The compiler takes the rate of four planes where that of fewer is left out.
        ("index-two-rate", "index-rate"),
        ("fetch-two-rate", "fetch-rate"),
    ):
        if block in rates:
            rates.setdefault(row, 100 * rates[block])
    if missing := {"lookup-rate", "table-rate", "fma-rate", "int8-rate"} - rates.keys():
        raise BenchmarkError(
            f"the products' times fit no {' and no '.join(sorted(missing))}: something else ran; try again"
        )
    return rates


def _reads(product: Timed, bandwidth: float) -> float:
    """The bandwidth that a product's weights come with: those of products that are timed with many rows stay in a cache, unless M is swept."""
    return bandwidth if product.case.m <= _COLD_ROWS or product.case.kind == "auto" else math.inf


def _level(timed: Sequence[Timed], rates: Mapping[str, float], bandwidth: float) -> list[Timed]:
    """The times as if the machine had been as fast for all cases: strategies of one case are timed in turn, so that a machine that is slow for a while is so for
    all of them."""
    logs: dict[Case, list[float]] = {}
    for product in timed:
        # Hopeless ones are timed once only.
        if product.strategy != "dense":
            expected = predict(rates, product.case, product.strategy, _reads(product, bandwidth))
            logs.setdefault(product.case, []).append(math.log(product.ns / expected))
    states = {case: math.exp(_COMMON * sum(values) / len(values)) for case, values in logs.items()}
    return [dataclasses.replace(product, ns=product.ns / states.get(product.case, 1)) for product in timed]


def _fit(timed: Sequence[Timed], names: Sequence[str], bandwidth: float) -> dict[str, float]:
    """The rates of `names`, as `solve` gives them."""
    matrix = np.zeros((len(timed), len(names)))
    for row, product in enumerate(timed):
        for name, amount in work(product.case, product.strategy).items():
            if name in names:
                matrix[row, names.index(name)] = amount / product.ns
    during = np.array([name in _DURING for name in names])
    reads = np.array([read_bytes(p.case, p.strategy) / _reads(p, bandwidth) / p.ns for p in timed])
    scale = np.where(matrix.any(0), np.abs(matrix).max(0), 1)

    def nearest(terms: np.ndarray, wanted: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return least_squares(terms / scale * weight[:, None], wanted * weight) / scale

    terms, wanted = matrix, np.ones(len(timed))
    found = nearest(terms, wanted, np.ones(len(timed)))
    # Again, with what is computed while the weights are read left out where that is hidden, and with less weight on those that fit badly: something else may
    # have run.
    for _ in range(_PASSES):
        hidden = reads > matrix[:, during] @ found[during]
        terms = np.where(hidden[:, None] & during, 0, matrix)
        wanted = np.where(hidden, 1 - reads, 1)
        found = nearest(terms, wanted, np.maximum(np.abs(terms @ found - wanted), _GOOD) ** -0.5)
    return {name: float(1 / value) for name, value in zip(names, found, strict=True) if value > 0}


def predict(rates: Mapping[str, float], case: Case, strategy: str, bandwidth: float = math.inf) -> float:
    """Nanoseconds of a product whose weights come from memory, `bandwidth` bytes in each."""
    times = {name: amount / rates[name] for name, amount in work(case, strategy).items() if name in rates}
    during = sum(ns for name, ns in times.items() if name in _DURING)
    before = sum(ns for name, ns in times.items() if name not in _DURING)
    return max(during, read_bytes(case, strategy) / bandwidth) + before
