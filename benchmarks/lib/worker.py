"""The loop of a worker process: one JSON request a line on stdin, one JSON answer a line on stdout.

A request is {"threads": n, "skip": positions, "prompt": tokens, "decode": steps}; the answer {"prefill": seconds,
"decode": seconds per step}. The first `skip` positions of the cache count as filled.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Engine(Protocol):
    """One implementation under test."""

    def start(self, threads: int, skip: int) -> None:
        """Empties the cache but for `skip` positions of no matter what, and sets the number of threads."""

    def feed(self, tokens: Sequence[int]) -> None:
        """Runs `tokens`; the logits after the last must be there when it returns."""


def serve(make: Callable[[], Any], describe: Callable[[Any], dict]) -> None:
    """Answers requests until stdin ends. The first line is a description of the implementation."""
    engine: Engine = make()
    print(json.dumps(describe(engine)), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        engine.start(request["threads"], request["skip"])
        started = time.perf_counter()
        if request["prompt"]:
            engine.feed(request["prompt"])
        prefill = time.perf_counter() - started
        steps = request["decode"]
        started = time.perf_counter()
        for step in range(steps):
            engine.feed([100 + step])
        decode = (time.perf_counter() - started) / max(steps, 1)
        print(json.dumps({"prefill": prefill, "decode": decode}), flush=True)
