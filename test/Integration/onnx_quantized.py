# RUN: %python %s
"""Quantized constants and integer products give what ONNX Runtime gives, and become lookup products where a weight format states them."""

import subprocess
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx_oracle import Const, Dyn, OperatorTest, run_lutra

rng = np.random.default_rng(31)
INT4, UINT4, INT8, UINT8 = TensorProto.INT4, TensorProto.UINT4, TensorProto.INT8, TensorProto.UINT8
RANGES = {INT4: (-8, 7), UINT4: (0, 15), INT8: (-128, 127), UINT8: (0, 255)}


def floats(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


def codes(name: str, kind: int, shape: Sequence[int], raw: bool = False) -> onnx.TensorProto:
    low, high = RANGES[kind]
    tensor = helper.make_tensor(name, kind, shape, rng.integers(low, high + 1, int(np.prod(shape))))
    if raw and not tensor.HasField("raw_data"):
        # One byte in each value of int32_data.
        tensor.raw_data = bytes(value & 255 for value in tensor.int32_data)
        del tensor.int32_data[:]
    return tensor


class DequantizedProducts(unittest.TestCase):
    def compare(self, nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], k: int, lookup: bool) -> None:
        x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["m", s]) for n, s in (("x", k), ("y", "n")))
        graph = helper.make_graph(nodes, "product", [x], [y], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        feed = {"x": floats(3, k)}
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        expected = onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, feed)[0]
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "product.onnx"
            path.write_bytes(model.SerializeToString())
            actual = run_lutra(path, feed)[0]
            command = ["lutrac", path, "--compile-to=lowbit", "--emit=mlir", "-o", "-"]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-3 * float(np.abs(expected).max()))
        self.assertEqual("lowbit.matmul" in text, lookup)

    def product(
        self, kind: int, axis: int, block: int, *, zeros: bool, transpose: bool, gemm: bool = False, k: int = 96,
        n: int = 40, raw: bool = False, lookup: bool = True,
    ) -> None:  # fmt: skip
        """Scales per block of the axis, per index of it (block 0), or of the whole tensor (block -1)."""
        stored = [n, k] if transpose or gemm else [k, n]
        scales = list(stored)
        scales[axis] = -(-stored[axis] // block) if block > 0 else scales[axis]
        scales = scales if block > 0 else [stored[axis]] if block == 0 else []
        constants = [codes("w", kind, stored, raw), numpy_helper.from_array(np.asarray(floats(*scales) * 0.05), "s")]
        inputs = ["w", "s"]
        if zeros:
            constants.append(codes("z", kind, scales))
            inputs.append("z")
        attributes = {"axis": axis, "block_size": block} if block > 0 else {"axis": axis}
        nodes = [helper.make_node("DequantizeLinear", inputs, ["d"], name="/d", **attributes)]
        if transpose:
            nodes.append(helper.make_node("Transpose", ["d"], ["t"], name="/t", perm=[1, 0]))
        right = "t" if transpose else "d"
        keywords = {"transB": 1} if gemm else {}
        nodes.append(helper.make_node("Gemm" if gemm else "MatMul", ["x", right], ["y"], name="/p", **keywords))
        self.compare(nodes, constants, k, lookup)

    def test_blocks(self) -> None:
        self.product(INT4, 0, 32, zeros=False, transpose=False)
        self.product(UINT4, 0, 32, zeros=True, transpose=False)
        self.product(INT4, 1, 32, zeros=True, transpose=True)
        self.product(UINT4, 1, 16, zeros=True, transpose=True, raw=True)

    def test_channels_and_tensors(self) -> None:
        self.product(INT8, 1, 0, zeros=False, transpose=False)
        self.product(UINT8, 0, 0, zeros=True, transpose=True, k=70)
        self.product(INT4, 0, -1, zeros=True, transpose=False, k=51, n=7)

    def test_gemm(self) -> None:
        self.product(INT4, 1, 32, zeros=False, transpose=False, gemm=True)

    def test_scales_that_no_weight_has(self) -> None:
        """Scales along K without blocks: the product is of floats."""
        self.product(INT8, 0, 0, zeros=False, transpose=False, lookup=False)


class Integers(OperatorTest):
    def test_matmul_integer(self) -> None:
        a, b = rng.integers(0, 256, (3, 48), np.uint8), rng.integers(-128, 128, (48, 9), np.int8)
        self.check("MatMulInteger", Dyn(a, "m", 48), Const(b), Const(np.uint8(120)), Const(np.int8(3)))
        self.check("MatMulInteger", Dyn(a, "m", 48), Const(b))

    def test_ternary(self) -> None:
        """A lookup, and exact."""
        b = rng.integers(-1, 2, (264, 33)).astype(np.int8)
        for a, zero in ((rng.integers(-128, 128, (2, 5, 264), np.int8), None), (rng.integers(0, 256, (2, 5, 264), np.uint8), np.uint8(131))):
            expected = a.astype(np.int32) - (0 if zero is None else int(zero))
            inputs = [Dyn(a, "b", "s", 264), Const(b), *([] if zero is None else [Const(zero)])]
            self.check("MatMulInteger", *inputs, expected=[expected @ b.astype(np.int32)])

    def test_dynamic_quantize(self) -> None:
        self.check("DynamicQuantizeLinear", Dyn(floats(3, 40), "m", 40), outputs=3)
        self.check("DynamicQuantizeLinear", np.abs(floats(3, 40)) + 1, outputs=3)

    def test_quantize(self) -> None:
        self.check("QuantizeLinear", floats(4, 6), Const(np.float32(0.02)), Const(np.uint8(128)))
        self.check("QuantizeLinear", floats(4, 6), Const(np.abs(floats(6)) + 0.01), Const(np.zeros(6, np.int8)), axis=1)

    def test_qlinear(self) -> None:
        a, b = rng.integers(0, 256, (3, 48), np.uint8), rng.integers(0, 256, (48, 9), np.uint8)
        scale = lambda value: Const(np.float32(value))  # noqa: E731
        zero = lambda value: Const(np.uint8(value))  # noqa: E731
        self.check("QLinearMatMul", a, scale(0.01), zero(120), Const(b), scale(0.02), zero(130), scale(0.05), zero(128))


if __name__ == "__main__":
    unittest.main()
