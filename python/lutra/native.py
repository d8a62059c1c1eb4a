"""The C API of libLutraC (include/lutra-c/lutra.h) through ctypes."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int32, c_void_p
from pathlib import Path
from typing import Any

from lutra.errors import LutraError

_LIBRARY = "libLutraC.so"

#: LUTRA_VERIFY_HASHES of lutra.h.
VERIFY_HASHES = 2

ProgressCallback = ctypes.CFUNCTYPE(None, c_char_p, c_double, c_void_p)


class LutraTensor(ctypes.Structure):
    """LutraTensor of lutra.h; strides count elements, dtype is a number of ONNX's TensorProto.DataType."""

    _fields_ = [("data", c_void_p), ("dtype", c_int32), ("rank", c_int32), ("sizes", c_void_p), ("strides", c_void_p)]


_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "lutraVersion": (c_char_p, []),
    "lutraFree": (None, [c_void_p]),
    "lutraCompile": (
        c_int,
        [c_char_p, c_char_p, c_char_p, POINTER(c_char_p), c_int, ProgressCallback, c_void_p, POINTER(c_void_p)],
    ),
    "lutraSessionOpen": (c_int, [c_char_p, c_int, POINTER(c_void_p), POINTER(c_void_p)]),
    "lutraSessionClose": (None, [c_void_p]),
    "lutraSessionManifest": (c_char_p, [c_void_p]),
    "lutraSessionSetThreads": (c_int, [c_void_p, c_int]),
    "lutraSessionRun": (c_int, [c_void_p, POINTER(LutraTensor), c_int, POINTER(LutraTensor), c_int, POINTER(c_void_p)]),
}


def _candidates() -> list[Path]:
    package = Path(__file__).resolve().parent
    folders = [package, package.parents[1] / "build" / "lib"]
    if chosen := os.environ.get("LUTRA_LIBRARY_DIR"):
        folders.insert(0, Path(chosen))
    return [folder / _LIBRARY for folder in folders]


@functools.cache
def library() -> ctypes.CDLL:
    """The loaded library: from $LUTRA_LIBRARY_DIR, beside this package, or from the build folder of the source tree."""
    paths = _candidates()
    for path in paths:
        if path.is_file():
            break
    else:
        raise LutraError(
            f"{_LIBRARY} was not found in {', '.join(str(p.parent) for p in paths)}: "
            "run scripts/build, or set LUTRA_LIBRARY_DIR"
        )
    # A wheel brings the linker that the compiler starts when the one it was built with is not there: first, since that of the system may be older.
    if (linker := path.parent / "bin" / "ld.lld").is_file():
        os.environ["PATH"] = f"{linker.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    try:
        loaded = ctypes.CDLL(str(path))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise LutraError(f"'{path}' cannot be loaded: {error}") from error
    return loaded


def lutrac() -> str | None:
    """The compiler's command: the one that belongs to the library (in a wheel, or in a build folder), else that on the PATH."""
    home = Path(library()._name).resolve().parent
    for folder in (home / "bin", home.parent / "bin"):
        if (folder / "lutrac").is_file():
            return str(folder / "lutrac")
    return shutil.which("lutrac")


def check(status: int, error: c_void_p) -> None:
    """Raises LutraError with the message that a failed call left in `error`, and frees it."""
    if status == 0:
        return
    message = "the call failed without a message"
    if error.value:
        message = ctypes.string_at(error.value).decode("utf-8", "replace").strip()
        library().lutraFree(error)
    raise LutraError(message)


def version() -> str:
    """The version of the loaded library."""
    found: str = library().lutraVersion().decode()
    return found


def compile_model(
    model: str, directory: str, target: str, options: list[str], progress: Callable[[str, float], None] | None
) -> None:
    """lutraCompile: `options` are "target.key=value" strings."""
    array = (c_char_p * max(1, len(options)))(*[option.encode() for option in options])
    callback = ProgressCallback()
    if progress is not None:
        callback = ProgressCallback(lambda phase, fraction, _: progress(phase.decode(), fraction))
    error = c_void_p()
    check(
        library().lutraCompile(
            os.fsencode(model),
            os.fsencode(directory),
            target.encode(),
            array,
            len(options),
            callback,
            None,
            byref(error),
        ),
        error,
    )


class NativeSession:
    """An open LutraSession; closed when it is no longer used. `verify`: every byte of its files is compared with their hashes."""

    def __init__(self, directory: str, verify: bool = False) -> None:
        self._handle = c_void_p()
        self._library = library()
        error = c_void_p()
        flags = VERIFY_HASHES if verify else 0
        check(self._library.lutraSessionOpen(os.fsencode(directory), flags, byref(self._handle), byref(error)), error)

    def close(self) -> None:
        if self._handle:
            self._library.lutraSessionClose(self._handle)
            self._handle = c_void_p()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self.close()

    def manifest(self) -> str:
        found: str = self._library.lutraSessionManifest(self._open()).decode()
        return found

    def set_threads(self, threads: int) -> None:
        if self._library.lutraSessionSetThreads(self._open(), threads) != 0:
            raise LutraError(f"the session cannot run on {threads} threads: expected at least 1")

    def run(self, inputs: ctypes.Array[LutraTensor], outputs: ctypes.Array[LutraTensor]) -> None:
        """lutraSessionRun on arrays of LutraTensor in the manifest's order. Other Python threads run meanwhile."""
        error = c_void_p()
        status = self._library.lutraSessionRun(self._open(), inputs, len(inputs), outputs, len(outputs), byref(error))
        check(status, error)

    def _open(self) -> c_void_p:
        if not self._handle:
            raise LutraError("the session is closed")
        return self._handle
