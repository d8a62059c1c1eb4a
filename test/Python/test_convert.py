# RUN: %python %s
"""GGUF to ONNX: exact weights, a graph that onnxruntime runs, the tokenizer, and clear refusals."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from gguf import GGMLQuantizationType as Kind
from gguf.quants import dequantize
from lutra.convert import convert_gguf, quant
from lutra.errors import LutraError
from lutra.eval.reference import ReferenceModel
from lutra.textmodel import TextModel
from onnx import numpy_helper
from tiny_gguf import CONTEXT, FEED_FORWARD, HEADS, HIDDEN, KV_HEADS, TOKENS, TinyGGUF, random_blocks

EXACT = (Kind.Q4_0, Kind.Q8_0, Kind.Q6_K)
MATRICES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


def all_of(kind: Kind, embedding: Kind) -> dict[str, Kind]:
    return {"token_embd.weight": embedding, **{f"blk.0.{name}.weight": kind for name in MATRICES}}


class Converted:
    """A converted model: its constants and the graph."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = onnx.load(path)
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.model.graph.initializer}

    def node(self, name: str) -> onnx.NodeProto:
        return next(node for node in self.model.graph.node if node.name == name)

    def weight(self, name: str) -> np.ndarray:
        """The f32 [N, K] that node `name` multiplies with."""
        node = self.node(name)
        if node.op_type == "MatMul":
            return self.constants[node.input[1]].T
        attributes = {attribute.name: attribute.i for attribute in node.attribute}
        zero_points = self.constants[node.input[3]] if len(node.input) > 3 else None
        return quant.NBitsMatrix(
            attributes["bits"],
            attributes["block_size"],
            self.constants[node.input[1]],
            self.constants[node.input[2]],
            zero_points,
        ).dequantize()

    def run(self, ids: list[int], past: list[np.ndarray] | None = None) -> list[np.ndarray]:
        session = onnxruntime.InferenceSession(self.path, providers=["CPUExecutionProvider"])
        past = past or [np.zeros((1, KV_HEADS, 0, HIDDEN // HEADS), np.float32)] * 2
        total = past[0].shape[2] + len(ids)
        return session.run(
            None,
            {
                "input_ids": np.array([ids]),
                "attention_mask": np.ones((1, total), np.int64),
                "past_key_values.0.key": past[0],
                "past_key_values.0.value": past[1],
            },
        )


class ConvertTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def convert(self, kinds: dict[str, Kind], **options) -> tuple[TinyGGUF, Converted]:
        source = TinyGGUF(self.folder / "tiny.gguf", kinds, **options)
        return source, Converted(convert_gguf(self.folder / "tiny.gguf", self.folder / "out" / "tiny.onnx"))

    def test_repacked_blocks_equal_gguf_dequantize(self) -> None:
        random = np.random.default_rng(1)
        for kind in EXACT:
            with self.subTest(kind=kind.name):
                blocks = random_blocks(random, kind, 37, 768)
                np.testing.assert_array_equal(quant.repack(blocks, kind, "w").dequantize(), dequantize(blocks, kind))

    def test_q4_1_is_within_one_ulp_of_the_block_maximum(self) -> None:
        blocks = random_blocks(np.random.default_rng(2), Kind.Q4_1, 500, 1024)
        matrix, exact = quant.repack(blocks, Kind.Q4_1, "w"), dequantize(blocks, Kind.Q4_1)
        error = np.abs(matrix.dequantize().astype(np.float64) - exact).reshape(-1, 32).max(axis=1)
        self.assertTrue((error <= np.spacing(np.abs(exact).reshape(-1, 32).max(axis=1))).all())

    def test_q4_1_blocks_without_a_scale_keep_their_minimum(self) -> None:
        blocks = random_blocks(np.random.default_rng(3), Kind.Q4_1, 4, 64)
        blocks.reshape(-1, 20)[::2, :2] = 0  # d = 0: every weight is m
        matrix, exact = quant.repack(blocks, Kind.Q4_1, "w"), dequantize(blocks, Kind.Q4_1)
        flat = (slice(None), slice(0, 32))
        np.testing.assert_array_equal(matrix.dequantize()[flat], exact[flat])

    def test_every_matrix_is_exact_and_in_the_models_row_order(self) -> None:
        names = {
            "attn_q": "attn/q_proj",
            "attn_k": "attn/k_proj",
            "attn_v": "attn/v_proj",
            "attn_output": "attn/o_proj",
            "ffn_gate": "mlp/gate_proj",
            "ffn_up": "mlp/up_proj",
            "ffn_down": "mlp/down_proj",
        }
        for kind in (*EXACT, Kind.F16, Kind.F32):
            with self.subTest(kind=kind.name):
                source, converted = self.convert(all_of(kind, Kind.Q8_0))
                op = "MatMul" if kind in quant.FLOAT_KINDS else "MatMulNBits"
                for stored, path in names.items():
                    np.testing.assert_array_equal(
                        converted.weight(f"/model/layers.0/{path}/{op}"),
                        source.values[f"blk.0.{stored}.weight"],
                        err_msg=stored,
                    )

    def test_onnxruntime_agrees_with_a_plain_computation(self) -> None:
        for kind, embedding in (
            (Kind.Q4_0, Kind.Q8_0),
            (Kind.Q4_1, Kind.Q4_1),
            (Kind.Q6_K, Kind.Q6_K),
            (Kind.F16, Kind.F32),
        ):
            with self.subTest(kind=kind.name, embedding=embedding.name):
                source, converted = self.convert(all_of(kind, embedding))
                ids = [5, 100, 17, 42, 259]
                np.testing.assert_allclose(
                    converted.run(ids)[0][0], reference_logits(source.values, ids), rtol=0, atol=2e-4
                )

    def test_decode_steps_equal_prefill(self) -> None:
        _, converted = self.convert(all_of(Kind.Q4_1, Kind.Q8_0))
        ids, past = [5, 100, 17, 42], None
        whole = converted.run(ids)[0][0]
        for position, token in enumerate(ids):
            logits, *past = converted.run([token], past)
            np.testing.assert_allclose(logits[0, 0], whole[position], rtol=0, atol=1e-4)

    def test_selected_logits_are_the_same_logits(self) -> None:
        _, converted = self.convert(all_of(Kind.Q4_0, Kind.Q8_0))
        whole = converted.run([5, 100, 17, 42])[0][0]
        convert_gguf(self.folder / "tiny.gguf", self.folder / "selected.onnx", select_logits=True)
        model = ReferenceModel(self.folder / "selected.onnx")
        np.testing.assert_allclose(model.feed([5, 100, 17, 42]), whole, rtol=0, atol=1e-5)
        inputs = [value.name for value in onnx.load(self.folder / "selected.onnx").graph.input]
        self.assertEqual(inputs[-1], "logits_positions")

    def test_tied_output_shares_the_embeddings_bytes(self) -> None:
        self.convert(all_of(Kind.Q4_1, Kind.Q8_0))
        model = onnx.load(self.folder / "out" / "tiny.onnx", load_external_data=False)
        tensors = {
            tensor.name: {entry.key: entry.value for entry in tensor.external_data}
            for tensor in model.graph.initializer
        }
        self.assertEqual(tensors["lm_head.MatMulNBits.qweight"], tensors["model.embed_tokens.weight_Q8"])
        self.assertEqual(model.ir_version, 10)
        self.assertEqual(
            {(opset.domain, opset.version) for opset in model.opset_import}, {("", 21), ("com.microsoft", 1)}
        )

    def test_the_same_input_gives_the_same_bytes(self) -> None:
        self.convert(all_of(Kind.Q4_1, Kind.Q8_0))
        first = [
            (self.folder / "out" / name).read_bytes() for name in ("tiny.onnx", "tiny.onnx.data", "tokenizer.json")
        ]
        self.convert(all_of(Kind.Q4_1, Kind.Q8_0))
        self.assertEqual(
            first,
            [(self.folder / "out" / name).read_bytes() for name in ("tiny.onnx", "tiny.onnx.data", "tokenizer.json")],
        )

    def test_tokenizer_and_chat_template(self) -> None:
        self.convert(all_of(Kind.Q4_0, Kind.Q4_0))
        text = TextModel.load(self.folder / "out")
        self.assertEqual(text.context_length, CONTEXT)
        self.assertEqual(text.eos, frozenset([2]))
        ids = text.encode(text.chat("in the", system="s"))
        self.assertEqual(
            [TOKENS[i] for i in ids],
            [
                "<|im_start|>",
                *"system",
                "Ċ",
                "s",
                "<|im_end|>",
                "Ċ",
                "<|im_start|>",
                *"user",
                "Ċ",
                "in",
                "Ġthe",
                "<|im_end|>",
                "Ċ",
                "<|im_start|>",
                *"assistant",
                "Ċ",
            ],
        )
        stream = text.stream()
        self.assertEqual("".join([*map(stream.push, text.encode("é in the ☃")), stream.finish()]), "é in the ☃")
        self.assertEqual(json.loads((self.folder / "out" / "model.json").read_text())["bos_token_id"], 1)

    # What is refused.

    def assert_refused(self, message: str, kinds: dict[str, Kind] | None = None, **options) -> None:
        with self.assertRaisesRegex(LutraError, message):
            self.convert(kinds or {}, **options)
        self.assertFalse((self.folder / "out" / "tiny.onnx").exists())
        self.assertFalse(list(self.folder.glob("out/*.data*")))

    def test_another_architecture(self) -> None:
        self.assert_refused("has architecture 'gpt2'; expected one of llama, qwen2", architecture="gpt2")

    def test_rope_scaling(self) -> None:
        self.assert_refused(
            "sets llama.rope.scaling.type = yarn, which the converter does not support",
            metadata={"llama.rope.scaling.type": "yarn"},
        )

    def test_an_unknown_tensor(self) -> None:
        self.assert_refused(
            "tensors that a plain llama model does not have: blk.0.attn_q.bias", extra_tensors=("blk.0.attn_q.bias",)
        )

    def test_a_missing_key(self) -> None:
        self.assert_refused("lacks the metadata 'llama.block_count'", metadata={"llama.block_count": None})

    def test_a_wrong_shape(self) -> None:
        self.assert_refused(
            r"'blk.0.ffn_gate.weight' has shape \[512, 256\]; expected \[300, 256\]",
            metadata={"llama.feed_forward_length": 300},
        )

    def test_an_unknown_tokenizer(self) -> None:
        self.assert_refused(
            "tokenizer of kind 'gpt2' / 'klingon'; expected", metadata={"tokenizer.ggml.pre": "klingon"}
        )

    def test_an_unsupported_tensor_type(self) -> None:
        with self.assertRaisesRegex(LutraError, "'w' has type Q5_0; expected one of Q4_0, Q4_1, Q8_0, Q6_K, F32, F16"):
            quant.repack(np.zeros((1, 22), np.uint8), Kind.Q5_0, "w")

    def test_files_that_are_not_gguf(self) -> None:
        good = self.folder / "tiny.gguf"
        TinyGGUF(good)
        for name, content in (("text.gguf", b"hello"), ("short.gguf", good.read_bytes()[:2000])):
            (self.folder / name).write_bytes(content)
            with self.assertRaisesRegex(LutraError, f"{name}' cannot be read as GGUF"):
                convert_gguf(self.folder / name, self.folder / "out" / "tiny.onnx")
        with self.assertRaisesRegex(LutraError, "is not a file"):
            convert_gguf(self.folder / "missing.gguf", self.folder / "out" / "tiny.onnx")
        with self.assertRaisesRegex(LutraError, "must name a file that ends in .onnx"):
            convert_gguf(good, self.folder / "out")


def reference_logits(w: dict[str, np.ndarray], ids: list[int]) -> np.ndarray:
    """The model in plain f64 numpy, from the weights before GGUF stored them."""

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * w[f"{name}.weight"]

    def heads(x: np.ndarray, count: int) -> np.ndarray:
        return x.reshape(len(ids), count, -1).swapaxes(0, 1)

    def rotate(x: np.ndarray) -> np.ndarray:
        size = x.shape[-1]
        angle = np.arange(len(ids))[:, None] * 10000.0 ** (-np.arange(0, size, 2) / size)
        a, b = x[..., : size // 2], x[..., size // 2 :]
        return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], -1)

    w = {name: value.astype(np.float64) for name, value in w.items()}
    layer = {name: w[f"blk.0.{name}.weight"].T for name in MATRICES}
    h = w["token_embd.weight"][ids]
    x = norm(h, "blk.0.attn_norm")
    q, k = rotate(heads(x @ layer["attn_q"], HEADS)), rotate(heads(x @ layer["attn_k"], KV_HEADS))
    v = heads(x @ layer["attn_v"], KV_HEADS)
    scores = q @ k.repeat(HEADS // KV_HEADS, 0).swapaxes(1, 2) / np.sqrt(HIDDEN // HEADS)
    scores[:, ~np.tri(len(ids), dtype=bool)] = -np.inf
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    a = weights / weights.sum(-1, keepdims=True) @ v.repeat(HEADS // KV_HEADS, 0)
    h = h + a.swapaxes(0, 1).reshape(len(ids), HIDDEN) @ layer["attn_output"]
    y = norm(h, "blk.0.ffn_norm")
    gate = y @ layer["ffn_gate"]
    assert gate.shape[-1] == FEED_FORWARD
    h = h + (gate / (1 + np.exp(-gate)) * (y @ layer["ffn_up"])) @ layer["ffn_down"]
    return norm(h, "output_norm") @ w["token_embd.weight"].T


if __name__ == "__main__":
    unittest.main()
