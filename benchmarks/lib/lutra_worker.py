"""Lutra under test. Usage: lutra_worker.py ARTIFACT CAPACITY (with the project's own Python)."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lutra import native
from lutra.decoder import Decoder
from lutra.session import Session
from products import weight_bytes
from worker import serve


class LutraEngine:
    def __init__(self, artifact: str, capacity: int) -> None:
        started = time.perf_counter()
        self._session = Session(artifact)
        self.load_seconds = time.perf_counter() - started
        self.kv_bytes = _kv_bytes(self._session)
        self._decoder = Decoder(self._session, capacity)

    def start(self, threads: int, skip: int) -> None:
        self._session.set_threads(threads)
        self._decoder.reset()
        # Keys and values of zeros are as much work as any.
        self._decoder._cache.advance(skip)

    def feed(self, tokens: Sequence[int]) -> None:
        self._decoder.prefill(tokens)


def _kv_bytes(session: Session) -> int:
    """Bytes of keys and values of one position."""
    total = 0
    for info in session.inputs():
        if info.name.startswith("past_key_values"):
            total += int(info.shape[1]) * int(info.shape[3]) * info.dtype.itemsize
    return total


def main() -> None:
    artifact, capacity = sys.argv[1], int(sys.argv[2])
    serve(
        lambda: LutraEngine(artifact, capacity),
        lambda engine: {
            "name": f"lutra {native.version()}",
            "weight_bytes": weight_bytes(Path(artifact), unread="embed_tokens"),
            "kv_bytes": engine.kv_bytes,
            "load_seconds": engine.load_seconds,
        },
    )


if __name__ == "__main__":
    main()
