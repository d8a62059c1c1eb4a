#!/usr/bin/env python3
"""Plots of what lutra-sim writes as JSON (needs matplotlib).

lutra-sim reproduce --json figures.json; lutra-sim explore --json shapes.json
python3 tools/lutra-sim/plot.py --figures figures.json --shapes shapes.json --output plots
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def pareto(shapes: list[dict[str, Any]], path: Path) -> None:
    """Area against power; the shapes that nothing beats in both are named."""
    figure, axes = plt.subplots(figsize=(7, 5))
    axes.scatter([s["area_um2"] for s in shapes], [s["power_mw"] for s in shapes], color="0.7", s=18)
    front = sorted((s for s in shapes if s["pareto"]), key=lambda s: s["area_um2"])
    axes.plot([s["area_um2"] for s in front], [s["power_mw"] for s in front], "o-", color="tab:blue")
    for shape in front:
        axes.annotate(shape["shape"], (shape["area_um2"], shape["power_mw"]), fontsize=7)
    axes.set(xscale="log", yscale="log", xlabel="area, um2", ylabel="power, mW", title="Shapes of a LUT array")
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def beside(entries: list[dict[str, Any]], name: str, path: Path) -> None:
    """Bars of ours and the paper's, one pair for each entry that has both."""
    both = [e for e in entries if e["paper"]]
    figure, axes = plt.subplots(figsize=(9, 0.6 + 0.35 * len(both)))
    rows = range(len(both))
    axes.barh([r - 0.2 for r in rows], [e["ours"] / e["paper"] for e in both], 0.35, color="tab:blue")
    axes.axvline(1, color="0.3", linewidth=1)
    axes.set_yticks([r - 0.2 for r in rows], [f"{e['entry']} ({e['paper']:g} {e['unit']})" for e in both], fontsize=7)
    axes.invert_yaxis()
    axes.set(xlabel="ours over the paper's", title=name)
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def roofline(entries: list[dict[str, Any]], path: Path) -> None:
    """Fig. 19: rates of one product over its rows, for each machine and unit."""
    figure, axes = plt.subplots(figsize=(7, 5))
    series: dict[str, list[tuple[int, float]]] = {}
    for entry in entries:
        machine, _, what = entry["entry"].partition(", ")
        if ", M " in what:
            series.setdefault(machine, []).append((int(what.rsplit(" ", 1)[1]), entry["ours"]))
    for machine, points in series.items():
        axes.plot(*zip(*sorted(points), strict=True), "o-", label=machine)
    axes.set(xscale="log", yscale="log", xlabel="rows M", ylabel="TOPS", title="Up projection of LLAMA2-70B")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=Path, help="what reproduce --json wrote")
    parser.add_argument("--shapes", type=Path, help="what explore --json wrote")
    parser.add_argument("--output", type=Path, default=Path("."), help="folder for the PNG files")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    if args.shapes:
        pareto(json.loads(args.shapes.read_text()), args.output / "pareto.png")
    if args.figures:
        entries = json.loads(args.figures.read_text())
        for name in dict.fromkeys(e["figure"] for e in entries):
            of_figure = [e for e in entries if e["figure"] == name]
            stem = name.lower().replace(" ", "").replace(".", "")
            if name == "Fig. 19":
                roofline(of_figure, args.output / f"{stem}.png")
            elif any(e["paper"] for e in of_figure):
                beside(of_figure, name, args.output / f"{stem}.png")


if __name__ == "__main__":
    main()
