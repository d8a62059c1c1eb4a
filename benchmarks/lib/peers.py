"""The implementations that kernels are compared with, each in a process of its own."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cases import CHANNEL, Case
from paths import IK_PYTHON, PEER_PYTHON, BenchmarkError
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
#: The same of ik_llama.cpp's ggml, where what is rearranged is a type of its own.
_IK_TYPES = {
    "1": ("Q1_0_G128",),
    "ternary": ("IQ1_BN", "IQ2_BN_R4"),
    "2": ("Q2_K_R4", "IQ2_K_R4", "IQ2_KS"),
    "3": ("Q3_K_R4", "IQ3_K_R4", "IQ3_KS"),
    "4": ("Q4_0_R8", "Q4_K_R4", "IQ4_NL_R4", "IQ4_KS"),
    "8": ("Q8_0_R8", "Q8_KV_R8"),
}


@dataclass(frozen=True, slots=True)
class Ggml:
    """A ggml: as ggml_worker.py calls it and as it is printed, the Python that has it, and its types by width."""

    key: str
    name: str
    python: Path
    types: Mapping[str, Sequence[str]]

    @property
    def worker(self) -> tuple[object, ...]:
        return self.python, _LIB / "ggml_worker.py", self.key


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

    def __init__(self, pattern: str, python: Path = PEER_PYTHON, ik_python: Path = IK_PYTHON) -> None:
        self._pattern = re.compile(pattern)
        self.versions: list[str] = []
        if not python.exists():
            raise BenchmarkError(f"'{python}' does not exist: run benchmarks/setup, or give --no-peers")
        self._ggmls = [Ggml("ggml", "ggml", python, _GGML_TYPES)]
        if ik_python.exists():
            self._ggmls.append(Ggml("ik", "ik_llama.cpp", ik_python, _IK_TYPES))
        else:
            print(
                f"benchmarks: without ik_llama.cpp: '{ik_python}' does not exist (benchmarks/setup --ik makes it)",
                file=sys.stderr,
            )
        self._types: dict[str, set[str]] = {}
        for key, command in (*((ggml.key, ggml.worker) for ggml in self._ggmls), ("", self._ort())):
            with WorkerProcess(*command) as worker:
                answer = worker.ask({"do": "types"})
                self.versions.append(str(answer["version"]))
                self._types[key] = set(answer.get("types", ()))

    def _ort(self) -> tuple[object, ...]:
        return sys.executable, _LIB / "ort_worker.py"

    def of(self, case: Case, rotate: bool) -> list[Peer]:
        """The peers that have the width, not yet opened; the caller closes them by `close`."""
        rotated = ROTATED_BYTES if rotate else 0
        size = {"n": case.n, "k": case.k, "bytes": rotated, "least": 1}
        found: list[Peer] = []
        for ggml in self._ggmls:
            for kind in ggml.types[case.width]:
                name = f"{ggml.name} {kind}"
                if kind in self._types[ggml.key] and self._wanted(name):
                    opening = {"do": "open", "type": kind, "repack": True, **size}
                    found.append(Peer(name, WorkerProcess(*ggml.worker), opening, case.threads))
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
