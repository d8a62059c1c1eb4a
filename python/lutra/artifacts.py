"""Finds or makes the compiled form of a model: an artifact directory, or an .onnx file compiled once into a cache."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from lutra import native
from lutra.errors import LutraError
from lutra.session import compile

#: The folder beside a model that holds what it was compiled to.
CACHE = ".lutra-cache"


def is_artifact(path: Path) -> bool:
    return (path / "manifest.json").is_file()


def resolve(
    model: str | os.PathLike[str],
    target: str,
    options: Sequence[str],
    progress: Callable[[str, float], None] | None = None,
) -> Path:
    """The artifact directory for `model`: itself, or its cached compilation, which is made first when the model, the
    options, the compiler or the CPU are not those it was made for."""
    model = Path(model)
    if model.is_dir():
        if not is_artifact(model):
            raise LutraError(f"'{model}' holds no manifest.json: expected what lutra compile writes, or an .onnx file")
        return model
    if model.suffix != ".onnx":
        raise LutraError(f"'{model}' is neither a compiled model nor an .onnx file (lutra convert makes one from GGUF)")
    if not model.is_file():
        raise LutraError(f"'{model}' does not exist")
    cache = model.parent / CACHE
    stem = "-".join([model.stem, target, *(option.replace("/", "_") for option in options)])
    made = cache / f"{stem}.{_key(model)}"
    if is_artifact(made):
        return made
    cache.mkdir(exist_ok=True)
    partial = cache / f"{made.name}.part-{os.getpid()}"
    try:
        compile(model, partial, target, options=options, progress=progress)
        if not is_artifact(made):
            partial.rename(made)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for stale in cache.glob(f"{_escaped(stem)}.{'[0-9a-f]' * 16}"):
        if stale != made:
            shutil.rmtree(stale, ignore_errors=True)
    return made


def _escaped(text: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)


def _key(model: Path) -> str:
    """Changes with the model's files, the compiler's library and the CPU's features."""
    digest = hashlib.sha256()
    for path in (model, model.with_name(model.name + ".data"), Path(native.library()._name)):
        if path.exists():
            stat = path.stat()
            digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            digest.update(next((line for line in cpuinfo if line.startswith(("flags", "Features"))), "").encode())
    except OSError:
        pass
    return digest.hexdigest()[:16]
