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
    """A decoder in an ONNX file, run by onnxruntime in f32. `head_size` is needed where the model leaves it symbolic.

    Raises LutraError when onnxruntime is not installed, or cannot run the file (it has none of the operators of ai.lutra).
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 0, *, head_size: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise LutraError("onnxruntime is not installed: pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # it has exceptions of its own for each kind of failure
            raise LutraError(
                f"onnxruntime cannot run '{os.fspath(path)}': {str(error).splitlines()[0]}; name another reference"
            ) from error
        self._past_inputs = [value for value in self._session.get_inputs() if value.name.startswith("past_key_values")]
        self._outputs = [
            "logits",
            *("present" + value.name.removeprefix("past_key_values") for value in self._past_inputs),
        ]
        names = {value.name for value in self._session.get_inputs()}
        self._selects, self._positions = "logits_positions" in names, "position_ids" in names
        self._shapes = [(1, value.shape[1], 0, _size(value.shape[3], head_size)) for value in self._past_inputs]
        self.reset()

    def reset(self) -> None:
        self._length = 0
        self._past = [np.zeros(shape, np.float32) for shape in self._shapes]

    def feed(self, tokens: Sequence[int]) -> np.ndarray:
        self._length += len(tokens)
        feeds = {
            "input_ids": np.asarray(tokens, np.int64)[None],
            "attention_mask": np.ones((1, self._length), np.int64),
        }
        feeds |= {value.name: past for value, past in zip(self._past_inputs, self._past)}
        if self._selects:
            feeds["logits_positions"] = np.arange(len(tokens))
        if self._positions:
            feeds["position_ids"] = np.arange(self._length - len(tokens), self._length)[None]
        logits, *self._past = self._session.run(self._outputs, feeds)
        found: np.ndarray = logits[0]
        return found


def _size(dim: int | str | None, head_size: int | None) -> int:
    if isinstance(dim, int):
        return dim
    if head_size is None:
        raise LutraError(
            f"the model does not say its head size ('{dim}'): genai_config.json or config.json beside it does"
        )
    return head_size
