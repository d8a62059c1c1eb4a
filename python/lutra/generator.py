"""Text from a language model: streams, chats and batches.

import lutra
model = lutra.Generator("model.lutra")
for piece in model.chat("Why is the sky blue?", temperature=0.7, seed=1):
    print(piece, end="", flush=True)
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lutra.batch import BatchDecoder, supports_batches
from lutra.chat import Message, render
from lutra.decoder import Decoder
from lutra.errors import LutraError
from lutra.generation import Timings
from lutra.inference import InferenceSession, SessionOptions
from lutra.sampling import Sampler, Sampling
from lutra.textmodel import TextModel

#: Tokens of context that are kept unless a caller says otherwise: bounds the memory of the KV cache.
DEFAULT_CONTEXT = 2048

#: Why a text ended: a stop token or string, `max_tokens`, the context is full.
FinishReason = Literal["stop", "length", "context"]


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished text, without the stop string that ended it, and the tokens that it was made of."""

    text: str
    tokens: list[int]
    finish_reason: FinishReason


class StopStrings:
    """Passes text on until one of `stops` stands in it, holding back what may be the beginning of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        if any(not stop for stop in stops):
            raise LutraError("a stop string must not be empty")
        self._stops, self._held = tuple(stops), ""
        self.found = False

    def push(self, piece: str) -> str:
        """What of the text so far is certain to stand before a stop string."""
        self._held += piece
        places = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if places:
            self.found = True
            result, self._held = self._held[: min(places)], ""
            return result
        keep = max((self._overlap(stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        result, self._held = self._held[:cut], self._held[cut:]
        return result

    def finish(self) -> str:
        """What was held back and is no stop string after all."""
        result, self._held = self._held, ""
        return result

    def _overlap(self, stop: str) -> int:
        """The length of the longest end of the text that begins `stop`."""
        for size in range(min(len(stop) - 1, len(self._held)), 0, -1):
            if self._held.endswith(stop[:size]):
                return size
        return 0


class Generator:
    """A language model with its tokenizer, and one conversation's KV cache.

    `model` is a compiled model's directory, an .onnx file (compiled into the cache) with tokenizer.json and model.json beside it, or
    an InferenceSession of one of these, which stays the caller's (`options` are its own).
    `context` bounds the tokens of a conversation (at most the model's own; 2048 by default). Raises LutraError when a file
    is missing or the model is no decoder.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | InferenceSession,
        options: SessionOptions | None = None,
        *,
        context: int | None = None,
    ) -> None:
        self._owns = not isinstance(model, InferenceSession)
        self._inference = model if isinstance(model, InferenceSession) else InferenceSession(model, options)
        self._session = self._inference.session
        self.text = TextModel.load(self._session.directory)
        self.context = min(context or DEFAULT_CONTEXT, self.text.context_length)
        self._decoder = Decoder(self._session, self.context)
        #: The tokens that the KV cache holds.
        self._fed: list[int] = []
        #: Of everything generated so far.
        self.timings = Timings()
        #: Why the last stream ended; None while it runs, or when it was left early.
        self.finish_reason: FinishReason | None = None

    def stream(
        self, prompt: str | Sequence[int], *, max_tokens: int = 256, stop: Sequence[str | int] = (), **sampling: Any
    ) -> Iterator[str]:
        """Pieces of text that continue `prompt` (text, in which special tokens may be spelled out, or tokens), as they come.

        Ends at the model's own end tokens, at a token or string in `stop` (which is not given), after `max_tokens`, or when
        the context is full; `finish_reason` says which. `sampling` are the fields of `lutra.sampling.Sampling`. What the
        prompt has in common with the conversation so far is not computed again. Leaving the loop early, or Ctrl-C, leaves the
        generator ready for the next prompt.
        """
        ids = self.text.encode(prompt) if isinstance(prompt, str) else [int(token) for token in prompt]
        # Wrong arguments are refused here, not when the first piece is asked for.
        sampler, stops, ends = self._prepare([ids], max_tokens, stop, sampling)
        return self._stream(ids, max_tokens, sampler, stops, ends)

    def chat(self, messages: str | Sequence[Message], **options: Any) -> Iterator[str]:
        """Pieces of the assistant's answer to `messages` (a string is one message of the user). Options as in `stream`.

        To go on, pass the messages so far with the answer and the next question: the KV cache of what they share is used
        again.
        """
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return self.stream(render(self.text, messages), **options)

    def generate(
        self, prompts: Sequence[str], *, max_tokens: int = 256, stop: Sequence[str | int] = (), **sampling: Any
    ) -> list[Completion]:
        """Completions of several prompts, decoded together where the model allows each sequence its own length, else one after the
        other. Options as in `stream`; with a seed, each prompt draws as it would alone. The conversation's cache is not touched."""
        if isinstance(prompts, str):
            raise LutraError("expected several prompts: pass a list, or use stream for one")
        if not prompts:
            return []
        ids = [self.text.encode(prompt) for prompt in prompts]
        first, _, ends = self._prepare(ids, max_tokens, stop, sampling)
        strings = [item for item in stop if isinstance(item, str)]
        rows = [_Row(self.text, strings, Sampler(sampling=first.sampling), list(prompt)) for prompt in ids]
        together = len(rows) if supports_batches(self._session) else 1
        for begin in range(0, len(rows), together):
            part = slice(begin, begin + together)
            self._decode(rows[part], ids[part], ends, max_tokens)
        return [row.completion() for row in rows]

    def _decode(
        self, rows: Sequence[_Row], prompts: Sequence[Sequence[int]], ends: frozenset[int], max_tokens: int
    ) -> None:
        """Decodes the rows together until all have ended."""
        capacity = min(self.context, max(map(len, prompts)) + max_tokens)
        decoder = BatchDecoder(self._session, len(rows), capacity)
        started = time.perf_counter()
        logits = decoder.prefill(prompts)
        self.timings.prefill_tokens += sum(map(len, prompts))
        self.timings.prefill_seconds += time.perf_counter() - started
        while True:
            for row, values in zip(rows, logits, strict=True):
                row.take(values, ends, max_tokens, self.context)
            if all(row.reason for row in rows) or int(decoder.lengths.max()) >= capacity:
                return
            started = time.perf_counter()
            logits = decoder.step([row.last for row in rows])
            self.timings.decode_tokens += sum(row.reason is None for row in rows)
            self.timings.decode_seconds += time.perf_counter() - started

    def reset(self) -> None:
        """Forgets the conversation."""
        self._decoder.reset()
        self._fed.clear()

    def close(self) -> None:
        """Releases the model, unless it is the caller's session."""
        if self._owns:
            self._inference.close()

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(
        self, prompts: Sequence[Sequence[int]], max_tokens: int, stop: Sequence[str | int], sampling: dict[str, Any]
    ) -> tuple[Sampler, StopStrings, frozenset[int]]:
        if isinstance(stop, str):
            raise LutraError("stop must be a sequence of strings and tokens, not one string")
        if max_tokens < 1:
            raise LutraError(f"max_tokens must be at least 1, but is {max_tokens}")
        for ids in prompts:
            if not ids:
                raise LutraError("no tokens to feed: the prompt is empty")
            if len(ids) >= self.context:
                raise LutraError(f"the prompt has {len(ids)} tokens; the context holds {self.context}")
        try:
            sampler = Sampler(sampling=Sampling(**sampling))
        except (TypeError, ValueError) as error:
            raise LutraError(f"the sampling options are wrong: {error}") from error
        strings = [item for item in stop if isinstance(item, str)]
        return sampler, StopStrings(strings), self.text.eos | {item for item in stop if not isinstance(item, str)}

    def _stream(
        self, ids: list[int], max_tokens: int, sampler: Sampler, stops: StopStrings, ends: frozenset[int]
    ) -> Iterator[str]:
        self.finish_reason = None
        started = time.perf_counter()
        new = self._rewind(ids)
        logits = self._decoder.prefill(new)
        self._fed.extend(new)
        self.timings.prefill_tokens += len(new)
        self.timings.prefill_seconds += time.perf_counter() - started
        pieces, seen = self.text.stream(), list(ids)
        reason: FinishReason = "length"
        for count in range(1, max_tokens + 1):
            token = sampler(logits, seen)
            if token in ends:
                reason = "stop"
                break
            seen.append(token)
            if piece := stops.push(pieces.push(token)):
                yield piece
            if stops.found:
                self.finish_reason = "stop"
                return
            if count == max_tokens:
                break
            if self._decoder.length >= self.context:
                reason = "context"
                break
            started = time.perf_counter()
            logits = self._decoder.feed([token])[-1]
            self._fed.append(token)
            self.timings.decode_tokens += 1
            self.timings.decode_seconds += time.perf_counter() - started
        rest = stops.push(pieces.finish())
        rest += "" if stops.found else stops.finish()
        self.finish_reason = "stop" if stops.found else reason
        if rest:
            yield rest

    def _rewind(self, ids: list[int]) -> list[int]:
        """Keeps of the cache what `ids` begin with; gives the others, at least one."""
        # After an interruption the two may differ by a step: only what both know is certain.
        known = min(len(self._fed), self._decoder.length, len(ids) - 1)
        common = next((i for i in range(known) if self._fed[i] != ids[i]), known)
        self._decoder.truncate(common)
        del self._fed[common:]
        return ids[common:]


