# RUN: %python %s
"""Models as onnxruntime-genai and Hugging Face's exporter leave them in a folder: decoded, and described by the files beside them."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

import lutra
import numpy as np
import onnxruntime
from lutra import modelfiles, textconfig
from lutra.batch import BatchDecoder, supports_batches
from lutra.decoder import Decoder
from lutra.textmodel import TextModel

FIXTURES = Path(__file__).resolve().parents[1] / "Fixtures" / "exporters"
HEAD_SIZE = 16
IDS = [5, 17, 80, 3, 44, 9, 120, 31]


def reference(path: Path, ids: list[int]) -> np.ndarray:
    """onnxruntime's logits [tokens, vocabulary] in one run from nothing."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feeds: dict[str, np.ndarray] = {}
    for value in session.get_inputs():
        if value.name.startswith("past"):
            feeds[value.name] = np.zeros((1, value.shape[1], 0, HEAD_SIZE), np.float32)
        elif value.name == "position_ids":
            feeds[value.name] = np.arange(len(ids))[None]
        else:
            feeds[value.name] = np.array([ids]) if value.name == "input_ids" else np.ones((1, len(ids)), np.int64)
    found: np.ndarray = session.run(["logits"], feeds)[0][0]
    return found


class DecoderTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def compiled(self, name: str, **files: object) -> lutra.Session:
        home = self.folder / name
        home.mkdir()
        shutil.copyfile(FIXTURES / f"{name}.onnx", home / "model.onnx")
        for file, content in files.items():
            (home / f"{file}.json").write_text(json.dumps(content))
        return lutra.Session(lutra.compile(home / "model.onnx", home / "model.lutra", options={"table": "f32"}))

    def test_a_decoder_feeds_positions_and_keeps_its_cache_in_place(self) -> None:
        session = self.compiled("hf-llama")
        expected = reference(FIXTURES / "hf-llama.onnx", IDS)
        decoder = Decoder(session, 16)
        found = [*decoder.feed(IDS[:5]), *(decoder.feed([token])[0].copy() for token in IDS[5:])]
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-4)
        decoder.truncate(3)
        np.testing.assert_allclose(decoder.feed(IDS[3:]), expected[3:], rtol=0, atol=2e-4)

    def test_sequences_of_one_length_are_not_batched(self) -> None:
        session = self.compiled("hf-llama")
        self.assertFalse(supports_batches(session))
        with self.assertRaisesRegex(lutra.LutraError, "share one length: decode them one after the other"):
            BatchDecoder(session, 2, 16)
        alone = BatchDecoder(session, 1, 16)
        found = [alone.prefill([IDS[:6]])[0], *(alone.step([token])[0] for token in IDS[6:])]
        np.testing.assert_allclose(found, reference(FIXTURES / "hf-llama.onnx", IDS)[5:], rtol=0, atol=2e-4)

    def test_the_head_size_of_a_genai_model_comes_from_its_config(self) -> None:
        config = {
            "model": {
                "context_length": 64,
                "eos_token_id": [2, 7],
                "bos_token_id": 1,
                "decoder": {"head_size": HEAD_SIZE},
            }
        }
        session = self.compiled("genai-llama-fp32", genai_config=config)
        self.assertTrue(supports_batches(session))
        decoder = Decoder(session, 16)
        found = [*decoder.feed(IDS[:5]), *(decoder.feed([token])[0].copy() for token in IDS[5:])]
        expected = reference(FIXTURES / "genai-llama-fp32.onnx", IDS)
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-4)

    def test_a_head_size_that_nobody_knows(self) -> None:
        with self.assertRaisesRegex(
            lutra.LutraError, r"does not say its head size \('kv_cache_dim'\): genai_config\.json"
        ):
            Decoder(self.compiled("genai-llama-fp32"), 16)


class TextConfigTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, **files: object) -> None:
        for name, content in files.items():
            (self.folder / f"{name}.json").write_text(json.dumps(content))

    def test_hugging_face(self) -> None:
        self.write(
            config={"max_position_embeddings": 512, "hidden_size": 64, "num_attention_heads": 4, "eos_token_id": 2},
            generation_config={"eos_token_id": [2, 9], "bos_token_id": 1},
            tokenizer_config={"add_bos_token": True, "chat_template": [
                {"name": "tool_use", "template": "no"}, {"name": "default", "template": "yes"}]},
        )  # fmt: skip
        found = textconfig.describe(self.folder)
        self.assertIsNotNone(found)
        expected = {"context_length": 512, "bos_token_id": 1, "eos_token_ids": [2, 9], "add_bos_token": True,
                    "chat_template": "yes", "head_size": 16}  # fmt: skip
        self.assertEqual({key: found[key] for key in expected}, expected)
        (self.folder / "chat_template.jinja").write_text("own")
        self.assertEqual(textconfig.describe(self.folder)["chat_template"], "own")

    def test_genai_counts_before_the_others(self) -> None:
        self.write(
            genai_config={"model": {"context_length": 128, "bos_token_id": 3, "decoder": {"head_size": 8}}},
            config={"max_position_embeddings": 512, "head_dim": 16, "bos_token_id": 1},
        )
        found = textconfig.describe(self.folder)
        self.assertEqual((found["context_length"], found["bos_token_id"], found["head_size"]), (128, 3, 8))

    def test_nothing_and_damaged(self) -> None:
        self.assertIsNone(textconfig.describe(self.folder))
        for content in ("{", "[]"):
            (self.folder / "config.json").write_text(content)
            with self.assertRaisesRegex(lutra.LutraError, "config.json' is damaged"):
                textconfig.describe(self.folder)

    def test_they_are_part_of_what_an_artifact_is_made_from(self) -> None:
        (self.folder / "m.onnx").write_bytes((FIXTURES / "hf-llama.onnx").read_bytes())
        self.write(config={}, tokenizer={}, other={})
        names = {path.name for path in modelfiles.files_of(self.folder / "m.onnx")}
        self.assertEqual(names, {"m.onnx", "config.json", "tokenizer.json"})

    def test_a_text_model_without_any_says_what_to_do(self) -> None:
        with self.assertRaisesRegex(lutra.LutraError, "lutra convert writes it .* genai_config.json or config.json"):
            TextModel.load(self.folder)


if __name__ == "__main__":
    unittest.main()
