"""Runs one ONNX operator compiled by Lutra and by ONNX Runtime, and compares (a helper of the tests here)."""

from __future__ import annotations

import subprocess
import tempfile
import unittest
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

Run = Callable[[Path, Mapping[str, np.ndarray]], Sequence[np.ndarray]]


def run_lutra(model: Path, inputs: Mapping[str, np.ndarray]) -> Sequence[np.ndarray]:
    import lutra

    artifact = lutra.compile(model, model.with_suffix(".lutra"), options={"table": "f32"})
    return lutra.Session(artifact).run(None, dict(inputs))


class Const:
    """An input that is an initializer of the model."""

    def __init__(self, value: object, dtype: type = np.int64) -> None:
        self.value = np.asarray(value) if isinstance(value, np.ndarray | np.generic) else np.array(value, dtype)


class Dyn:
    """An input whose sizes are the given names (or fixed numbers) in the model."""

    def __init__(self, value: np.ndarray, *dims: str | int) -> None:
        self.value, self.dims = value, dims


#: None leaves an optional input out; a TensorProto is an initializer of an element type that numpy does not have.
Input = np.ndarray | Const | Dyn | onnx.TensorProto | None


def build(
    op: str,
    inputs: Sequence[Input],
    *,
    outputs: int | Sequence[str] = 1,
    domain: str = "",
    opset: int = 21,
    **attributes: object,
) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A model of one node, with the values of its inputs."""
    names, infos, initializers, feed = [], [], [], {}
    for i, value in enumerate(inputs):
        name = "" if value is None else f"x{i}"
        names.append(name)
        if isinstance(value, Const):
            initializers.append(numpy_helper.from_array(value.value, name))
        elif isinstance(value, onnx.TensorProto):
            initializers.append(onnx.TensorProto())
            initializers[-1].CopyFrom(value)
            initializers[-1].name = name
        elif value is not None:
            array, dims = (value.value, value.dims) if isinstance(value, Dyn) else (value, value.shape)
            feed[name] = array
            infos.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), dims))
    results = [f"y{i}" for i in range(outputs)] if isinstance(outputs, int) else list(outputs)
    node = helper.make_node(op, names, results, name=f"/{op}", domain=domain, **attributes)
    declared = [onnx.ValueInfoProto(name=name) for name in results if name]
    graph = helper.make_graph([node], "one_op", infos, declared, initializers)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=10 if opset <= 22 else 11 if opset <= 24 else 13
    ), feed


def declare_outputs(model: onnx.ModelProto, results: Sequence[np.ndarray]) -> None:
    """Gives the outputs the types of `results`, with every size unknown: the compiler has to find them."""
    for info, result in zip(model.graph.output, results, strict=True):
        dims = [f"{info.name}_dim{i}" for i in range(result.ndim)]
        element = helper.np_dtype_to_tensor_dtype(result.dtype)
        info.CopyFrom(helper.make_tensor_value_info(info.name, element, dims))


def refusal(op: str, inputs: Sequence[Input], **keywords: object) -> str:
    """What the compiler says about a node that it does not compile; an error when it does."""
    model, _ = build(op, inputs, **keywords)
    # The importer wants the types of outputs, which a node that is refused does not have: the output is a shape.
    model.graph.node.append(helper.make_node("Shape", [model.graph.output[0].name], ["shape"]))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("shape", onnx.TensorProto.INT64, ["rank"]))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "op.onnx"
        path.write_bytes(model.SerializeToString())
        done = subprocess.run(
            ["lutrac", path, "--compile-to=lowbit", "--emit=mlir", "-o", "/dev/null"], capture_output=True, text=True
        )
    assert done.returncode == 1, f"{op} compiles"
    return done.stderr


class OperatorTest(unittest.TestCase):
    """A test whose `check` compares Lutra with ONNX Runtime on one node."""

    run_compiled: Run = staticmethod(run_lutra)

    def run_one(
        self,
        op: str,
        inputs: Sequence[Input],
        results: Sequence[np.ndarray],
        **keywords: object,
    ) -> Sequence[np.ndarray]:
        """Compiles and runs one node; `results` have the types of its outputs."""
        model, feed = build(op, inputs, **keywords)
        declare_outputs(model, results)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "op.onnx"
            path.write_bytes(model.SerializeToString())
            return self.run_compiled(path, feed)

    def check(
        self,
        op: str,
        *inputs: Input,
        tolerance: float = 1e-5,
        expected: Sequence[np.ndarray] | None = None,
        **keywords: object,
    ) -> None:
        """The node gives `expected`, or else what ONNX Runtime gives."""
        if expected is None:
            model, feed = build(op, inputs, **keywords)
            options = onnxruntime.SessionOptions()
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            providers = ["CPUExecutionProvider"]
            session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=providers)
            expected = session.run(None, feed)
        actual = self.run_one(op, inputs, expected, **keywords)
        self.assertEqual(len(actual), len(expected))
        for got, wanted in zip(actual, expected, strict=True):
            self.assertEqual(got.dtype, wanted.dtype)
            self.assertEqual(got.shape, wanted.shape)
            if wanted.dtype.kind == "f":
                got, wanted = (
                    array.astype(np.float32) if array.dtype == np.float16 else array for array in (got, wanted)
                )
                np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)
            else:
                np.testing.assert_array_equal(got, wanted)