class _Row:
    """One sequence of a batch."""

    def __init__(self, text: TextModel, stops: Sequence[str], sampler: Sampler, prompt: list[int]) -> None:
        self._stream, self._stops, self._sampler = text.stream(), StopStrings(stops), sampler
        self._seen, self._size = prompt, len(prompt)
        self._text = ""
        self.reason: FinishReason | None = None
        self.last = prompt[-1]

    def take(self, logits: Any, ends: frozenset[int], max_tokens: int, context: int) -> None:
        """Draws the next token, unless the sequence has ended."""
        if self.reason is not None:
            return
        token = self._sampler(logits, self._seen)
        if token in ends:
            self.reason = "stop"
            return
        self._seen.append(token)
        self.last = token
        self._text += self._stops.push(self._stream.push(token))
        if self._stops.found:
            self.reason = "stop"
        elif len(self._seen) - self._size >= max_tokens:
            self.reason = "length"
        elif len(self._seen) > context:
            self.reason = "context"

    def completion(self) -> Completion:
        if not self._stops.found:
            self._text += self._stops.push(self._stream.finish())
            self._text += "" if self._stops.found else self._stops.finish()
        return Completion(self._text, self._seen[self._size :], self.reason or "context")


def generate(
    model: str | os.PathLike[str] | Generator,
    prompt: str | Sequence[Message],
    *,
    raw: bool = False,
    options: SessionOptions | None = None,
    **generation: Any,
) -> str:
    """The model's answer to `prompt`: text, or the messages of a conversation. `raw` continues a text as it is; so does a model
    without a chat template. Other options are those of `Generator.stream`."""
    generator = model if isinstance(model, Generator) else Generator(Path(model), options)
    plain = isinstance(prompt, str) and (raw or generator.text.chat_template is None)
    return "".join(generator.stream(str(prompt), **generation) if plain else generator.chat(prompt, **generation))
