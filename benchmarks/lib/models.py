"""Whole models: decoding, prefill, compiling and loading, beside llama.cpp where it has the model, and as fractions of the read bandwidth."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import synthetic
from figures import Spread
from pace import Pace
from paths import CACHE, PEER_PYTHON, ROOT, BenchmarkError, driver, library, tool
from report import Table
from worker_process import WorkerProcess

_LIB = Path(__file__).parent
_SMOLLM2 = ROOT / ".cache" / "smollm2"
_ARTIFACT, _GGUF = _SMOLLM2 / "smollm2.lutra", _SMOLLM2 / "SmolLM2-135M-Instruct.Q4_1.gguf"
_PEER = "llama.cpp"
_HEADER = ("case", "tokens/s", "[worst, best]", "MB/token", "of reads", "llama.cpp", "ratio")
_CONTEXT, _PREFILL, _LATE = 16, 512, 4095
_READ_KIBIBYTES = 256 << 10

Rows = list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Phase:
    """A measurement: `skip` positions that count as filled, a prompt, and decoding steps after it; a prefill has none."""

    name: str
    skip: int
    prompt: int
    steps: int


def names(threads: Sequence[int]) -> list[str]:
    """The cases, as --filter sees them: model/NAME/PHASE/tTHREADS, and model/NAME/compile of those that are made here."""
    compiled = [f"model/{model.name}/compile" for model in synthetic.MODELS]
    return compiled + [
        f"model/{name}/{phase.name}/t{count}"
        for name in ("smollm2", *(model.name for model in synthetic.MODELS))
        for phase in _phases(name)
        for count in threads
    ]


def _phases(name: str) -> tuple[Phase, ...]:
    late = Phase("late", _LATE - 4, 0, 4)
    if name == "smollm2":
        return Phase("decode", 0, _CONTEXT, 32), late, Phase("prefill", 0, _PREFILL, 0)
    # Large models are slow to prefill, and fewer steps say as much.
    return Phase("decode", _CONTEXT, 0, 4), late


def compile_measured(model: Path, artifact: Path, options: Sequence[str]) -> dict[str, float]:
    """Compiles a model; {"compile_seconds", "compile_rss"}, the latter in bytes."""
    command = [str(tool("lutrac")), str(model), "-o", str(artifact), "--crash-reproducer=none"]
    command += [f"--target-option={option}" for option in options]
    started = time.perf_counter()
    # GNU time is not everywhere; this Python's own child is.
    script = (
        "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:]).returncode; "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"lutrac failed on {model.name}: {done.stderr.strip()[-2000:]}")
    return {"compile_seconds": time.perf_counter() - started, "compile_rss": float(done.stdout.split()[-1])}


class Models:
    """Measures models; workers alternate in each round, and the read bandwidth is measured after them."""

    def __init__(self, rounds: int, alone: bool, options: Sequence[str], rows: Rows, pace: Pace) -> None:
        self._rounds, self._alone, self._options, self._rows, self._pace = rounds, alone, options, rows, pace
        self._driver = WorkerProcess(driver(), library())

    def close(self) -> None:
        """Ends the driver."""
        self._driver.close()

    def run(self, pattern: str, threads: Sequence[int]) -> None:
        """Measures the cases whose name matches."""
        wanted = [name for name in names(threads) if re.search(pattern, name)]
        # The small one is for tests: whoever does not name it does not want it.
        if "tiny" not in pattern:
            wanted = [name for name in wanted if "/tiny/" not in name]
        wanted = [name for name in wanted if not self._pace.done(name)]
        table = Table(_HEADER, max((len(name) for name in wanted), default=4))
        for name in dict.fromkeys(case.split("/")[1] for case in wanted):
            cases = [case for case in wanted if case.split("/")[1] == name]
            try:
                self._model(name, cases, table)
            except BenchmarkError as error:
                print(f"benchmarks: model/{name}: {error}", file=sys.stderr)

    def _model(self, name: str, cases: Sequence[str], table: Table) -> None:
        facts: dict[str, Any] = {}
        if name == "smollm2":
            for path in (_ARTIFACT, _GGUF):
                if not path.exists():
                    raise BenchmarkError(f"'{path}' does not exist: run scripts/demo --model smollm2")
            artifact = _ARTIFACT
        else:
            artifact = self._compiled(name, f"model/{name}/compile" in cases)
            cases = [case for case in cases if not case.endswith("/compile")]
            if not cases:
                return
        capacity = max(_LATE + 1 if any("/late/" in case for case in cases) else 0, _PREFILL + 64)
        own = WorkerProcess(sys.executable, _LIB / "lutra_worker.py", artifact, capacity)
        workers = {"lutra": own}
        try:
            facts |= own.answer()
            if name == "smollm2" and not self._alone:
                workers[_PEER] = WorkerProcess(PEER_PYTHON, _LIB / "llama_worker.py", _GGUF, capacity)
                facts["peer_name"] = workers[_PEER].answer()["name"]
            print(f"{name}: loaded in {facts['load_seconds']:.3f} s", flush=True)
            for case in cases:
                if self._pace.go_on(case):
                    self._case(case, facts, workers, table)
        finally:
            for worker in workers.values():
                worker.close()

    def _compiled(self, name: str, anew: bool) -> Path:
        """The artifact of a model that is made here; `anew`: compiled and measured, also when it is there."""
        folder = CACHE / "models"
        artifact = folder / f"{name}.lutra"
        if artifact.exists() and not anew:
            return artifact
        source = synthetic.make(next(model for model in synthetic.MODELS if model.name == name), folder)
        found = compile_measured(source, artifact, self._options)
        size = sum(file.stat().st_size for file in artifact.iterdir())
        print(
            f"{name}: {size / 1e9:.2f} GB, compiled in {found['compile_seconds']:.1f} s with {found['compile_rss'] / 1e9:.2f} GB, "
            f"{found['compile_rss'] / size:.2f} times the artifact",
            flush=True,
        )
        self._rows.append(
            {"name": f"model/{name}/compile", "format": name, "threads": 1, "median_ns": found["compile_seconds"] * 1e9}
            | dict.fromkeys(("M", "N", "K", "group", "roofline_fraction", "peer", "ratio_to_peer"))
            | {"bytes": size, "compile_rss": found["compile_rss"]}
        )
        return artifact

    def _case(self, case: str, facts: dict[str, Any], workers: dict[str, WorkerProcess], table: Table) -> None:
        _, name, phase_name, counted = case.split("/")
        threads = int(counted[1:])
        phase = next(phase for phase in _phases(name) if phase.name == phase_name)
        request = {
            "threads": threads,
            "skip": phase.skip,
            "prompt": [200 + i % 50 for i in range(phase.prompt)],
            "decode": phase.steps,
        }
        taken: dict[str, list[float]] = {key: [] for key in workers if key == "lutra" or not phase.skip}
        reads = []
        for round_ in range(-1, self._rounds):  # Round -1 warms up.
            for key, values in taken.items():
                time.sleep(0.1)  # Lets the other one's waiting threads go to sleep.
                answer = workers[key].ask(request)
                if round_ >= 0:
                    values.append(answer["decode"] if phase.steps else answer["prefill"] / phase.prompt)
            if round_ >= 0:
                reads.append(self._driver.ask(f"reads {threads} {_READ_KIBIBYTES} 0.1")["best"])
        own, bandwidth = Spread.of(taken["lutra"]), Spread.of(reads).median
        size = facts["weight_bytes"]
        if phase.steps:  # Keys and values of the positions before the middle step.
            size += facts["kv_bytes"] * (phase.skip + phase.prompt + phase.steps // 2)
        fraction = size / own.median / (bandwidth * 1e9) if phase.steps else None
        peer = Spread.of(taken[_PEER]).median if _PEER in taken else None
        ratio = peer / own.median if peer else None
        table.add(
            (
                case,
                f"{1 / own.median:.2f}",
                f"[{1 / own.high:.2f}, {1 / own.low:.2f}]",
                f"{size / 1e6:.1f}",
                f"{fraction:.1%}" if fraction else "",
                f"{1 / peer:.2f}" if peer else "",
                f"{ratio:.2f}x" if ratio else "",
            )
        )
        self._rows.append(
            {
                "name": case,
                "format": name,
                "M": phase.prompt if not phase.steps else 1,
                "N": None,
                "K": None,
                "group": None,
                "threads": threads,
                "median_ns": own.median * 1e9,
                "low_ns": own.low * 1e9,
                "high_ns": own.high * 1e9,
                "bytes": size,
                "roofline": bandwidth,
                "roofline_kind": "read",
                "roofline_fraction": fraction,
                "peer": facts.get("peer_name") if peer else None,
                "peer_ns": peer * 1e9 if peer else None,
                "ratio_to_peer": ratio,
                "weight_bytes": facts["weight_bytes"],
                "load_seconds": facts["load_seconds"],
            }
        )
