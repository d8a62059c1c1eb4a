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
from onnx_oracle import Const, Dyn, OperatorTest, refusal, run_lutra

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


#: What the codes of FLOAT4E2M1 stand for.
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6])


def raw(name: str, kind: int, shape: Sequence[int], data: np.ndarray) -> onnx.TensorProto:
    """A tensor of these bytes, however many elements each holds."""
    return TensorProto(name=name, data_type=kind, dims=shape, raw_data=bytes(data.astype(np.uint8).ravel()))


class DequantizedProducts(unittest.TestCase):
    def compare(
        self, nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], k: int, lookup: bool, *,
        dense: np.ndarray | None = None, kind: int = TensorProto.FLOAT, opset: int = 21,
    ) -> None:  # fmt: skip
        """The product of x with what the nodes make of the constants: ONNX Runtime's, or that of `dense`, K x N."""
        x, y = (helper.make_tensor_value_info(n, kind, ["m", s]) for n, s in (("x", k), ("y", "n")))
        graph = helper.make_graph(nodes, "product", [x], [y], constants)
        ir_version = 10 if opset <= 22 else 11 if opset <= 24 else 13
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
        feed = {"x": floats(3, k).astype(helper.tensor_dtype_to_np_dtype(kind))}
        if dense is None:
            options = onnxruntime.SessionOptions()
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            expected = onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, feed)[0]
        else:
            expected = (feed["x"].astype(np.float64) @ dense).astype(feed["x"].dtype)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "product.onnx"
            path.write_bytes(model.SerializeToString())
            actual = run_lutra(path, feed)[0]
            command = ["lutrac", path, "--compile-to=lowbit", "--emit=mlir", "-o", "-"]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertEqual(actual.dtype, expected.dtype)
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

    def test_two_bits(self) -> None:
        """INT2 and UINT2, which ONNX has since opset 25."""
        for kind, low in ((TensorProto.INT2, -2), (TensorProto.UINT2, 0)):
            values, zeros = rng.integers(low, low + 4, (40, 96)), rng.integers(low, low + 4, (40, 3))
            pack = lambda name, array, kind=kind: raw(
                name, kind, array.shape, (array.reshape(-1, 4) & 3) @ [1, 4, 16, 64]
            )
            scales = floats(40, 3)
            nodes = [
                helper.make_node("DequantizeLinear", ["w", "s", "z"], ["d"], axis=1, block_size=32),
                helper.make_node("Gemm", ["x", "d"], ["y"], transB=1),
            ]
            dense = (values - np.repeat(zeros, 32, 1)) * np.repeat(scales, 32, 1)
            constants = [pack("w", values), numpy_helper.from_array(scales, "s"), pack("z", zeros)]
            self.compare(nodes, constants, 96, True, dense=dense.T, opset=25)

    def test_halves(self) -> None:
        """A model in f16: the scales stay f16, the product is rounded once."""
        scales = (floats(40, 3) * 0.05).astype(np.float16)
        constants = [codes("w", INT4, [40, 96]), numpy_helper.from_array(scales, "s")]
        nodes = [
            helper.make_node("DequantizeLinear", ["w", "s"], ["d"], axis=1, block_size=32),
            helper.make_node("Transpose", ["d"], ["t"], perm=[1, 0]),
            helper.make_node("MatMul", ["x", "t"], ["y"]),
        ]
        self.compare(nodes, constants, 96, True, kind=TensorProto.FLOAT16)

    def small_floats(self, transpose: bool, block: int, scale: str) -> None:
        """FLOAT4E2M1 codes, with scales as MXFP4 has them (powers of two), as NVFP4 has them (FLOAT8E4M3FN under one f32), or in f32."""
        n, k = 40, 96
        values = rng.integers(0, 16, (n, k) if transpose else (k, n))
        axis = 1 if transpose else 0
        shape = list(values.shape)
        shape[axis] //= block
        nodes, attributes = [], {}
        if scale == "e8m0":
            exponents = rng.integers(120, 131, shape)
            constants, scales = [raw("s", TensorProto.FLOAT8E8M0, shape, exponents)], 2.0 ** (exponents - 127)
            attributes["output_dtype"] = TensorProto.FLOAT
        elif scale == "e4m3":
            fields = rng.integers(1, 127, shape)
            mantissa, exponent = fields & 7, fields >> 3
            numbers = np.where(exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7))
            scales = numbers.astype(np.float32) * np.float32(0.0123)
            constants = [
                raw("c", TensorProto.FLOAT8E4M3FN, shape, fields),
                numpy_helper.from_array(np.float32(0.0123), "g"),
            ]
            nodes.append(helper.make_node("DequantizeLinear", ["c", "g"], ["s"], "/scales"))
        else:
            scales = floats(*shape)
            constants = [numpy_helper.from_array(scales, "s")]
        constants.append(raw("w", TensorProto.FLOAT4E2M1, values.shape, values.reshape(-1, 2) @ [1, 16]))
        nodes.append(
            helper.make_node("DequantizeLinear", ["w", "s"], ["d"], "/d", axis=axis, block_size=block, **attributes)
        )
        if transpose:
            nodes.append(helper.make_node("Transpose", ["d"], ["t"], perm=[1, 0]))
        nodes.append(helper.make_node("MatMul", ["x", "t" if transpose else "d"], ["y"], "/p"))
        dense = E2M1[values] * np.repeat(scales, block, axis)
        self.compare(nodes, constants, k, True, dense=dense.T if transpose else dense, opset=24)

    def test_small_floats(self) -> None:
        for transpose in (False, True):
            for block, scale in ((32, "e8m0"), (16, "e4m3"), (32, "f32")):
                with self.subTest(transpose=transpose, scale=scale):
                    self.small_floats(transpose, block, scale)

    def test_refused(self) -> None:
        """Zero points of floats, scales that say no type of the result, and elements of 4 bits that other operators read."""
        fp4 = raw("w", TensorProto.FLOAT4E2M1, [4, 4], np.arange(8))
        one = raw("z", TensorProto.FLOAT4E2M1, [], np.array([1]))
        keywords = {"opset": 24}
        self.assertIn(
            "input 'x_zero_point' must be zeros, as 'x' is of floats",
            refusal("DequantizeLinear", [fp4, Const(np.float32(1)), one], **keywords),
        )
        power = raw("s", TensorProto.FLOAT8E8M0, [], np.array([127]))
        self.assertIn("attribute 'output_dtype' is required", refusal("DequantizeLinear", [fp4, power], **keywords))
        self.assertIn("which this operator does not take: cast it before", refusal("Relu", [fp4], **keywords))
        scale = Const(np.float32(1))
        self.assertIn(
            "attribute 'output_dtype' must be 1 (float)",
            refusal("DequantizeLinear", [fp4, scale], output_dtype=TensorProto.DOUBLE, **keywords),
        )


