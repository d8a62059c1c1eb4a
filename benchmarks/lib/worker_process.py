"""Processes that measure on request and stay open in between: a line to them, a JSON object back."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from typing import Any, Self

from paths import BenchmarkError


class WorkerProcess:
    """A process that answers each line on its stdin with a JSON object on a line of its stdout."""

    def __init__(self, *command: object) -> None:
        # Threads that wait must not spin into another implementation's turn.
        environment = {"KMP_BLOCKTIME": "20", "GOMP_SPINCOUNT": "100000", **os.environ}
        self._process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, request: str | dict[str, Any]) -> dict[str, Any]:
        """The answer to `request`. Raises BenchmarkError when it is an error, or the process is gone."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write((request if isinstance(request, str) else json.dumps(request)) + "\n")
            self._process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next line: what some processes say before they are asked."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise BenchmarkError(f"{' '.join(map(str, self._process.args))} failed")  # type: ignore[arg-type]
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BenchmarkError(str(answer["error"]))
        return answer

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin and self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
