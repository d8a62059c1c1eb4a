"""What a model's products are made of, what the compiler does with them, and how long each takes.

`inspect` reads the ONNX file; strategies and predicted times come from the compiler's remarks; measured times are those of each
product and of each other node that computes, compiled as a model of its own, and of one decode step of the whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from lutra.errors import LutraError
from lutra.inspection import others, remarks, timing
from lutra.inspection.others import Other
from lutra.inspection.render import page, table

__all__ = ["Inspection", "Layer", "Other", "inspect", "page", "table"]

#: Operators that multiply with a constant weight.
_PRODUCTS = {"MatMul", "Gemm", "MatMulNBits", "MatMulBnb4", "Gather", "GatherBlockQuantized"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A product: its weight is [rows, cols] and takes `bytes`. What is not known is None: `strategy` says what the compiler
    chose and why, `predicted` and `measured` are seconds for one row of activations."""

    name: str
    op: str
    rows: int
    cols: int
    format: str
    bytes: int
    strategy: str | None = None
    predicted: float | None = None
    measured: float | None = None

    @property
    def bits(self) -> float:
        """Stored bits of a weight."""
        return 8 * self.bytes / max(self.rows * self.cols, 1)


@dataclass(frozen=True, slots=True)
class Inspection:
    """The products of a model, in its order; `step` are the measured seconds of one token through the whole model, `others` the nodes
    around the products, where they were measured."""

    layers: list[Layer]
    step: float | None = None
    others: tuple[Other, ...] = ()


def inspect(
    path: str | os.PathLike[str],
    *,
    strategies: bool = True,
    measure: bool = False,
    target_options: Sequence[str] = (),
    progress: Callable[[str, float], None] | None = None,
) -> Inspection:
    """The products of the .onnx file `path`.

    `strategies` asks the compiler (where lutrac is installed) for its choices and predictions; `measure` times each product and
    each other node that computes alone, equal ones once, and a decoder's step. Raises LutraError when the file does not exist, cannot be read or is refused.
    """
    path = Path(path)
    if not path.is_file():
        raise LutraError(f"'{path}' does not exist")
    try:
        model = onnx.load(path, load_external_data=measure)
    except Exception as error:  # protobuf's own, and whatever external data raise
        raise LutraError(f"'{path}' cannot be read as ONNX: {error}") from error
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = [(node, layer) for node in model.graph.node if (layer := _layer(node, tensors)) is not None]
    layers = [layer for _, layer in nodes]
    if strategies:
        layers = _decided(layers, remarks.decisions(path, target_options))
    if not measure:
        return Inspection(layers)
    known: dict[tuple[object, ...], float | None] = {}
    for index, ((node, layer), found) in enumerate(zip(nodes, layers, strict=True)):
        if progress:
            progress(f"measuring {layer.name}", index / (len(layers) + 1))
        key = (layer.op, layer.rows, layer.cols, layer.format)
        if key not in known:
            known[key] = timing.product(node, layer.rows, layer.cols, model, tensors, target_options)
        layers[index] = replace(found, measured=known[key])
    if progress:
        progress("measuring a step of the whole", len(layers) / (len(layers) + 1))
    around = others.measure(
        model,
        {layer.name for layer in layers},
        lambda single, feed: timing.single_model(single, feed, target_options),
        progress,
    )
    return Inspection(layers, timing.decode_step(path, target_options), tuple(around))


def _decided(layers: Sequence[Layer], decisions: Sequence[remarks.Decision]) -> list[Layer]:
    """The layers with what the compiler says of each; nodes that it merged share the time by their bytes."""
    sizes = {layer.name: layer.bytes for layer in layers}
    said: dict[str, tuple[str | None, float | None]] = {}
    for decision in decisions:
        total = sum(sizes.get(node, 0) for node in decision.nodes)
        cost = decision.costs.get(decision.strategy or "")
        merged = f" (one product with {len(decision.nodes) - 1} more)" if len(decision.nodes) > 1 else ""
        for node in decision.nodes:
            part = None if cost is None or total == 0 else cost * sizes.get(node, 0) / total
            said[node] = (f"{decision.reason}{merged}", part)
    unknown = (None, None)
    return [
        replace(layer, strategy=said.get(layer.name, unknown)[0], predicted=said.get(layer.name, unknown)[1])
        for layer in layers
    ]


def _size(tensor: onnx.TensorProto) -> int:
    external = {entry.key: entry.value for entry in tensor.external_data}
    if "length" in external:
        return int(external["length"])
    width = 4 if tensor.data_type in (21, 22, 23) else helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize * 8
    return -(-int(np.prod(tensor.dims, dtype=np.int64)) * width // 8)


def _layer(node: onnx.NodeProto, tensors: dict[str, onnx.TensorProto]) -> Layer | None:
    constants = [tensors[name] for name in node.input if name in tensors]
    if node.op_type not in _PRODUCTS or not constants:
        return None
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    weight = max(constants, key=_size)
    if "N" in attributes and "K" in attributes:
        rows, cols = int(attributes["N"]), int(attributes["K"])
    elif len(weight.dims) >= 2:
        first, second = int(weight.dims[0]), int(np.prod(weight.dims[1:]))
        by_rows = node.op_type.startswith("Gather") or (node.op_type == "Gemm" and attributes.get("transB", 0))
        rows, cols = (first, second) if by_rows else (second, first)
        if node.op_type == "GatherBlockQuantized" and weight.data_type == TensorProto.UINT8:
            cols = cols * 8 // int(attributes.get("bits", 4))
    else:
        return None  # a table of single numbers, such as the index of a Gather on a shape
    if rows * cols < 64:
        return None
    form = attributes.get("format")
    if isinstance(form, bytes):
        spelled = form.decode()
    elif node.op_type in ("MatMulNBits", "GatherBlockQuantized"):
        spelled = f"{attributes.get('bits', 4)} bits, blocks of {attributes.get('block_size', 128)}"
    else:
        spelled = str(TensorProto.DataType.Name(weight.data_type)).lower()
    return Layer(node.name or node.output[0], node.op_type, rows, cols, spelled, sum(map(_size, constants)))
