"""Draws the rows of benchmarks/run --json. Usage: plots.py ROWS.json FOLDER (with the Python of benchmarks/setup)"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

Rows = list[dict[str, Any]]


def _part(rows: Rows, part: str) -> Rows:
    return [row for row in rows if row["name"].startswith(part + "/")]


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def draw_roofline(rows: Rows, path: Path) -> None:
    """Products with one row of activations: bytes a second over the size of the weight, as fractions of the read bandwidth, a panel for each number of threads."""
    unique = {row["name"]: row for row in rows}.values()
    counts = sorted({row["threads"] for row in unique})
    figure, panels = pyplot.subplots(1, len(counts), figsize=(7 * len(counts), 5), sharey=True, squeeze=False)
    for axes, count in zip(panels[0], counts, strict=True):
        axes.axhline(1, color="black", label="reads")
        for width in ("1", "ternary", "2", "3", "4", "8"):
            points = [row for row in unique if row["threads"] == count and row["name"].split("/")[2] == width]
            if points:
                xs, ys = [row["bytes"] / 1e6 for row in points], [row["roofline_fraction"] for row in points]
                axes.scatter(xs, ys, s=18, label=width if width == "ternary" else f"{width} bit")
        axes.set_xscale("log")
        axes.set_ylim(0, 1.15)
        axes.set_xlabel("MB of weights")
        axes.set_title(f"{count} thread" + "s" * (count > 1))
        axes.grid(alpha=0.3)
    panels[0][0].set_ylabel("of the read bandwidth")
    panels[0][0].legend(fontsize=8, loc="lower right")
    _save(figure, path)


def draw_models(rows: Rows, path: Path) -> None:
    """Tokens a second of decoding, with llama.cpp's beside them."""
    unique = {row["name"]: row for row in rows}
    labels = [name.removeprefix("model/") for name in unique]
    places = range(len(labels))
    figure, axes = pyplot.subplots(figsize=(max(6, 0.7 * len(labels)), 5))
    axes.bar([p - 0.2 for p in places], [1e9 / row["median_ns"] for row in unique.values()], 0.4, label="Lutra")
    peers = [1e9 / row["peer_ns"] if row.get("peer_ns") else 0 for row in unique.values()]
    axes.bar([p + 0.2 for p in places], peers, 0.4, label="llama.cpp")
    axes.set_xticks(list(places), labels, rotation=90, fontsize=8)
    axes.set_yscale("log")
    axes.set_ylabel("tokens/s")
    axes.legend()
    _save(figure, path)


def draw_sweep(rows: Rows, path: Path) -> None:
    """GFLOP/s by M: a line for each width, dashed for its fastest peer."""
    own: dict[str, dict[int, float]] = defaultdict(dict)
    peers: dict[str, dict[int, float]] = defaultdict(dict)
    for row in rows:
        line = f"{row['name'].split('/')[2]} bits, {row['threads']} thread" + "s" * (row["threads"] > 1)
        own[line][row["M"]] = row["gflops"]
        if row["peer_ns"]:
            rate = row["gflops"] * row["median_ns"] / row["peer_ns"]
            peers[line][row["M"]] = max(rate, peers[line].get(row["M"], 0))
    figure, axes = pyplot.subplots(figsize=(8, 5))
    for line, points in own.items():
        xs = sorted(points)
        (drawn,) = axes.plot(xs, [points[x] for x in xs], marker="o", markersize=3, label=line)
        if peers[line]:
            xs = sorted(peers[line])
            axes.plot(xs, [peers[line][x] for x in xs], "--", color=drawn.get_color(), label=f"{line}, best peer")
    axes.set_xscale("log", base=2)
    axes.set_xlabel("M")
    axes.set_ylabel("GFLOP/s")
    axes.legend(fontsize=7)
    _save(figure, path)


def main() -> None:
    rows: Rows = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for found, draw, name in (
        (_part(rows, "gemv"), draw_roofline, "roofline.png"),
        (
            [row for row in _part(rows, "model") if row["ratio_to_peer"] or row["roofline_fraction"]],
            draw_models,
            "tokens.png",
        ),
        (_part(rows, "gemm") + _part(rows, "sweep"), draw_sweep, "gflops.png"),
    ):
        if found:
            draw(found, folder / name)
            print(folder / name)


if __name__ == "__main__":
    main()
