"""Builds an ONNX model whose large tensors go straight into one external data file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnx
from onnx import TensorProto, helper

from lutra import onnx_domain

#: External tensors start at multiples of this many bytes.
ALIGNMENT = 64
#: Tensors of fewer bytes stay inside the .onnx file.
_INLINE_BYTES = 64

OPSET, MICROSOFT_OPSET, IR_VERSION = 21, 1, 10
MICROSOFT = "com.microsoft"


class GraphBuilder:
    """Collects nodes, inputs, outputs and initializers; `data` receives the large tensors' bytes as they come.

    Value names are the names of the nodes that make them plus "/output_0", as in onnxruntime-genai's exports.
    """

    def __init__(self, name: str, data: BinaryIO, data_name: str) -> None:
        self._name = name
        self._data = data
        self._data_name = data_name
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._initializers: dict[str, TensorProto] = {}

    def input(self, name: str, dtype: int, dims: Sequence[int | str]) -> str:
        """Declares a graph input; string dims are symbolic. Returns its name."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, dims))
        return name

    def output(self, name: str, dtype: int, dims: Sequence[int | str]) -> None:
        """Declares a graph output; some node must make a value of this name."""
        self._outputs.append(helper.make_tensor_value_info(name, dtype, dims))

    def initializer(self, name: str, array: np.ndarray) -> str:
        """Adds a constant: inside the model when it is tiny, else appended to the data file. Returns its name."""
        array = np.ascontiguousarray(array)
        tensor = TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
        if array.nbytes < _INLINE_BYTES:
            tensor.raw_data = array.tobytes()
        else:
            self._data.write(bytes(-self._data.tell() % ALIGNMENT))
            self._set_external(tensor, self._data.tell(), array.nbytes)
            self._data.write(array.reshape(-1).view(np.uint8).data)  # whose element type every buffer knows
        self._initializers[name] = tensor
        return name

    def alias(self, name: str, other: str, dims: Sequence[int]) -> str:
        """Adds an initializer of shape `dims` that shares the external bytes of `other`. Returns its name."""
        source = self._initializers[other]
        tensor = TensorProto()
        tensor.CopyFrom(source)
        tensor.name = name
        del tensor.dims[:]
        tensor.dims.extend(dims)
        if np.prod(tensor.dims) != np.prod(source.dims):
            raise ValueError(f"{name} {list(dims)} does not hold as many elements as {other} {list(source.dims)}")
        self._initializers[name] = tensor
        return name

    def _set_external(self, tensor: TensorProto, offset: int, length: int) -> None:
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", self._data_name), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))

    def node(
        self,
        op: str,
        inputs: Sequence[str],
        name: str,
        *,
        outputs: Sequence[str] | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Adds a node named `name`; outputs default to one value. Returns its first output."""
        outputs = [f"{name}/output_0"] if outputs is None else outputs
        self._nodes.append(helper.make_node(op, inputs, outputs, name=name, domain=domain, **attributes))
        return outputs[0]

    def add(self, node: onnx.NodeProto) -> str:
        """Adds a finished node. Returns its first output."""
        self._nodes.append(node)
        return str(node.output[0])

    def save(self, path: Path) -> None:
        """Writes the model, without re-reading the external data."""
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, list(self._initializers.values())
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, MICROSOFT_OPSET)]
        if any(node.domain == onnx_domain.DOMAIN for node in self._nodes):
            opsets.append(helper.make_opsetid(onnx_domain.DOMAIN, onnx_domain.VERSION))
        model = helper.make_model(graph, producer_name="lutra", ir_version=IR_VERSION, opset_imports=opsets)
        path.write_bytes(model.SerializeToString(deterministic=True))
