# Products of one token are too small to share among threads.
# RUN: env OPENBLAS_NUM_THREADS=1 %python %s
"""The BitNet of examples/bitnet: ternary weights in its file; Lutra's results beside those of its numpy reference."""

import json
import re
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
from lutra import formats, session
from lutra.decoder import Decoder
from lutra.eval.reference import ReferenceModel
from lutra.generation import generate
from onnx import helper, numpy_helper
from tokenizers import Tokenizer

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "bitnet"
sys.path.insert(0, str(EXAMPLE))
import export
import reference

MODEL = EXAMPLE / "bitnet.onnx"
#: Greedy continuations of these never come to two tokens whose logits are nearly the same.
PROMPTS = ("A compiler for", "Perl module for")


class Weights(unittest.TestCase):
    def setUp(self) -> None:
        self.model = onnx.load(MODEL)
        self.stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.model.graph.initializer}
        self.products = [
            node for node in self.model.graph.node if (node.domain, node.op_type) == ("ai.lutra", "MatMul")
        ]

    def test_every_weight_is_ternary_times_one_scale(self) -> None:
        weights = reference.Weights.from_onnx(MODEL)
        checked = 0
        for node in self.products:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            self.assertEqual(attributes["activation"], b"int8_per_token")
            weight = formats.parse(attributes["format"].decode())
            if node.name == "head":
                self.assertIsInstance(weight, formats.Uniform)
                continue
            self.assertIsInstance(weight, formats.Ternary)
            codes, scales = (self.stored[name] for name in node.input[3:])
            values = weight.dequantize({"codes": codes, "scales": scales}, attributes["N"], attributes["K"])
            scale = float(scales.reshape(()))
            self.assertGreater(scale, 0)
            np.testing.assert_array_equal(np.unique(values), [-scale, 0, scale])
            # The reference reads the same signs out of the bytes by its own code.
            np.testing.assert_array_equal(values, scale * weights.arrays[node.name].astype(np.float64))
            checked += 1
        self.assertEqual(checked, 7 * weights.config["layers"])

    def test_no_matrix_is_kept_beside_them(self) -> None:
        matrices = [n for n, a in self.stored.items() if a.ndim > 1 and not n.endswith((".codes", ".scales"))]
        self.assertEqual(sorted(matrices), ["cos", "sin"])
        self.assertLess(MODEL.stat().st_size, 10_000_000)


class Results(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = tempfile.TemporaryDirectory()
        session.compile(MODEL, Path(cls.directory.name) / "model")
        cls.session = session.Session(Path(cls.directory.name) / "model")
        cls.lutra = Decoder(cls.session, 512)
        cls.reference = reference.Reference(reference.Weights.from_onnx(MODEL))
        cls.tokenizer = Tokenizer.from_file(str(EXAMPLE / "tokenizer.json"))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.session.close()
        cls.directory.cleanup()

    def test_two_hundred_greedy_tokens_are_the_same(self) -> None:
        for prompt in PROMPTS:
            with self.subTest(prompt=prompt):
                ids = [0, *self.tokenizer.encode(prompt).ids]
                expected = list(reference.generate(self.reference, ids, 200))
                self.lutra.reset()
                found = list(generate(self.lutra, ids, max_tokens=200))
                self.assertEqual(found, expected)

    def test_the_readme_shows_what_it_writes(self) -> None:
        readme = (EXAMPLE.parents[1] / "README.md").read_text(encoding="utf-8")
        shown = re.search(r'^\$ lutra generate bitnet\.lutra "([^"]+)"\n(.*?)^```', readme, re.MULTILINE | re.DOTALL)
        self.assertIsNotNone(shown)
        self.lutra.reset()
        tokens = generate(self.lutra, [0, *self.tokenizer.encode(shown.group(1)).ids], max_tokens=200, stop={0})
        self.assertEqual(self.tokenizer.decode(list(tokens)).strip(), shown.group(2).strip())

    def test_held_out_text_is_as_likely(self) -> None:
        # onnxruntime runs the same numbers spelled in standard operators: a second opinion on the reference itself.
        weights = reference.Weights.from_onnx(MODEL)
        standard = Path(self.directory.name) / "standard.onnx"
        standard.write_bytes(export.build(weights.arrays, weights.config, export.StandardForm).SerializeToString())
        documents = map(json.loads, (EXAMPLE / "heldout.jsonl").read_text(encoding="utf-8").splitlines())
        tokens = [0, *self.tokenizer.encode(next(documents)["text"]).ids][:513]
        losses = []
        for model in (self.reference, self.lutra, ReferenceModel(standard, 1)):
            model.reset()
            logits = model.feed(tokens[:-1]).astype(np.float64)
            logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
            losses.append(-logits[np.arange(len(tokens) - 1), tokens[1:]].mean())
        for loss in losses[1:]:
            self.assertLess(abs(np.expm1(loss - losses[0])), 0.005)

    def test_the_reference_refuses_more_than_its_context(self) -> None:
        self.reference.reset()
        with self.assertRaisesRegex(ValueError, "513 tokens are more than the context of 512"):
            self.reference.feed([0] * 513)


if __name__ == "__main__":
    unittest.main()
