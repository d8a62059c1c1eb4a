"""Choosing the next token from logits."""

from __future__ import annotations

import numpy as np


class Sampler:
    """Greedy for temperature 0; else draws from softmax(logits / temperature), kept to the smallest set of tokens whose
    probabilities add up to `top_p`. The same seed gives the same choices."""

    def __init__(self, temperature: float = 0.0, top_p: float = 1.0, seed: int | None = None) -> None:
        if temperature < 0 or not 0 < top_p <= 1:
            raise ValueError(f"temperature {temperature} must be at least 0 and top_p {top_p} in (0, 1]")
        self._temperature = temperature
        self._top_p = top_p
        self._random = np.random.default_rng(seed)

    def __call__(self, logits: np.ndarray) -> int:
        """A token id for `logits` [vocabulary]."""
        if self._temperature == 0:
            return int(logits.argmax())
        scaled = logits.astype(np.float64) / self._temperature
        weights = np.exp(scaled - scaled.max())
        if self._top_p < 1:
            order = np.argsort(-weights, kind="stable")
            total = np.cumsum(weights[order])
            kept = order[: int(np.searchsorted(total, self._top_p * total[-1])) + 1]
        else:
            kept = np.arange(len(weights))
        cumulative = np.cumsum(weights[kept])
        drawn = np.searchsorted(cumulative, self._random.random() * cumulative[-1], side="right")
        return int(kept[min(int(drawn), len(kept) - 1)])
