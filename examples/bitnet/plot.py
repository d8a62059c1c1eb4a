"""Draws results/losses.png from the logs of train.py; needs matplotlib."""

from __future__ import annotations

import json

import matplotlib.pyplot as plt
from reference import HERE

RESULTS = HERE / "results"


def main() -> None:
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, label, color in (
        ("float", "full precision", "tab:blue"),
        ("ternary", "ternary, 8-bit activations", "tab:red"),
    ):
        log = json.loads((RESULTS / f"{name}.json").read_text())
        tokens = [point["step"] * log["batch_tokens"] / 1e6 for point in log["curve"]]
        axes.plot(
            tokens, [point["train"] for point in log["curve"]], color=color, linestyle=":", label=f"{label}, training"
        )
        axes.plot(tokens, [point["valid_all"] for point in log["curve"]], color=color, label=f"{label}, validation")
        best = log["best_step"] * log["batch_tokens"] / 1e6
        axes.plot([best], [min(point["valid_all"] for point in log["curve"])], "o", color=color)
    axes.set(xlabel="training tokens (millions)", ylabel="loss (nats a token)", ylim=(2.4, 4.0))
    axes.set_title("A BitNet and its full-precision twin: losses (the dots are what is kept)", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(RESULTS / "losses.png", dpi=120)


if __name__ == "__main__":
    main()