class Embeddings(unittest.TestCase):
    """Rows of a quantized table: only those are decoded, and the same table may be the weight of the last product."""

    def compare(self, kind: int, axis: int, block: int, zeros: bool) -> None:
        shape = [50, 96]
        scales = list(shape)
        scales[axis] = -(-shape[axis] // block) if block > 0 else shape[axis]
        scales = scales if block > 0 else [shape[axis]] if block == 0 else []
        constants = [codes("w", kind, shape), numpy_helper.from_array(np.asarray(floats(*scales) * 0.05), "s")]
        constants += [codes("z", kind, scales)] if zeros else []
        attributes = {"axis": axis, "block_size": block} if block > 0 else {"axis": axis}
        nodes = [
            helper.make_node("DequantizeLinear", ["w", "s", *(["z"] if zeros else [])], ["d"], **attributes),
            helper.make_node("Gather", ["d", "ids"], ["h"]),
            helper.make_node("Transpose", ["d"], ["t"], perm=[1, 0]),
            helper.make_node("MatMul", ["h", "t"], ["y"]),
        ]
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["b", "s"])
        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", "s", size])
            for name, size in (("h", 96), ("y", 50))
        ]
        graph = helper.make_graph(nodes, "tied", [ids], outputs, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        feed = {"ids": rng.integers(-50, 50, (2, 5))}
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        expected = onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, feed)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "tied.onnx"
            path.write_bytes(model.SerializeToString())
            actual = run_lutra(path, feed)
            command = ["lutrac", path, "--compile-to=lowbit", "--emit=mlir", "-o", "-"]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        np.testing.assert_array_equal(actual[0], expected[0])
        np.testing.assert_allclose(actual[1], expected[1], rtol=1e-4, atol=1e-3 * float(np.abs(expected[1]).max()))
        self.assertIn("lowbit.matmul", text)
        self.assertNotIn("50x96xf32", text)

    def test_rows(self) -> None:
        for kind in (INT4, UINT8):
            for axis, block in ((1, 32), (0, 0), (0, -1)):
                for zeros in (False, True):
                    with self.subTest(kind=kind, axis=axis, block=block, zeros=zeros):
                        self.compare(kind, axis, block, zeros)


class Integers(OperatorTest):
    def test_matmul_integer(self) -> None:
        a, b = rng.integers(0, 256, (3, 48), np.uint8), rng.integers(-128, 128, (48, 9), np.int8)
        self.check("MatMulInteger", Dyn(a, "m", 48), Const(b), Const(np.uint8(120)), Const(np.int8(3)))
        self.check("MatMulInteger", Dyn(a, "m", 48), Const(b))

    def test_ternary(self) -> None:
        """A lookup, and exact."""
        b = rng.integers(-1, 2, (264, 33)).astype(np.int8)
        for a, zero in (
            (rng.integers(-128, 128, (2, 5, 264), np.int8), None),
            (rng.integers(0, 256, (2, 5, 264), np.uint8), np.uint8(131)),
        ):
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
        scale = lambda value: Const(np.float32(value))
        zero = lambda value: Const(np.uint8(value))
        self.check("QLinearMatMul", a, scale(0.01), zero(120), Const(b), scale(0.02), zero(130), scale(0.05), zero(128))


if __name__ == "__main__":
    unittest.main()
