# RUN: %python %s
"""lutra.bpe gives the ids and the text of the `tokenizers` library, and refuses what it does not implement by name."""

import copy
import json
import random
import subprocess
import sys
import tempfile
import unicodedata
import unittest
from pathlib import Path

from lutra.bpe import BPETokenizer
from lutra.errors import LutraError
from lutra.tokenizer import LibraryTokenizer, load_tokenizer
from tokenizers import Tokenizer

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "bitnet" / "tokenizer.json"
BITNET = json.loads(EXAMPLE.read_text(encoding="utf-8"))
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
#: Characters that both sides' Unicode tables know.
ASSIGNED = [chr(code) for code in range(0x30000) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]
PIECES = [
    *(
        "the",
        " the",
        "Compiler",
        " don't",
        "I'LL",
        "we've",
        "1234567",
        " 3.14",
        "½①Ⅷ",
        "naïve",
        "日本語",
        "😀👩‍👩‍👧",
        "e\u0301",
    ),
    *(
        " ",
        "  ",
        "   \n",
        "\t",
        "\r\n",
        "\n\n",
        "\u00a0",
        "\u3000",
        "\x00",
        "\x85",
        "...",
        "!?",
        "_",
        "<|end|>",
        "<|end|",
        "<|",
    ),
]


def described(**parts: object) -> dict:
    """The file of the bundled model with other parts."""
    return copy.deepcopy(BITNET) | copy.deepcopy(parts)


def pair(description: dict) -> tuple[BPETokenizer, LibraryTokenizer]:
    return BPETokenizer(description), LibraryTokenizer(Tokenizer.from_str(json.dumps(description)))


def without_byte_0() -> dict[str, int]:
    """The vocabulary of the bundled model, as some are: no text has that byte."""
    return {token: index for token, index in BITNET["model"]["vocab"].items() if "\u0100" not in token}


def texts(seed: int, count: int) -> list[str]:
    """Strings of words, spaces and special tokens, of any characters, of one run of letters."""
    draw = random.Random(seed)
    result = ["", " ", "<|end|>", "".join(map(chr, range(0x800))), "ab" * 3000]
    while len(result) < count:
        kind, length = draw.randrange(3), draw.choice((1, 3, 10, 40))
        if kind == 0:
            result.append("".join(draw.choices(PIECES, k=length)))
        elif kind == 1:
            result.append("".join(draw.choices(ASSIGNED, k=length)))
        else:
            result.append("".join(draw.choices("abcdefghijklmnopqrstuvwxyz' \n1\u00e9", k=length)))
    return result


class SameAsTheLibrary(unittest.TestCase):
    def check(self, description: dict, seed: int, count: int) -> None:
        mine, library = pair(description)
        for text in texts(seed, count):
            ids = mine.encode(text)
            self.assertEqual(ids, library.encode(text), repr(text))
            self.assertEqual(mine.decode(ids), library.decode(ids), repr(text))

    def test_bundled_model(self) -> None:
        self.check(BITNET, seed=1, count=4000)

    def test_text_comes_back(self) -> None:
        mine = BPETokenizer(BITNET)
        for text in texts(seed=2, count=2000):
            if "<|end|>" not in text:
                self.assertEqual(mine.decode(mine.encode(text)), text)

    def test_any_ids_decode_alike(self) -> None:
        # Bytes of broken characters, special tokens, ids that are none.
        mine, library = pair(BITNET)
        draw = random.Random(3)
        single = [mine.encode(chr(code))[-1] for code in range(0x80, 0x800)]
        for _ in range(2000):
            ids = draw.choices([*range(300), *single, *range(len(BITNET["model"]["vocab"]) + 3)], k=draw.randrange(12))
            self.assertEqual(mine.decode(ids), library.decode(ids), ids)
        for token in (0, 5, 6000, 1 << 20):
            self.assertEqual(mine.id_to_token(token), library.id_to_token(token))

    def test_other_words(self) -> None:
        split = {"type": "Split", "pattern": {"Regex": LLAMA3}, "behavior": "Isolated", "invert": False}
        comma = {"type": "Split", "pattern": {"String": "."}, "behavior": "Isolated", "invert": False}
        whole = BYTE_LEVEL | {"use_regex": False}
        for seed, parts in enumerate(([BYTE_LEVEL], [whole], [split, whole], [comma, BYTE_LEVEL])):
            with self.subTest(parts=parts):
                self.check(described(pre_tokenizer={"type": "Sequence", "pretokenizers": parts}), seed, 600)
        digits = {"type": "Digits", "individual_digits": False}
        nested = {"type": "Sequence", "pretokenizers": [{"type": "Sequence", "pretokenizers": [digits]}, BYTE_LEVEL]}
        self.check(described(pre_tokenizer=nested), 4, 600)

    def test_merges_out_of_order(self) -> None:
        # A merge may come before those that make its parts; the leftmost of equal ones is first.
        model = BITNET["model"]
        shuffled = list(model["merges"])
        random.Random(5).shuffle(shuffled)
        for merges in (shuffled, [" ".join(merge) for merge in shuffled]):
            for whole_words in (False, True):
                self.check(described(model=model | {"merges": merges, "ignore_merges": whole_words}), 5, 500)

    def test_bytes_that_are_no_tokens_are_left_out(self) -> None:
        self.check(described(model=BITNET["model"] | {"vocab": without_byte_0()}), 7, 600)
        self.assertEqual(
            BPETokenizer(described(model=BITNET["model"] | {"vocab": without_byte_0()})).encode("\x00"), []
        )

    def test_added_tokens(self) -> None:
        entry, vocabulary = BITNET["added_tokens"][0], BITNET["model"]["vocab"]
        spelled = [("<|", True, False), ("<|end", False, False), (" the", False, True), ("é ü", True, False)]
        added = [
            entry | {"id": token, "content": text, "special": special, "normalized": normalized}
            for (text, special, normalized), token in zip(spelled, range(len(vocabulary), 1 << 20))
        ]
        known = entry | {"id": vocabulary["the"], "content": "the", "special": False, "normalized": True}
        self.check(described(added_tokens=[entry, known, *added]), 6, 1000)


