"""Nodes and models of the ONNX operator domain `ai.lutra` (docs/spec/onnx-domain.md).

from lutra import formats, onnx_domain
quantized = onnx_domain.rewrite(onnx.load("model.onnx"), formats.parse("ternary(group=64, per=tensor)"))

`rewrite` replaces products of float weights; `matmul` and `gather` make single nodes for exporters of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lutra.errors import LutraError
from lutra.formats import Format, Nested, parse_activation

DOMAIN = "ai.lutra"
VERSION = 1


@dataclass(slots=True)
class Pieces:
    """A node and the initializers that it needs."""

    node: onnx.NodeProto
    initializers: list[TensorProto] = field(default_factory=list)

    def add_to(self, graph: onnx.GraphProto) -> None:
        """Appends both to `graph`."""
        graph.node.append(self.node)
        graph.initializer.extend(self.initializers)


def make_initializers(
    prefix: str, weight: Format, components: Mapping[str, np.ndarray], rows: int, cols: int
) -> list[TensorProto]:
    """The components of a rows x cols weight as initializers `<prefix>.<component>`, in the order of the format.

    Raises LutraError when the components are not those of the format.
    """
    weight.check(components, rows, cols)
    return [
        numpy_helper.from_array(np.ascontiguousarray(components[part.name]), f"{prefix}.{part.name}")
        for part in weight.schema(rows, cols)
    ]


def matmul(
    name: str,
    activations: str,
    output: str,
    weight: Format,
    components: Sequence[str],
    rows: int,
    cols: int,
    *,
    bias: str = "",
    precision: str = "",
    activation: str = "none",
) -> onnx.NodeProto:
    """output[..., rows] = activations[..., cols] w^T + bias, as one node.

    `components` name the values of the weight's components (`make_initializers`); `precision` names the scalar that chooses
    the bits of a nested weight. Raises LutraError for an unknown activation, or a precision without a nested weight.
    """
    parse_activation(activation)
    if precision and not isinstance(weight, Nested):
        raise LutraError(f"node '{name}': precision is for nested weights, but this one is {weight}")
    attributes: dict[str, Any] = {"N": rows, "K": cols, "format": weight.spelling}
    if activation != "none":
        attributes["activation"] = activation
    inputs = [activations, bias, precision, *components]
    return helper.make_node("MatMul", inputs, [output], name=name, domain=DOMAIN, **attributes)


def gather(
    name: str, indices: str, output: str, weight: Format, components: Sequence[str], rows: int, cols: int
) -> onnx.NodeProto:
    """output[..., cols] = rows of the weight at `indices`, as one node."""
    return helper.make_node(
        "Gather", [indices, *components], [output], name=name, domain=DOMAIN, N=rows, K=cols, format=weight.spelling
    )


def quantized_matmul(
    name: str,
    activations: str,
    output: str,
    weight: Format,
    weights: np.ndarray,
    *,
    bias: str = "",
    precision: str = "",
    activation: str = "none",
) -> Pieces:
    """The node of `matmul` for float weights [N, K], rounded to nearest, with its initializers."""
    initializers = make_initializers(name, weight, weight.quantize(weights), *weights.shape)
    names = [tensor.name for tensor in initializers]
    node = matmul(
        name, activations, output, weight, names, *weights.shape,
        bias=bias, precision=precision, activation=activation,
    )  # fmt: skip
    return Pieces(node, initializers)


#: What to make of a float weight: its format, or None to leave it. Arguments: the node, the weight [N, K].
Choose = Callable[[onnx.NodeProto, np.ndarray], Format | None]


def rewrite(model: onnx.ModelProto, choose: Format | Choose, *, activation: str = "none") -> onnx.ModelProto:
    """A copy of `model` whose products of constant float weights are `ai.lutra.MatMul`s.

    Rewritten are MatMul with a constant right side [K, N], and Gemm without transA and with alpha = beta = 1 (its bias one of
    N elements). `choose` is the format of all of them, or decides for each. Weights that nothing else uses are removed. A
    constant that several nodes multiply with is quantized once. External data must be loaded (onnx.load does).
    """
    parse_activation(activation)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    # The name of the float weight and whether it is stored [N, K] -> its format, shape and components' names.
    done: dict[tuple[str, bool], tuple[Format, tuple[int, int], list[str]]] = {}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        product = _match(node, constants)
        if product is None:
            nodes.append(node)
            continue
        key = (node.input[1], product.transposed)
        if key not in done:
            array = numpy_helper.to_array(constants[node.input[1]])
            weights = np.ascontiguousarray(array if product.transposed else array.T)
            weight = choose if isinstance(choose, Format) else choose(node, weights)
            if weight is None:
                nodes.append(node)
                continue
            prefix = node.input[1] if (node.input[1], not product.transposed) not in done else f"{node.input[1]}.T"
            tensors = make_initializers(prefix, weight, weight.quantize(weights), *weights.shape)
            graph.initializer.extend(tensors)
            rows, cols = weights.shape
            done[key] = weight, (rows, cols), [tensor.name for tensor in tensors]
        weight, shape, names = done[key]
        name = node.name or f"{node.op_type}_{len(nodes)}"
        rewritten = matmul(
            name, node.input[0], node.output[0], weight, names, *shape, bias=product.bias, activation=activation
        )
        nodes.append(rewritten)
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unused(graph)
    if done and all(opset.domain != DOMAIN for opset in result.opset_import):
        result.opset_import.append(helper.make_opsetid(DOMAIN, VERSION))
    return result


@dataclass(frozen=True, slots=True)
class _Product:
    """What a node multiplies with: a constant stored [N, K] (transposed) or [K, N], and a bias or ""."""

    transposed: bool
    bias: str = ""


def _match(node: onnx.NodeProto, constants: Mapping[str, TensorProto]) -> _Product | None:
    if node.domain not in ("", "ai.onnx") or len(node.input) < 2:
        return None
    weight = constants.get(node.input[1])
    if weight is None or len(weight.dims) != 2 or weight.data_type not in (TensorProto.FLOAT, TensorProto.FLOAT16):
        return None
    if node.op_type == "MatMul":
        return _Product(transposed=False)
    if node.op_type != "Gemm":
        return None
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    transposed = bool(attributes.get("transB", 0))
    bias = node.input[2] if len(node.input) > 2 else ""
    plain = attributes.get("alpha", 1.0) == 1.0 and not attributes.get("transA", 0)
    if bias:
        vector = constants.get(bias)
        rows = weight.dims[0 if transposed else 1]
        plain &= vector is not None and list(vector.dims) == [rows] and attributes.get("beta", 1.0) == 1.0
    return _Product(transposed, bias) if plain else None


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
