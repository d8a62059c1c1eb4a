"""The implementations that kernels are compared with, each in a process of its own."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from cases import CHANNEL, Case
from paths import PEER_PYTHON, BenchmarkError
from products import ROTATED_BYTES
from worker_process import WorkerProcess

_LIB = Path(__file__).parent

#: ggml's types for a width, those that are rearranged for the CPU when they can be.
_GGML_TYPES = {
    "1": ("Q1_0",),
    "ternary": ("TQ1_0", "TQ2_0"),
    "2": ("Q2_K",),
    "3": ("Q3_K",),
    "4": ("Q4_0", "Q4_K", "IQ4_NL"),
    "8": ("Q8_0",),
}
_SUPER_BLOCK = 256
_BLOCK = 32
_BLOCKS = {"Q4_0": _BLOCK, "IQ4_NL": _BLOCK, "Q8_0": _BLOCK, "Q1_0": 128}


class Peer:
    """One implementation of the products of a case."""

    def __init__(self, name: str, worker: WorkerProcess, opening: dict[str, object], threads: int | None) -> None:
        self.name, self._worker, self._opening, self._threads = name, worker, opening, threads

    def open(self) -> None:
        """Makes its weights. Raises BenchmarkError when it cannot."""
        if self._worker.ask(self._opening).get("repacked"):
            self.name += " repacked"

    def time(self, m: int, seconds: float) -> float:
        """Nanoseconds of one product."""
        request: dict[str, object] = {"do": "time", "m": m, "seconds": seconds}
        if self._threads is not None:
            request["threads"] = self._threads
        return float(self._worker.ask(request)["ns"])


class Peers:
    """Starts what is there; each peer has a process of its own while a case is measured."""

    def __init__(self, pattern: str, python: Path = PEER_PYTHON) -> None:
        self._pattern, self._python = re.compile(pattern), python
        self.versions: list[str] = []
        self._types: set[str] = set()
        if not python.exists():
            raise BenchmarkError(f"'{python}' does not exist: run benchmarks/setup, or give --no-peers")
        for command in (self._ggml(), self._ort()):
            with WorkerProcess(*command) as worker:
                answer = worker.ask({"do": "types"})
                self.versions.append(str(answer["version"]))
                self._types.update(answer.get("types", ()))

    def _ggml(self) -> tuple[object, ...]:
        return self._python, _LIB / "ggml_worker.py"

    def _ort(self) -> tuple[object, ...]:
        return sys.executable, _LIB / "ort_worker.py"

    def of(self, case: Case, rotate: bool) -> list[Peer]:
        """The peers that have the width, not yet opened; the caller closes them by `close`."""
        rotated = ROTATED_BYTES if rotate else 0
        size = {"n": case.n, "k": case.k, "bytes": rotated, "least": 1}
        found: list[Peer] = []
        for kind in _GGML_TYPES[case.width]:
            if kind in self._types and case.k % _BLOCKS.get(kind, _SUPER_BLOCK) == 0 and self._wanted(f"ggml {kind}"):
                opening = {"do": "open", "type": kind, "repack": True, **size}
                found.append(Peer(f"ggml {kind}", WorkerProcess(*self._ggml()), opening, case.threads))
        if case.width in ("2", "4", "8") and case.group != CHANNEL:
            for lut in (False, True) if case.width == "2" else (False,):
                name = "onnxruntime lut_gemm" if lut else "onnxruntime"
                if not self._wanted(name):
                    continue
                opening = {"do": "open", "bits": case.bits, "group": case.group, "lut": lut, **size}
                opening["threads"] = case.threads
                found.append(Peer(name, WorkerProcess(*self._ort()), opening, None))
        return found

    def _wanted(self, name: str) -> bool:
        return self._pattern.search(name) is not None

    @staticmethod
    def close(peers: Sequence[Peer]) -> None:
        """Ends their processes."""
        for peer in peers:
            peer._worker.close()
