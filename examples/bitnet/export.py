"""Writes the trained model as ONNX, in one file, with the inputs and outputs of onnxruntime-genai's decoders.

    python export.py WEIGHTS.npz LOG.json OUT.onnx                ai.lutra: ternary weights, 8-bit activations a token
    python export.py WEIGHTS.npz LOG.json OUT.onnx --standard     the same numbers in operators that onnxruntime runs

Both forms have the same graph but for products and the embedding. In `--standard` a product is the chain of operators
that quantizes activations, a 2-bit MatMulNBits with zero points and scales of one, so that it multiplies integers,
and two multiplications with the scales.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from lutra import onnx_domain
from lutra.formats import Format, layout
from lutra.formats import parse as parse_format
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
#: Group of MatMulNBits: divides all K, and its blocks are whole bytes.
_BLOCK = 128


class Graph:
    """Collects nodes and initializers; a node's value has the node's name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, TensorProto] = {}

    def constant(self, name: str, array: np.ndarray) -> str:
        """Adds an initializer, once for each name."""
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def node(
        self, op: str, inputs: Sequence[str], name: str, outputs: Sequence[str] | None = None, **attributes: Any
    ) -> str:
        """Adds a node; gives its first output."""
        outputs = list(outputs or [name])
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, **attributes))
        return outputs[0]


class LutraForm:
    """Products and the vocabulary as operators of `ai.lutra`.

    A trained ternary model keeps its signs and scale, whatever the group of `body`; a float model is rounded to `body`.
    The vocabulary has 8 bits.
    """

    opsets = ((onnx_domain.DOMAIN, onnx_domain.VERSION),)
    #: One group a row, one scale in all. {columns} is the matrix's.
    body = "ternary(group={columns}, storage=five_in_eight, per=tensor)"
    activation = "int8_per_token"

    def __init__(self, graph: Graph, arrays: dict[str, np.ndarray]) -> None:
        self._graph, self._arrays = graph, arrays

    def embed(self, ids: str) -> str:
        """Rows of the vocabulary."""
        weight, names, (rows, columns) = self._vocabulary()
        self._graph.nodes.append(onnx_domain.gather("embed", ids, "embed", weight, names, rows, columns))
        return "embed"

    def product(self, name: str, x: str) -> str:
        """x times a matrix."""
        matrix = self._arrays[name]
        weight = parse_format(self.body.format(columns=matrix.shape[1]))
        if matrix.dtype == np.int8:
            components = {"codes": weight.pack(matrix), "scales": self._arrays[f"{name}.alpha"].reshape(1, 1)}
        else:
            components = weight.quantize(matrix.astype(np.float64))
        names = self._components(name, weight, components, matrix.shape)
        return self._multiply(name, x, name + ".out", weight, names, matrix.shape)

    def head(self, x: str) -> str:
        """The logits: x times the vocabulary, which `embed` shares."""
        return self._multiply("head", x, "logits", *self._vocabulary())

    def _vocabulary(self) -> tuple[Format, list[str], tuple[int, int]]:
        rows = self._arrays["vocabulary"]
        weight = parse_format(f"uniform(bits=8, group={rows.shape[1]}, signed=1, per=channel)")
        if rows.dtype == np.int8:
            packed = layout.pack_codes(rows.view(np.uint8), 8, rows.shape[1])
            components = {"codes": packed, "scales": self._arrays["vocabulary.step"].reshape(-1, 1)}
        else:
            components = weight.quantize(rows.astype(np.float64))
        return weight, self._components("vocabulary", weight, components, rows.shape), rows.shape

    def _components(self, name: str, weight: Format, components: dict, shape: tuple[int, int]) -> list[str]:
        tensors = onnx_domain.make_initializers(name, weight, components, *shape)
        self._graph.initializers.update((tensor.name, tensor) for tensor in tensors)
        return [tensor.name for tensor in tensors]

    def _multiply(
        self, name: str, x: str, output: str, weight: Format, names: list[str], shape: tuple[int, int]
    ) -> str:
        self._graph.nodes.append(onnx_domain.matmul(name, x, output, weight, names, *shape, activation=self.activation))
        return output


