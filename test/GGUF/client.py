"""Asks llama.cpp, in a process of its own (peer.py says what)."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".cache" / "benchmarks" / "venv" / "bin" / "python"


def ask(model: Path, **request: Any) -> dict[str, Any]:
    """llama.cpp's answer. A failure raises AssertionError with what it said."""
    if not PYTHON.exists():
        raise AssertionError(f"'{PYTHON}' does not exist: run benchmarks/setup, which builds llama.cpp")
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump({"model": str(model), **request}, file)
        file.flush()
        command = [PYTHON, Path(__file__).with_name("peer.py"), file.name]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"llama.cpp: {done.stderr.strip()[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
