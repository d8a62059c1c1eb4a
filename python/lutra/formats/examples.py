"""The worked examples of docs/spec/onnx-domain.md, read from the page, so that tests keep them true."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np

from lutra.formats.base import Components, Format
from lutra.formats.grammar import parse

_DTYPES: dict[str, type] = {
    "FLOAT": np.float32,
    "FLOAT16": np.float16,
    "BFLOAT16": ml_dtypes.bfloat16,
    "FLOAT8E8M0": ml_dtypes.float8_e8m0fnu,
    "FLOAT8E4M3FN": ml_dtypes.float8_e4m3fn,
}


@dataclass(frozen=True, slots=True)
class Example:
    """A weight [rows, cols] of the page: its components, and the values f64 that they stand for."""

    format: Format
    rows: int
    cols: int
    components: Components
    values: np.ndarray


def read_examples(page: Path) -> list[Example]:
    """Every fenced block `example` of the page. Bytes are hexadecimal, other numbers decimal."""
    return [_read(block) for block in re.findall(r"^```example\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)]


def _read(block: str) -> Example:
    lines = dict(line.split(maxsplit=1) for line in block.splitlines())
    form = parse(lines.pop("format"))
    rows, cols = (int(size) for size in lines.pop("shape").split("x"))
    values = np.array(lines.pop("w").split(), np.float64).reshape(rows, cols)
    schema = {part.name: part for part in form.schema(rows, cols)}
    components: Components = {}
    for key, text in lines.items():
        name, _, dtype = key.partition(":")
        part = schema[name]
        kind = np.dtype(_DTYPES[dtype]) if dtype else part.dtypes[0]
        base = 16 if kind.itemsize == 1 and kind.kind in "iu" else 10
        numbers = [int(word, base) for word in text.split()] if kind.kind in "iu" else [float(w) for w in text.split()]
        array = np.array(numbers, np.uint8).view(kind) if base == 16 else np.array(numbers).astype(kind)
        components[name] = array.reshape(part.shape)
    return Example(form, rows, cols, components, values)
