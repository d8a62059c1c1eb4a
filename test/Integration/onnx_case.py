"""Random cases of one ONNX operator, compiled by Lutra and run by ONNX Runtime (a helper of onnx_random.py).

f16 and bf16 are compared with ONNX Runtime's result in f32 on the same (rounded) numbers, coming in and going out as f32 through casts: numpy
does not have bf16, nor ONNX Runtime all operators in f16.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx_oracle import run_lutra

MICROSOFT = "com.microsoft"
FLOATS, INTS, HALVES = ("f32",), ("i32", "i64"), ("f32", "f16", "bf16")
BYTES = ("i8", "u8")
#: Which inputs and outputs a cast wraps, and how close results are.
TOLERANCE = {"f32": 2e-5, "f16": 4e-3, "bf16": 3e-2}
DTYPES = {"f32": np.float32, "i32": np.int32, "i64": np.int64, "i8": np.int8, "u8": np.uint8, "bool": np.bool_}


class Case:
    """One node with random inputs: `x()` makes a run-time one, `const()` an initializer."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.op, self.domain, self.opset, self.kind = "", "", 21, "f32"
        self.inputs: list[tuple[np.ndarray, bool, list[str | int]] | None] = []
        self.attributes: dict[str, object] = {}
        self.outputs = 1
        self.scale = 1.0
        #: Whether inputs may have sizes with names. Not where a size that the graph computes would be one of the output.
        self.named = True
        #: The result in f32, where ONNX Runtime does not have the operator.
        self.expected: list[np.ndarray] | None = None

    def pick(self, *values: object) -> object:
        return values[self.rng.integers(len(values))]

    def shape(self, low: int = 1, high: int = 4, largest: int = 6) -> list[int]:
        return [int(size) for size in self.rng.integers(1, largest + 1, self.rng.integers(low, high + 1))]

    def values(self, shape: Sequence[int], kind: str | None = None, positive: bool = False) -> np.ndarray:
        kind = kind or self.kind
        if kind in HALVES:
            array = np.asarray(self.rng.standard_normal(shape), np.float32)
            return np.asarray(np.abs(array) + np.float32(0.5)) if positive else array
        if kind == "bool":
            return np.asarray(self.rng.integers(0, 2, shape), bool)
        low, high = (1 if positive else -9, 10) if kind != "u8" else (1, 20)
        return np.asarray(self.rng.integers(low, high, shape), DTYPES[kind])

    def x(
        self, shape: Sequence[int], kind: str | None = None, positive: bool = False, array: np.ndarray | None = None
    ) -> np.ndarray:
        """An input, some of whose sizes have names: equal ones of one call the same name, none that is 1 (it may be broadcast)."""
        array = self.values(shape, kind, positive) if array is None else array
        dims = [f"d{size}" if self.named and size > 1 and self.rng.random() < 0.5 else size for size in array.shape]
        self.inputs.append((array, False, dims))
        return array

    def const(self, array: np.ndarray) -> None:
        self.inputs.append((np.asarray(array), True, []))

    def ints(self, *values: int) -> None:
        self.const(np.array(values, np.int64))

    def axis(self, shape: Sequence[int]) -> int:
        return int(self.rng.integers(-len(shape), len(shape)))

    def model(self, halves: bool) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
        """The node, and its inputs; with `halves` its floats are f16 or bf16, cast from and to f32."""
        kind = {"f16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}.get(self.kind, TensorProto.FLOAT)
        nodes, names, infos, constants, feed = [], [], [], [], {}
        for i, given in enumerate(self.inputs):
            if given is None:
                names.append("")
                continue
            array, isConstant, dims = given
            name = f"x{i}"
            if isConstant and halves and array.dtype == np.float32:
                constants.append(TensorProto(name=name, data_type=kind, dims=array.shape, raw_data=self.bytes(array)))
                names.append(name)
                continue
            if isConstant:
                constants.append(numpy_helper.from_array(array, name))
            else:
                infos.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), dims))
                feed[name] = array
            if halves and array.dtype == np.float32:
                nodes.append(helper.make_node("Cast", [name], [name + "h"], to=kind))
                name += "h"
            names.append(name)
        results = [f"r{i}" for i in range(self.outputs)]
        nodes.append(helper.make_node(self.op, names, results, f"/{self.op}", domain=self.domain, **self.attributes))
        finals = results
        if halves:
            # Integer results stay what they are: the caller knows which they are not.
            finals = [f"y{i}" for i in range(self.outputs)]
            nodes += [
                helper.make_node("Cast", [r], [y], to=TensorProto.FLOAT) for r, y in zip(results, finals, strict=True)
            ]
        outputs = [onnx.ValueInfoProto(name=name) for name in finals]
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(MICROSOFT, 1)]
        ir_version = 13 if self.opset > 24 else 11 if self.opset > 22 else 10
        return helper.make_model(
            helper.make_graph(nodes, "g", infos, outputs, constants), opset_imports=opsets, ir_version=ir_version
        ), feed

    def round(self, array: np.ndarray) -> np.ndarray:
        if self.kind == "f16":
            return array.astype(np.float16).astype(np.float32)
        bits = array.view(np.uint32)
        return np.asarray((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)

    def bytes(self, array: np.ndarray) -> bytes:
        """Rounded numbers in f16 or bf16."""
        return (
            array.astype(np.float16) if self.kind == "f16" else (array.view(np.uint32) >> 16).astype(np.uint16)
        ).tobytes()

    def check(self) -> None:
        halves = self.kind in ("f16", "bf16")
        if halves:
            self.inputs = [
                given if given is None or given[0].dtype != np.float32 else (self.round(given[0]), *given[1:])
                for given in self.inputs
            ]
        plain, feed = self.model(halves=False)
        expected = self.expected
        if expected is None:
            options = onnxruntime.SessionOptions()
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.log_severity_level = 4
            session = onnxruntime.InferenceSession(
                plain.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            expected = session.run(None, feed)
        halves = halves and all(result.dtype == np.float32 for result in expected)
        model, _ = self.model(halves)
        for info, result in zip(model.graph.output, expected, strict=True):
            dims = [f"{info.name}_{i}" for i in range(result.ndim)]
            info.CopyFrom(helper.make_tensor_value_info(info.name, helper.np_dtype_to_tensor_dtype(result.dtype), dims))
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "op.onnx"
            path.write_bytes(model.SerializeToString())
            actual = run_lutra(path, feed)
        tolerance = TOLERANCE[self.kind if halves else "f32"] * self.scale
        for got, wanted in zip(actual, expected, strict=True):
            assert got.dtype == wanted.dtype and got.shape == wanted.shape, (
                f"{got.dtype}{got.shape} instead of {wanted.dtype}{wanted.shape}"
            )
            if wanted.dtype.kind == "f":
                np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)
            else:
                np.testing.assert_array_equal(got, wanted)

    def __str__(self) -> str:
        shapes = [
            ""
            if i is None
            else f"{i[0].dtype}{list(i[0].shape)}{'=' + str(i[0].tolist()) if i[1] and i[0].dtype.kind in 'iu' and i[0].size < 9 else ''}"
            for i in self.inputs
        ]
        return f"{self.op} opset {self.opset} of {self.kind} ({', '.join(shapes)}) {self.attributes}"


Maker = Callable[[Case], None]
MAKERS: dict[str, Maker] = {}


def operator(
    names: str, kinds: Sequence[str] = HALVES, opsets: Sequence[int] = (13, 18, 21, 25), *, named: bool = True
) -> Callable[[Maker], Maker]:
    """The function makes cases of these operators, of the kinds and opsets that are drawn before it is called."""

    def register(maker: Maker) -> Maker:
        for name in names.split():

            def make(case: Case, name: str = name) -> None:
                case.domain, _, case.op = name.rpartition(".")
                case.kind, case.opset = str(case.pick(*kinds)), int(case.pick(*opsets))  # type: ignore[arg-type]
                case.named = named
                maker(case)

            MAKERS[name] = make
        return maker

    return register
