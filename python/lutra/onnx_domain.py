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
from lutra.formats import Components, Format, Nested, parse_activation

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


@dataclass(frozen=True, slots=True)
class Quantized:
    """A weight that is quantized already: its format and its components."""

    format: Format
    components: Components


#: What to make of a float weight: its format (then it is rounded to nearest), the finished weight, or None to leave it.
#: Arguments: the node, the weight [N, K].
Choose = Callable[[onnx.NodeProto, np.ndarray], Format | Quantized | None]


@dataclass(frozen=True, slots=True)
class Product:
    """A node that `rewrite` can replace: its weight is [rows, cols], `activations` the value it is multiplied with (of a
    lookup: the indices)."""

    node: str
    constant: str
    by_rows: bool
    is_lookup: bool
    activations: str
    rows: int
    cols: int


def node_name(node: onnx.NodeProto, index: int) -> str:
    """The name of the graph's node number `index`, or one made up for it."""
    return node.name or f"{node.op_type}_{index}"


def products(model: onnx.ModelProto, *, tables: bool = False) -> list[Product]:
    """The nodes of `model` that `rewrite` would offer, in the graph's order."""
    rewriter = _Rewriter(model.graph, lambda _node, _weights: None, "none", tables)
    found = []
    for index, node in enumerate(model.graph.node):
        if use := rewriter.match(node):
            first, second = rewriter.constants[use.constant].dims
            rows, cols = (first, second) if use.by_rows else (second, first)
            found.append(
                Product(
                    node_name(node, index),
                    use.constant,
                    use.by_rows,
                    use.is_lookup,
                    node.input[1 if use.is_lookup else 0],
                    rows,
                    cols,
                )  # fmt: skip
            )
    return found


def rewrite(
    model: onnx.ModelProto, choose: Format | Choose, *, activation: str = "none", tables: bool = False
) -> onnx.ModelProto:
    """A copy of `model` whose products of constant float weights are `ai.lutra.MatMul`s.

    Rewritten are MatMul with a constant right side [K, N], itself or through a Transpose, and Gemm without transA and with
    alpha = beta = 1 (its bias one of N elements); with `tables` also Gather along axis 0 of a constant [N, K]. `choose` is the
    format of all of them, or decides for each. A constant that several nodes use is quantized once, so that a vocabulary stays
    tied. Weights that nothing else uses are removed. External data must be loaded (onnx.load does).
    """
    parse_activation(activation)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    rewriter = _Rewriter(result.graph, choose, activation, tables)
    rewriter.run()
    if rewriter.done and all(opset.domain != DOMAIN for opset in result.opset_import):
        result.opset_import.append(helper.make_opsetid(DOMAIN, VERSION))
    return result


@dataclass(frozen=True, slots=True)
class _Use:
    """How a node uses a float constant: stored [N, K] (`by_rows`) or [K, N]; looked up or multiplied, with a bias or ""."""

    constant: str
    by_rows: bool
    is_lookup: bool = False
    bias: str = ""


@dataclass(frozen=True, slots=True)
class _Weight:
    """A constant that has been quantized."""

    format: Format
    rows: int
    cols: int
    components: list[str]


