# RUN: %python %s
"""Every architecture: the converted model is the model that llama.cpp computes, and its compiled form agrees."""

import json
import tempfile
import unittest
from pathlib import Path

import lutra
import numpy as np
import onnx
import onnxruntime
from gguf import GGMLQuantizationType as Kind
from gguf.quants import dequantize
from lutra.convert import convert_gguf, lowbit
from lutra.convert.checkpoint import Checkpoint
from lutra.convert.kinds import ForkKind
from lutra.decoder import Decoder
from lutra.errors import LutraError
from lutra.eval.reference import ReferenceModel
from tiny_models import ARCHITECTURES, PHI3_ORIGINAL, TinyModel, i2_s_bytes

#: Longer than Gemma's window, and than what is a short text for Phi-3.
IDS = [5, 80, 200, 17, 33, 90, 120, 60, 7, 8, 100, 240, 31, 77, 66, 55, 44, 33, 22, 11]
#: What llama.cpp computes (test/GGUF/record.py writes it).
RECORDED = json.loads((Path(__file__).resolve().parents[1] / "GGUF" / "logits.json").read_text())
#: Weights that architectures come in, and what their float form differs by: BitNet's activations are rounded twice.
KINDS = {
    "llama": (Kind.Q4_K, Kind.Q6_K, 1e-4),
    "qwen2": (Kind.Q4_0, Kind.Q4_0, 1e-4),
    "qwen3": (Kind.Q5_0, Kind.Q8_0, 1e-4),
    "gemma3": (Kind.Q4_K, Kind.Q8_0, 1e-4),
    "phi3": (Kind.Q3_K, Kind.Q5_K, 1e-4),
    "bitnet": (Kind.TQ2_0, Kind.Q6_K, 2e-2),
    "bitnet-b1.58": (ForkKind.I2_S, Kind.F16, 2e-2),
}


class ArchitectureTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def convert(self, name: str, *arguments: object, to_float: bool = False, **options: object) -> Path:
        source = self.folder / f"{name}.gguf"
        TinyModel(source, *arguments, **options)  # type: ignore[arg-type]
        return convert_gguf(source, self.folder / name / "m.onnx", tokenizer=False, to_float=to_float)

    def test_logits_are_those_of_llama_cpp(self) -> None:
        for architecture, recorded in RECORDED.items():
            with self.subTest(architecture):
                model = ReferenceModel(self.convert("f32", architecture, to_float=True), 1)
                # llama.cpp's gelu is a table of f16 numbers.
                tolerance = 5e-3 if architecture == "gemma3" else 5e-5
                np.testing.assert_allclose(model.feed(IDS)[-1], recorded, rtol=0, atol=tolerance)

    def test_compiled_models_agree_with_onnxruntime(self) -> None:
        for architecture, (kind, embedding, tolerance) in KINDS.items():
            with self.subTest(architecture):
                low = self.convert("low", architecture, kind, embedding)
                full = self.convert("full", architecture, kind, embedding, to_float=True)
                session = lutra.Session(
                    lutra.compile(low, self.folder / f"{architecture}.lutra", options={"table": "f32"})
                )
                model, reference = Decoder(session, 32), ReferenceModel(full, 1)
                # A prompt, then one token at a time, across the end of a short text.
                found = np.concatenate([model.feed(IDS[:10]), *(model.feed([token]).copy() for token in IDS[10:])])
                expected = np.concatenate([reference.feed(IDS[:10]), *(reference.feed([t]) for t in IDS[10:])])
                scale = float(np.abs(expected).max())
                np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)

    def test_every_architecture_is_recorded_or_unknown_to_llama_cpp(self) -> None:
        self.assertEqual({*RECORDED, "bitnet-b1.58"}, {*ARCHITECTURES})

    def test_short_and_long_texts_of_phi3(self) -> None:
        """Up to the original length a text has the short frequencies, as a model without long ones; beyond, others."""
        both = ReferenceModel(self.convert("both", "phi3", to_float=True), 1)
        keys = {"phi3.rope.scaling.original_context_length": 128}
        short = ReferenceModel(self.convert("short", "phi3", to_float=True, metadata=keys), 1)
        part = IDS[:PHI3_ORIGINAL]
        np.testing.assert_array_equal(both.feed(part), short.feed(part))
        both.reset()
        short.reset()
        self.assertGreater(float(np.abs(both.feed(IDS) - short.feed(IDS)).max()), 0.1)

    def test_local_layers_of_gemma3(self) -> None:
        model = onnx.load(self.convert("gemma", "gemma3"), load_external_data=False)
        nodes = [node for node in model.graph.node if node.op_type == "GroupQueryAttention"]
        windows = [{a.name: a.i for a in node.attribute}.get("local_window_size") for node in nodes]
        self.assertEqual(windows, [6, 6, 6, 6, 6, None])
        self.assertEqual(["local" in node.input[7] for node in nodes], [True] * 5 + [False])
        listed = {"gemma3.attention.sliding_window_pattern": [True, False] * 3}
        model = onnx.load(self.convert("listed", "gemma3", metadata=listed), load_external_data=False)
        nodes = [node for node in model.graph.node if node.op_type == "GroupQueryAttention"]
        self.assertEqual(["local" in node.input[7] for node in nodes], [True, False] * 3)

    def test_activations_of_bitnet(self) -> None:
        """8-bit integers where the weights are ternary, as the model was trained; not for its vocabulary, nor for other weights."""
        for architecture, kind, expected in (
            ("bitnet", ForkKind.I2_S, 14),
            ("bitnet", Kind.TQ1_0, 14),
            ("bitnet", Kind.Q4_0, 0),
            ("llama", ForkKind.I2_S, 14),
            ("llama", Kind.TQ2_0, 0),
            ("phi3", ForkKind.I2_S, 10),
        ):
            model = onnx.load(self.convert("a8", architecture, kind, Kind.Q5_0), load_external_data=False)
            spelled = [a.s for node in model.graph.node for a in node.attribute if a.name == "activation"]
            self.assertEqual(spelled, [b"int8_per_token"] * expected)

    def test_i2_s(self) -> None:
        signs = np.random.default_rng(3).integers(-1, 2, (6, 256))
        stored = i2_s_bytes(signs, 0.3)
        rows = np.concatenate([stored[:-32].reshape(6, -1), np.broadcast_to(stored[-32:-28], (6, 4))], axis=1)
        matrix = lowbit.repack(rows, ForkKind.I2_S, "w")
        found = matrix.format.dequantize(matrix.components, 6, 256)
        np.testing.assert_array_equal(found, signs * np.float64(np.float32(0.3)))
        rows[0, 0] |= 3
        with self.assertRaisesRegex(LutraError, "'w' of kind I2_S has a code that is no ternary digit"):
            lowbit.repack(rows, ForkKind.I2_S, "w")

    def test_a_file_of_i2_s_tensors(self) -> None:
        TinyModel(self.folder / "m.gguf", "bitnet-b1.58", ForkKind.I2_S)
        checkpoint = Checkpoint(self.folder / "m.gguf")
        tensor = checkpoint.take("blk.1.ffn_down.weight", (256, 512)).as_float()
        self.assertEqual(sorted({*tensor.data.reshape(-1).tolist()}), [-np.float32(0.07), 0, np.float32(0.07)])
        data = (self.folder / "m.gguf").read_bytes()
        (self.folder / "short.gguf").write_bytes(data[: len(data) // 2])
        with self.assertRaisesRegex(LutraError, "short.gguf' cannot be read as GGUF"):
            Checkpoint(self.folder / "short.gguf")

    def test_float_form_of_quantized_weights(self) -> None:
        """`to_float` writes what the kind stores, rows and all."""
        path = self.convert("f", "phi3", Kind.Q8_0, to_float=True)
        constants = {t.name: t for t in onnx.load(path).graph.initializer}
        found = onnx.numpy_helper.to_array(constants["model.layers.1.mlp.up_proj.MatMul.weight"]).T
        stored = Checkpoint(self.folder / "f.gguf").take("blk.1.ffn_up.weight", (1024, 256)).data
        np.testing.assert_array_equal(found, dequantize(stored, Kind.Q8_0)[512:])
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def test_the_report_says_what_is_not_exact(self) -> None:
        for kind, embedding, to_float, expected in (
            (
                Kind.Q4_K,
                Kind.Q8_0,
                False,
                "qwen3, matrices: 14 Q4_K (rounded), 1 Q8_0; none quantized anew; rounded: within 1.5 ulp",
            ),
            (Kind.Q4_K, Kind.Q8_0, True, "14 Q4_K, 1 Q8_0; none quantized anew$"),
            (Kind.Q5_0, Kind.Q5_0, False, "15 Q5_0; none quantized anew$"),
        ):
            TinyModel(self.folder / "m.gguf", "qwen3", kind, embedding)
            lines: list[str] = []
            options = {"tokenizer": False, "to_float": to_float, "report": lines.append}
            convert_gguf(self.folder / "m.gguf", self.folder / "m.onnx", **options)
            self.assertRegex("; ".join(lines), expected.replace("(rounded)", r"\(rounded\)"))

    # What is refused.

    def test_metadata_that_changes_the_arithmetic(self) -> None:
        for architecture, key, value, message in (
            ("qwen2", "attention.sliding_window", 8, "sets qwen2.attention.sliding_window = 8"),
            ("qwen3", "rope.scaling.type", "yarn", "sets qwen3.rope.scaling.type = yarn"),
            ("llama", "rope.scaling.attn_factor", 1.5, "sets llama.rope.scaling.attn_factor = 1.5"),
            ("llama", "rope.dimension_count", 32, "sets llama.rope.dimension_count = 32"),
            ("gemma3", "final_logit_softcapping", 30.0, "sets gemma3.final_logit_softcapping = 30.0"),
            ("gemma3", "attention.sliding_window_pattern", [True], "a list of 1 for 6 layers"),
            ("phi3", "expert_count", 16, "sets phi3.expert_count = 16"),
            ("phi3", "rope.scaling.type", "yarn", "sets phi3.rope.scaling.type = yarn"),
            ("bitnet", "hidden_activation", "gelu", "sets bitnet.hidden_activation = gelu"),
            (
                "qwen3",
                "attention.head_count",
                [4, 2],
                "qwen3.attention.head_count = a number of its own for each layer",
            ),
            ("qwen3", "attention.value_length", 32, "sets qwen3.attention.value_length = 32"),
        ):
            with self.subTest(f"{architecture} {key}"), self.assertRaisesRegex(LutraError, message):
                self.convert("refused", architecture, metadata={f"{architecture}.{key}": value})

    def test_tensors_of_other_architectures(self) -> None:
        for architecture, name in (
            ("llama", "blk.0.attn_q.bias"),
            ("qwen2", "blk.0.attn_q_norm.weight"),
            ("qwen2", "output.bias"),
            ("qwen3", "blk.0.attn_q.bias"),
            ("gemma3", "blk.0.attn_sub_norm.weight"),
            ("bitnet", "blk.0.post_ffw_norm.weight"),
        ):
            message = f"tensors that a plain {architecture} model does not have: {name}"
            with self.subTest(architecture), self.assertRaisesRegex(LutraError, message):
                self.convert("refused", architecture, extra_tensors=(name,))

    def test_an_unknown_architecture(self) -> None:
        with self.assertRaisesRegex(
            LutraError, "architecture 'mamba'; expected one of llama, qwen2, qwen3, gemma3, phi3"
        ):
            self.convert("refused", "mamba")


if __name__ == "__main__":
    unittest.main()
