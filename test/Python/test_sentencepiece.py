# RUN: %python %s
"""SentencePiece vocabularies of GGUF files: the tokens that SentencePiece's own algorithm makes, blanks, bytes and special tokens."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
from lutra.convert import sentencepiece
from lutra.convert.checkpoint import Checkpoint
from lutra.convert.tokenizer import build_tokenizer, save_tokenizer
from lutra.errors import LutraError
from lutra.textmodel import TextModel
from lutra.tokenizer import LibraryTokenizer
from tiny_models import TinyModel

_BYTE = 6  # of tokenizer.ggml.token_type
_SPACE = "\u2581"


def vocabulary() -> tuple[list[str], list[float], list[int]]:
    """Special tokens, all bytes, characters, and pieces with the scores -1, -2 and so on, the first merge first."""
    random = np.random.default_rng(5)
    tokens, types = ["<unk>", "<s>", "</s>", "<turn>", "\n\n"], [2, 3, 3, 3, 4]
    tokens += [f"<0x{byte:02X}>" for byte in range(256)]
    types += [_BYTE] * 256
    scores = [0.0] * len(tokens)
    letters = [*"abc\n", _SPACE]
    pieces = list(letters)
    while len(pieces) < 60:
        piece = pieces[random.integers(len(pieces))] + pieces[random.integers(len(pieces))]
        if piece not in pieces and len(piece) < 9 and "\n\n" not in piece:
            pieces.append(piece)
    merged = pieces[len(letters) :]
    tokens += letters + merged
    types += [1] * len(pieces)
    scores += [-1000.0] * len(letters) + [-1.0 - i for i in range(len(merged))]
    return tokens, scores, types


def by_definition(text: str, tokens: list[str], scores: list[float]) -> list[int]:
    """SentencePiece's BPE, slowly: the neighbours whose piece has the best score become one, the leftmost first."""
    ids = {token: index for index, token in enumerate(tokens)}
    parts = list(text)
    while True:
        best = max(
            ((scores[ids[a + b]], -i) for i, (a, b) in enumerate(zip(parts, parts[1:])) if a + b in ids), default=None
        )
        if best is None:
            break
        i = -best[1]
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return [token for part in parts for token in ([ids[part]] if part in ids else spelled(part, ids))]


def spelled(character: str, ids: dict[str, int]) -> list[int]:
    return [ids[f"<0x{byte:02X}>"] for byte in character.encode()]


class SentencePieceTest(unittest.TestCase):
    def setUp(self) -> None:
        self.tokens, self.scores, self.types = vocabulary()

    def build(self, *, space_prefix: bool = False, swallow_blanks: bool = False) -> LibraryTokenizer:
        return LibraryTokenizer(
            sentencepiece.build(
                self.tokens,
                self.scores,
                self.types,
                unknown=0,
                space_prefix=space_prefix,
                swallow_blanks=swallow_blanks,
            )
        )

    def test_tokens_are_those_of_the_algorithm(self) -> None:
        tokenizer, random = self.build(), np.random.default_rng(8)
        for length in range(1, 120):
            text = "".join(random.choice([*"aabbc é"], length))
            expected = by_definition(text.replace(" ", _SPACE), self.tokens, self.scores)
            self.assertEqual(tokenizer.encode(text), expected, text)
            self.assertEqual(tokenizer.decode(expected), text)

    def test_blanks(self) -> None:
        plain, prefixed = self.build(), self.build(space_prefix=True)
        self.assertEqual(prefixed.encode("ab"), plain.encode(" ab"))
        self.assertEqual(prefixed.decode(prefixed.encode("ab  c")), "ab  c")
        self.assertEqual(plain.decode(plain.encode(" ab")), " ab")
        self.assertEqual(prefixed.encode("<turn>a"), [3, *plain.encode(" a")])
        self.assertEqual(prefixed.encode(""), [])

    def test_special_tokens(self) -> None:
        plain, swallowing = self.build(), self.build(swallow_blanks=True)
        self.assertEqual(plain.encode("<s>a\n\n\nb"), [1, *plain.encode("a"), 4, *plain.encode("\nb")])
        self.assertEqual(plain.encode("<turn>\n a"), [3, *plain.encode("\n a")])
        self.assertEqual(swallowing.encode("<turn>\n a"), [3, *plain.encode("a")])
        self.assertEqual(swallowing.encode("<s> a"), [1, *plain.encode(" a")])
        self.assertEqual(plain.decode([1, 3, *plain.encode("a"), 2]), "a")

    def test_a_file(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            self.write(folder / "m.gguf", {"tokenizer.ggml.add_space_prefix": 1})
            save_tokenizer(Checkpoint(folder / "m.gguf"), folder)
            text = TextModel.load(folder)
            self.assertTrue(text.add_bos)
            ids = text.encode("ab é\u6771 b")
            self.assertEqual(ids[0], 1)
            stream = text.stream()
            # The first blank is the tokenizer's, the others are the text's, also where a piece begins with one.
            self.assertEqual("".join([*map(stream.push, ids), stream.finish()]), "ab é\u6771 b")

    def test_words_of_byte_level_kinds(self) -> None:
        text = "It's x  12345 ABCdef/\n\nfoo"
        words = {
            "qwen2": ["It", "'s", " x", " ", " ", "1", "2", "3", "4", "5", " ABCdef", "/\n\n", "foo"],
            "dbrx": ["It", "'s", " x", " ", " ", "123", "45", " ABCdef", "/\n\n", "foo"],
            "gpt-4o": ["It's", " x", " ", " ", "123", "45", " ABCdef", "/\n\n", "foo"],
        }
        with tempfile.TemporaryDirectory() as name:
            for kind, expected in words.items():
                path = Path(name) / "m.gguf"
                TinyModel(path, "qwen2", metadata={"tokenizer.ggml.pre": kind})
                found = build_tokenizer(Checkpoint(path)).pre_tokenizer.pre_tokenize_str(text)
                self.assertEqual([text[start:end] for _, (start, end) in found], expected, kind)

    def test_a_vocabulary_without_scores(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            TinyModel(Path(name) / "m.gguf", "llama", metadata={"tokenizer.ggml.model": "llama"})
            with self.assertRaisesRegex(LutraError, "lacks the metadata 'tokenizer.ggml.scores'"):
                build_tokenizer(Checkpoint(Path(name) / "m.gguf"))

    def write(self, path: Path, metadata: dict[str, object]) -> None:
        keys = {"tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": None, "tokenizer.ggml.unknown_token_id": 0}
        vocabulary = (self.tokens, self.scores, self.types)
        TinyModel(path, "llama", metadata={**keys, **metadata}, vocabulary=vocabulary)


if __name__ == "__main__":
    unittest.main()
