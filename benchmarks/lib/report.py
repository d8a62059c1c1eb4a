"""Tables of results as Markdown, so that they can go into a page as they are printed."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

from kernels import Result

GEMV_HEADER = ("case", "us", "[low, high]", "bits/weight", "GB/s", "of reads", "best peer", "peer us", "ratio")
GEMM_HEADER = ("case", "ms", "[low, high]", "GFLOP/s", "of peak", "best peer", "GFLOP/s", "ratio")


def cells(result: Result) -> tuple[str, ...]:
    """A table row of a product: GEMV_HEADER or, for more rows of activations, GEMM_HEADER."""
    case, ns = result.case, result.ns
    peer = min(result.peers, key=lambda name: result.peers[name].median, default="")
    other = result.peers[peer].median if peer else 0.0
    ratio = f"{other / ns.median:.2f}x" if peer else ""
    share = f"{result.rate / result.limit.median:.1%}"
    if case.m == 1:
        width = result.artifact.weight_bytes * 8 / (case.n * case.k)
        return (
            case.name, f"{ns.median / 1e3:.1f}", f"[{ns.low / 1e3:.1f}, {ns.high / 1e3:.1f}]", f"{width:.2f}",
            f"{result.rate:.2f}", share, peer, f"{other / 1e3:.1f}" if peer else "", ratio,
        )  # fmt: skip
    work = 2 * case.m * case.n * case.k
    return (
        case.name, f"{ns.median / 1e6:.3f}", f"[{ns.low / 1e6:.3f}, {ns.high / 1e6:.3f}]", f"{result.gflops:.1f}",
        share, peer, f"{work / other:.1f}" if peer else "", ratio,
    )  # fmt: skip


class Table:
    """A Markdown table that is printed row by row."""

    def __init__(self, header: Sequence[str], first_width: int) -> None:
        self._widths = [first_width, *(max(len(title), 6) for title in header[1:])]
        self.add(header)
        print("|" + "|".join("-" * (width + 2) for width in self._widths) + "|", flush=True)

    def add(self, row: Sequence[str]) -> None:
        """Prints a row."""
        texts = [text.ljust(width) for text, width in zip(row, self._widths, strict=True)]
        print("| " + " | ".join(texts) + " |", flush=True)


def cpu_name() -> str:
    """The processor's name, as the system says it."""
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def write_json(path: Path, rows: Iterable[dict[str, object]]) -> None:
    """Writes rows as a JSON list, one a line."""
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
