# Products of one token are too small to share among threads.
# RUN: env OPENBLAS_NUM_THREADS=1 %python %s
"""The BitNet of examples/bitnet: ternary weights in its file; Lutra's results beside those of its numpy reference.

python bitnet.py          a few prompts, on this CPU
python bitnet.py --all    all prompts and random ones, on this CPU and for x86-64 levels without its newer instructions
"""

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
#: The first few are continued in the default run. What they say does not matter: the tokens are the same by definition.
PROMPTS = (
    "A compiler for", "The king said to his servants", "Perl module for", "A text editor", "In order to", "She was not",
    "This package provides", "Python is", "And it came to pass", "Set the variable", "12345", "Die Katze und der",
)  # fmt: skip
#: Lengths of prompts of random tokens; each is seeded by its place.
RANDOM = (64, 3, 17, 250)
FEW = (3, 1)
#: LLVM's names of CPUs: without vectors beyond SSE2, with AVX2, with AVX-512.
CPUS = ("x86-64", "x86-64-v3", "x86-64-v4")
ALL = "--all" in sys.argv


def prompts(tokenizer: Tokenizer, vocabulary: int) -> list[list[int]]:
    """Text and random tokens, all of them or a few."""
    texts, lengths = (PROMPTS, RANDOM) if ALL else (PROMPTS[: FEW[0]], RANDOM[: FEW[1]])
    result = [tokenizer.encode(text).ids for text in texts]
    for seed, length in enumerate(lengths):
        result.append(np.random.default_rng(seed).integers(1, vocabulary, length).tolist())
    return [[0, *ids] for ids in result]


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

    def check_tokens(self, lutra: Decoder) -> None:
        """200 greedy tokens after each prompt: by the reference, each is the likeliest after those before it."""
        for ids in prompts(self.tokenizer, lutra.vocabulary):
            with self.subTest(prompt=ids):
                lutra.reset()
                found = list(generate(lutra, ids, max_tokens=200))
                self.assertEqual(len(found), 200)
                self.reference.reset()
                logits = self.reference.feed([*ids, *found[:-1]])
                self.assertEqual(found, logits[len(ids) - 1 :].argmax(axis=-1).tolist())

    def test_two_hundred_greedy_tokens_are_the_same(self) -> None:
        self.check_tokens(self.lutra)

    @unittest.skipUnless(ALL, "takes minutes: --all")
    def test_tokens_are_the_same_whatever_the_cpu(self) -> None:
        for cpu in CPUS:
            with self.subTest(cpu=cpu):
                artifact = session.compile(MODEL, Path(self.directory.name) / cpu, options={"mcpu": cpu})
                with session.Session(artifact) as compiled:
                    self.check_tokens(Decoder(compiled, 512))

    def test_logits_are_the_same_bits(self) -> None:
        # Of a prompt at once, then token by token.
        ids = [0, *np.random.default_rng(11).integers(1, self.lutra.vocabulary, 299).tolist()]
        self.lutra.reset()
        self.reference.reset()
        for part in (ids[:280], *([token] for token in ids[280:])):
            np.testing.assert_array_equal(self.lutra.feed(part), self.reference.feed(part))

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
    unittest.main(argv=[argument for argument in sys.argv if argument != "--all"])
