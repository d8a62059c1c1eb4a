"""What is measured at kernel level: shapes, formats and their names."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

#: Rows of activations that the sweep of `gemm` goes through.
SWEEP = (1, 2, 3, 4, 6, 8, 12, 15, 16, 17, 24, 32, 48, 64)
LARGE = ((4096, 4096), (11008, 4096), (4096, 11008), (2560, 6912), (6912, 2560), (49152, 576))
SMALL = ((576, 1536), (1536, 576))
ODD = ((4099, 4097), (131, 264), (192, 264))
WIDTHS = ("1", "ternary", "2", "3", "4", "8")
#: What `auto` is swept over: numbers of rows, widths with their groups, and shapes.
OPEN_ROWS = (*range(1, 19), 20, 22, 24, 25, 28, 31, 32, 36, 40, 48, 56, 64)
OPEN_WEIGHTS = (*((width, group) for width in ("1", "ternary", "2", "3", "4") for group in (32, 128)), ("e2m1", 32))
OPEN_SHAPES = ((1024, 4096), (1536, 576))
CHANNEL = 0
#: Multiplications above which a product takes too long for `calibration`.
_MOST_WORK = 1 << 27


@dataclass(frozen=True, slots=True)
class Case:
    """One product. `width` is "ternary", "e2m1" (a codebook of 16 values) or a number of bits; `group` 0 is one group a row."""

    m: int
    n: int
    k: int
    width: str
    group: int
    threads: int
    kind: str = "gemv"

    @property
    def name(self) -> str:
        """As --filter sees it, e.g. gemv/4096x4096/4/g128/t1."""
        rows = "" if self.m == 1 else f"m{self.m}/"
        group = "channel" if self.group == CHANNEL else f"g{self.group}"
        return f"{self.kind}/{self.n}x{self.k}/{self.width}/{rows}{group}/t{self.threads}"

    @staticmethod
    def parse(name: str) -> Case:
        """The case of a `name`. Raises ValueError."""
        kind, shape, width, *rows, group, threads = name.split("/")
        n, k = map(int, shape.split("x"))
        m = int(rows[0].removeprefix("m")) if rows else 1
        size = CHANNEL if group == "channel" else int(group.removeprefix("g"))
        return Case(m, n, k, width, size, int(threads.removeprefix("t")), kind)

    @property
    def known_m(self) -> bool:
        """Whether the compiler is told M; else it may be any."""
        return self.kind == "cost"

    @property
    def bits(self) -> int:
        """Bits of a code: what a peer of the same width has."""
        return {"ternary": 2, "e2m1": 4}.get(self.width) or int(self.width)

    @property
    def weight_key(self) -> tuple[int, int, str, int]:
        """Equal for cases that run the same compiled product."""
        return self.n, self.k, self.width, self.group

    @property
    def spelling(self) -> str:
        """The weight's format in the domain ai.lutra."""
        group = self.group or self.k
        if self.width == "ternary":
            return f"ternary(group={group})"
        if self.width == "e2m1":
            return f"codebook(bits=4, group={group}, table=e2m1)"
        if self.width == "1":
            return f"bipolar(planes=1, group={group})"
        return f"uniform(bits={self.width}, group={group})"

    @property
    def facts(self) -> dict[str, object]:
        """What a row of --json says of it."""
        return {
            "name": self.name,
            "format": self.spelling,
            "M": self.m,
            "N": self.n,
            "K": self.k,
            "group": self.group or self.k,
            "threads": self.threads,
        }


def gemv(threads: Iterable[int], full: bool) -> list[Case]:
    """Products with one row of activations. Not `full`: every width of every shape, but every group size of one shape only."""
    cases = []
    for n, k in LARGE + SMALL + ODD:
        groups: tuple[int, ...] = (32, 64, 128, CHANNEL)
        if not full and (n, k) != LARGE[0]:
            groups = (32,) if (n, k) in ODD else (128,)
        cases += [Case(1, n, k, width, group, t) for width in WIDTHS for group in groups for t in threads]
    return cases


def gemm(threads: Iterable[int], full: bool) -> list[Case]:
    """M = 512 at every width, in groups of 128 (and 4 bits of 32), and the sweep over M (`full`: at every width; else 1, 2 and 4 bits on one thread)."""
    threads = tuple(threads)
    weights = (*((width, 128) for width in WIDTHS), ("4", 32))
    cases = [Case(512, 4096, 4096, width, group, t, "gemm") for width, group in weights for t in threads]
    for width in WIDTHS if full else ("1", "2", "4"):
        cases += [
            Case(m, 4096, 4096, width, 128, t, "sweep") for t in (threads if full else threads[:1]) for m in SWEEP
        ]
    return cases


def cost(count: int, seed: int = 1) -> list[Case]:
    """Random products of all widths, with M from 1 to 512, on one thread."""
    rng = random.Random(seed)
    found: dict[str, Case] = {}
    while len(found) < count:
        m = rng.choice([1, 1, 2, 3, 4, 5, 8, 12, 16, 24, 32, 48, 64, 128, 256, 512])
        n, k = (round(64 * 2 ** rng.uniform(0, 6)) for _ in range(2))
        case = Case(m, n, k // 16 * 16, rng.choice(WIDTHS), rng.choice((32, 64, 128)), 1, "cost")
        found[case.name] = case
    return list(found.values())


def open_rows() -> list[Case]:
    """Weights that are multiplied with any number of rows (OPEN_ROWS), on one thread."""
    return [Case(1, n, k, width, group, 1, "auto") for n, k in OPEN_SHAPES for width, group in OPEN_WEIGHTS]


def calibration() -> list[tuple[Case, list[int]]]:
    """Weights of all widths, like those of `cost` but others, of unknown M, and the numbers of rows to time them with."""
    rng = random.Random(2)
    found = []
    for i in range(36):
        n, k = (round(64 * 2 ** rng.uniform(0, 5.5)) for _ in range(2))
        case = Case(1, n, k // 16 * 16, WIDTHS[i % len(WIDTHS)], (32, 64, 128)[i // len(WIDTHS) % 3], 1, "calibration")
        some = (1, 3, 6, 12, 32, 192) if i < 18 else (1, 2, 4, 8, 18, 64, 512)
        found.append((case, [m for m in some if m * case.n * case.k <= _MOST_WORK]))
    return found


def select(cases: Iterable[Case], pattern: str) -> list[Case]:
    """The cases whose name has a match of the regular expression."""
    expression = re.compile(pattern)
    return [case for case in cases if expression.search(case.name)]
