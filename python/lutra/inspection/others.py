"""What is around the products: attention, norms, activations, each compiled as a model of its own for one token behind others."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

from lutra.errors import LutraError

#: How many tokens lie in the cache while one is computed.
PAST = 32
#: Operators that compute with the elements of activations.
_COMPUTING = set(
    """GroupQueryAttention MultiHeadAttention Attention RotaryEmbedding Softmax SimplifiedLayerNormalization RMSNormalization
    SkipSimplifiedLayerNormalization LayerNormalization SkipLayerNormalization Gelu QuickGelu FastGelu BiasGelu Swish Sigmoid Tanh Relu
    Erf Add Sub Mul Div Pow Sqrt Reciprocal Neg ReduceMean ReduceSum ReduceMax Cos Sin Where MatMul Gemm Concat Transpose Expand""".split()
)
#: Fewer elements are sizes and positions.
_LEAST = 64


@dataclass(frozen=True, slots=True)
class Other:
    """A node that is no product with a weight: its output is `shape` for one token. `bytes` are what it reads and writes,
    `predicted` the seconds that copying as many takes here, `measured` its own."""

    name: str
    op: str
    shape: tuple[int, ...]
    bytes: int
    predicted: float | None = None
    measured: float | None = None


def measure(
    model: onnx.ModelProto,
    products: Collection[str],
    run: Callable[[onnx.ModelProto, Mapping[str, np.ndarray]], float],
    progress: Callable[[str, float], None] | None = None,
) -> list[Other]:
    """The nodes of `model` that compute and are none of `products`, equal ones measured once by `run`.

    Nodes of unknown shape are left out; one that does not compile alone has no times.
    """
    values = _values(model)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    found: list[Other] = []
    known: dict[bytes, tuple[float, float | None]] = {}
    for index, node in enumerate(model.graph.node):
        shape = values.get(node.output[0]) if node.output else None
        if node.op_type not in _COMPUTING or (node.name or node.output[0]) in products or shape is None:
            continue
        read = [name for name in node.input if name]
        if any(name not in values for name in read) or shape[0] != TensorProto.FLOAT or np.prod(shape[1]) < _LEAST:
            continue
        single, feed = _alone(node, values, tensors, model)
        size = sum(_bytes(values[name]) for name in (*read, *node.output) if name in values)
        key = single.SerializeToString()
        if key not in known:
            if progress:
                progress(f"measuring {node.name}", index / len(model.graph.node))
            try:
                known[key] = (copying(size), run(single, feed))
            except LutraError:
                known[key] = (copying(size), None)
        found.append(Other(node.name or node.output[0], node.op_type, shape[1], size, *known[key]))
    return found


def copying(size: int) -> float:
    """The least seconds that reading and writing `size` bytes takes, half of them each."""
    source = np.ones(max(size // 2, 1), np.uint8)
    target, times = np.empty_like(source), []
    for _ in range(24):
        started = time.perf_counter()
        np.copyto(target, source)
        times.append(time.perf_counter() - started)
    return min(times)


#: Element type and shape.
_Value = tuple[int, tuple[int, ...]]


def _bytes(value: _Value) -> int:
    size: int = helper.tensor_dtype_to_np_dtype(value[0]).itemsize
    return int(np.prod(value[1], dtype=np.int64)) * size


def _fixed(name: str) -> int:
    """The size of a dimension of that name while one token is computed."""
    if "past" in name and "total" not in name and "+" not in name:
        return PAST
    return PAST + 1 if "total" in name or "+" in name else 1


def _values(model: onnx.ModelProto) -> dict[str, _Value]:
    """The types of the values that can be known without running the model."""
    light = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    light.graph.name = "shapes"
    light.graph.node.extend(model.graph.node)
    for info in model.graph.input:
        kept = light.graph.input.add()
        kept.CopyFrom(info)
        for dim in kept.type.tensor_type.shape.dim:
            if not dim.HasField("dim_value"):
                dim.dim_value = _fixed(dim.dim_param)
    for tensor in model.graph.initializer:
        if np.prod(tensor.dims, dtype=np.int64) <= 1024:
            light.graph.initializer.append(tensor)
        else:
            light.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    while True:
        inferred = shape_inference.infer_shapes(light, data_prop=True).graph
        values = {tensor.name: (tensor.data_type, tuple(tensor.dims)) for tensor in model.graph.initializer}
        for info in (*inferred.input, *inferred.value_info, *inferred.output):
            kind = info.type.tensor_type
            if kind.HasField("shape") and all(dim.HasField("dim_value") for dim in kind.shape.dim):
                values[info.name] = (kind.elem_type, tuple(dim.dim_value for dim in kind.shape.dim))
        # What is not of the standard says its shape by its attributes and inputs.
        new = [
            (name, value)
            for node in model.graph.node
            for name, value in zip(node.output, _outputs(node, values), strict=False)
            if name and name not in values
        ]
        if not new:
            return values
        light.graph.value_info.extend(helper.make_tensor_value_info(name, *value) for name, value in new)


def _outputs(node: onnx.NodeProto, values: Mapping[str, _Value]) -> list[_Value]:
    """The outputs of an operator of another domain than the standard's, as far as they are known."""
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    first = values.get(node.input[0]) if node.input else None
    if first is None:
        return []
    kind, shape = first
    if node.op_type.startswith("MatMul") and "N" in attributes:
        return [(kind, (*shape[:-1], int(attributes["N"])))]
    if node.op_type == "Gather" and "K" in attributes:
        return [(TensorProto.FLOAT, (*shape, int(attributes["K"])))]
    if node.op_type == "GatherBlockQuantized" and node.input[1] in values and node.input[2] in values:
        width = shape[-1] * (8 // int(attributes.get("bits", 4)) if kind == TensorProto.UINT8 else 1)
        return [(values[node.input[2]][0], (*values[node.input[1]][1], width))]
    if node.op_type == "GroupQueryAttention" and len(node.input) > 3 and node.input[3] in values:
        past = values[node.input[3]][1]
        present = (kind, (past[0], past[1], past[2] + shape[1], past[3]))
        return [(kind, (*shape[:2], int(attributes["num_heads"]) * past[3])), present, present]
    if node.op_type.startswith("Skip"):
        return [first, first, first, first]
    if node.domain or node.op_type == "SimplifiedLayerNormalization":
        return [first] if node.op_type in _COMPUTING else []
    return []


def _alone(
    node: onnx.NodeProto, values: Mapping[str, _Value], tensors: Mapping[str, onnx.TensorProto], model: onnx.ModelProto
) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """The node as a model whose names say nothing (so that equal nodes make equal models), and arrays for its inputs."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.name, infos, constants, feed = "node", [], [], {}
    for index, name in enumerate(node.input):
        if not name:
            continue
        own = f"x{index}"
        copy.input[index] = own
        kind, shape = values[name]
        if node.op_type == "GroupQueryAttention" and index in (5, 6):
            # The length of the sequence, which nothing else says.
            constants.append(numpy_helper.from_array(np.full(shape, PAST + (index == 6), np.int32), own))
        elif name in tensors and kind != TensorProto.FLOAT:
            constants.append(onnx.TensorProto())
            constants[-1].CopyFrom(tensors[name])
            constants[-1].name = own
        elif name in tensors:
            constants.append(numpy_helper.from_array(np.ones(shape, np.float32), own))
        else:
            infos.append(helper.make_tensor_value_info(own, kind, shape))
            feed[own] = np.ones(shape, helper.tensor_dtype_to_np_dtype(kind))
    results = []
    for index, name in enumerate(node.output):
        copy.output[index] = f"y{index}" if name in values else ""
        if name in values:
            results.append(helper.make_tensor_value_info(f"y{index}", *values[name]))
    graph = helper.make_graph([copy], "node", infos, results, constants)
    return helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version), feed