class _Rewriter:
    def __init__(self, graph: onnx.GraphProto, choose: Format | Choose, activation: str, tables: bool) -> None:
        self.graph, self.choose, self.activation, self.tables = graph, choose, activation, tables
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.producers = {name: node for node in graph.node for name in node.output}
        #: By the constant's name, and whether its rows are the weight's.
        self.done: dict[tuple[str, bool], _Weight] = {}

    def run(self) -> None:
        nodes = [self.rewritten(node, index) for index, node in enumerate(self.graph.node)]
        del self.graph.node[:]
        self.graph.node.extend(nodes)
        self.drop_unused()

    def rewritten(self, node: onnx.NodeProto, index: int) -> onnx.NodeProto:
        use = self.match(node)
        weight = self.quantized(node, use) if use else None
        if not use or not weight:
            return node
        name, sizes = node_name(node, index), (weight.rows, weight.cols)
        if use.is_lookup:
            return gather(name, node.input[1], node.output[0], weight.format, weight.components, *sizes)
        return matmul(
            name, node.input[0], node.output[0], weight.format, weight.components, *sizes,
            bias=use.bias, activation=self.activation,
        )  # fmt: skip

    def quantized(self, node: onnx.NodeProto, use: _Use) -> _Weight | None:
        key = (use.constant, use.by_rows)
        if key not in self.done:
            array = numpy_helper.to_array(self.constants[use.constant])
            weights = np.ascontiguousarray(array if use.by_rows else array.T)
            form = self.choose if isinstance(self.choose, Format) else self.choose(node, weights)
            if form is None:
                return None
            finished = form if isinstance(form, Quantized) else Quantized(form, form.quantize(weights))
            prefix = use.constant if (use.constant, not use.by_rows) not in self.done else f"{use.constant}.T"
            rows, cols = weights.shape
            tensors = make_initializers(prefix, finished.format, finished.components, rows, cols)
            self.graph.initializer.extend(tensors)
            self.done[key] = _Weight(finished.format, rows, cols, [tensor.name for tensor in tensors])
        return self.done[key]

    def is_matrix(self, name: str) -> bool:
        tensor = self.constants.get(name)
        return tensor is not None and len(tensor.dims) == 2 and tensor.data_type == TensorProto.FLOAT

    def match(self, node: onnx.NodeProto) -> _Use | None:
        if node.domain not in ("", "ai.onnx"):
            return None
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        is_lookup = node.op_type == "Gather" and self.tables and attributes.get("axis", 0) == 0
        if is_lookup and self.is_matrix(node.input[0]):
            return _Use(node.input[0], by_rows=True, is_lookup=True)
        if node.op_type == "MatMul":
            return self.match_matmul(node.input[1])
        if node.op_type == "Gemm" and self.is_matrix(node.input[1]):
            return self.match_gemm(node, attributes)
        return None

    def match_matmul(self, weight: str) -> _Use | None:
        if self.is_matrix(weight):
            return _Use(weight, by_rows=False)
        producer = self.producers.get(weight)
        if producer is not None and producer.op_type == "Transpose" and self.is_matrix(producer.input[0]):
            # Of a matrix, every permutation but the identity is this one.
            permutation = [list(attribute.ints) for attribute in producer.attribute if attribute.name == "perm"]
            if permutation != [[0, 1]]:
                return _Use(producer.input[0], by_rows=True)
        return None

    def match_gemm(self, node: onnx.NodeProto, attributes: Mapping[str, Any]) -> _Use | None:
        by_rows = bool(attributes.get("transB", 0))
        bias = node.input[2] if len(node.input) > 2 else ""
        plain = attributes.get("alpha", 1.0) == 1.0 and not attributes.get("transA", 0)
        if bias:
            vector = self.constants.get(bias)
            rows = self.constants[node.input[1]].dims[0 if by_rows else 1]
            plain &= vector is not None and list(vector.dims) == [rows] and attributes.get("beta", 1.0) == 1.0
        return _Use(node.input[1], by_rows, bias=bias) if plain else None

    def drop_unused(self) -> None:
        """Removes Transposes of constants and constants that no node is left to use."""
        outputs = {output.name for output in self.graph.output}
        used = {name for node in self.graph.node for name in node.input} | outputs
        nodes = [
            node
            for node in self.graph.node
            if node.op_type != "Transpose" or node.output[0] in used or node.input[0] not in self.constants
        ]
        used = {name for node in nodes for name in node.input} | outputs
        tensors = [tensor for tensor in self.graph.initializer if tensor.name in used]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(nodes)
        self.graph.initializer.extend(tensors)