class Refusals(unittest.TestCase):
    def test_what_is_not_implemented_is_named(self) -> None:
        model, entry = BITNET["model"], BITNET["added_tokens"][0]

        def sequence(*parts: dict) -> dict:
            return {"type": "Sequence", "pretokenizers": list(parts)}

        split = {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Isolated", "invert": False}
        partial = without_byte_0()
        cases = (
            ("the file has normalizer of type 'NFC'", {"normalizer": {"type": "NFC"}}),
            ("the file has truncation = {'max_length': 3}", {"truncation": {"max_length": 3}}),
            ("the file has padding = {}", {"padding": {}}),
            ("the file has novelty = 1", {"novelty": 1}),
            ("the model has type = 'Unigram'", {"model": model | {"type": "Unigram"}}),
            ("the model has dropout = 0.1", {"model": model | {"dropout": 0.1}}),
            ("the model has byte_fallback = True", {"model": model | {"byte_fallback": True}}),
            ("the model has end_of_word_suffix = '</w>'", {"model": model | {"end_of_word_suffix": "</w>"}}),
            ("no token for the byte 0x00, but an unk_token", {"model": model | {"vocab": partial, "unk_token": "a"}}),
            ("its pre_tokenizer is None", {"pre_tokenizer": None}),
            ("its pre-tokenizers are Metaspace, not one ByteLevel", {"pre_tokenizer": {"type": "Metaspace"}}),
            (
                "are ByteLevel, Digits, not one ByteLevel at",
                {"pre_tokenizer": sequence(BYTE_LEVEL, {"type": "Digits"})},
            ),
            ("pre-tokenizer Punctuation is not", {"pre_tokenizer": sequence({"type": "Punctuation"}, BYTE_LEVEL)}),
            ("ByteLevel has add_prefix_space = True", {"pre_tokenizer": BYTE_LEVEL | {"add_prefix_space": True}}),
            (
                "Split has behavior = 'Removed'",
                {"pre_tokenizer": sequence(split | {"behavior": "Removed"}, BYTE_LEVEL)},
            ),
            ("Split has invert = True", {"pre_tokenizer": sequence(split | {"invert": True}, BYTE_LEVEL)}),
            ("a pattern of kind Glob", {"pre_tokenizer": sequence(split | {"pattern": {"Glob": "*"}}, BYTE_LEVEL)}),
            (
                "pattern '(' cannot be compiled",
                {"pre_tokenizer": sequence(split | {"pattern": {"Regex": "("}}, BYTE_LEVEL)},
            ),
            ("the decoder has type = 'WordPiece'", {"decoder": {"type": "WordPiece"}}),
            ("the added token '<|end|>' has lstrip = True", {"added_tokens": [entry | {"lstrip": True}]}),
            ("has the id 1, but 0 in the vocabulary", {"added_tokens": [entry | {"id": 1}]}),
        )
        for message, parts in cases:
            with self.subTest(message=message), self.assertRaises(LutraError) as caught:
                BPETokenizer(described(**parts))
            self.assertIn(message, str(caught.exception))
            self.assertIn("pip install tokenizers", str(caught.exception))

    def test_damaged_files(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tokenizer.json"
            for text in ("", "[]", '{"model": ', json.dumps(described(model={"type": "BPE"}))):
                path.write_text(text, encoding="utf-8")
                for load in (load_tokenizer, BPETokenizer.load):
                    with self.subTest(text=text, load=load), self.assertRaisesRegex(LutraError, "cannot be read as a"):
                        load(path)
            with self.assertRaises(FileNotFoundError):
                BPETokenizer.load(path.with_name("missing.json"))

    def test_which_one_is_used(self) -> None:
        # Blocked one after the other: the library, then regex too, which Unicode classes of Lutra's own stand in for.
        self.assertIsInstance(load_tokenizer(EXAMPLE), LibraryTokenizer)
        script = (
            "import sys; sys.modules.update(dict.fromkeys(sys.argv[2:]))\n"
            "from lutra.tokenizer import load_tokenizer\n"
            "print(type(load_tokenizer(sys.argv[1])).__name__)"
        )
        for blocked in (["tokenizers"], ["tokenizers", "regex"]):
            command = [sys.executable, "-c", script, str(EXAMPLE), *blocked]
            self.assertEqual(
                subprocess.run(command, capture_output=True, text=True, check=True).stdout, "BPETokenizer\n"
            )


if __name__ == "__main__":
    unittest.main()
