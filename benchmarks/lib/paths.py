"""Where things are: the build, what benchmarks/setup made, and the driver, which is compiled when it is missing or old."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "benchmarks"
PEER_PYTHON = CACHE / "venv" / "bin" / "python"
IK_PYTHON = CACHE / "venv-ik" / "bin" / "python"
_DRIVER = ROOT / "benchmarks" / "driver"
_COMPILERS = ("/usr/lib/llvm-22/bin/clang++", "clang++-22", "clang++")


class BenchmarkError(Exception):
    """What the user can mend, in a line."""


def library() -> Path:
    """libLutraC.so of $LUTRA_LIBRARY_DIR, else of build/lib."""
    path = Path(os.environ.get("LUTRA_LIBRARY_DIR") or ROOT / "build" / "lib") / "libLutraC.so"
    if not path.is_file():
        raise BenchmarkError(f"'{path}' does not exist: run scripts/build, or set LUTRA_LIBRARY_DIR")
    return path


def tool(name: str) -> Path:
    """A program of the build that `library` is of."""
    path = library().parents[1] / "bin" / name
    if not path.is_file():
        raise BenchmarkError(f"'{path}' does not exist: run scripts/build, or set LUTRA_LIBRARY_DIR")
    return path


def driver() -> Path:
    """The driver of benchmarks/driver, for this CPU."""
    sources = sorted(_DRIVER.glob("*.cpp"))
    newest = max(file.stat().st_mtime for file in _DRIVER.iterdir())
    program = CACHE / "driver"
    if program.exists() and program.stat().st_mtime >= newest:
        return program
    compiler = next((found for name in _COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        raise BenchmarkError(f"no compiler was found (looked for {', '.join(_COMPILERS)}): run scripts/setup")
    CACHE.mkdir(parents=True, exist_ok=True)
    fresh = program.with_suffix(f".{os.getpid()}")
    command: list[str | Path] = [
        compiler,
        "-O3",
        "-march=native",
        "-std=c++20",
        "-Xclang",
        "-fopenmp",
        f"-I{ROOT / 'include'}",
        *map(str, sources),
    ]
    # The runtime that compiled models use; the compiler need not have one of its own.
    command += ["-lbenchmark", "-l:libomp.so.5", "-pthread", "-ldl", "-o", fresh]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(
            f"the driver does not compile (libbenchmark-dev and libomp-dev are needed):\n{done.stderr.strip()}"
        )
    fresh.replace(program)
    return program
