"""Text in and out of a language model: tokenizer.json and model.json as `lutra convert` writes them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lutra.errors import LutraError
from lutra.tokenizer import Tokenizer, load_tokenizer


@dataclass(frozen=True, slots=True)
class TextModel:
    """The tokenizer of a model and how a conversation is spelled for it."""

    tokenizer: Tokenizer
    context_length: int
    bos: int | None
    eos: frozenset[int]
    add_bos: bool
    chat_template: str | None

    @staticmethod
    def load(directory: str | os.PathLike[str]) -> TextModel:
        """Reads both files from `directory`. Raises LutraError when one is missing or damaged."""
        directory = Path(directory)
        try:
            config = json.loads((directory / "model.json").read_text(encoding="utf-8"))
            if config.get("format") != "lutra-model":
                raise LutraError(f"'{directory / 'model.json'}' is not a lutra-model file: run lutra convert again")
            return TextModel(
                load_tokenizer(directory / "tokenizer.json"),
                config["context_length"],
                config["bos_token_id"],
                frozenset(config["eos_token_ids"]),
                config["add_bos_token"],
                config["chat_template"],
            )
        except LutraError:
            raise
        except FileNotFoundError as error:
            raise LutraError(
                f"'{error.filename}' is missing: lutra convert writes it beside the model, and lutra compile "
                "makes it from genai_config.json or config.json"
            ) from error
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise LutraError(f"'{directory / 'model.json'}' is damaged ({error}): run lutra convert again") from error

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, in which special tokens may be spelled out. Raises LutraError for bytes that are no text."""
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:  # The command line's way of handing on bytes that are not UTF-8.
            raise LutraError(f"the prompt is not UTF-8 at character {error.start}") from error
        ids = self.tokenizer.encode(text)
        return [self.bos, *ids] if self.add_bos and self.bos is not None and ids[:1] != [self.bos] else ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, without special tokens."""
        return self.tokenizer.decode(ids)

    def chat(self, prompt: str, system: str | None = None) -> str:
        """`prompt` as the first turn of a conversation, up to where the assistant's answer begins; as it is for a model
        without a chat template, which only continues text."""
        if self.chat_template is None:
            if system is not None:
                raise LutraError("the model has no chat template, so a system message has no place in its input")
            return prompt
        from lutra.chat import render

        messages = [{"role": "system", "content": system}] if system is not None else []
        return render(self, [*messages, {"role": "user", "content": prompt}])

    def stream(self) -> TokenStream:
        """Decodes tokens one by one."""
        return TokenStream(self)


class TokenStream:
    """Turns tokens into text as they come, holding back bytes of a character that is not yet whole."""

    _LONGEST = 8  # tokens that one character can be spread over

    def __init__(self, model: TextModel) -> None:
        self._model = model
        self._pending: list[int] = []
        self._before: list[int] = []

    def push(self, token: int) -> str:
        """The text that `token` completes; may be empty."""
        self._pending.append(token)
        text = self._added()
        if text.endswith("\ufffd") and len(self._pending) < self._LONGEST:
            return ""
        if text:
            self._before = self._pending.copy()
        self._pending.clear()
        return text

    def finish(self) -> str:
        """What is left at the end."""
        text = self._added() if self._pending else ""
        self._pending.clear()
        return text

    def _added(self) -> str:
        """What the pending tokens add to the text. SentencePiece's decoder drops a blank at the beginning, and only there, so
        they are decoded behind what came before."""
        before = self._model.decode(self._before) if self._before else ""
        whole = self._model.decode([*self._before, *self._pending])
        return whole[len(before) :] if whole.startswith(before) else self._model.decode(self._pending)
