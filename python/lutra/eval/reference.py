"""onnxruntime as the reference decoder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from lutra.errors import LutraError


class Model(Protocol):
    """What the measurements need of a decoder (`lutra.decoder.Decoder` is one)."""

    def reset(self) -> None:
        """Forgets what was fed."""

    def feed(self, tokens: Sequence[int]) -> np.ndarray:
        """Appends tokens; logits f32 [len(tokens), vocabulary] after each."""


class ReferenceModel:
    """A genai-shaped ONNX file run by onnxruntime, in f32."""

    def __init__(self, path: str | os.PathLike[str], threads: int = 0) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise LutraError("onnxruntime is not installed: pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
        self._past_inputs = [value for value in self._session.get_inputs() if value.name.startswith("past_key_values")]
        self._outputs = [
            "logits",
            *("present" + value.name.removeprefix("past_key_values") for value in self._past_inputs),
        ]
        self._selects = any(value.name == "logits_positions" for value in self._session.get_inputs())
        self.reset()

    def reset(self) -> None:
        self._length = 0
        self._past = [np.zeros((1, value.shape[1], 0, value.shape[3]), np.float32) for value in self._past_inputs]

    def feed(self, tokens: Sequence[int]) -> np.ndarray:
        self._length += len(tokens)
        feeds = {
            "input_ids": np.asarray(tokens, np.int64)[None],
            "attention_mask": np.ones((1, self._length), np.int64),
        }
        feeds |= {value.name: past for value, past in zip(self._past_inputs, self._past)}
        if self._selects:
            feeds["logits_positions"] = np.arange(len(tokens))
        logits, *self._past = self._session.run(self._outputs, feeds)
        found: np.ndarray = logits[0]
        return found
