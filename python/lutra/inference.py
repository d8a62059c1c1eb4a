"""InferenceSession: onnxruntime's interface with Lutra in its place.

import lutra
session = lutra.InferenceSession("model.onnx")          # compiled once, then from the cache on disk
outputs = session.run(None, {"input_ids": ids, ...})
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lutra import cache
from lutra.errors import LutraError
from lutra.session import Session, TensorInfo, compile, target_options

#: numpy's dtypes as onnxruntime spells them.
_TYPES = {
    "float32": "tensor(float)",
    "float16": "tensor(float16)",
    "int64": "tensor(int64)",
    "int32": "tensor(int32)",
    "int8": "tensor(int8)",
    "uint8": "tensor(uint8)",
    "bool": "tensor(bool)",
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
        self._entry: cache.Entry | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if isinstance(path_or_bytes, bytes | bytearray):
            self.session = self._open(bytes(path_or_bytes))
        elif Path(path_or_bytes).is_dir():
            if not cache.is_artifact(Path(path_or_bytes)):
                raise LutraError(
                    f"'{path_or_bytes}' holds no manifest.json: expected what lutra compile writes, or an .onnx file"
                )
            self.session = Session(path_or_bytes, threads=self.options.threads)
        else:
            path = Path(path_or_bytes)
            if not path.is_file():
                raise LutraError(f"'{path}' does not exist")
            self.session = self._open(path)

    def _open(self, model: Path | bytes) -> Session:
        options = self.options
        spelled = target_options(options.target, options.target_options)

        def make(directory: Path) -> None:
            if isinstance(model, Path):
                compile(model, directory, options.target, options=spelled, progress=options.progress)
                return
            with tempfile.TemporaryDirectory(prefix="lutra-") as folder:
                path = Path(folder) / "model.onnx"
                path.write_bytes(model)
                compile(path, directory, options.target, options=spelled, progress=options.progress)

        if not options.use_cache:
            self._folder = tempfile.TemporaryDirectory(prefix="lutra-")
            directory = Path(self._folder.name) / "model.lutra"
            make(directory)
            return Session(directory, threads=options.threads)
        store = cache.Cache(options.cache_dir)
        key = cache.key_of(model, options.target, spelled)
        name = str(model.resolve()) if isinstance(model, Path) else f"{len(model)} bytes"
        self._entry = store.entry(key, make, name)
        try:
            return Session(self._entry.path, threads=options.threads)
        except LutraError:
            if self._entry.made:
                raise
        # A damaged entry is made again, once.
        self._entry.close()
        store.remove(key)
        self._entry = store.entry(key, make, name)
        return Session(self._entry.path, threads=options.threads)

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
        """Runs the model once; gives the outputs named, or all, as numpy arrays (which also are DLPack producers).

        Inputs are numpy arrays or objects with `__dlpack__` (a tensor of another framework, on the CPU), used where they lie,
        strided or not. What `outputs` names is written in place. `run_options` is there for onnxruntime's sake and must be
        None. Raises LutraError for a missing or unknown name, a wrong dtype or a shape that does not fit, naming the input.
        """
        if run_options is not None:
            raise LutraError("run options are not supported: pass None")
        feeds = {name: as_array(name, value) for name, value in input_feed.items()}
        given = {name: as_array(name, value) for name, value in (outputs or {}).items()}
        return self.session.run(output_names, feeds, given)

    def close(self) -> None:
        """Releases the code and the weights; the session cannot run after that."""
        self.session.close()
        if self._entry is not None:
            self._entry.close()
        if self._folder is not None:
            self._folder.cleanup()

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
