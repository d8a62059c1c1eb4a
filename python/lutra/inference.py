"""InferenceSession: onnxruntime's interface with Lutra in its place.

import lutra
session = lutra.InferenceSession("model.onnx")          # compiled once, then from the cache on disk
outputs = session.run(None, {"input_ids": ids, ...})
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lutra import artifacts
from lutra.errors import LutraError
from lutra.session import TensorInfo, target_options

#: numpy's dtypes as onnxruntime spells them.
_TYPES = {
    **{"float32": "tensor(float)", "float16": "tensor(float16)", "float64": "tensor(double)", "bool": "tensor(bool)"},
    **{name: f"tensor({name})" for name in ("bfloat16", "int8", "int16", "int32", "int64")},
    **{name: f"tensor({name})" for name in ("uint8", "uint16", "uint32", "uint64", "int4", "uint4", "int2", "uint2")},
    **{"float8_e4m3fn": "tensor(float8e4m3fn)", "float8_e4m3fnuz": "tensor(float8e4m3fnuz)"},
    **{"float8_e5m2": "tensor(float8e5m2)", "float8_e5m2fnuz": "tensor(float8e5m2fnuz)"},
    **{"float8_e8m0fnu": "tensor(float8e8m0)", "float4_e2m1fn": "tensor(float4e2m1)"},
}


@dataclass(frozen=True, slots=True)
class NodeArg:
    """An input or output as onnxruntime describes it: `type` such as "tensor(float)"; a string in `shape` is a symbolic
    dimension, the same size wherever its name stands."""

    name: str
    type: str
    shape: list[int | str]


@dataclass(slots=True)
class SessionOptions:
    """How a model is compiled and run.

    `target_options` as {"table": "f32"} or ["cpu.table=f32"]; `threads` None for all; `cache_dir` None for the user's cache;
    `use_cache` False compiles anew and keeps nothing; `progress` is called with the phase and the finished fraction.
    """

    target: str = "cpu"
    target_options: Mapping[str, object] | Sequence[str] = ()
    threads: int | None = None
    cache_dir: str | os.PathLike[str] | None = None
    use_cache: bool = True
    progress: Callable[[str, float], None] | None = field(default=None, repr=False)


class InferenceSession:
    """A model ready to run: an .onnx file, an ONNX model's bytes (without external data), or a compiled model's directory.

    The compiled form is kept in a cache on disk (`lutra.cache`), found by the content of the model. Raises LutraError with the
    compiler's diagnostics, or when the path is none of these.
    """

    def __init__(self, path_or_bytes: str | os.PathLike[str] | bytes, options: SessionOptions | None = None) -> None:
        self.options = options or SessionOptions()
        how = self.options
        given = bytes(path_or_bytes) if isinstance(path_or_bytes, bytearray | memoryview) else path_or_bytes
        self._opened = artifacts.open_model(
            given, how.target, target_options(how.target, how.target_options), threads=how.threads,
            cache_dir=how.cache_dir, use_cache=how.use_cache, progress=how.progress,
        )  # fmt: skip
        self.session = self._opened.session

    @property
    def compiled(self) -> bool:
        """Whether the model was compiled just now, not found in the cache."""
        return self._opened.folder is not None or (self._opened.entry is not None and self._opened.entry.made)

    def get_inputs(self) -> list[NodeArg]:
        """The model's inputs, in order."""
        return [_node_arg(info) for info in self.session.inputs()]

    def get_outputs(self) -> list[NodeArg]:
        """The model's outputs, in order."""
        return [_node_arg(info) for info in self.session.outputs()]

    def get_providers(self) -> list[str]:
        """The target that the model is compiled for."""
        return [f"Lutra:{self.session.target}"]

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        run_options: object = None,
        *,
        outputs: Mapping[str, Any] | None = None,
    ) -> list[np.ndarray]:
        """Runs the model once; gives the outputs named, or all (None, or no name, as onnxruntime has it), as numpy arrays, which
        also are DLPack producers.

        Inputs are numpy arrays or objects with `__dlpack__` (a tensor of another framework, on the CPU), used where they lie,
        strided or not. What `outputs` names is written in place. `run_options` is there for onnxruntime's sake and must be
        None. Raises LutraError for a missing or unknown name, a wrong dtype or a shape that does not fit, naming the input.
        """
        if run_options is not None:
            raise LutraError("run options are not supported: pass None")
        feeds = {name: as_array(name, value) for name, value in input_feed.items()}
        given = {name: as_array(name, value) for name, value in (outputs or {}).items()}
        return self.session.run(output_names or None, feeds, given)

    def close(self) -> None:
        """Releases the code and the weights; the session cannot run after that."""
        self._opened.close()

    def __enter__(self) -> InferenceSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def as_array(name: str, value: Any) -> np.ndarray:
    """`value` as a numpy array without a copy. Raises LutraError for what is neither an array nor a DLPack producer, or
    lies on another device."""
    if isinstance(value, np.ndarray):
        return value
    if not hasattr(value, "__dlpack__"):
        raise LutraError(f"'{name}' must be a numpy array or a DLPack tensor, not {type(value).__name__}")
    try:
        return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise LutraError(f"'{name}' cannot be used through DLPack: {error}") from error


def _node_arg(info: TensorInfo) -> NodeArg:
    return NodeArg(info.name, _TYPES[info.dtype.name], list(info.shape))
