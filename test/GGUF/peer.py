"""llama.cpp as the reference, through the C API that llama-cpp-python wraps: answers one request, as JSON.

Usage: peer.py REQUEST.json, with {"model": path, "threads": n, "texts": [string...]?, "windows": [[token...]...]?, "logits": path?,
"prompt": [token...]?, "count": n?}.
Prints {"version", "tokens"?, "losses"?, "answer"?}: the tokens of each text, the likeliest `count` tokens behind the prompt, and the mean loss of the predictions in each window, which begins with an
empty cache; its first token is not predicted. "logits" names a file for the f32 logits [tokens, vocabulary] of the first window.

Runs with the Python that benchmarks/setup prepared; needs nothing of Lutra. The cache is f32 and attention is not llama.cpp's flash
attention, whose sums are f16: the model's own arithmetic, as far as llama.cpp's products allow.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp import llama_cpp as api

_F32 = 0  # of enum ggml_type


@api.llama_log_callback
def _errors(level: int, text: bytes, _user: ctypes.c_void_p) -> None:
    if level >= 4:  # GGML_LOG_LEVEL_ERROR
        sys.stderr.write(text.decode("utf-8", "replace"))


class Peer:
    """A model, and one context for windows of up to `capacity` tokens; none for a vocabulary alone."""

    def __init__(self, path: str, capacity: int, threads: int) -> None:
        api.llama_log_set(_errors, ctypes.c_void_p(0))
        api.llama_backend_init()
        options = api.llama_model_default_params()
        options.vocab_only = capacity == 0
        self._model = api.llama_model_load_from_file(path.encode(), options)
        if not self._model:
            raise SystemExit(f"llama.cpp cannot load '{path}'")
        self._vocabulary = api.llama_model_get_vocab(self._model)
        if capacity == 0:
            return
        parameters = api.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = max(capacity, 32)
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.type_k = parameters.type_v = _F32
        parameters.flash_attn_type = 0
        self._context = api.llama_init_from_model(self._model, parameters)
        if not self._context:
            raise SystemExit(f"llama.cpp cannot run '{path}'")

    def tokens(self, text: str) -> list[int]:
        """Special tokens may be spelled out; bos is added where the model asks for it."""
        data = text.encode("utf-8")
        room = len(data) + 16
        found = (api.llama_token * room)()
        count = api.llama_tokenize(self._vocabulary, data, len(data), found, room, True, True)
        if count < 0:
            raise SystemExit("llama.cpp cannot tokenize the text")
        return list(found[:count])

    def logits(self, tokens: Sequence[int]) -> np.ndarray:
        """f32 [tokens, vocabulary] after each token; valid until the next call."""
        api.llama_memory_clear(api.llama_get_memory(self._context), True)
        return self._feed(tokens, 0)

    def continued(self, tokens: Sequence[int], count: int) -> list[int]:
        """The likeliest token, `count` times."""
        found = [int(self.logits(tokens)[-1].argmax())]
        while len(found) < count:
            found.append(int(self._feed(found[-1:], len(tokens) + len(found) - 1)[-1].argmax()))
        return found

    def _feed(self, tokens: Sequence[int], start: int) -> np.ndarray:
        batch = api.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, start + i, 1, 1
            batch.seq_id[i][0] = 0
        if api.llama_decode(self._context, batch) != 0:
            raise SystemExit("llama_decode failed")
        size = api.llama_vocab_n_tokens(self._vocabulary)
        found = np.ctypeslib.as_array(api.llama_get_logits(self._context), (len(tokens), size))
        api.llama_batch_free(batch)
        return found


def mean_loss(logits: np.ndarray, tokens: Sequence[int]) -> float:
    """The mean of -ln p(token) over all tokens but the first."""
    losses = []
    for row, token in zip(logits[:-1], tokens[1:]):
        values = row.astype(np.float64)
        top = values.max()
        losses.append(top + np.log(np.exp(values - top).sum()) - values[token])
    return float(np.mean(losses))


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    windows = request.get("windows") or []
    prompt = request.get("prompt") or []
    capacity = max([*map(len, windows), len(prompt) + request.get("count", 0)])
    peer = Peer(request["model"], capacity, request.get("threads", 2))
    answer: dict[str, Any] = {"version": llama_cpp.__version__}
    if "texts" in request:
        answer["tokens"] = [peer.tokens(text) for text in request["texts"]]
    if prompt:
        answer["answer"] = peer.continued(prompt, request["count"])
    if windows:
        answer["losses"] = []
        for i, window in enumerate(windows):
            logits = peer.logits(window)
            answer["losses"].append(mean_loss(logits, window))
            if i == 0 and request.get("logits"):
                np.save(request["logits"], logits)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
