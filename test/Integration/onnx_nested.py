# RUN: %python %s
"""Functions of the model and branches that use what is around them give what ONNX Runtime gives."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx_oracle import run_lutra

FUNCTION = """
<ir_version: 10, opset_import: ["" : 21, "local" : 1]>
model (float[m, 4] x) => (float[m, 4] y)
{
  a = local.Twice <alpha: float = 0.25> (x)
  y = local.Twice (a)
}
<domain: "local", opset_import: ["" : 21]>
Twice <alpha: float = 0.5> (x) => (y)
{
  once = LeakyRelu <alpha: float = @alpha> (x)
  y = Sub (once, x)
}
"""

BRANCHES = """
<ir_version: 10, opset_import: ["" : 21]>
model (float[m, 4] x) => (float[m, 4] y)
{
  sum = ReduceSum <keepdims: int = 0> (x)
  double = Add (x, x)
  zero = Constant <value_float: float = 0.0> ()
  positive = Greater (sum, zero)
  y = If (positive) <
    then_branch = above () => (float[a, 4] p) { p = Identity (double) },
    else_branch = below () => (float[b, 4] q) { q = Identity (x) }
  >
}
"""

#: Both branches compute; the other result is new in one branch and comes from outside in the other.
COMPUTED = """
<ir_version: 10, opset_import: ["" : 21]>
model (float[m, 4] x) => (float[m, 4] y, float[1, 4] w)
{
  sum = ReduceSum <keepdims: int = 0> (x)
  double = Add (x, x)
  rows = Constant <value_ints: ints = [0]> ()
  zero = Constant <value_float: float = 0.0> ()
  positive = Greater (sum, zero)
  y, z = If (positive) <
    then_branch = above () => (float[a, 4] p, float[c, 4] p2) { p = Exp (double)  p2 = Concat <axis: int = 0> (p, x) },
    else_branch = below () => (float[b, 4] q, float[d, 4] q2) { q = Identity (x)  q2 = Mul (double, x) }
  >
  w = ReduceSum <keepdims: int = 1> (z, rows)
}
"""

#: A choice within a choice, one value under two results, and a branch that reads what is around both.
CHOICES = """
<ir_version: 10, opset_import: ["" : 21]>
model (float[m, 4] x) => (float[m, 4] y, float[m, 4] w)
{
  sum = ReduceSum <keepdims: int = 0> (x)
  zero = Constant <value_float: float = 0.0> ()
  ten = Constant <value_float: float = 10.0> ()
  positive = Greater (sum, zero)
  y, w = If (positive) <
    then_branch = above () => (float[a, 4] p, float[c, 4] p2) {
      large = Greater (sum, ten)
      inner = Sin (x)
      p = If (large) <
        then_branch = huge () => (float[e, 4] r) { r = Mul (inner, x) },
        else_branch = small () => (float[f, 4] t) { t = Identity (x) }
      >
      p2 = Add (p, inner)
    },
    else_branch = below () => (float[b, 4] q, float[d, 4] q2) { q = Neg (x)  q2 = Identity (q) }
  >
}
"""

#: What Phi-3 does: long contexts rotate by other frequencies, which a branch computes.
LONG_ROPE = """
<ir_version: 10, opset_import: ["" : 21]>
model (float[b, s, 8] x, int64[b, s] position_ids) => (float[b, s, 8] y)
{
  short_inv = Constant <value_floats: floats = [1.0, 0.1, 0.01, 0.001]> ()
  long_inv = Constant <value_floats: floats = [0.5, 0.05, 0.005, 0.0005]> ()
  one = Constant <value_int: int = 1> ()
  original = Constant <value_int: int = 4> ()
  last = ReduceMax <keepdims: int = 0> (position_ids)
  length = Add (last, one)
  is_long = Greater (length, original)
  axis = Constant <value_ints: ints = [2]> ()
  spread = Unsqueeze (position_ids, axis)
  at = Cast <to: int = 1> (spread)
  cos, sin = If (is_long) <
    then_branch = long_context () => (float[b1, s1, 4] c1, float[b1, s1, 4] s1) {
      angle = Mul (at, long_inv)
      factor = Constant <value_float: float = 1.19> ()
      c0 = Cos (angle)
      c1 = Mul (c0, factor)
      s0 = Sin (angle)
      s1 = Mul (s0, factor)
    },
    else_branch = short_context () => (float[b2, s2, 4] c2, float[b2, s2, 4] s2) {
      angle2 = Mul (at, short_inv)
      c2 = Cos (angle2)
      s2 = Sin (angle2)
    }
  >
  low, high = Split <axis: int = 2, num_outputs: int = 2> (x)
  lc = Mul (low, cos)
  hs = Mul (high, sin)
  hc = Mul (high, cos)
  ls = Mul (low, sin)
  a = Sub (lc, hs)
  d = Add (hc, ls)
  y = Concat <axis: int = 2> (a, d)
}
"""


class Nested(unittest.TestCase):
    def compare(self, text: str, x: np.ndarray, **more: np.ndarray) -> None:
        self.compare_model(onnx.parser.parse_model(text), {"x": x, **more})

    def compare_model(self, model: onnx.ModelProto, feed: dict[str, np.ndarray], tolerance: float = 1e-6) -> None:
        wanted = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "nested.onnx"
            path.write_bytes(model.SerializeToString())
            results = run_lutra(path, feed)
        for actual, expected in zip(results, wanted, strict=True):
            self.assertEqual(actual.shape, expected.shape)
            np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)

    def test_function(self) -> None:
        self.compare(FUNCTION, np.arange(-6, 6, dtype=np.float32).reshape(3, 4))

    def test_branches(self) -> None:
        for sign in (1, -1):
            self.compare(BRANCHES, sign * np.arange(1, 9, dtype=np.float32).reshape(2, 4))

    def test_branches_that_compute(self) -> None:
        for sign in (1, -1):
            self.compare(COMPUTED, sign * np.arange(1, 13, dtype=np.float32).reshape(3, 4) / 10)

    def test_choices_in_choices(self) -> None:
        for factor in (1, 0.01, -1):
            self.compare(CHOICES, factor * np.arange(1, 13, dtype=np.float32).reshape(3, 4))

    def test_long_rope(self) -> None:
        x = np.random.default_rng(3).standard_normal((2, 3, 8), dtype=np.float32)
        for first in (0, 1, 2, 90):
            self.compare(LONG_ROPE, x, position_ids=np.arange(first, first + 3) + np.zeros((2, 1), np.int64))

    def test_product_in_a_branch(self) -> None:
        """A low-bit weight of which only one branch knows."""
        rng = np.random.default_rng(4)
        initializers = [
            numpy_helper.from_array(rng.integers(0, 256, (24, 2, 16), np.uint8), "codes"),
            numpy_helper.from_array(rng.standard_normal((24, 2), np.float32), "scales"),
            numpy_helper.from_array(rng.standard_normal((64, 24), np.float32), "dense"),
        ]
        node, info, single = helper.make_node, helper.make_tensor_value_info, TensorProto.FLOAT
        low = node("MatMulNBits", ["x", "codes", "scales"], ["p"], "/low", domain="com.microsoft", K=64, N=24, bits=4, block_size=32, accuracy_level=1)  # fmt: skip
        branches = {
            "then_branch": helper.make_graph([low], "then", [], [info("p", single, ["m", 24])], initializers[:2]),
            "else_branch": helper.make_graph(
                [node("MatMul", ["x", "dense"], ["q"])], "else", [], [info("q", single, ["m", 24])]
            ),
        }
        nodes = [
            node("ReduceSum", ["x"], ["sum"], keepdims=0),
            node("Greater", ["sum", "zero"], ["positive"]),
            node("If", ["positive"], ["y"], "/choose", **branches),
        ]
        constants = [initializers[2], numpy_helper.from_array(np.float32(0), "zero")]
        graph = helper.make_graph(nodes, "g", [info("x", single, ["m", 64])], [info("y", single, ["m", 24])], constants)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        x = np.abs(rng.standard_normal((3, 64), np.float32))
        for sign in (1, -1):
            self.compare_model(model, {"x": sign * x}, tolerance=1e-3)


if __name__ == "__main__":
    unittest.main()
