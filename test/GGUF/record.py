"""Writes logits.json: what llama.cpp computes for the tiny models of test/Python/tiny_models.py, for test_architectures.py.

Usage: .venv/bin/python test/GGUF/record.py   (after benchmarks/setup, with PYTHONPATH=python)
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "Python")]

import numpy as np
from client import ask
from tiny_models import ARCHITECTURES, TinyModel

#: As in test_architectures.py.
IDS = [5, 80, 200, 17, 33, 90, 120, 60, 7, 8, 100, 240, 31, 77, 66, 55, 44, 33, 22, 11]
#: Only bitnet.cpp knows it.
UNKNOWN = ("bitnet-b1.58",)


def answers() -> Iterator[tuple[str, Path, np.ndarray]]:
    """Each architecture that llama.cpp knows: its tiny model's file, and what llama.cpp computes, tokens x vocabulary."""
    with tempfile.TemporaryDirectory() as folder:
        for architecture in ARCHITECTURES:
            if architecture in UNKNOWN:
                continue
            model, logits = Path(folder) / "m.gguf", Path(folder) / "logits.npy"
            TinyModel(model, architecture)
            ask(model, windows=[IDS], logits=str(logits), threads=1)
            yield architecture, model, np.load(logits)


def main() -> None:
    recorded = {name: [round(float(value), 6) for value in logits[-1]] for name, _, logits in answers()}
    lines = ",\n".join(f'"{name}": {json.dumps(values)}' for name, values in recorded.items())
    (HERE / "logits.json").write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
