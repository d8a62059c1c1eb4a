"""Finds or makes the compiled form of a model: an artifact directory, or a model compiled once into the cache on disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lutra import cache
from lutra.errors import LutraError
from lutra.session import Session, compile

Progress = Callable[[str, float], None]


@dataclass(slots=True)
class Opened:
    """An open session, and what must live as long as it: the entry of the cache, or the folder of a model that is not cached."""

    session: Session
    entry: cache.Entry | None = None
    folder: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Closes the session and lets go of its files."""
        self.session.close()
        if self.entry is not None:
            self.entry.close()
        if self.folder is not None:
            self.folder.cleanup()


def open_model(
    model: str | os.PathLike[str] | bytes,
    target: str = "cpu",
    options: Sequence[str] = (),
    *,
    threads: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    use_cache: bool = True,
    progress: Progress | None = None,
) -> Opened:
    """Opens a compiled model's directory, an .onnx file or a model's bytes; the last two are compiled unless the cache has them.

    Raises LutraError with the compiler's diagnostics, or when the path is none of these.
    """
    if not isinstance(model, bytes):
        model = Path(model)
        if model.is_dir():
            if not cache.is_artifact(model):
                raise LutraError(
                    f"'{model}' holds no manifest.json: expected what lutra compile writes, or an .onnx file"
                )
            return Opened(Session(model, threads=threads))
        if model.suffix.lower() == ".gguf":
            raise LutraError(
                f"'{model}' is neither a compiled model nor an .onnx file (lutra convert makes one from GGUF)"
            )
        if not model.is_file():
            raise LutraError(f"'{model}' does not exist")

    def make(directory: Path) -> None:
        if isinstance(model, Path):
            compile(model, directory, target, options=options, progress=progress)
            return
        with tempfile.TemporaryDirectory(prefix="lutra-") as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(model)
            compile(path, directory, target, options=options, progress=progress)

    if not use_cache:
        folder = tempfile.TemporaryDirectory(prefix="lutra-")
        directory = Path(folder.name) / "model.lutra"
        make(directory)
        return Opened(Session(directory, threads=threads), folder=folder)
    store = cache.Cache(cache_dir)
    key = cache.key_of(model, target, options, store.root)
    name = str(model.resolve()) if isinstance(model, Path) else f"{len(model)} bytes"
    entry = store.entry(key, make, name)
    try:
        return Opened(Session(entry.path, threads=threads), entry)
    except LutraError:
        if entry.made:
            raise
    # A damaged entry is made again, once.
    entry.close()
    store.remove(key)
    entry = store.entry(key, make, name)
    return Opened(Session(entry.path, threads=threads), entry)
