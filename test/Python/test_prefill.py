# RUN: %python %s
"""A prompt may be fed in parts of any size: the cache and the logits are those of the whole prompt at once."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import lutra
import numpy as np
from lutra import decoder as decoders
from lutra.decoder import Decoder

FIXTURE = Path(__file__).resolve().parents[1] / "Fixtures" / "tiny_llama.onnx"
# All positions that the model knows: parts end inside attention's blocks of 32 rows and groups of 8 keys, at their ends and beyond.
LENGTH = 128


class PrefillInParts(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = tempfile.TemporaryDirectory()
        path = Path(cls.directory.name) / "model.lutra"
        cls.session = lutra.Session(lutra.compile(FIXTURE, path, options={"table": "f32"}))
        cls.tokens = [int(token) for token in np.random.default_rng(3).integers(0, 320, LENGTH)]
        cls.logits, cls.cache = cls.run_in_parts([LENGTH])

    @classmethod
    def tearDownClass(cls) -> None:
        cls.directory.cleanup()

    @classmethod
    def run_in_parts(cls, sizes: list[int]) -> tuple[np.ndarray, list[np.ndarray]]:
        """The logits after the last token, and the keys and values of all, when the prompt comes in such parts."""
        fed = Decoder(cls.session, LENGTH)
        start = 0
        for size in sizes:
            logits = fed.prefill(cls.tokens[start : start + size])
            start += size
        assert start == LENGTH
        return logits.copy(), [array.copy() for array in fed._cache.past().values()]

    def check(self, logits: np.ndarray, cache: list[np.ndarray]) -> None:
        np.testing.assert_allclose(logits, self.logits, rtol=0, atol=5e-5)
        for ours, whole in zip(cache, self.cache, strict=True):
            np.testing.assert_allclose(ours, whole, rtol=0, atol=5e-5)

    def test_parts_of_several_sizes(self) -> None:
        for sizes in ([40, 40, 48], [64, 64], [63, 1, 64], [1, 7, 120], [127, 1], [33] * 3 + [29]):
            with self.subTest(sizes=sizes):
                self.check(*self.run_in_parts(sizes))

    def test_token_by_token(self) -> None:
        self.check(*self.run_in_parts([1] * LENGTH))

    def test_the_decoder_cuts_long_prompts_itself(self) -> None:
        with mock.patch.object(decoders, "PREFILL_CHUNK", 48):
            fed = Decoder(self.session, LENGTH)
            logits = fed.prefill(self.tokens)
        self.assertEqual(fed.length, LENGTH)
        self.check(logits.copy(), [array.copy() for array in fed._cache.past().values()])


if __name__ == "__main__":
    unittest.main()