class StandardForm:
    """Products as quantized activations, an integer product and two scales; the vocabulary as GatherBlockQuantized."""

    opsets = ()

    def __init__(self, graph: Graph, arrays: dict[str, np.ndarray]) -> None:
        self._graph, self._arrays = graph, arrays

    def embed(self, ids: str) -> str:
        codes, columns = self._arrays["vocabulary"], self._arrays["vocabulary"].shape[1]
        steps = np.repeat(self._arrays["vocabulary.step"][:, None], columns // _BLOCK, axis=1)
        unsigned = self._graph.constant("vocabulary.codes", (codes.astype(np.int16) + 128).astype(np.uint8))
        return self._graph.node(
            "GatherBlockQuantized", [unsigned, ids, self._graph.constant("vocabulary.steps", steps)], "embed",
            domain=MICROSOFT, bits=8, block_size=_BLOCK, gather_axis=0, quantize_axis=1,
        )  # fmt: skip

    def product(self, name: str, x: str) -> str:
        codes = (self._arrays[name] + 1).astype(np.uint8)
        return self._multiply(name, x, codes, 2, 1, self._arrays[f"{name}.alpha"], name + ".out")

    def head(self, x: str) -> str:
        codes = (self._arrays["vocabulary"].astype(np.int16) + 128).astype(np.uint8)
        return self._multiply("head", x, codes, 8, 128, self._arrays["vocabulary.step"], "logits")

    def _multiply(
        self, name: str, x: str, codes: np.ndarray, bits: int, zero: int, scale: np.ndarray, output: str
    ) -> str:
        """ternary and 8-bit products alike: codes [N, K] whose zero point is `zero`, scale [1] or [N]."""
        g, (rows, columns) = self._graph, codes.shape
        blocks = columns // _BLOCK
        step, integers = self._quantize(x)
        packed = layout.pack_codes(codes, bits, _BLOCK).reshape(rows, blocks, _BLOCK * bits // 8)
        ones = g.constant(f"ones.{rows}x{blocks}", np.ones((rows, blocks), np.float32))
        zeros = layout.pack_codes(np.full((rows, blocks), zero, np.uint8), bits, blocks).reshape(-1)
        sums = g.node(
            "MatMulNBits",
            [integers, g.constant(f"{name}.codes", packed), ones, g.constant(f"zeros.{rows}x{blocks}.{bits}", zeros)],
            f"{name}.sums", domain=MICROSOFT, N=rows, K=columns, bits=bits, block_size=_BLOCK, accuracy_level=1,
        )  # fmt: skip
        scaled = g.node("Mul", [sums, step], f"{name}.by_step")
        return g.node("Mul", [scaled, g.constant(f"{name}.scale", scale)], f"{name}.by_scale", [output])

    def _quantize(self, x: str) -> tuple[str, str]:
        """The step and the integers -128..127 of x, once for products of the same x."""
        g = self._graph
        if f"{x}.step" in {node.name for node in g.nodes}:
            return f"{x}.step", f"{x}.integers"
        number = lambda name, value: g.constant(name, np.array(value, np.float32))
        one, most = number("one", 1.0), number("most", 127.0)
        magnitude = g.node(
            "ReduceMax", [g.node("Abs", [x], f"{x}.abs"), g.constant("last", np.array([-1]))], f"{x}.max"
        )
        floored = g.node("Clip", [magnitude, number("floor", 1e-5)], f"{x}.floored")
        scale = g.node("Div", [most, floored], f"{x}.scale")
        rounded = g.node("Round", [g.node("Mul", [x, scale], f"{x}.scaled")], f"{x}.rounded")
        integers = g.node("Clip", [rounded, number("least", -128.0), most], f"{x}.integers")
        return g.node("Div", [one, scale], f"{x}.step"), integers


def build(
    arrays: dict[str, np.ndarray], config: dict, form: type[LutraForm] | type[StandardForm] = LutraForm
) -> onnx.ModelProto:
    """The whole decoder."""
    g = Graph()
    weights = form(g, arrays)
    past = ["batch_size", config["kv_heads"], "past_sequence_length", config["head_size"]]
    present = [*past[:2], "total_sequence_length", past[3]]
    caches = [f"{layer}.{part}" for layer in range(config["layers"]) for part in ("key", "value")]
    value = helper.make_tensor_value_info
    inputs = [
        value("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"]),
        value("attention_mask", TensorProto.INT64, ["batch_size", "total_sequence_length"]),
        *(value(f"past_key_values.{cache}", TensorProto.FLOAT, past) for cache in caches),
    ]
    outputs = [
        value("logits", TensorProto.FLOAT, ["batch_size", "sequence_length", config["vocabulary"]]),
        *(value(f"present.{cache}", TensorProto.FLOAT, present) for cache in caches),
    ]
    _lengths(g)
    _rope(g, config)
    hidden, skip = weights.embed("input_ids"), None
    for layer in range(config["layers"]):
        hidden, skip = _layer(g, weights, arrays, config, layer, hidden, skip)
    last, _ = _norm(g, arrays, config, "norm", hidden, skip)
    weights.head(last)
    graph = helper.make_graph(g.nodes, "bitnet", inputs, outputs, list(g.initializers.values()))
    opsets = [helper.make_opsetid(*opset) for opset in (("", 21), (MICROSOFT, 1), *form.opsets)]
    model = helper.make_model(graph, producer_name="examples/bitnet", ir_version=10, opset_imports=opsets)
    helper.set_model_props(model, {"bitnet.config": json.dumps(config)})
    return model


def _lengths(g: Graph) -> None:
    """last_position i32 [B] = sum(mask) - 1, and total_length i32, the mask's width."""
    one = g.constant("axis_one", np.array([1]))
    total = g.node("ReduceSum", ["attention_mask", one], "mask_sum", keepdims=0)
    g.node("Cast", [g.node("Sub", [total, one], "mask_sum_less_one")], "last_position", to=TensorProto.INT32)
    width = g.node(
        "Gather",
        [g.node("Shape", ["attention_mask"], "mask_shape"), g.constant("index_one", np.array(1))],
        "mask_width",
        axis=0,
    )
    g.node("Cast", [width], "total_length", to=TensorProto.INT32)


def _rope(g: Graph, config: dict) -> None:
    """cos and sin f32 [context, head size / 2], computed in f64."""
    size = config["head_size"]
    inverse = config["rope_theta"] ** (-np.arange(0, size, 2, dtype=np.float64) / size)
    angles = np.arange(config["context"], dtype=np.float64)[:, None] * inverse
    g.constant("cos", np.cos(angles).astype(np.float32))
    g.constant("sin", np.sin(angles).astype(np.float32))


def _norm(
    g: Graph, arrays: dict[str, np.ndarray], config: dict, name: str, hidden: str, skip: str | None = None
) -> tuple[str, str]:
    """RMS norm of hidden (+ skip); gives (normalized, the sum)."""
    weight, epsilon = g.constant(name, arrays[name]), config["epsilon"]
    if skip is None:
        out = g.node(
            "SimplifiedLayerNormalization", [hidden, weight], f"{name}.out", axis=-1, epsilon=epsilon, stash_type=1
        )
        return out, hidden
    total = f"{name}.sum"
    out = g.node(
        "SkipSimplifiedLayerNormalization", [hidden, skip, weight], f"{name}.out", [f"{name}.out", "", "", total],
        domain=MICROSOFT, epsilon=epsilon,
    )  # fmt: skip
    return out, total


def _layer(
    g: Graph, weights: LutraForm | StandardForm, arrays: dict, config: dict, layer: int, hidden: str, skip: str | None
) -> tuple[str, str]:
    """Takes the residual stream as (`hidden`, not yet added `skip`), and gives it back so."""
    path = f"layers.{layer}"
    x, hidden = _norm(g, arrays, config, f"{path}.input_norm", hidden, skip)
    q, k, v = (weights.product(f"{path}.{part}", x) for part in "qkv")
    name = f"{path}.attention"
    pasts = [f"past_key_values.{layer}.{part}" for part in ("key", "value")]
    presents = [f"present.{layer}.{part}" for part in ("key", "value")]
    a = g.node(
        "GroupQueryAttention", [q, k, v, *pasts, "last_position", "total_length", "cos", "sin"],
        name, [name, *presents],
        domain=MICROSOFT, num_heads=config["heads"], kv_num_heads=config["kv_heads"], do_rotary=1, rotary_interleaved=0,
        scale=float(np.float32(config["head_size"] ** -0.5)),
    )  # fmt: skip
    a, _ = _norm(g, arrays, config, f"{path}.attn_sub_norm", a)
    o = weights.product(f"{path}.o", a)
    y, hidden = _norm(g, arrays, config, f"{path}.post_norm", hidden, o)
    gate = g.node("Relu", [weights.product(f"{path}.gate", y)], f"{path}.relu")
    squared = g.node("Mul", [gate, gate], f"{path}.squared")
    inner = g.node("Mul", [squared, weights.product(f"{path}.up", y)], f"{path}.inner")
    inner, _ = _norm(g, arrays, config, f"{path}.ffn_sub_norm", inner)
    return hidden, weights.product(f"{path}.down", inner)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("onnx", type=Path)
    parser.add_argument("--standard", action="store_true", help="use operators that onnxruntime runs")
    a = parser.parse_args()
    with np.load(a.weights) as stored:
        arrays = {name: stored[name] for name in stored.files}
    config = json.loads(a.log.read_text())["config"]
    model = build(arrays, config, StandardForm if a.standard else LutraForm)
    a.onnx.write_bytes(model.SerializeToString(deterministic=True))
    text_model = {
        "format": "lutra-model",
        "context_length": config["context"],
        "bos_token_id": 0,
        "eos_token_ids": [0],
        "add_bos_token": True,
        "chat_template": None,  # It continues text.
    }
    a.onnx.with_name("model.json").write_text(json.dumps(text_model, indent=1) + "\n")
    print(f"{a.onnx}: {a.onnx.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
