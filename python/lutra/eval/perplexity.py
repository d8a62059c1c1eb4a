"""How close are the next-token distributions? Perplexity and KL divergence over a text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lutra.errors import LutraError
from lutra.eval.measures import compare
from lutra.eval.reference import Model
from lutra.textmodel import TextModel

#: Lewis Carroll, Alice's Adventures in Wonderland (1865), chapter I; in the public domain.
TEXT = Path(__file__).with_name("alice.txt")
#: Largest accepted relative difference of perplexity, and mean KL divergence in nats.
PERPLEXITY_LIMIT, KL_LIMIT = 0.01, 0.02


def run(
    text: TextModel,
    model: Model,
    reference: Model,
    source: Path,
    window: int,
    limit: int | None,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Feeds `source` in windows of `window` tokens, each from an empty cache. Every token but a window's first is
    predicted.

    Gives perplexity of both, their ratio, and the mean over positions of KL(reference || model).
    """
    ids = text.encode(source.read_text(encoding="utf-8"))[:limit]
    if len(ids) < 2:
        raise LutraError(f"'{source}' has {len(ids)} tokens: expected at least 2")

    def progress(_: str, fraction: float) -> None:
        report(f"{round(fraction * len(ids)):6} of {len(ids)} tokens")

    figures = compare(model, reference, ids, window=window, progress=progress)
    found, expected = figures.perplexity, figures.reference_perplexity
    ratio, mean = found / expected, figures.kl_mean
    report(
        f"perplexity       {found:.4f} (reference {expected:.4f}, ratio {ratio:.5f}; "
        f"accepted within {PERPLEXITY_LIMIT:.0%})"
    )
    report(
        f"KL divergence    {mean:.2e} nats on average, {figures.kl_max:.2e} at most (accepted below {KL_LIMIT} on average)"
    )
    report(f"same first token {figures.same_top_token:.2%} of {figures.predictions} predictions")
    return {
        "tokens": len(ids),
        "predicted": figures.predictions,
        "perplexity": found,
        "reference_perplexity": expected,
        "ratio": ratio,
        "kl_mean": mean,
        "kl_max": figures.kl_max,
        "same_top_token": figures.same_top_token,
        "holds": abs(ratio - 1) <= PERPLEXITY_LIMIT and mean < KL_LIMIT,
    }
