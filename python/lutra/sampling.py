"""Choosing the next token from logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a token is drawn: from softmax(logits / temperature), greedy for temperature 0, among those that every filter keeps.

    top_k: the k likeliest (0: all). top_p: the smallest set of the likeliest whose probabilities add up to p. min_p: those at
    least p times as likely as the likeliest. repetition_penalty r: the logits of tokens that stand in the text already are
    divided by r where positive, multiplied where negative. The same seed gives the same choices. Raises ValueError for numbers out
    of range.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.temperature < float("inf") and 0 < self.top_p <= 1):
            raise ValueError(f"temperature {self.temperature} must be at least 0 and top_p {self.top_p} in (0, 1]")
        if self.top_k < 0 or not 0 <= self.min_p <= 1:
            raise ValueError(f"top_k {self.top_k} must be at least 0 and min_p {self.min_p} in [0, 1]")
        if not 0 < self.repetition_penalty < float("inf"):
            raise ValueError(f"repetition_penalty {self.repetition_penalty} must be above 0")


class Sampler:
    """Draws tokens as a `Sampling` says, or as its numbers do: Sampler(0.8, 0.95, seed=1)."""

    def __init__(
        self, temperature: float = 0.0, top_p: float = 1.0, seed: int | None = None, *, sampling: Sampling | None = None
    ) -> None:
        self.sampling = sampling or Sampling(temperature=temperature, top_p=top_p, seed=seed)
        self._random = np.random.default_rng(self.sampling.seed)

    def __call__(self, logits: np.ndarray, context: Sequence[int] = ()) -> int:
        """A token id for `logits` [vocabulary]; `context` are the tokens before it (only a repetition penalty reads them)."""
        how = self.sampling
        if how.repetition_penalty != 1 and len(context):
            logits = _penalized(logits, context, how.repetition_penalty)
        if how.temperature == 0:
            return int(logits.argmax())
        scaled = logits.astype(np.float64) / how.temperature
        weights = np.exp(scaled - scaled.max())
        kept = np.arange(len(weights))
        if how.top_k or how.top_p < 1 or how.min_p > 0:
            kept = self._filtered(weights)
        cumulative = np.cumsum(weights[kept])
        drawn = np.searchsorted(cumulative, self._random.random() * cumulative[-1], side="right")
        return int(kept[min(int(drawn), len(kept) - 1)])

    def _filtered(self, weights: np.ndarray) -> np.ndarray:
        """The tokens that the filters keep, the likeliest first."""
        how = self.sampling
        order = np.argsort(-weights, kind="stable")
        if how.top_k:
            order = order[: how.top_k]
        if how.min_p > 0:
            order = order[weights[order] >= how.min_p * weights[order[0]]]
        if how.top_p < 1:
            total = np.cumsum(weights[order])
            order = order[: int(np.searchsorted(total, how.top_p * total[-1])) + 1]
        return order


def _penalized(logits: np.ndarray, context: Sequence[int], penalty: float) -> np.ndarray:
    result = logits.astype(np.float32, copy=True)
    seen = np.unique(np.asarray(context, np.intp))
    seen = seen[seen < len(result)]
    values = result[seen]
    result[seen] = np.where(values > 0, values / penalty, values * penalty)
    return result
