"""Arrays bound to a session's inputs and outputs: checked once, run many times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lutra.errors import LutraError
from lutra.native import LutraTensor, NativeSession

if TYPE_CHECKING:
    from lutra.session import TensorInfo

#: numpy's names of element types to the numbers of TensorProto.DataType.
_CODES = {
    **{"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10},
    **{"float64": 11, "uint32": 12, "uint64": 13, "bfloat16": 16, "float8_e4m3fn": 17, "float8_e4m3fnuz": 18},
    **{"float8_e5m2": 19, "float8_e5m2fnuz": 20, "uint4": 21, "int4": 22, "float4_e2m1fn": 23, "float8_e8m0fnu": 24},
    **{"uint2": 25, "int2": 26},
}


#: Positions of inputs or outputs; a slice, which numpy writes sooner, where they are evenly spaced.
Places = np.ndarray | slice


def _places(positions: Sequence[int]) -> Places:
    steps = {after - before for before, after in zip(positions, positions[1:])}
    if len(steps) == 1 and (step := steps.pop()) > 0:
        return slice(positions[0], positions[-1] + 1, step)
    return np.array(positions, np.intp)


class _Side:
    """The inputs or the outputs: C descriptors whose sizes and strides lie in one int64 array [tensors, 2, rank]."""

    def __init__(self, kind: str, infos: Sequence[TensorInfo]) -> None:
        self.kind = kind
        self.infos = infos
        self.index = {info.name: i for i, info in enumerate(infos)}
        self.arrays: list[np.ndarray | None] = [None] * len(infos)
        self.begins = [0] * len(infos)
        self.is_complete = False
        self.dims = np.zeros((len(infos), 2, max([len(info.shape) for info in infos], default=0) or 1), np.int64)
        self.tensors = (LutraTensor * len(infos))()
        for i, info in enumerate(infos):
            tensor = self.tensors[i]
            tensor.dtype, tensor.rank = _CODES[info.dtype.name], len(info.shape)
            tensor.sizes, tensor.strides = self.dims[i, 0].ctypes.data, self.dims[i, 1].ctypes.data

    def find(self, name: str) -> int:
        if name not in self.index:
            names = [f"'{info.name}'" for info in self.infos]
            listed = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
            raise LutraError(f"the model has no {self.kind} '{name}'; it has {listed}")
        return self.index[name]

    def set(self, i: int, array: np.ndarray) -> None:
        info = self.infos[i]
        if not isinstance(array, np.ndarray):
            raise LutraError(f"{self.kind} '{info.name}' must be a numpy array, not {type(array).__name__}")
        if array.dtype != info.dtype:
            raise LutraError(f"{self.kind} '{info.name}' has dtype {array.dtype}; expected {info.dtype}")
        fits = array.ndim == len(info.shape) and all(
            isinstance(want, str) or have == want for have, want in zip(array.shape, info.shape)
        )
        if not fits:
            raise LutraError(
                f"{self.kind} '{info.name}' has shape {list(array.shape)}; expected [{', '.join(map(str, info.shape))}]"
            )
        item = array.itemsize
        if any(stride % item for stride in array.strides):
            raise LutraError(f"{self.kind} '{info.name}' has strides that are not whole elements: copy it first")
        self.arrays[i] = array
        self.dims[i, 0, : array.ndim] = array.shape
        self.dims[i, 1, : array.ndim] = [stride // item for stride in array.strides]
        self.begins[i] = self.tensors[i].data = array.__array_interface__["data"][0]

    def check_complete(self) -> None:
        # What is bound stays bound.
        if self.is_complete:
            return
        missing = [info.name for info, array in zip(self.infos, self.arrays) if array is None]
        if missing:
            raise LutraError(
                f"no array was given for {self.kind} '{missing[0]}'"
                + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
            )
        self.is_complete = True


class Binding:
    """Made by `Session.bind`. Keeps the arrays alive; they are read and written where they lie."""

    def __init__(self, session: NativeSession, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]) -> None:
        self._session = session
        self._inputs = _Side("input", inputs)
        self._outputs = _Side("output", outputs)

    def set_input(self, name: str, array: np.ndarray) -> None:
        """Binds an input. Raises LutraError for an unknown name, a wrong dtype or a shape that does not fit."""
        self._inputs.set(self._inputs.find(name), array)

    def set_output(self, name: str, array: np.ndarray) -> None:
        """Binds an output; the same checks, and it must be writable."""
        i = self._outputs.find(name)
        if isinstance(array, np.ndarray) and not array.flags.writeable:
            raise LutraError(f"output '{name}' is a read-only array")
        self._outputs.set(i, array)

    def sizes(self) -> dict[str, int]:
        """The symbolic dimensions as the inputs set them. Raises LutraError when two disagree or one is missing."""
        side = self._inputs
        side.check_complete()
        bound: dict[str, tuple[int, str]] = {}
        for i, info in enumerate(side.infos):
            for axis, dim in enumerate(info.shape):
                if isinstance(dim, str):
                    size = int(side.dims[i, 0, axis])
                    before, owner = bound.setdefault(dim, (size, info.name))
                    if before != size:
                        raise LutraError(f"'{dim}' is {before} in input '{owner}' but {size} in input '{info.name}'")
        return {dim: size for dim, (size, _) in bound.items()}

    def resize(self, inputs: Places, outputs: Places, axis: int, input_size: int, output_size: int) -> None:
        """Sets the length of `axis` of many bound arrays (given by position) at once; their memory must hold it."""
        self._inputs.dims[inputs, 0, axis] = input_size
        self._outputs.dims[outputs, 0, axis] = output_size

    def positions(self, inputs: Sequence[str], outputs: Sequence[str]) -> tuple[Places, Places]:
        """Positions for `resize`."""
        return (
            _places([self._inputs.find(name) for name in inputs]),
            _places([self._outputs.find(name) for name in outputs]),
        )

    def position(self, name: str) -> int:
        """Position of an input for `move`."""
        return self._inputs.find(name)

    def move(self, position: int, axis: int, size: int, offset: int = 0) -> None:
        """Sets the length of `axis` of a bound input, which begins `offset` elements behind its array; its memory must hold it."""
        side = self._inputs
        side.dims[position, 0, axis] = size
        side.tensors[position].data = side.begins[position] + offset * side.infos[position].dtype.itemsize

    def run(self) -> None:
        """Runs the model on the bound arrays."""
        self._inputs.check_complete()
        self._outputs.check_complete()
        self._session.run(self._inputs.tensors, self._outputs.tensors)
