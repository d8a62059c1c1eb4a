"""Reads a GGUF file: its metadata, its hyperparameters (`lutra.convert.config`), every tensor accounted for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize

from lutra.convert import lowbit
from lutra.convert.config import read_config
from lutra.convert.kinds import ForkKind, TensorKind
from lutra.errors import LutraError

#: What follows the codes of an I2_S tensor: its scale, and padding.
_I2_S_TAIL = 32


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor as stored: `shape` outermost first; `data` is uint8 [N, bytes per row] for quantized kinds, else the
    numbers themselves, a view of the mapped file. I2_S's one scale comes at the end of each row, as 4 bytes."""

    name: str
    kind: TensorKind
    shape: tuple[int, ...]
    data: np.ndarray

    def as_f32(self) -> np.ndarray:
        """The values of an F32 or F16 tensor as f32 (exact)."""
        return np.ascontiguousarray(self.data, dtype=np.float32).reshape(self.shape)

    def as_float(self) -> StoredTensor:
        """The tensor with its values in f32, whatever its kind."""
        if self.kind in (GGMLQuantizationType.F32, GGMLQuantizationType.F16):
            return self
        if self.kind == ForkKind.I2_S:
            matrix = lowbit.repack(self.data, self.kind, self.name)
            values = matrix.format.dequantize(matrix.components, matrix.rows, matrix.cols).astype(np.float32)
        else:  # (BF16 is stored in bytes like the quantized kinds.)
            values = dequantize(self.data, self.kind).reshape(self.shape)
        return StoredTensor(self.name, GGMLQuantizationType.F32, self.shape, values)


class _Reader(GGUFReader):  # type: ignore[misc]  # gguf is untyped
    """A GGUFReader that keeps the tensors of kinds it does not know apart."""

    data: np.ndarray

    def _get(self, *arguments: Any, **options: Any) -> Any:
        # A vocabulary is read number by number, and slices of a memmap cost ten times those of the array behind it.
        if isinstance(self.data, np.memmap):
            self.data = np.asarray(self.data)
        return super()._get(*arguments, **options)

    def _build_tensors(self, start_offs: int, fields: list[Any]) -> None:
        numbers = {kind.value for kind in ForkKind}
        super()._build_tensors(start_offs, [field for field in fields if field.parts[4][0] not in numbers])
        self.forked: dict[str, StoredTensor] = {}
        for field in fields:
            if field.parts[4][0] not in numbers:
                continue
            _, name_data, _, dims, _, offset = field.parts
            name = bytes(name_data).decode("utf-8")
            shape = tuple(int(dim) for dim in reversed(dims))
            data = self._get(int(start_offs + offset[0]), np.uint8, int(np.prod(shape)) // 4 + _I2_S_TAIL)
            if name in self.forked or any(tensor.name == name for tensor in self.tensors):
                raise ValueError(f"found duplicated tensor with name {name}")
            if len(shape) != 2 or shape[1] % 128 or len(data) != int(np.prod(shape)) // 4 + _I2_S_TAIL:
                raise ValueError(
                    f"tensor '{name}' of kind I2_S has shape {list(shape)} and {len(data)} bytes: expected rows of a multiple "
                    "of 128 weights, in 2 bits each, and 32 bytes more"
                )
            self.forked[name] = StoredTensor(name, ForkKind.I2_S, shape, data)


def _with_scales(tensor: StoredTensor) -> StoredTensor:
    """The I2_S tensor with its scale behind each row."""
    rows, codes = tensor.shape[0], len(tensor.data) - _I2_S_TAIL
    scale = np.broadcast_to(tensor.data[codes : codes + 4], (rows, 4))
    data = np.concatenate([tensor.data[:codes].reshape(rows, -1), scale], axis=1)
    return dataclasses.replace(tensor, data=data)


class Checkpoint:
    """An open GGUF file. Raises LutraError when it is not a model that can be converted."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise LutraError(f"'{path}' is not a file: expected a GGUF model")
        try:
            self._reader = _Reader(path)
        except (ValueError, IndexError, KeyError, OSError) as error:
            raise LutraError(f"'{path}' cannot be read as GGUF: {error or 'the file is truncated'}") from error
        self.path = path
        self._tensors: dict[str, StoredTensor] = dict(self._reader.forked)
        for tensor in self._reader.tensors:
            shape = tuple(int(dim) for dim in reversed(tensor.shape))
            self._tensors[tensor.name] = StoredTensor(tensor.name, tensor.tensor_type, shape, tensor.data)
        self._used: set[str] = set()
        self.config = read_config(self)

    def metadata(self, key: str, default: Any = None) -> Any:
        """The value stored under `key`, or `default`."""
        field = self._reader.fields.get(key)
        return default if field is None else field.contents()

    def shape_of(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, outermost dimension first. Raises LutraError when it is missing."""
        return self._find(name).shape

    def kind_of(self, name: str) -> TensorKind:
        """How a tensor is stored. Raises LutraError when it is missing."""
        return self._find(name).kind

    def _find(self, name: str) -> StoredTensor:
        if name not in self._tensors:
            raise LutraError(f"'{self.path}' lacks the tensor '{name}'")
        return self._tensors[name]

    def has(self, name: str) -> bool:
        return name in self._tensors

    def take(self, name: str, shape: tuple[int, ...]) -> StoredTensor:
        """The tensor `name`, which must have `shape`; it counts as used from now on."""
        found = self.shape_of(name)
        if found != shape:
            raise LutraError(f"tensor '{name}' has shape {list(found)}; expected {list(shape)}")
        self._used.add(name)
        tensor = self._tensors[name]
        return _with_scales(tensor) if tensor.kind == ForkKind.I2_S else tensor

    def kinds(self) -> dict[TensorKind, int]:
        """The kinds of the matrices, with the number of matrices of each."""
        found: dict[TensorKind, int] = {}
        for tensor in self._tensors.values():
            if len(tensor.shape) > 1:
                found[tensor.kind] = found.get(tensor.kind, 0) + 1
        return found

    def check_kinds(self, kinds: Iterable[TensorKind], described: str) -> None:
        """Refuses the file, naming every tensor whose kind is not one of `kinds`, before any work is done."""
        bad: dict[str, list[str]] = {}
        for tensor in self._tensors.values():
            if tensor.kind not in kinds:
                bad.setdefault(tensor.kind.name, []).append(tensor.name)
        if bad:
            found = "; ".join(
                f"{kind}: {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
                for kind, names in sorted(bad.items())
            )
            raise LutraError(f"'{self.path}' has tensors of unsupported types ({found}); expected {described}")

    def unused(self) -> Iterator[str]:
        """Tensors that nobody took: a part of the model that the converter does not know."""
        return (name for name in self._tensors if name not in self._used)
