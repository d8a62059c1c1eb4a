"""Tokenizers from tokenizer.json: by the `tokenizers` library where it is installed, else by `lutra.bpe`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from lutra.errors import LutraError

if TYPE_CHECKING:
    import tokenizers


class Tokenizer(Protocol):
    """What the package asks of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, in which special tokens may be spelled out; none are added."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, without special tokens; U+FFFD stands for bytes that are no text."""
        ...

    def id_to_token(self, token: int) -> str | None:
        """How the file spells a token."""
        ...


class LibraryTokenizer:
    """A tokenizer of the `tokenizers` library."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def id_to_token(self, token: int) -> str | None:
        spelled: str | None = self._tokenizer.id_to_token(token)
        return spelled


def load_tokenizer(path: str | os.PathLike[str]) -> Tokenizer:
    """The tokenizer of a tokenizer.json. Raises LutraError when the file is damaged or, without the library, of a kind that
    `lutra.bpe` does not implement; FileNotFoundError when it is missing."""
    try:
        import tokenizers
    except ModuleNotFoundError:
        from lutra.bpe import BPETokenizer

        return BPETokenizer.load(path)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        return LibraryTokenizer(tokenizers.Tokenizer.from_str(text))
    except Exception as error:  # The library raises plain Exception.
        raise LutraError(f"'{os.fspath(path)}' cannot be read as a tokenizer: {error}") from error
