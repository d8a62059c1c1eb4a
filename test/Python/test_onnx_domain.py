# RUN: %python %s
"""Rewriting float models into the domain ai.lutra: which nodes, which names, and what is refused."""

import unittest

import numpy as np
import onnx
from lutra import formats, onnx_domain
from lutra.errors import LutraError
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(5)


def floats(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


def model() -> onnx.ModelProto:
    """x -> MatMul a -> Gemm b (transB, bias) -> MatMul with a computed right side; a MatMul shares a's weight."""
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], name="/a"),
        helper.make_node("MatMul", ["x", "a"], ["g"], name="/a_again"),
        helper.make_node("Gemm", ["h", "b", "bias"], ["z"], name="/b", transB=1),
        helper.make_node("Gemm", ["h", "b"], ["half"], name="/half", transB=1, alpha=0.5),
        helper.make_node("MatMul", ["z", "m"], ["y"], name="/free"),
    ]
    constants = {"a": floats(32, 24), "b": floats(7, 24), "bias": floats(7)}
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 32]),
        helper.make_tensor_value_info("m", TensorProto.FLOAT, [7, "k"]),
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("y", "g", "half")]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "products", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])


class Rewrite(unittest.TestCase):
    def test_products(self) -> None:
        before = model()
        result = onnx_domain.rewrite(before, formats.parse("uniform(bits=3, group=8)"), activation="int8_per_token")
        kinds = {node.name: (node.domain, node.op_type) for node in result.graph.node}
        for name in ("/a", "/a_again", "/b"):
            self.assertEqual(kinds[name], ("ai.lutra", "MatMul"))
        self.assertEqual(kinds["/half"], ("", "Gemm"))
        self.assertEqual(kinds["/free"], ("", "MatMul"))
        self.assertIn(("ai.lutra", 1), [(opset.domain, opset.version) for opset in result.opset_import])
        names = [tensor.name for tensor in result.graph.initializer]
        # The float `a` is gone; `b` serves the Gemm that stays.
        self.assertEqual(sorted(names), ["a.codes", "a.scales", "b", "b.codes", "b.scales", "bias"])
        node = next(node for node in result.graph.node if node.name == "/b")
        self.assertEqual(list(node.input), ["h", "bias", "", "b.codes", "b.scales"])
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        self.assertEqual(
            attributes, {"N": 7, "K": 24, "format": b"uniform(bits=3, group=8)", "activation": b"int8_per_token"}
        )
        self.assertEqual(len(before.graph.initializer), 3)

    def test_values(self) -> None:
        before = model()
        form = formats.parse("codebook(bits=4, group=8, table=nf4)")
        result = onnx_domain.rewrite(before, form)
        parts = {tensor.name: numpy_helper.to_array(tensor) for tensor in result.graph.initializer}
        weights = numpy_helper.to_array(before.graph.initializer[0])
        components = {name[2:]: array for name, array in parts.items() if name.startswith("a.")}
        values = form.dequantize(components, 24, 32)
        np.testing.assert_allclose(values, weights.T, atol=0.5)
        expected = form.dequantize(form.quantize(weights.T), 24, 32)
        np.testing.assert_array_equal(values, expected)

    def test_choice(self) -> None:
        def choose(node: onnx.NodeProto, weights: np.ndarray) -> formats.Format | None:
            return formats.Ternary(8) if weights.shape == (7, 24) else None

        result = onnx_domain.rewrite(model(), choose)
        self.assertEqual([node.name for node in result.graph.node if node.domain], ["/b"])

    def test_tied_table(self) -> None:
        """A vocabulary that is looked up and, transposed, multiplied with is quantized once."""
        nodes = [
            helper.make_node("Gather", ["table", "ids"], ["h"], name="/embed"),
            helper.make_node("Transpose", ["table"], ["t"], name="/t", perm=[1, 0]),
            helper.make_node("MatMul", ["h", "t"], ["y"], name="/head"),
        ]
        inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])]
        outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])]
        tensors = [numpy_helper.from_array(floats(10, 16), "table")]
        graph = helper.make_graph(nodes, "tied", inputs, outputs, tensors)
        before = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
        result = onnx_domain.rewrite(before, formats.Ternary(8), tables=True)
        self.assertEqual(
            [(node.name, node.domain) for node in result.graph.node], [("/embed", "ai.lutra"), ("/head", "ai.lutra")]
        )
        self.assertEqual(
            [list(node.input) for node in result.graph.node],
            [["ids", "table.codes", "table.scales"], ["h", "", "", "table.codes", "table.scales"]],
        )
        self.assertEqual([tensor.name for tensor in result.graph.initializer], ["table.codes", "table.scales"])
        untouched = onnx_domain.rewrite(before, formats.Ternary(8))
        self.assertEqual([node.op_type for node in untouched.graph.node], ["Gather", "MatMul"])
        self.assertEqual([node.domain for node in untouched.graph.node], ["", "ai.lutra"])


class Nodes(unittest.TestCase):
    def test_gather(self) -> None:
        form = formats.parse("uniform(bits=4, group=8)")
        node = onnx_domain.gather("/embed", "ids", "x", form, ["codes", "scales"], 10, 16)
        self.assertEqual(list(node.input), ["ids", "codes", "scales"])
        self.assertEqual((node.domain, node.op_type), ("ai.lutra", "Gather"))

    def test_refusals(self) -> None:
        form = formats.parse("uniform(bits=4, group=8)")
        with self.assertRaisesRegex(LutraError, "bits of absmax activations must be 2 to 8, but is 9"):
            onnx_domain.matmul("/mm", "a", "y", form, [], 1, 8, activation="int9_per_token")
        with self.assertRaisesRegex(LutraError, "node '/mm': precision is for nested weights"):
            onnx_domain.matmul("/mm", "a", "y", form, [], 1, 8, precision="bits")
        with self.assertRaisesRegex(LutraError, "needs the component 'scales'"):
            onnx_domain.make_initializers("w", form, {"codes": np.zeros((1, 1, 4), np.uint8)}, 1, 8)


if __name__ == "__main__":
    unittest.main()
