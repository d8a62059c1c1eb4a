"""Byte-level BPE tokenizers (GPT-2's kind) from tokenizer.json, for machines without the `tokenizers` library.

Text is cut at added tokens, then into words by the patterns of the pre-tokenizer; the UTF-8 bytes of a word are spelled as
printable characters, one for each byte, and merged pair by pair in the order of the merge list. Everything else that a
tokenizer.json may ask for is refused by name. Ids equal the library's, except for characters that are younger than the
Unicode tables of the installed `regex` package.
"""

from __future__ import annotations

import heapq
import importlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from lutra.errors import LutraError

#: How GPT-2 cuts text into words; what `"use_regex": true` stands for.
_GPT2_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

#: Any value will do.
_ANY = object()


def _byte_symbols() -> list[str]:
    """The character for each byte: itself where Latin-1 prints it, else the next one from U+0100 on."""
    printed = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printed else next(others)) for byte in range(256)]


_SYMBOLS = _byte_symbols()
_BYTES = {symbol: byte for byte, symbol in enumerate(_SYMBOLS)}


class BPETokenizer:
    """A byte-level BPE tokenizer; a `lutra.tokenizer.Tokenizer`."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        """`description` is what a tokenizer.json holds. Raises LutraError for what is damaged or not implemented."""
        known = {
            "version": _ANY,
            "truncation": None,
            "padding": None,
            "added_tokens": _ANY,
            "normalizer": None,
            "pre_tokenizer": _ANY,
            "post_processor": _ANY,  # Adds special tokens and moves offsets; neither is asked for.
            "decoder": _ANY,
            "model": _ANY,
        }
        _check("the file", description, known)
        self._read_model(_section(description, "model"))
        self._read_added(description.get("added_tokens") or [])
        patterns = _word_patterns(_section(description, "pre_tokenizer"))
        decoder = _section(description, "decoder")
        options = ("add_prefix_space", "trim_offsets", "use_regex")  # They concern the way in.
        _check("the decoder", decoder, {"type": "ByteLevel"} | dict.fromkeys(options, _ANY))
        self._patterns = [_compile(pattern) for pattern in patterns]
        self._words: dict[str, list[int]] = {}

    @staticmethod
    def load(path: str | os.PathLike[str]) -> BPETokenizer:
        """Reads a tokenizer.json. Raises LutraError when it is damaged or holds what is not implemented."""
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            return BPETokenizer(json.loads(text))
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise LutraError(f"'{os.fspath(path)}' cannot be read as a tokenizer: {error}") from error

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, in which special tokens may be spelled out; none are added."""
        ids: list[int] = []
        for part in self._cut_added(text):
            if isinstance(part, int):
                ids.append(part)
            else:
                for word in self._cut_words(part):
                    ids.extend(self._encode_word(word))
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, without special tokens; U+FFFD stands for bytes that are no text."""
        spelled = (self._tokens[token] for token in ids if token in self._tokens and token not in self._special)
        return b"".join(map(_bytes_of, spelled)).decode("utf-8", "replace")

    def id_to_token(self, token: int) -> str | None:
        """How the file spells a token."""
        return self._tokens.get(token)

    def _read_model(self, model: Mapping[str, Any]) -> None:
        known = {
            "type": "BPE",
            "dropout": (None, 0.0),
            "unk_token": _ANY,
            "fuse_unk": _ANY,
            "continuing_subword_prefix": (None, ""),
            "end_of_word_suffix": (None, ""),
            "byte_fallback": False,
            "ignore_merges": (False, True),
            "vocab": _ANY,
            "merges": _ANY,
        }
        _check("the model", model, known)
        self._vocabulary: dict[str, int] = model["vocab"]
        self._tokens = {token: spelled for spelled, token in self._vocabulary.items()}
        # Without an unknown token the library leaves such bytes out, and so does _encode_word.
        missing = [byte for byte, symbol in enumerate(_SYMBOLS) if symbol not in self._vocabulary]
        if missing and model.get("unk_token") is not None:
            _refuse(f"the vocabulary has no token for the byte {missing[0]:#04x}, but an unk_token")
        #: Two neighbours -> the place of their merge in the list, and what they become.
        self._merges: dict[tuple[int, int], tuple[int, int]] = {}
        for rank, merge in enumerate(model["merges"]):
            # The older spelling of ["a", "b"] is "a b".
            left, right = merge.split(" ") if isinstance(merge, str) else merge
            pair = self._vocabulary[left], self._vocabulary[right]
            self._merges[pair] = rank, self._vocabulary[left + right]
        self._whole_words = bool(model.get("ignore_merges", False))

    def _read_added(self, added: Sequence[Mapping[str, Any]]) -> None:
        known = {
            "id": _ANY,
            "content": _ANY,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": (False, True),  # The same, as there is no normalizer.
            "special": (False, True),
        }
        self._special = set()
        #: Spelling -> token. Those that a normalizer would see are looked for in what the others leave.
        groups: tuple[dict[str, int], dict[str, int]] = {}, {}
        for entry in added:
            _check(f"the added token {entry.get('content')!r}", entry, known)
            token, spelled = entry["id"], entry["content"]
            if self._vocabulary.get(spelled, token) != token:
                _refuse(
                    f"the added token {spelled!r} has the id {token}, but {self._vocabulary[spelled]} in the vocabulary"
                )
            self._tokens[token] = spelled
            if spelled:
                groups[bool(entry.get("normalized"))][spelled] = token
            if entry.get("special"):
                self._special.add(token)
        # At one place the longest is taken.
        self._added = [
            (re.compile("(" + "|".join(map(re.escape, sorted(group, key=len, reverse=True))) + ")"), group)
            for group in groups
            if group
        ]

    def _cut_added(self, text: str) -> list[str | int]:
        """`text` in order: pieces of text, and tokens where an added one was spelled out."""
        parts: list[str | int] = [text]
        for pattern, group in self._added:
            cut: list[str | int] = []
            for part in parts:
                if isinstance(part, int):
                    cut.append(part)
                else:
                    pieces = pattern.split(part)
                    cut.extend(group[piece] if i % 2 else piece for i, piece in enumerate(pieces) if piece)
            parts = cut
        return parts

    def _cut_words(self, text: str) -> list[str]:
        words = [text]
        for pattern in self._patterns:
            words = [part for word in words for part in _isolate(pattern, word)]
        return words

    def _encode_word(self, word: str) -> list[int]:
        ids = self._words.get(word)
        if ids is None:
            symbols = "".join(_SYMBOLS[byte] for byte in word.encode("utf-8"))
            if self._whole_words and symbols in self._vocabulary:
                ids = [self._vocabulary[symbols]]
            else:
                known = self._vocabulary
                ids = self._merge([known[symbol] for symbol in symbols if symbol in known])
            # Words come again, but text has no end.
            if len(self._words) >= 1 << 16:
                self._words.clear()
            self._words[word] = ids
        return ids

    def _merge(self, ids: list[int]) -> list[int]:
        """Merges neighbours until no merge applies: the first of the list first, of equal ones the leftmost.

        `ids` is used up. The neighbours form a list linked both ways, whose members keep their places; a heap holds the
        merges that were possible when they were seen, so that a long word takes n log n steps.
        """
        end = len(ids)
        after, before = list(range(1, end + 1)), list(range(-1, end - 1))
        gone = -1
        heap: list[tuple[int, int, int]] = []

        def offer(left: int) -> None:
            if left >= 0 and after[left] < end:
                found = self._merges.get((ids[left], ids[after[left]]))
                if found is not None:
                    heapq.heappush(heap, (found[0], left, found[1]))

        for left in range(end - 1):
            offer(left)
        while heap:
            rank, left, token = heapq.heappop(heap)
            right = after[left]
            if ids[left] == gone or right == end or self._merges.get((ids[left], ids[right])) != (rank, token):
                continue
            ids[left], ids[right] = token, gone
            after[left] = after[right]
            if after[right] < end:
                before[after[right]] = left
            offer(before[left])
            offer(left)
        return [token for token in ids if token != gone]


def _word_patterns(pre_tokenizer: Mapping[str, Any]) -> list[str]:
    """The patterns by which words are cut, one after the other. The last part must spell the bytes."""
    parts = _flattened(pre_tokenizer)
    patterns = []
    for i, part in enumerate(parts):
        kind = part.get("type")
        where = f"the pre-tokenizer {kind}"
        if (kind == "ByteLevel") != (i == len(parts) - 1):
            _refuse(
                f"its pre-tokenizers are {', '.join(str(p.get('type')) for p in parts)}, not one ByteLevel at the end"
            )
        if kind == "ByteLevel":
            known = {"type": _ANY, "add_prefix_space": False, "trim_offsets": _ANY, "use_regex": (False, True)}
            _check(where, {"add_prefix_space": True, **part}, known)
            if part.get("use_regex", True):
                patterns.append(_GPT2_WORDS)
        elif kind == "Digits":
            _check(where, part, {"type": _ANY, "individual_digits": (False, True)})
            patterns.append(r"\p{N}" if part.get("individual_digits") else r"\p{N}+")
        elif kind == "Split":
            _check(where, part, {"type": _ANY, "pattern": _ANY, "behavior": "Isolated", "invert": False})
            patterns.append(_split_pattern(part["pattern"]))
        else:
            _refuse(f"{where} is not ByteLevel, Digits or Split")
    return patterns


def _flattened(pre_tokenizer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if pre_tokenizer.get("type") != "Sequence":
        return [pre_tokenizer]
    _check("the pre-tokenizer Sequence", pre_tokenizer, {"type": _ANY, "pretokenizers": _ANY})
    return [leaf for part in pre_tokenizer["pretokenizers"] for leaf in _flattened(part)]


def _split_pattern(pattern: Mapping[str, str]) -> str:
    if set(pattern) == {"Regex"}:
        return pattern["Regex"]
    if set(pattern) == {"String"}:
        return re.escape(pattern["String"])
    _refuse(f"the pre-tokenizer Split has a pattern of kind {', '.join(pattern)}, not Regex or String")


def _compile(pattern: str) -> Any:
    try:
        regex = importlib.import_module("regex")  # Without stubs, on Debian.
    except ModuleNotFoundError:
        from lutra.unicode_classes import translate

        try:
            return re.compile(translate(pattern))
        except re.error as error:
            _refuse(
                f"the pattern {pattern!r} cannot be compiled ({error}): pip install tokenizers, or regex "
                "(Debian: python3-regex)"
            )
    try:
        return regex.compile(pattern)
    except regex.error as error:
        _refuse(f"the pattern {pattern!r} cannot be compiled ({error})")


def _isolate(pattern: Any, text: str) -> Iterator[str]:
    """`text` cut before and after each match."""
    end = 0
    for match in pattern.finditer(text):
        if match.start() > end:
            yield text[end : match.start()]
        if match.group():
            yield match.group()
        end = match.end()
    if end < len(text):
        yield text[end:]


def _bytes_of(token: str) -> bytes:
    """The bytes that a token spells; an added token may hold characters that spell none, and then is text itself."""
    if all(symbol in _BYTES for symbol in token):
        return bytes(_BYTES[symbol] for symbol in token)
    return token.encode("utf-8")


def _section(description: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = description.get(name)
    if not isinstance(section, dict):
        _refuse(f"its {name} is {section!r}")
    return section


def _check(where: str, section: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuses keys that are not in `known`, and values other than the one, or one of the tuple, that it gives."""
    for key, value in section.items():
        accepted = known.get(key, ())
        values = accepted if isinstance(accepted, tuple) else (accepted,)
        if accepted is not _ANY and not any(value == one and type(value) is type(one) for one in values):
            shown = f" of type {value['type']!r}" if isinstance(value, dict) and "type" in value else f" = {value!r}"
            _refuse(f"{where} has {key}{shown}")


def _refuse(what: str) -> NoReturn:
    raise LutraError(
        f"{what}: without the Python package 'tokenizers' (pip install tokenizers) Lutra reads byte-level BPE tokenizers only"
    )
