"""A compiled decoder model with its KV cache: feed tokens, get logits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from lutra.errors import LutraError
from lutra.kvcache import KVCache
from lutra.session import Session

#: Tokens of a prompt that are run at once; bounds the size of the logits [tokens, vocabulary].
PREFILL_CHUNK = 512


class Decoder:
    """Runs a decoder model (input_ids, attention_mask, position_ids if it has them, past_key_values.* -> logits, present.*) for one
    sequence of at most `capacity` tokens."""

    def __init__(self, session: Session, capacity: int) -> None:
        inputs, outputs = session.inputs(), session.outputs()
        names = {info.name for info in inputs}
        logits = next((info for info in outputs if info.name == "logits"), None)
        if not {"input_ids", "attention_mask"} <= names or logits is None:
            raise LutraError(
                f"'{session.directory}' is not a decoder model: expected inputs input_ids and attention_mask and "
                "an output logits"
            )
        self.vocabulary = int(logits.shape[-1])
        self._cache = KVCache(inputs, outputs, capacity, head_size=head_size(session))
        self._binding = session.bind()
        self._cache.bind(self._binding)
        self._mask = np.ones((1, capacity), np.int64)
        self._ids = np.zeros((1, 1), np.int64)
        self._selects = "logits_positions" in names
        # Both are bound once, for the whole capacity, and moved along.
        self._binding.set_input("attention_mask", self._mask)
        self._mask_at = self._binding.position("attention_mask")
        self._positions_at: int | None = None
        if "position_ids" in names:
            self._binding.set_input("position_ids", np.arange(capacity, dtype=np.int64)[None])
            self._positions_at = self._binding.position("position_ids")
        self._logits = np.empty((1, 1, self.vocabulary), logits.dtype)
        self._bound = 0

    @property
    def length(self) -> int:
        """Tokens fed so far."""
        return self._cache.length

    @property
    def capacity(self) -> int:
        return self._cache.capacity

    def reset(self) -> None:
        """Forgets everything that was fed."""
        self._cache.truncate(0)

    def truncate(self, length: int) -> None:
        """Forgets what was fed from token number `length` on. Raises LutraError when less was fed."""
        self._cache.truncate(length)

    def feed(self, tokens: Sequence[int]) -> np.ndarray:
        """Appends `tokens` and gives the logits f32 [len(tokens), vocabulary] after each.

        For a single token the result is valid until the next call. Raises LutraError beyond the capacity.
        """
        parts = [self._run(part, len(part)) for part in _chunks(tokens)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def prefill(self, tokens: Sequence[int]) -> np.ndarray:
        """Appends `tokens` and gives the logits f32 [vocabulary] after the last. A model with the input
        logits_positions computes no others."""
        for part in _chunks(tokens):
            logits = self._run(part, 1 if self._selects else len(part))
        found: np.ndarray = logits[-1]
        return found

    def _run(self, tokens: Sequence[int], wanted: int) -> np.ndarray:
        """One run of the model on new `tokens`; logits f32 [wanted, vocabulary] after the last `wanted` of them."""
        count, binding = len(tokens), self._binding
        self._cache.resize(binding, count)
        if wanted == 1:
            logits = self._logits
        else:
            logits = np.empty((1, wanted, self.vocabulary), self._logits.dtype)
        if count == 1:
            self._ids[0, 0] = tokens[0]
        if count > 1 or self._bound != 1:
            binding.set_input("input_ids", self._ids if count == 1 else np.asarray(tokens, np.int64)[None])
            binding.set_output("logits", logits)
            if self._selects:
                binding.set_input("logits_positions", np.arange(count - wanted, count))
        self._bound = count
        past = self._cache.length
        if self._positions_at is not None:
            binding.move(self._positions_at, 1, count, past)
        binding.move(self._mask_at, 1, past + count)
        binding.run()
        self._cache.advance(count)
        found: np.ndarray = logits[0]
        return found


def head_size(session: Session) -> int | None:
    """What model.json in the artifact says of the heads' size: models may leave it symbolic."""
    try:
        found = json.loads((session.directory / "model.json").read_text(encoding="utf-8")).get("head_size")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, int) else None


def _chunks(tokens: Sequence[int]) -> Iterator[Sequence[int]]:
    """`tokens` in parts that are run at once. Raises LutraError when there are none."""
    if len(tokens) == 0:
        raise LutraError("no tokens to feed: the prompt is empty")
    for i in range(0, len(tokens), PREFILL_CHUNK):
        yield tokens[i : i + PREFILL_CHUNK]
