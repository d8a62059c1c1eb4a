"""Draws the rows of benchmarks/run --json. Usage: plots.py ROWS.json FOLDER (with the Python of benchmarks/setup)"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot, ticker

Rows = list[dict[str, Any]]


def _part(rows: Rows, part: str) -> Rows:
    return [row for row in rows if row["name"].startswith(part + "/")]


def _name(width: str) -> str:
    """A width in words: ternary, 1 bit, 4 bits."""
    return width if width == "ternary" else f"{width} bit" + "s" * (width != "1")


def _plain(axis: Any, subs: tuple[float, ...] = (1.0,)) -> None:
    """Numbers as people write them along a logarithmic axis: at each power of ten times `subs`."""
    axis.set_major_locator(ticker.LogLocator(10, subs))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def draw_roofline(rows: Rows, path: Path) -> None:
    """Products with one row of activations: bytes a second over the size of the weight, as fractions of the read bandwidth, a panel for each number of threads."""
    unique = {row["name"]: row for row in rows}.values()
    counts = sorted({row["threads"] for row in unique})
    figure, panels = pyplot.subplots(
        1, len(counts), figsize=(7 * len(counts), 5), sharex=True, sharey=True, squeeze=False
    )
    top = max(1.1, 0.05 + max(row["roofline_fraction"] for row in unique))
    for axes, count in zip(panels[0], counts, strict=True):
        axes.axhline(1, color="black", label="reads")
        for width in ("1", "ternary", "2", "3", "4", "8"):
            points = [row for row in unique if row["threads"] == count and row["name"].split("/")[2] == width]
            if points:
                xs, ys = [row["bytes"] / 1e6 for row in points], [row["roofline_fraction"] for row in points]
                axes.scatter(xs, ys, s=18, label=_name(width))
        axes.set_xscale("log")
        _plain(axes.xaxis, (1.0, 3.0))
        axes.set_ylim(0, top)
        axes.set_xlabel("MB of weights")
        axes.set_title(f"{count} thread" + "s" * (count > 1))
        axes.grid(alpha=0.3)
    panels[0][0].set_ylabel("of the read bandwidth")
    panels[0][0].legend(fontsize=8, loc="lower right")
    _save(figure, path)


def draw_models(rows: Rows, path: Path) -> None:
    """Tokens a second of decoding and of prompts, with llama.cpp's beside them where it ran."""
    unique = list({row["name"]: row for row in rows}.values())
    bars = [
        ("Lutra", -0.2, [1e9 / row["median_ns"] for row in unique]),
        ("llama.cpp", 0.2, [1e9 / row["peer_ns"] if row.get("peer_ns") else 0 for row in unique]),
    ]
    figure, axes = pyplot.subplots(figsize=(max(6, 1.1 * len(unique)), 5))
    for label, shift, rates in bars:
        places = [(place + shift, rate) for place, rate in enumerate(rates) if rate]
        if places:
            drawn = axes.bar([place for place, _ in places], [rate for _, rate in places], 0.4, label=label)
            axes.bar_label(drawn, [f"{rate:.3g}" for _, rate in places], fontsize=7)
    labels = [row["name"].removeprefix("model/").replace("/", "\n") for row in unique]
    axes.set_xticks(range(len(labels)), labels, fontsize=8)
    # Bars begin at one token a second, so that their lengths compare.
    axes.set_yscale("log")
    axes.set_ylim(bottom=1, top=2 * max(rate for _, _, rates in bars for rate in rates))
    _plain(axes.yaxis, (1.0, 3.0))
    axes.set_ylabel("tokens a second")
    axes.legend(loc="upper left", fontsize=8)
    _save(figure, path)


def draw_sweep(rows: Rows, path: Path) -> None:
    """GFLOP/s by M: a line for each width, dashed for its fastest peer; a panel for each number of threads."""
    counts = sorted({row["threads"] for row in rows})
    figure, panels = pyplot.subplots(1, len(counts), figsize=(8 * len(counts), 5), sharey=True, squeeze=False)
    for axes, count in zip(panels[0], counts, strict=True):
        own: dict[str, dict[int, float]] = defaultdict(dict)
        peers: dict[str, dict[int, float]] = defaultdict(dict)
        for row in rows:
            if row["threads"] != count:
                continue
            width = row["name"].split("/")[2]
            own[width][row["M"]] = row["gflops"]
            if row["peer_ns"]:
                rate = row["gflops"] * row["median_ns"] / row["peer_ns"]
                peers[width][row["M"]] = max(rate, peers[width].get(row["M"], 0))
        for width in sorted(own, key="1 ternary 2 3 4 8".split().index):
            xs = sorted(own[width])
            (drawn,) = axes.plot(xs, [own[width][x] for x in xs], marker="o", markersize=3, label=_name(width))
            if peers[width]:
                xs = sorted(peers[width])
                axes.plot(
                    xs,
                    [peers[width][x] for x in xs],
                    "--x",
                    markersize=4,
                    color=drawn.get_color(),
                    label=f"{_name(width)}, best peer",
                )
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_ylim(bottom=0)
        axes.set_xlabel("rows of activations (M)")
        axes.set_title(f"{count} thread" + "s" * (count > 1))
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="upper left")
    panels[0][0].set_ylabel("GFLOP/s")
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
