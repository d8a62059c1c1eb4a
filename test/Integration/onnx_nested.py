# RUN: %python %s
"""Functions of the model and branches that use what is around them give what ONNX Runtime gives."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
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


class Nested(unittest.TestCase):
    def compare(self, text: str, x: np.ndarray) -> None:
        model = onnx.parser.parse_model(text)
        expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "nested.onnx"
            path.write_bytes(model.SerializeToString())
            actual = run_lutra(path, {"x": x})[0]
        self.assertEqual(actual.shape, expected.shape)
        np.testing.assert_allclose(actual, expected, rtol=1e-6)

    def test_function(self) -> None:
        self.compare(FUNCTION, np.arange(-6, 6, dtype=np.float32).reshape(3, 4))

    def test_branches(self) -> None:
        for sign in (1, -1):
            self.compare(BRANCHES, sign * np.arange(1, 9, dtype=np.float32).reshape(2, 4))


if __name__ == "__main__":
    unittest.main()
