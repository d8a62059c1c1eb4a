# RUN: %python %s
r"""Patterns with \p{...} without the package regex: the same words as the tokenizers library cuts."""

import re
import unittest
from pathlib import Path
from unittest import mock

import tokenizers
from lutra import bpe
from lutra.bpe import BPETokenizer
from lutra.unicode_classes import ranges, translate

TOKENIZER = Path(__file__).resolve().parents[2] / "examples" / "bitnet" / "tokenizer.json"
TEXTS = (
    "Hello wörld's 12345 ½ ünïcode\n\n  x  日本語 Ⅷ",
    "don't WE'RE I'll\r\n\ttabs  and\u00a0no-break\u2003spaces ",
    "naïve café — “quotes” … 100% #tag @you __init__(self): return {'a': 1}",
    "Ελληνικά Русский العربية हिन्दी 한국어 🙂👍🏽 e\u0301",
)


class ClassesTest(unittest.TestCase):
    def test_the_bundled_tokenizer_without_regex(self) -> None:
        library = tokenizers.Tokenizer.from_file(str(TOKENIZER))
        with mock.patch.object(bpe.importlib, "import_module", side_effect=ModuleNotFoundError("regex")):
            ours = BPETokenizer.load(TOKENIZER)
        for text in TEXTS:
            self.assertEqual(ours.encode(text), library.encode(text, add_special_tokens=False).ids, text)

    def test_translation(self) -> None:
        for pattern, text, expected in (
            (r"\p{L}+", "ab1é²", ["ab", "é"]),
            (r"[^\s\p{L}\p{N}]+", "a, b! 1", [",", "!"]),
            (r"\P{L}", "a1", ["1"]),
            (r"\p{^Lu}", "Aa", ["a"]),
            (r"\pN{2}", "12", ["12"]),
            (r"\S+\s", "a\x1cb c", ["a\x1cb "]),
            (r"\\p\[\]\d", r"\p[]7", [r"\p[]7"]),
        ):
            with self.subTest(pattern):
                self.assertEqual(re.findall(translate(pattern), text), expected)

    def test_refusals(self) -> None:
        for pattern in (r"[\P{L}]", r"[a\S]", r"\p{Qq}"):
            with self.subTest(pattern), self.assertRaises(re.error):
                translate(pattern)
        with self.assertRaisesRegex(re.error, "there is no category 'Zz'"):
            ranges("Zz")


if __name__ == "__main__":
    unittest.main()
