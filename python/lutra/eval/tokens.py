"""Do two models choose the same tokens? Greedy continuations of a few prompts, compared token by token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lutra.eval.reference import Model
from lutra.textmodel import TextModel

PROMPTS = (
    "What is the capital of France?",
    "Write a short poem about the sea.",
    "Explain how a bicycle stays upright.",
    "List three uses of copper.",
    "Tell me a story about a fox who learned to read.",
)
#: A first difference whose two best logits are closer than this is a tie.
TIE = 1e-3


@dataclass(frozen=True, slots=True)
class Comparison:
    """One prompt: the number of equal tokens and, at the first difference, both choices and the gap between the
    reference's two best logits. `max_error` is the largest |logit difference| up to there."""

    prompt: str
    equal: int
    difference: tuple[int, int] | None
    gap: float | None
    max_error: float
    text: str

    @property
    def holds(self) -> bool:
        return self.difference is None or (self.gap is not None and self.gap < TIE)


def compare(text: TextModel, model: Model, reference: Model, prompt: str, count: int) -> Comparison:
    """Lets `model` choose `count` tokens greedily, then asks `reference`, which is fed all of them at once, what it
    would have chosen at each step. Up to the first difference that is what it generates on its own."""
    model.reset()
    reference.reset()
    ids = text.encode(text.chat(prompt))
    chosen: list[int] = []
    ours = []
    fed = ids
    for _ in range(count):
        ours.append(model.feed(fed)[-1].copy())
        fed = [int(ours[-1].argmax())]
        chosen += fed
    theirs = reference.feed(ids + chosen[:-1])[len(ids) - 1 :]
    expected = theirs.argmax(axis=-1)
    equal = next((i for i in range(count) if chosen[i] != expected[i]), count)
    compared = min(equal + 1, count)
    worst = float(np.abs(np.stack(ours[:compared]) - theirs[:compared]).max())
    difference: tuple[int, int] | None = None
    gap: float | None = None
    if equal < count:
        second, first = np.partition(theirs[equal], -2)[-2:]
        difference, gap = (chosen[equal], int(expected[equal])), float(first - second)
    return Comparison(prompt, equal, difference, gap, worst, text.decode(chosen[:equal]))


def run(text: TextModel, model: Model, reference: Model, count: int, report: Callable[[str], None]) -> dict[str, Any]:
    """Compares on every prompt; past an end-of-text token too, so that each has `count` tokens. Gives the figures."""
    results = []
    for prompt in PROMPTS:
        result = compare(text, model, reference, prompt, count)
        results.append(result)
        verdict = (
            "equal"
            if result.difference is None
            else (
                f"differ at token {result.equal}: {text.tokenizer.id_to_token(result.difference[0])!r} instead of "
                f"{text.tokenizer.id_to_token(result.difference[1])!r}, gap {result.gap:.2e}"
                + (" (a tie)" if result.holds else "")
            )
        )
        report(f"{result.equal:4} of {count}  {verdict:12}  max |logit error| {result.max_error:.2e}  {prompt}")
    return {
        "tokens": count,
        "holds": all(result.holds for result in results),
        "prompts": [asdict(result) for result in results],
    }
