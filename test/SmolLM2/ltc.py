"""Greedy decoding of a SmolLM2 artifact on the CPU and on the simulated LUT tensor core: the logits must agree in every bit.

    .venv/bin/python test/SmolLM2/ltc.py model.onnx cpu.lutra ltc.lutra --tokens=8

`ltc.lutra` is compiled when it is not there. Prints one line; exits with 1 where bits differ.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import lutra
import numpy as np
from tokenizers import Tokenizer

PROMPT = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"


def decode(artifact: Path, prompt: list[int], count: int) -> tuple[list[int], np.ndarray, float]:
    """The `count` most likely tokens one after the other, the logits they were chosen by, and the seconds it took."""
    session = lutra.Session(artifact)
    caches = [info for info in session.inputs() if info.name.startswith("past_key_values")]
    past = {c.name: np.zeros([d if isinstance(d, int) else 1 for d in c.shape[:2]] + [0, c.shape[3]], c.dtype) for c in caches}
    names = ["logits"] + [c.name.replace("past_key_values", "present") for c in caches]
    tokens, logits, new, total = [], [], prompt, 0
    begin = time.perf_counter()
    while len(tokens) < count:
        total += len(new)
        inputs = {"input_ids": np.array([new], np.int64), "attention_mask": np.ones((1, total), np.int64), **past}
        last, *present = session.run(names, inputs)
        past = dict(zip(past, present, strict=True))
        logits.append(last[0, -1].copy())
        new = [int(logits[-1].argmax())]
        tokens += new
    return tokens, np.array(logits), time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("cpu", type=Path)
    parser.add_argument("ltc", type=Path)
    parser.add_argument("--tokens", type=int, default=8)
    arguments = parser.parse_args()
    if not (arguments.ltc / "manifest.json").exists():
        lutra.compile(arguments.model, arguments.ltc, "ltc")
    tokenizer = Tokenizer.from_file(str(arguments.model.with_name("tokenizer.json")))
    prompt = tokenizer.encode(PROMPT, add_special_tokens=False).ids
    tokens, expected, _ = decode(arguments.cpu, prompt, arguments.tokens)
    found_tokens, found, seconds = decode(arguments.ltc, prompt, arguments.tokens)
    differ = np.count_nonzero(expected.view(np.uint32) != found.view(np.uint32))
    if differ or tokens != found_tokens:
        sys.exit(f"{differ} of {expected.size} logits differ; tokens {tokens} on the CPU, {found_tokens} on the LUT tensor core")
    print(f"{len(tokens)} tokens, {expected.size} logits bit-identical; {tokenizer.decode(tokens)!r} simulated in {seconds:.1f} s")


if __name__ == "__main__":
    main()
