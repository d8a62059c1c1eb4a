"""Several sequences decoded together, each with its own length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lutra.decoder import head_size
from lutra.errors import LutraError
from lutra.kvcache import KVCache
from lutra.session import Session


def supports_batches(session: Session) -> bool:
    """Whether sequences of a batch may have lengths of their own, which the mask says. In a graph that makes a present of the past and
    what is new by concatenation (its length is written as a sum), or is told positions, all have one length."""
    lengths = [
        str(info.shape[2]) for info in session.outputs() if info.name.startswith("present") and len(info.shape) == 4
    ]
    return not any("+" in length for length in lengths) and all(
        info.name != "position_ids" for info in session.inputs()
    )


class BatchDecoder:
    """Runs a genai-shaped decoder model for `batch` sequences of at most `capacity` tokens.

    Prompts are padded behind: a padding token's keys and values are never seen by what comes before it, and the tokens that
    are decoded later take its place in the cache. Raises LutraError for a model in which sequences cannot have lengths of their
    own (see `supports_batches`).
    """

    def __init__(self, session: Session, batch: int, capacity: int) -> None:
        inputs, outputs = session.inputs(), session.outputs()
        names = {info.name for info in inputs}
        logits = next((info for info in outputs if info.name == "logits"), None)
        if not {"input_ids", "attention_mask"} <= names or logits is None:
            raise LutraError(
                f"'{session.directory}' is not a decoder model: expected inputs input_ids and attention_mask and an output logits"
            )
        self._session, self._selects, self._dtype = session, "logits_positions" in names, logits.dtype
        self.vocabulary, self.batch = int(logits.shape[-1]), batch
        self._cache = KVCache(inputs, outputs, capacity, batch, head_size=head_size(session))
        self._positions = "position_ids" in names
        if batch > 1 and not supports_batches(session):
            raise LutraError("the model's sequences share one length: decode them one after the other")
        self.lengths = np.zeros(batch, np.int64)

    def prefill(self, prompts: Sequence[Sequence[int]]) -> np.ndarray:
        """Feeds a prompt to each sequence, from nothing; logits f32 [batch, vocabulary] after the last token of each.

        Raises LutraError for an empty prompt, or one that does not fit.
        """
        if len(prompts) != self.batch or min(len(prompt) for prompt in prompts) == 0:
            raise LutraError(f"expected {self.batch} prompts of at least one token each")
        self._cache.truncate(0)
        self.lengths = np.array([len(prompt) for prompt in prompts], np.int64)
        longest = int(self.lengths.max())
        ids = np.zeros((self.batch, longest), np.int64)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)] = prompt
        wanted = np.unique(self.lengths - 1) if self._selects else np.arange(longest)
        logits = self._run(ids, wanted)
        return logits[np.arange(self.batch), np.searchsorted(wanted, self.lengths - 1)]

    def step(self, tokens: Sequence[int]) -> np.ndarray:
        """Appends a token to each sequence; logits f32 [batch, vocabulary] after it."""
        self.lengths += 1
        return self._run(np.asarray(tokens, np.int64)[:, None], np.zeros(1, np.int64))[:, 0]

    def _run(self, ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        new = ids.shape[1]
        mask = (np.arange(self._cache.length + new) < self.lengths[:, None]).astype(np.int64)
        logits = np.empty((self.batch, len(wanted) if self._selects else new, self.vocabulary), self._dtype)
        feeds = {"input_ids": ids, "attention_mask": mask, **self._cache.past()}
        if self._selects:
            feeds["logits_positions"] = wanted
        if self._positions:
            feeds["position_ids"] = np.arange(self._cache.length, self._cache.length + new)[None]
        self._session.run(["logits"], feeds, {"logits": logits, **self._cache.present(new)})
        self._cache.advance(new)
        return logits
