"""What every weight format answers: its spelling, its components, their values, and a quantizer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lutra.errors import LutraError
from lutra.formats.layout import SCALE_TYPES

#: The components of a weight by name, in the order of the format.
Components = dict[str, np.ndarray]

UINT8 = (np.dtype(np.uint8),)
INT8 = (np.dtype(np.int8),)
INT32 = (np.dtype(np.int32),)
FLOAT = (np.dtype(np.float32),)
VALUES = (np.dtype(np.float32), np.dtype(np.float16))
SCALES = tuple(SCALE_TYPES.values())


@dataclass(frozen=True, slots=True)
class Component:
    """The schema of one component: its name, shape, and the element types that it may have."""

    name: str
    shape: tuple[int, ...]
    dtypes: tuple[np.dtype, ...]

    def renamed(self, name: str) -> Component:
        """The same schema under another name."""
        return Component(name, self.shape, self.dtypes)


class Format(ABC):
    """A weight format of docs/spec/onnx-domain.md."""

    #: Whether this format is made of others (nested, mixed, outliers).
    composite = False

    @property
    @abstractmethod
    def spelling(self) -> str:
        """The format as the attribute `format` of an `ai.lutra` operator writes it."""

    @abstractmethod
    def schema(self, rows: int, cols: int) -> tuple[Component, ...]:
        """The components of a rows x cols weight, in order."""

    @abstractmethod
    def dequantize(self, components: Mapping[str, np.ndarray], rows: int, cols: int) -> np.ndarray:
        """The weight f64 [rows, cols]: each element as the format's formula gives it in f64.

        Raises LutraError when a component has a code or index that the format has not.
        """

    @abstractmethod
    def quantize(self, weights: np.ndarray) -> Components:
        """Components of weights [N, K], rounded to nearest: the plain quantizer, no calibration."""

    def check(self, components: Mapping[str, np.ndarray], rows: int, cols: int) -> None:
        """Raises LutraError unless `components` are exactly those of the schema."""
        schema = self.schema(rows, cols)
        names = [part.name for part in schema]
        for name in components:
            if name not in names:
                raise LutraError(f"{self.spelling} has no component '{name}' (it has {', '.join(names)})")
        for part in schema:
            array = components.get(part.name)
            if array is None:
                raise LutraError(f"{self.spelling} needs the component '{part.name}'")
            if array.shape != part.shape:
                raise LutraError(f"component '{part.name}' must have shape {part.shape}, but has {array.shape}")
            if array.dtype not in part.dtypes:
                allowed = " or ".join(str(dtype) for dtype in part.dtypes)
                raise LutraError(f"component '{part.name}' must be {allowed}, but is {array.dtype}")

    def __str__(self) -> str:
        return self.spelling


def spell(name: str, *positional: str, **keys: object) -> str:
    """name(positional, key=value, ...), leaving out keys that are None."""
    arguments = [*positional]
    for key, value in keys.items():
        if isinstance(value, tuple):
            arguments.append(f"{key}=[{', '.join(map(str, value))}]")
        elif value is not None:
            arguments.append(f"{key}={value}")
    return f"{name}({', '.join(arguments)})"


def default(value: object, normal: object) -> object:
    """None when `value` is the default that a spelling leaves out."""
    return None if value == normal else value
