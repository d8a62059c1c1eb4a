"""Long runs in pieces: what a run before this one measured stays, and no case begins after a time."""

from __future__ import annotations

import json
import time
from pathlib import Path

from paths import BenchmarkError


class Pace:
    """Says of each case whether it is to be measured now."""

    def __init__(self, limit: float | None = None) -> None:
        self._end = time.monotonic() + limit if limit else None
        self._done: set[str] = set()
        #: Names of cases that are left for the next run.
        self.left: list[str] = []

    def resume(self, path: Path) -> list[dict[str, object]]:
        """The rows that `path` has, none if there is no such file; their cases are done."""
        text = path.read_text() if path.exists() else ""
        try:
            rows: list[dict[str, object]] = json.loads(text) if text.strip() else []
            self._done = {str(row["name"]) for row in rows}
        except (json.JSONDecodeError, KeyError, TypeError):
            raise BenchmarkError(f"'{path}' is no file of rows that --json wrote: give --resume another") from None
        return rows

    def done(self, name: str) -> bool:
        """Whether the case `name` was measured before."""
        return name in self._done

    def go_on(self, name: str) -> bool:
        """Whether the case `name` is to be measured now; if time is over, it is left."""
        if self.done(name):
            return False
        if self._end is not None and time.monotonic() > self._end:
            self.left.append(name)
            return False
        return True
