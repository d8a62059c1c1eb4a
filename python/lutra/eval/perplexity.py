"""How close are the next-token distributions? Perplexity and KL divergence over a text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lutra.errors import LutraError
from lutra.eval.reference import Model
from lutra.textmodel import TextModel

#: Lewis Carroll, Alice's Adventures in Wonderland (1865), chapter I; in the public domain.
TEXT = Path(__file__).with_name("alice.txt")
#: Largest accepted relative difference of perplexity, and mean KL divergence in nats.
PERPLEXITY_LIMIT, KL_LIMIT = 0.01, 0.02


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    """f32 [rows, vocabulary] -> f64."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


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
    losses = np.zeros(2)
    divergence, worst, agree, predicted = 0.0, 0.0, 0, 0
    for start in range(0, len(ids) - 1, window):
        part = ids[start : start + window]
        model.reset()
        reference.reset()
        ours, theirs = model.feed(part), reference.feed(part)
        for row in range(0, len(part) - 1, 64):
            rows = slice(row, min(row + 64, len(part) - 1))
            targets = np.asarray(part[rows.start + 1 : rows.stop + 1])[:, None]
            q, p = _log_softmax(ours[rows]), _log_softmax(theirs[rows])
            losses -= [np.take_along_axis(x, targets, 1).sum() for x in (q, p)]
            kl = (np.exp(p) * (p - q)).sum(axis=-1)
            divergence += float(kl.sum())
            worst = max(worst, float(kl.max()))
            agree += int((q.argmax(-1) == p.argmax(-1)).sum())
            predicted += len(targets)
        report(f"{start + len(part):6} of {len(ids)} tokens")
    found, expected = (float(value) for value in np.exp(losses / predicted))
    ratio, mean = found / expected, divergence / predicted
    report(
        f"perplexity       {found:.4f} (onnxruntime {expected:.4f}, ratio {ratio:.5f}; "
        f"accepted within {PERPLEXITY_LIMIT:.0%})"
    )
    report(f"KL divergence    {mean:.2e} nats on average, {worst:.2e} at most (accepted below {KL_LIMIT} on average)")
    report(f"same first token {agree / predicted:.2%} of {predicted} predictions")
    return {
        "tokens": len(ids),
        "predicted": predicted,
        "perplexity": found,
        "reference_perplexity": expected,
        "ratio": ratio,
        "kl_mean": mean,
        "kl_max": worst,
        "same_top_token": agree / predicted,
        "holds": abs(ratio - 1) <= PERPLEXITY_LIMIT and mean < KL_LIMIT,
    }
