# RUN: %python %s
"""Pieces of exported language models, compiled and run, give what ONNX Runtime gives."""

import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx_oracle import run_lutra

rng = np.random.default_rng(3)


def floats(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


class Graph:
    """A graph under construction; node() returns the names of the outputs."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def node(self, op: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: object) -> str | list[str]:
        names = [f"{op}_{len(self.nodes)}_{i}" for i in range(outputs)]
        name = f"/{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, names, name=name, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value: object, dtype: type = np.int64) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def linear(self, x: str, inputs: int, outputs: int, bits: int = 4, block: int = 16) -> str:
        groups = -(-inputs // block)
        codes = self.constant(rng.integers(0, 256, (outputs, groups, block * bits // 8)), np.uint8)
        scales = self.constant(floats(outputs, groups) * 0.05, np.float32)
        return self.node(
            "MatMulNBits", x, codes, scales, domain="com.microsoft", N=outputs, K=inputs, bits=bits, block_size=block,
            accuracy_level=1,
        )  # fmt: skip

    def norm(self, x: str, size: int) -> str:
        scale = self.constant(floats(size), np.float32)
        return self.node("SimplifiedLayerNormalization", x, scale, axis=-1, epsilon=1e-6)


class GraphTest(unittest.TestCase):
    def compare(
        self,
        graph: Graph,
        inputs: Mapping[str, tuple[np.ndarray, tuple[str | int, ...]]],
        outputs: Mapping[str, tuple[str | int, ...]],
        tolerance: float = 2e-5,
    ) -> None:
        infos = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), dims)
            for name, (array, dims) in inputs.items()
        ]
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in outputs.items()]
        proto = helper.make_graph(graph.nodes, "piece", infos, results, graph.initializers)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(proto, opset_imports=opsets, ir_version=10)
        feed = {name: array for name, (array, _) in inputs.items()}
        expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "piece.onnx"
            path.write_bytes(model.SerializeToString())
            actual = run_lutra(path, feed)
        for got, wanted in zip(actual, expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)

    def test_norms_of_queries_and_keys(self) -> None:
        """Qwen 3: a split product, norms per head between two reshapes, attention with separate inputs."""
        hidden, heads, kv, size, batch, new, past = 32, 4, 2, 16, 1, 3, 5
        g = Graph()
        qkv = g.linear("x", hidden, (heads + 2 * kv) * size)
        parts = g.constant([heads * size, kv * size, kv * size])
        q, k, v = g.node("Split", qkv, parts, outputs=3, axis=-1)
        normed = []
        for part, count in ((q, heads), (k, kv)):
            split = g.node("Reshape", part, g.constant([0, -1, count, size]))
            normed.append(g.node("Reshape", g.norm(split, size), g.constant([0, -1, count * size])))
        total = past + new
        y, present_key, present_value = g.node(
            "GroupQueryAttention", *normed, v, "past_key", "past_value", g.constant([total - 1], np.int32),
            g.constant(total, np.int32), outputs=3, domain="com.microsoft", num_heads=heads, kv_num_heads=kv,
        )  # fmt: skip
        out = g.linear(y, heads * size, hidden)
        cache = (batch, kv, "past", size)
        self.compare(
            g,
            {
                "x": (floats(batch, new, hidden), (batch, "s", hidden)),
                "past_key": (floats(batch, kv, past, size), cache),
                "past_value": (floats(batch, kv, past, size), cache),
            },
            {
                out: (batch, "s", hidden),
                present_key: (batch, kv, total, size),
                present_value: (batch, kv, total, size),
            },
        )

    def test_attention_from_primitives(self) -> None:
        """What an export without fused attention holds: shapes computed by nodes, a mask, a softmax."""
        heads, size, batch, new, past = 4, 8, 2, 3, 5
        g = Graph()
        shape = g.node("Shape", "x")
        batch_size = g.node("Gather", shape, g.constant(0), axis=0)
        length = g.node("Gather", shape, g.constant(1), axis=0)
        dims = [g.node("Unsqueeze", size, g.constant([0])) for size in (batch_size, length)]
        split_shape = g.node("Concat", *dims, g.constant([heads]), g.constant([size]), axis=0)
        joined_shape = g.node("Concat", *dims, g.constant([-1]), axis=0)
        q, k, v = (
            g.node("Transpose", g.node("Reshape", g.linear("x", 32, 32), split_shape), perm=[0, 2, 1, 3])
            for _ in range(3)
        )
        k = g.node("Concat", "past_key", k, axis=2)
        v = g.node("Concat", "past_value", v, axis=2)
        scores = g.node("MatMul", q, g.node("Transpose", k, perm=[0, 1, 3, 2]))
        scores = g.node("Div", scores, g.constant(np.sqrt(size), np.float32))
        scores = g.node("Where", "mask", scores, g.constant(-1e9, np.float32))
        y = g.node("MatMul", g.node("Softmax", scores, axis=-1), v)
        out = g.node("Reshape", g.node("Transpose", y, perm=[0, 2, 1, 3]), joined_shape)
        mask = np.tril(np.ones((new, past + new), np.bool_), past)[None, None].repeat(batch, 0)
        cache = ("b", heads, "past", size)
        self.compare(
            g,
            {
                "x": (floats(batch, new, 32), ("b", "s", 32)),
                "past_key": (floats(batch, heads, past, size), cache),
                "past_value": (floats(batch, heads, past, size), cache),
                "mask": (mask, ("b", 1, "s", "total")),
            },
            {out: ("b", "s", 32)},
        )

    def test_scaled_embedding_and_capped_logits(self) -> None:
        """Gemma: the embedding is scaled, the logits pass through c tanh(x / c), the table is shared by both."""
        vocabulary, hidden = 50, 32
        g = Graph()
        table = g.constant(floats(vocabulary, hidden), np.float32)
        x = g.node("Mul", g.node("Gather", table, "ids"), g.constant(hidden**0.5, np.float32))
        x = g.norm(x, hidden)
        logits = g.node("MatMul", x, g.node("Transpose", table, perm=[1, 0]))
        cap = g.constant(30.0, np.float32)
        out = g.node("Mul", g.node("Tanh", g.node("Div", logits, cap)), cap)
        ids = np.array([[3, 0, 49], [7, -1, 7]])
        self.compare(g, {"ids": (ids, ("b", "s"))}, {out: ("b", "s", vocabulary)}, 1e-4)

    def test_parallel_block_with_gelu(self) -> None:
        """Phi: one layer norm feeds attention and MLP; here the MLP, with biases."""
        g = Graph()
        gamma, beta = (g.constant(floats(32), np.float32) for _ in range(2))
        x = g.node("LayerNormalization", "x", gamma, beta, axis=-1, epsilon=1e-5)
        up = g.node("Add", g.linear(x, 32, 72, bits=8), g.constant(floats(72), np.float32))
        down = g.linear(g.node("FastGelu", up, domain="com.microsoft"), 72, 32)
        out = g.node("Add", "x", down)
        self.compare(g, {"x": (floats(2, 5, 32), ("b", "s", 32))}, {out: ("b", "s", 32)}, 1e-4)

    def test_two_products_are_outputs(self) -> None:
        """Equal shapes, and both results are stored: neither is computed where the other goes."""
        g = Graph()
        first, second = (g.node("MatMul", "x", g.constant(floats(8, 5), np.float32)) for _ in range(2))
        self.compare(g, {"x": (floats(3, 8), ("m", 8))}, {first: ("m", 5), second: ("m", 5)})

    def test_gated_mlp_of_ternary_weights(self) -> None:
        """BitNet's relu(gate)^2 up over 2-bit codes."""
        g = Graph()
        gate, up = (g.linear("x", 48, 40, bits=2) for _ in range(2))
        relu = g.node("Relu", gate)
        y = g.node("Mul", g.node("Mul", relu, relu), up)
        out = g.linear(g.norm(y, 40), 40, 48, bits=2)
        self.compare(g, {"x": (floats(2, 5, 48), ("b", "s", 48))}, {out: ("b", "s", 48)})


if __name__ == "__main__":
    unittest.main()
