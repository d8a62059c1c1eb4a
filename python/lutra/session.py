"""Compiling a model and running the result on numpy arrays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lutra import native, textconfig
from lutra.binding import Binding
from lutra.errors import LutraError

#: The manifest's dtype names.
DTYPES: dict[str, np.dtype] = {
    "f32": np.dtype(np.float32),
    "f16": np.dtype(np.float16),
    "i64": np.dtype(np.int64),
    "i32": np.dtype(np.int32),
    "i8": np.dtype(np.int8),
    "u8": np.dtype(np.uint8),
    "f64": np.dtype(np.float64),
    "i16": np.dtype(np.int16),
    "u16": np.dtype(np.uint16),
    "u32": np.dtype(np.uint32),
    "u64": np.dtype(np.uint64),
    "bool": np.dtype(np.bool_),
}
#: Those that the package ml_dtypes brings; each element takes a byte, bf16's two.
SMALL_DTYPES = {
    **{"bf16": "bfloat16", "e4m3": "float8_e4m3fn", "e4m3fnuz": "float8_e4m3fnuz", "e5m2": "float8_e5m2"},
    **{"e5m2fnuz": "float8_e5m2fnuz", "e8m0": "float8_e8m0fnu", "e2m1": "float4_e2m1fn"},
    **{"i4": "int4", "u4": "uint4", "i2": "int2", "u2": "uint2"},
}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output: a string in `shape` is a symbolic dimension, the same size wherever its name stands."""

    name: str
    dtype: np.dtype
    shape: tuple[int | str, ...]


def compile(
    model: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    target: str = "cpu",
    *,
    options: Mapping[str, object] | Sequence[str] = (),
    progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Compiles the ONNX file `model` into the artifact `directory`.

    `options` are the target's, as {"table": "f32"} or ["cpu.table=f32"]. `progress` is called with the phase and the
    finished fraction. tokenizer.json and model.json beside the model are copied into the artifact; without model.json it is made
    from the files that onnxruntime-genai and Hugging Face write. Raises LutraError with the compiler's diagnostics. Returns the
    directory.
    """
    model, directory = Path(model), Path(directory)
    native.compile_model(str(model), str(directory), target, target_options(target, options), progress)
    for name in ("tokenizer.json", textconfig.CONFIG_FILE):
        beside = model.with_name(name)
        if beside.is_file():
            (directory / name).write_bytes(beside.read_bytes())
    config = directory / textconfig.CONFIG_FILE
    if not config.exists() and (found := textconfig.describe(model.parent)) is not None:
        config.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return directory


def target_options(target: str, options: Mapping[str, object] | Sequence[str]) -> list[str]:
    """Options of `target`, as "target.key=value" strings."""
    if not isinstance(options, Mapping):
        return list(options)
    return [f"{key if '.' in key else f'{target}.{key}'}={_spell(value)}" for key, value in options.items()]


def _spell(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Session:
    """A compiled model, open to be run.

    Raises LutraError when the artifact is damaged, of another version, or made for a CPU with features this one lacks. Of weights
    above 64 MiB samples are compared with their hash, or with `verify` every byte, which takes as long as reading the file.
    """

    def __init__(self, directory: str | os.PathLike[str], *, threads: int | None = None, verify: bool = False) -> None:
        self._native = native.NativeSession(str(directory), verify)
        manifest = json.loads(self._native.manifest())
        self._inputs = [_info(entry) for entry in manifest["inputs"]]
        self._outputs = [_info(entry) for entry in manifest["outputs"]]
        self.directory = Path(directory)
        self.target: str = manifest["target"]["name"]
        if threads is not None:
            self.set_threads(threads)

    def inputs(self) -> list[TensorInfo]:
        """The model's inputs, in order."""
        return list(self._inputs)

    def outputs(self) -> list[TensorInfo]:
        """The model's outputs, in order."""
        return list(self._outputs)

    def set_threads(self, threads: int) -> None:
        """Uses at most `threads` threads from the next run on. The results do not depend on their number."""
        self._native.set_threads(threads)

    def bind(self) -> Binding:
        """A set of arrays to run on again and again, without describing them anew each time."""
        return Binding(self._native, self._inputs, self._outputs)

    def run(
        self,
        output_names: Sequence[str] | None,
        inputs: Mapping[str, np.ndarray],
        outputs: Mapping[str, np.ndarray] | None = None,
    ) -> list[np.ndarray]:
        """Runs the model once; gives the outputs named, or all.

        Arrays are used where they lie, strided or not. An array in `outputs` receives that output in place (a `present`
        may be a longer view of the memory of its `past`); the others are allocated. Raises LutraError for a missing or
        unknown name, a wrong dtype, or a shape that does not fit, naming the input.
        """
        known = [info.name for info in self._outputs]
        wanted = known if output_names is None else list(output_names)
        for name in [*wanted, *(outputs or ())]:
            if name not in known:
                raise LutraError(f"the model has no output '{name}'; it has {_listed(known)}")
        binding = self.bind()
        for name, array in inputs.items():
            binding.set_input(name, array)
        given = dict(outputs or {})
        sizes = binding.sizes()
        for info in self._outputs:
            if info.name not in given:
                given[info.name] = np.empty(tuple(_resolve(dim, sizes, info) for dim in info.shape), info.dtype)
            binding.set_output(info.name, given[info.name])
        binding.run()
        return [given[name] for name in wanted]

    def close(self) -> None:
        """Releases the code and the weights; the session cannot run after that."""
        self._native.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _info(entry: dict[str, Any]) -> TensorInfo:
    return TensorInfo(entry["name"], _dtype(entry), tuple(entry["shape"]))


def _dtype(entry: dict[str, Any]) -> np.dtype:
    """numpy's dtype of an input or output. Raises LutraError for a type that only ml_dtypes brings where that is missing."""
    name: str = entry["dtype"]
    if name in DTYPES:
        return DTYPES[name]
    if name not in SMALL_DTYPES:
        raise LutraError(f"'{entry['name']}' has the type {name}, which numpy has not")
    try:
        import ml_dtypes
    except ModuleNotFoundError:
        raise LutraError(
            f"'{entry['name']}' is of {name}, which needs the Python package 'ml_dtypes': pip install ml_dtypes"
        ) from None
    found: np.dtype = np.dtype(getattr(ml_dtypes, SMALL_DTYPES[name]))
    return found


def _resolve(dim: int | str, sizes: Mapping[str, int], info: TensorInfo) -> int:
    if isinstance(dim, int):
        return dim
    if dim not in sizes:
        raise LutraError(
            f"the size '{dim}' of output '{info.name}' follows from no input: pass an array for it in `outputs`"
        )
    return sizes[dim]


def _listed(names: Sequence[str], limit: int = 6) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")
