"""The generation loop: prefill, then one token at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lutra.decoder import Decoder


@dataclass(slots=True)
class Timings:
    """Tokens and seconds of the two phases. A decode step makes one token from the one before, so the first token of an
    answer belongs to prefill."""

    prefill_tokens: int = 0
    prefill_seconds: float = 0.0
    decode_tokens: int = 0
    decode_seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"prefill {self.prefill_tokens} tokens, {_rate(self.prefill_tokens, self.prefill_seconds)}; "
            f"decode {self.decode_tokens} tokens, {_rate(self.decode_tokens, self.decode_seconds)}"
        )


def _rate(tokens: int, seconds: float) -> str:
    return f"{tokens / seconds:.1f} tokens/s" if seconds > 0 else "-"


def generate(
    decoder: Decoder,
    prompt: Sequence[int],
    *,
    max_tokens: int,
    stop: Collection[int] = (),
    choose: Callable[[np.ndarray, Sequence[int]], int] | None = None,
    timings: Timings | None = None,
) -> Iterator[int]:
    """Yields up to `max_tokens` tokens that follow `prompt`, until one in `stop` (which is not yielded).

    `choose` picks a token from logits [vocabulary] and the tokens so far; greedy when None. `timings` is kept up to date.
    """
    choose, seen = choose or (lambda logits, _context: int(logits.argmax())), list(prompt)
    timings = timings if timings is not None else Timings()
    started = time.perf_counter()
    token = choose(decoder.prefill(prompt), seen)
    timings.prefill_tokens += len(prompt)
    timings.prefill_seconds += time.perf_counter() - started
    for count in range(1, max_tokens + 1):
        if token in stop:
            return
        seen.append(token)
        yield token
        if count == max_tokens:
            return
        started = time.perf_counter()
        token = choose(decoder.feed([token])[-1], seen)
        timings.decode_tokens += 1
        timings.decode_seconds += time.perf_counter() - started
