"""GGUF to ONNX: `convert_gguf`, which keeps every weight exactly (see lutra.convert.quant)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from gguf import GGMLQuantizationType as Kind

from lutra.convert import lowbit, quant
from lutra.convert.checkpoint import Checkpoint
from lutra.convert.decoder import DecoderGraph
from lutra.convert.graph import GraphBuilder
from lutra.convert.tokenizer import save_tokenizer
from lutra.errors import LutraError

__all__ = ["convert_gguf"]


def convert_gguf(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    tokenizer: bool = True,
    select_logits: bool = False,
    to_float: bool = False,
    progress: Callable[[str, float], None] | None = None,
    report: Callable[[str], None] | None = None,
) -> Path:
    """Converts the GGUF model `source` to the ONNX model `destination` (a file name that ends in .onnx).

    Beside it are written `<name>.onnx.data` (the weights), tokenizer.json and model.json (unless `tokenizer` is False).
    `select_logits` adds the input logits_positions (see lutra.convert.decoder), so that a prompt costs no logits but the
    last. `to_float` writes every weight in f32 (what `lutra.quantize` starts from). `progress` is called with a
    description and the finished fraction, `report` with a line that says which kinds of weights were converted, and which of them
    not exactly. Raises LutraError when the file cannot be converted exactly; nothing is left
    behind then. Returns the path of the ONNX file.
    """
    source, destination = Path(source), Path(destination)
    if destination.suffix != ".onnx":
        raise LutraError(f"the output '{destination}' must name a file that ends in .onnx")
    checkpoint = Checkpoint(source)
    kinds = (*quant.FLOAT_KINDS, Kind.BF16, *quant.QUANTIZED_KINDS, *lowbit.LOWBIT_KINDS)
    checkpoint.check_kinds(kinds, ", ".join(kind.name for kind in kinds))
    total = max(1, source.stat().st_size)
    done = 0

    def advance(name: str, size: int) -> None:
        nonlocal done
        done += size
        if progress:
            progress(name, min(done / total, 1.0))

    destination.parent.mkdir(parents=True, exist_ok=True)
    if tokenizer:
        save_tokenizer(checkpoint, destination.parent)
    data_path = destination.with_name(destination.name + ".data")
    partial_data, partial_model = (
        data_path.with_name(data_path.name + ".part"),
        destination.with_name(destination.name + ".part"),
    )
    try:
        with open(partial_data, "wb") as data:
            graph = GraphBuilder(checkpoint.config.name, data, data_path.name)
            DecoderGraph(checkpoint, graph, advance, select_logits, to_float).build()
        graph.save(partial_model)
        partial_data.replace(data_path)
        partial_model.replace(destination)
    finally:
        partial_data.unlink(missing_ok=True)
        partial_model.unlink(missing_ok=True)
    if progress:
        progress("done", 1.0)
    if report:
        report(_summary(checkpoint, to_float))
    return destination


def _summary(checkpoint: Checkpoint, to_float: bool) -> str:
    """How many matrices of each kind there were, and how exactly they were converted."""
    rounded = () if to_float else (*lowbit.ROUNDED_KINDS, *quant.ROUNDED_KINDS)
    kinds = sorted(checkpoint.kinds().items(), key=lambda item: -item[1])
    parts = [f"{count} {kind.name}" + (" (rounded)" if kind in rounded else "") for kind, count in kinds]
    note = "none quantized anew"
    if any(kind in rounded for kind, _ in kinds):
        note += "; rounded: within 1.5 ulp of the group's largest weight, the others exact"
    return f"{checkpoint.config.architecture.name}, matrices: {', '.join(parts)}; {note}"
