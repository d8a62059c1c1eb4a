"""Perplexity of one model, and how far two models' next-token distributions are apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lutra.errors import LutraError
from lutra.eval.reference import Model

#: Rows of logits whose softmax is taken at once.
_ROWS = 64


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two models on the same text: perplexities, KL(reference || model) in nats, and the part of the predictions whose
    likeliest token is the same."""

    perplexity: float
    reference_perplexity: float
    kl_mean: float
    kl_max: float
    same_top_token: float
    predictions: int


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """f32 [rows, vocabulary] -> f64."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def perplexity(
    model: Model, tokens: Sequence[int], *, window: int = 512, progress: Callable[[str, float], None] | None = None
) -> float:
    """exp of the mean loss over `tokens`, fed in windows of `window`, each from an empty cache; a window's first token is not
    predicted. Raises LutraError for fewer than 2 tokens or a window below 2."""
    loss, predicted = 0.0, 0
    for part in _windows(tokens, window):
        model.reset()
        logits = model.feed(part)
        for rows, targets in _blocks(part):
            loss -= float(np.take_along_axis(log_softmax(logits[rows]), targets, 1).sum())
            predicted += len(targets)
        if progress:
            progress("perplexity", min(predicted / len(tokens), 1.0))
    return float(np.exp(loss / predicted))


def compare(
    model: Model,
    reference: Model,
    tokens: Sequence[int],
    *,
    window: int = 512,
    progress: Callable[[str, float], None] | None = None,
) -> Agreement:
    """Both models over `tokens`, as `perplexity` feeds them. The reference is onnxruntime (`ReferenceModel`) or another
    compiled model (`Decoder`), for example of another format. Raises LutraError when their vocabularies differ."""
    losses = np.zeros(2)
    divergence, worst, agree, predicted, read = 0.0, 0.0, 0, 0, 0
    for part in _windows(tokens, window):
        model.reset()
        reference.reset()
        ours, theirs = model.feed(part), reference.feed(part)
        if ours.shape != theirs.shape:
            raise LutraError(f"the models' vocabularies differ: {ours.shape[-1]} and {theirs.shape[-1]} logits")
        for rows, targets in _blocks(part):
            q, p = log_softmax(ours[rows]), log_softmax(theirs[rows])
            losses -= [np.take_along_axis(x, targets, 1).sum() for x in (q, p)]
            kl = (np.exp(p) * (p - q)).sum(axis=-1)
            divergence += float(kl.sum())
            worst = max(worst, float(kl.max()))
            agree += int((q.argmax(-1) == p.argmax(-1)).sum())
            predicted += len(targets)
        read += len(part)
        if progress:
            progress("comparison", read / len(tokens))
    ours_perplexity, theirs_perplexity = (float(value) for value in np.exp(losses / predicted))
    return Agreement(ours_perplexity, theirs_perplexity, divergence / predicted, worst, agree / predicted, predicted)


def _windows(tokens: Sequence[int], window: int) -> list[Sequence[int]]:
    if len(tokens) < 2:
        raise LutraError(f"the text has {len(tokens)} tokens: expected at least 2")
    if window < 2:
        raise LutraError(f"the window must be at least 2 tokens, but is {window}")
    return [tokens[start : start + window] for start in range(0, len(tokens) - 1, window)]


def _blocks(part: Sequence[int]) -> list[tuple[slice, np.ndarray]]:
    """Rows of a window's logits, and the tokens [rows, 1] that they predict."""
    blocks = []
    for start in range(0, len(part) - 1, _ROWS):
        rows = slice(start, min(start + _ROWS, len(part) - 1))
        blocks.append((rows, np.asarray(part[rows.start + 1 : rows.stop + 1])[:, None]))
    return blocks
