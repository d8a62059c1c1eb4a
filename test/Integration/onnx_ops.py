# RUN: %python %s
"""Standard operators, compiled and run, give what ONNX Runtime gives."""

import unittest

import lutra
import numpy as np
from onnx import numpy_helper
from onnx_oracle import Const, Dyn, OperatorTest

rng = np.random.default_rng(20)


def floats(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


def ints(low: int, high: int, *shape: int, dtype: type = np.int64) -> np.ndarray:
    return rng.integers(low, high, shape, dtype=dtype)


class Elementwise(OperatorTest):
    def test_binary(self) -> None:
        for op in ("Add", "Sub", "Mul", "Div"):
            with self.subTest(op):
                self.check(op, Dyn(floats(3, 5), "n", 5), Dyn(floats(3, 5), "n", 5))
                self.check(op, ints(-9, 9, 4, 3), ints(1, 9, 4, 3))
                self.check(op, ints(-9, 9, 4, dtype=np.int32), ints(1, 9, 4, dtype=np.int32))

    def test_broadcast(self) -> None:
        self.check("Add", Dyn(floats(2, 3, 5), "b", "s", 5), Const(floats(5)))
        self.check("Mul", Dyn(floats(2, 3, 5), "b", "s", 5), Dyn(floats(3, 1), "s", 1))
        self.check("Sub", floats(4, 1, 6), floats(1, 5, 1))
        self.check("Add", Dyn(floats(7), "n"), Const(np.float32(2.5)))
        self.check("Add", Dyn(floats(7), "n"), Dyn(floats(7), "m"))

    def test_pow(self) -> None:
        self.check("Pow", np.abs(floats(9)) + 0.5, floats(9), tolerance=1e-4)
        self.check("Pow", floats(3, 5), Const(np.float32(2)))
        self.check("Pow", floats(3, 5), Const(np.int64(3)))

    def test_unary(self) -> None:
        for op in ("Tanh", "Exp", "Erf", "Sin", "Cos", "Floor", "Ceil", "Round", "Abs", "Neg", "Relu", "Sigmoid"):
            with self.subTest(op):
                self.check(op, Dyn(3 * floats(2, 37), "n", 37))
        for op in ("Sqrt", "Log", "Reciprocal"):
            with self.subTest(op):
                self.check(op, Dyn(np.abs(floats(2, 37)) + 0.1, "n", 37))

    def test_gelu(self) -> None:
        self.check("Gelu", floats(4, 9))
        self.check("Gelu", floats(4, 9), approximate="tanh")

    def test_min_max_clip(self) -> None:
        self.check("Min", floats(3, 4), floats(4), floats(3, 1))
        self.check("Max", ints(-5, 5, 6), ints(-5, 5, 6))
        self.check("Clip", floats(20), Const(np.float32(-0.5)), Const(np.float32(0.5)))
        self.check("Clip", floats(20), None, Const(np.float32(0.5)))

    def test_compare_and_select(self) -> None:
        for op in ("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"):
            with self.subTest(op):
                self.check(op, ints(-3, 3, 4, 5), ints(-3, 3, 5))
        self.check("Less", floats(9), floats(9))
        truth = ints(0, 2, 6).astype(np.bool_)
        for op in ("And", "Or", "Xor"):
            with self.subTest(op):
                self.check(op, truth, ints(0, 2, 6).astype(np.bool_))
        self.check("Not", truth)
        self.check("Where", truth, floats(6), floats(2, 6))

    def test_cast(self) -> None:
        f32, u8, i8, i32, i64, boolean, f16 = 1, 2, 3, 6, 7, 9, 10
        for to in (i32, i64, i8, u8, boolean, f16):
            with self.subTest(f"float to {to}"):
                self.check("Cast", np.array([0, 1, 2.75, 100], np.float32), to=to)
        for to in (f32, i32, i8, boolean):
            with self.subTest(f"int64 to {to}"):
                self.check("Cast", np.array([-3, 0, 7, 100], np.int64), to=to)
        self.check("Cast", np.array([0, 1, 200, 255], np.uint8), to=f32)
        self.check("Cast", np.array([0, 1, 200, 255], np.uint8), to=i64)
        self.check("Cast", np.array([True, False]), to=f32)
        self.check("Cast", np.array([0.5, -2], np.float16), to=f32)


class Reductions(OperatorTest):
    def test_reduce(self) -> None:
        for op in ("ReduceSum", "ReduceMean", "ReduceMax"):
            with self.subTest(op):
                self.check(op, Dyn(floats(2, 5, 7), "a", "b", 7), Const([-1]))
                self.check(op, floats(2, 5, 7), Const([0, 2]), keepdims=0)
                self.check(op, floats(2, 5, 7))
                self.check(op, floats(2, 5), Const([]), noop_with_empty_axes=1)
        self.check("ReduceSum", Dyn(ints(0, 2, 3, 11), "b", "t"), Const([1]))
        self.check("ReduceMax", ints(-9, 9, 3, 11, dtype=np.int32), Const([1]))
        self.check("ReduceMean", floats(2, 6), opset=13, axes=[1], keepdims=0)

    def test_softmax(self) -> None:
        self.check("Softmax", Dyn(floats(2, 5, 7), "a", "b", 7))
        self.check("Softmax", floats(2, 5, 7), axis=1)

    def test_layer_norm(self) -> None:
        self.check("LayerNormalization", Dyn(floats(2, 3, 16), "b", "s", 16), Const(floats(16)), Const(floats(16)))
        self.check("LayerNormalization", floats(3, 16), Const(floats(16)), epsilon=1e-3)
        self.check("SimplifiedLayerNormalization", Dyn(floats(2, 3, 16), "b", "s", 16), Const(floats(16)), epsilon=1e-6)


class Indexing(OperatorTest):
    def test_gather(self) -> None:
        self.check("Gather", Const(floats(7, 5)), Dyn(ints(-7, 7, 2, 3), "b", "s"))
        self.check("Gather", floats(4, 6, 5), ints(-6, 6, 3, dtype=np.int32), axis=1)
        self.check("Gather", floats(4, 6), Const(np.int64(-1)), axis=1)

    def test_split_and_concat(self) -> None:
        self.check("Split", Dyn(floats(3, 9), "n", 9), Const([2, 7]), axis=1, outputs=2)
        self.check("Split", floats(8, 3), axis=0, outputs=3, num_outputs=3)
        self.check("Concat", Dyn(floats(3, 2), "n", 2), Dyn(floats(3, 5), "n", 5), axis=-1)
        self.check("Concat", floats(2, 3), floats(1, 3), floats(4, 3), axis=0)

    def test_slice(self) -> None:
        self.check("Slice", Dyn(floats(3, 9), "n", 9), Const([1]), Const([-1]), Const([1]), Const([2]))
        self.check("Slice", floats(6, 9), Const([-4, 0]), Const([2**62, 5]))
        self.check("Slice", floats(6, 9), Const([7]), Const([100]), Const([0]))

    def test_transpose(self) -> None:
        self.check("Transpose", Dyn(floats(2, 3, 4), "a", 3, "b"), perm=[2, 0, 1])
        self.check("Transpose", floats(3, 4))


class Shapes(OperatorTest):
    def test_shape(self) -> None:
        self.check("Shape", Dyn(floats(2, 3, 4), "a", "b", 4))
        self.check("Shape", Dyn(floats(2, 3, 4), "a", "b", 4), start=-2, end=2)

    def test_reshape(self) -> None:
        self.check("Reshape", Dyn(floats(2, 3, 12), "a", "b", 12), Const([0, 0, 4, -1]))
        self.check("Reshape", Dyn(floats(2, 3, 4, 3), "a", "b", 4, 3), Const([0, 0, 12]))
        self.check("Reshape", floats(6, 4), Const([3, -1]))
        self.check("Reshape", floats(1), Const([], np.int64))
        self.check("Reshape", floats(5), Const([1, 5, 1]))

    def test_squeeze_and_expand(self) -> None:
        self.check("Unsqueeze", Dyn(floats(2, 3), "a", 3), Const([0, -1]))
        self.check("Squeeze", floats(1, 4, 1), Const([0]))
        self.check("Squeeze", floats(1, 4, 1))
        self.check("Flatten", Dyn(floats(2, 3, 4), "a", 3, 4), axis=1)
        self.check("Expand", Dyn(floats(2, 1, 4), "a", 1, 4), Const([1, 5, 1]))
        self.check("Expand", floats(4), Const([2, 3, 4]))

    def test_constants(self) -> None:
        self.check("ConstantOfShape", Const([2, 3]), value=numpy_helper.from_array(np.array([7], np.int64)))
        self.check("Range", Const(np.int64(2)), Const(np.int64(11)), Const(np.int64(3)))

    def test_identity(self) -> None:
        self.check("Identity", Dyn(floats(2, 3), "a", 3))


class Products(OperatorTest):
    def test_matmul(self) -> None:
        self.check("MatMul", Dyn(floats(3, 8), "m", 8), Const(floats(8, 5)))
        self.check("MatMul", floats(2, 1, 3, 4), floats(5, 4, 6))
        self.check("MatMul", floats(4), floats(4, 6))
        self.check("MatMul", floats(2, 3, 4), floats(4))


class RunTimeChecks(OperatorTest):
    """What only the arrays show is refused by a message that names the node; no memory outside them is touched."""

    def refuse(self, message: str, result: np.ndarray, op: str, *inputs: np.ndarray | Const | Dyn) -> None:
        with self.assertRaisesRegex(lutra.LutraError, message):
            self.run_one(op, inputs, [result])

    def test_sizes_that_do_not_agree(self) -> None:
        message = "node '/Add' \\(Add\\): sizes of the operands along dimension 0 .* must agree"
        self.refuse(message, floats(1), "Add", Dyn(floats(7), "n"), Dyn(floats(100_000), "m"))
        self.refuse(message, floats(1), "Add", Dyn(floats(100_000), "n"), Dyn(floats(7), "m"))

    def test_index_out_of_range(self) -> None:
        message = "node '/Gather' \\(Gather\\): an index is out of range for axis 0"
        for index in (7, -8, 2**40):
            self.refuse(message, floats(1, 1), "Gather", Const(floats(7, 5)), Dyn(np.array([0, index]), "n"))


if __name__ == "__main__":
    unittest.main()
