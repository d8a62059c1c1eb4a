"""Rebuilds a GGUF file's tokenizer as tokenizer.json, and writes model.json beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from lutra.convert import sentencepiece
from lutra.convert.checkpoint import Checkpoint
from lutra.errors import LutraError

TOKENIZER_FILE, CONFIG_FILE = "tokenizer.json", "model.json"

#: Tokens that end a turn of a conversation, whether or not the file says so.
_TURN_ENDS = ("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>")

_SPLIT_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_SPLIT_GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]*[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]+{_SUFFIX}|"
    rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]+[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]*{_SUFFIX}|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _gpt2() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def _digits_then_gpt2() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), _gpt2()])


def _by_pattern(pattern: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


#: Value of tokenizer.ggml.pre -> how text is cut into words before the merges.
_PRE_TOKENIZERS: dict[str, Callable[[], Any]] = {
    "gpt-2": _gpt2,
    "smollm": _digits_then_gpt2,
    "starcoder": _digits_then_gpt2,
    "refact": _digits_then_gpt2,
    "llama-bpe": lambda: _by_pattern(_SPLIT_LLAMA3),
    "llama3": lambda: _by_pattern(_SPLIT_LLAMA3),
    "llama-v3": lambda: _by_pattern(_SPLIT_LLAMA3),
    "dbrx": lambda: _by_pattern(_SPLIT_LLAMA3),
    "qwen2": lambda: _by_pattern(_SPLIT_LLAMA3.replace("{1,3}", "")),
    "deepseek-r1-qwen": lambda: _by_pattern(_SPLIT_LLAMA3.replace("{1,3}", "")),
    "gpt-4o": lambda: _by_pattern(_SPLIT_GPT4O),
}
#: Kinds whose words that are tokens as a whole skip the merges.
_WHOLE_WORDS = ("llama-bpe", "llama3", "llama-v3")


def build_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """The tokenizer of `checkpoint`. Raises LutraError for kinds that cannot be rebuilt exactly."""
    model, kind = checkpoint.metadata("tokenizer.ggml.model"), _word_kind(checkpoint)
    tokens = checkpoint.metadata("tokenizer.ggml.tokens", [])
    types = checkpoint.metadata("tokenizer.ggml.token_type", [sentencepiece.NORMAL] * len(tokens))
    if model == "llama":
        scores = checkpoint.metadata("tokenizer.ggml.scores")
        if scores is None:
            raise LutraError(f"'{checkpoint.path}' lacks the metadata 'tokenizer.ggml.scores' of its tokenizer")
        return sentencepiece.build(
            tokens,
            scores,
            types,
            unknown=checkpoint.metadata("tokenizer.ggml.unknown_token_id"),
            space_prefix=bool(checkpoint.metadata("tokenizer.ggml.add_space_prefix", True)),
            swallow_blanks=checkpoint.config.architecture.name == "phi3",
        )
    if model != "gpt2" or kind not in _PRE_TOKENIZERS:
        raise LutraError(
            f"'{checkpoint.path}' has a tokenizer of kind '{model}' / '{kind}'; expected 'llama', or 'gpt2' with one of "
            f"{', '.join(_PRE_TOKENIZERS)} (--no-tokenizer converts the model alone)"
        )
    merges = [tuple(merge.split(" ")) for merge in checkpoint.metadata("tokenizer.ggml.merges", [])]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=kind in _WHOLE_WORDS))
    tokenizer.pre_tokenizer = _PRE_TOKENIZERS[kind]()
    tokenizer.decoder = decoders.ByteLevel()
    control, user = sentencepiece.CONTROL, sentencepiece.USER_DEFINED
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token, type_ in zip(tokens, types) if type_ == control]
    )
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token, type_ in zip(tokens, types) if type_ == user])
    return tokenizer


def _word_kind(checkpoint: Checkpoint) -> str | None:
    """How text is cut into words. bitnet.cpp's files do not say; theirs is the vocabulary of Llama 3."""
    kind: str | None = checkpoint.metadata("tokenizer.ggml.pre")
    if kind is None and "<|begin_of_text|>" in checkpoint.metadata("tokenizer.ggml.tokens", []):
        return "llama-bpe"
    return kind


def save_tokenizer(checkpoint: Checkpoint, directory: Path) -> None:
    """Writes tokenizer.json and model.json (see `lutra.textmodel`) into `directory`."""
    tokenizer = build_tokenizer(checkpoint)
    config = checkpoint.config
    bos = checkpoint.metadata("tokenizer.ggml.bos_token_id")
    # A chat turn may end with a token other than the end of the text.
    ends = [checkpoint.metadata(f"tokenizer.ggml.{name}_token_id") for name in ("eos", "eot", "eom")]
    ends += [tokenizer.token_to_id(token) for token in _TURN_ENDS]
    tokenizer.save(str(directory / TOKENIZER_FILE))
    (directory / CONFIG_FILE).write_text(
        json.dumps(
            {
                "format": "lutra-model",
                "name": config.name,
                "context_length": config.context,
                "bos_token_id": bos,
                "eos_token_ids": sorted({end for end in ends if end is not None}),
                "add_bos_token": bool(checkpoint.metadata("tokenizer.ggml.add_bos_token", kind_adds_bos(checkpoint))),
                "chat_template": checkpoint.metadata("tokenizer.chat_template"),
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n",
        encoding="utf-8",
    )


def kind_adds_bos(checkpoint: Checkpoint) -> bool:
    """Whether a tokenizer kind begins each text with the bos token when the file does not say."""
    return checkpoint.metadata("tokenizer.ggml.model") == "llama" or _word_kind(checkpoint) in _WHOLE_WORDS
