"""The KV cache of a decoder: one buffer for each `past` input that its `present` output grows in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lutra.errors import LutraError

if TYPE_CHECKING:
    from lutra.binding import Binding
    from lutra.session import TensorInfo

_LENGTH_AXIS = 2  # [batch, kv heads, length, head size]
_LINE = 64  # Bytes of a cache line: no vector of a buffer lies in two.


def _lines(size: int) -> int:
    """`size` bytes in whole lines."""
    return -(-size // _LINE) * _LINE


class KVCache:
    """Buffers [batch, kv heads, capacity, head size] for a model with inputs past_key_values.* and outputs present.*.

    A view of the first `length` positions is the past; the present is the longer view of the same memory, so a step
    writes its new keys and values only and nothing is copied. `head_size` is needed where the model leaves it symbolic.
    """

    def __init__(
        self,
        inputs: Sequence[TensorInfo],
        outputs: Sequence[TensorInfo],
        capacity: int,
        batch: int = 1,
        *,
        head_size: int | None = None,
    ) -> None:
        names = {info.name for info in outputs}
        self._pairs = [
            (info, "present" + info.name.removeprefix("past_key_values"))
            for info in inputs
            if info.name.startswith("past_key_values")
        ]
        self.capacity = capacity
        self.length = 0
        self._buffers: dict[str, np.ndarray] = {}
        for info, present in self._pairs:
            if present not in names:
                raise LutraError(f"the model has no output '{present}' for its input '{info.name}'")
            if len(info.shape) != 4 or isinstance(info.shape[1], str):
                raise LutraError(
                    f"input '{info.name}' has shape {info.shape}; expected [batch, kv heads, past, head size]"
                )
            if isinstance(info.shape[3], str) and head_size is None:
                raise LutraError(
                    f"input '{info.name}' does not say its head size ('{info.shape[3]}'): genai_config.json or config.json "
                    'beside the model does, or "head_size" in model.json'
                )
        shapes = {
            info.name: (
                batch, int(info.shape[1]), capacity, int(head_size or 0) if isinstance(info.shape[3], str) else info.shape[3]
            )
            for info, _ in self._pairs
        }  # fmt: skip
        # One block for all layers: numpy asks for huge pages for what is large, which streaming through the cache needs.
        sizes = {info.name: int(np.prod(shapes[info.name])) * info.dtype.itemsize for info, _ in self._pairs}
        # Written, so that the pages are there before the first token is timed.
        memory = np.full(sum(_lines(size) for size in sizes.values()) + _LINE, 0, np.uint8)
        start = -memory.ctypes.data % _LINE
        for info, _ in self._pairs:
            part = memory[start : start + sizes[info.name]]
            self._buffers[info.name] = part.view(info.dtype).reshape(shapes[info.name])
            start += _lines(sizes[info.name])

    def past(self) -> dict[str, np.ndarray]:
        """Input name -> view [batch, kv heads, length, head size]."""
        return {info.name: self._view(info.name, self.length) for info, _ in self._pairs}

    def present(self, new: int) -> dict[str, np.ndarray]:
        """Output name -> view [batch, kv heads, length + new, head size] that begins with the past.

        Raises LutraError when the capacity does not hold `new` more positions.
        """
        self._check(new)
        return {present: self._view(info.name, self.length + new) for info, present in self._pairs}

    def bind(self, binding: Binding) -> None:
        """Binds every past and present once; `resize` then moves their lengths."""
        for info, present in self._pairs:
            binding.set_input(info.name, self._view(info.name, self.length))
            binding.set_output(present, self._view(info.name, self.length))
        self._positions = binding.positions(
            [info.name for info, _ in self._pairs], [present for _, present in self._pairs]
        )

    def resize(self, binding: Binding, new: int) -> None:
        """Makes the bound views fit a step of `new` tokens."""
        self._check(new)
        binding.resize(*self._positions, _LENGTH_AXIS, self.length, self.length + new)

    def advance(self, new: int) -> None:
        """Counts `new` positions, which a run has written, as past."""
        self._check(new)
        self.length += new

    def truncate(self, length: int) -> None:
        """Forgets the positions from `length` on."""
        if not 0 <= length <= self.length:
            raise LutraError(f"the cache holds {self.length} positions; it cannot keep {length}")
        self.length = length

    def _view(self, name: str, length: int) -> np.ndarray:
        return self._buffers[name][:, :, :length]

    def _check(self, new: int) -> None:
        if self.length + new > self.capacity:
            raise LutraError(
                f"the KV cache holds {self.capacity} positions, of which {self.length} are used: {new} more do not fit"
            )
