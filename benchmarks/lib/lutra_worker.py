"""Lutra under test. Usage: lutra_worker.py ARTIFACT CAPACITY (with the project's own Python)."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from lutra import native
from lutra.decoder import Decoder
from lutra.session import Session
from worker import serve


class LutraEngine:
    def __init__(self, artifact: str, capacity: int) -> None:
        self._session = Session(artifact)
        self._decoder = Decoder(self._session, capacity)

    def start(self, threads: int) -> None:
        self._session.set_threads(threads)
        self._decoder.reset()

    def feed(self, tokens: Sequence[int]) -> None:
        self._decoder.prefill(tokens)


def weight_bytes(artifact: Path) -> int:
    """Bytes of packed matrices: what a decode step reads."""
    manifest = json.loads((artifact / "manifest.json").read_text())
    with open(artifact / manifest["weights"]["file"], "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    sizes = {
        name: entry["data_offsets"][1] - entry["data_offsets"][0]
        for name, entry in header.items()
        if name != "__metadata__"
    }
    packed = {
        name: size for name, size in sizes.items() if header[name]["dtype"] == "U8" and "embed_tokens" not in name
    }
    return sum(packed.values())


def main() -> None:
    artifact, capacity = sys.argv[1], int(sys.argv[2])
    serve(
        lambda: LutraEngine(artifact, capacity),
        lambda: {"name": f"lutra {native.version()}", "weight_bytes": weight_bytes(Path(artifact))},
    )


if __name__ == "__main__":
    main()
