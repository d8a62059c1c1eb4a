"""Greedy decoding of SmolLM2 on the CPU and on the simulated LUT tensor core: the logits must agree in every bit.

    .venv/bin/python test/SmolLM2/ltc.py model.onnx cpu.lutra ltc.lutra --tokens=8

What is not there is compiled, for the CPU by lookups for any number of rows, as on the tensor core. Prints one line; exits with 1 where bits differ.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import lutra
import numpy as np
from lutra.decoder import Decoder
from tokenizers import Tokenizer

PROMPT = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"


def decode(artifact: Path, prompt: list[int], count: int) -> tuple[list[int], np.ndarray, float]:
    """The `count` most likely tokens one after the other, the logits they were chosen by, and the seconds it took."""
    decoder = Decoder(lutra.Session(artifact), len(prompt) + count)
    begin = time.perf_counter()
    logits = [decoder.prefill(prompt).copy()]
    while len(logits) < count:
        logits.append(decoder.feed([int(logits[-1].argmax())])[0].copy())
    return [int(row.argmax()) for row in logits], np.array(logits), time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("cpu", type=Path)
    parser.add_argument("ltc", type=Path)
    parser.add_argument("--tokens", type=int, default=8)
    arguments = parser.parse_args()
    for artifact, target, options in ((arguments.cpu, "cpu", {"strategy": "lut"}), (arguments.ltc, "ltc", {})):
        if not (artifact / "manifest.json").exists():
            lutra.compile(arguments.model, artifact, target, options=options)
    tokenizer = Tokenizer.from_file(str(arguments.model.with_name("tokenizer.json")))
    prompt = tokenizer.encode(PROMPT, add_special_tokens=False).ids
    tokens, expected, _ = decode(arguments.cpu, prompt, arguments.tokens)
    found_tokens, found, seconds = decode(arguments.ltc, prompt, arguments.tokens)
    differ = np.count_nonzero(expected.view(np.uint32) != found.view(np.uint32))
    if differ or tokens != found_tokens:
        sys.exit(
            f"{differ} of {expected.size} logits differ; tokens {tokens} on the CPU, {found_tokens} on the LUT tensor core"
        )
    print(
        f"{len(tokens)} tokens, {expected.size} logits bit-identical; {tokenizer.decode(tokens)!r} simulated in {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
