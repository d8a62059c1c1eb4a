"""Rebuilds a GGUF file's SentencePiece vocabulary (`tokenizer.ggml.model` = llama) for the `tokenizers` library.

SentencePiece's BPE merges, of all neighbours that spell a piece, the two whose piece has the highest score, the leftmost of
equals. That is BPE with a merge for every way to split a piece in two, ordered by the piece's score. A character that no
piece spells becomes its UTF-8 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

#: Values of tokenizer.ggml.token_type.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4

_SPACE = "\u2581"
#: Phi-3's special tokens swallow the blanks behind them, but for these.
_KEEP_BLANKS = ("<unk>", "<s>", "<|endoftext|>")


def build(
    tokens: Sequence[str],
    scores: Sequence[float],
    types: Sequence[int],
    *,
    unknown: int | None,
    space_prefix: bool,
    swallow_blanks: bool,
) -> Tokenizer:
    """The tokenizer of a vocabulary. space_prefix: text begins with a blank that is not written; swallow_blanks: blanks behind
    special tokens are dropped."""
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(
        models.BPE(
            vocabulary,
            merges(vocabulary, scores, types),
            unk_token=None if unknown is None else tokens[unknown],
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    spaces = normalizers.Replace(" ", _SPACE)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(_SPACE), spaces]) if space_prefix else spaces
    parts: list[Any] = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    if space_prefix:
        parts.append(decoders.Strip(" ", 1, 0))
    tokenizer.decoder = decoders.Sequence(parts)

    def added(kinds: tuple[int, ...], special: bool) -> list[AddedToken]:
        return [
            AddedToken(
                token,
                special=special,
                normalized=False,
                rstrip=swallow_blanks and special and token not in _KEEP_BLANKS,
            )
            for token, kind in zip(tokens, types)
            if kind in kinds
        ]

    tokenizer.add_special_tokens(added((CONTROL, UNKNOWN), special=True))
    tokenizer.add_tokens(added((USER_DEFINED,), special=False))
    return tokenizer


def merges(vocabulary: dict[str, int], scores: Sequence[float], types: Sequence[int]) -> list[tuple[str, str]]:
    """Every way to make a normal piece of two, the highest score first. Of the ways to make one piece, those of lower ids come
    first, as the library's own conversion orders them."""
    found: list[tuple[float, int, int, str, str]] = []
    for piece, index in vocabulary.items():
        if types[index] != NORMAL:
            continue
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in vocabulary and right in vocabulary:
                found.append((-scores[index], vocabulary[left], vocabulary[right], left, right))
    found.sort()
    return [(left, right) for _, _, _, left, right in found]
