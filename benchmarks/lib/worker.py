"""The loop of a worker process: one JSON request a line on stdin, one JSON answer a line on stdout.

A request is {"threads": n, "prompt": tokens, "decode": steps}; the answer {"prefill": seconds,
"decode": seconds per step}.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Protocol


class Engine(Protocol):
    """One implementation under test."""

    def start(self, threads: int) -> None:
        """Empties the cache and sets the number of threads."""

    def feed(self, tokens: Sequence[int]) -> None:
        """Runs `tokens`; the logits after the last must be there when it returns."""


def serve(make: Callable[[], Engine], describe: Callable[[], dict]) -> None:
    """Answers requests until stdin ends. The first line is a description of the implementation."""
    engine = make()
    print(json.dumps(describe()), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        engine.start(request["threads"])
        started = time.perf_counter()
        engine.feed(request["prompt"])
        prefill = time.perf_counter() - started
        steps = request["decode"]
        started = time.perf_counter()
        for step in range(steps):
            engine.feed([100 + step])
        decode = (time.perf_counter() - started) / max(steps, 1)
        print(json.dumps({"prefill": prefill, "decode": decode}), flush=True)
