"""Decode and prefill of a whole model: Lutra and llama.cpp side by side, with the read bandwidth measured in between.

Each round asks one implementation, then the other, then measures bandwidth; figures are medians over the rounds
(bandwidth: the best). Both run in processes of their own that stay open.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMOLLM2 = ROOT / ".cache" / "smollm2"
OURS, PEER = "lutra", "llama.cpp"


class Worker:
    """A worker process (see worker.py)."""

    def __init__(self, *command: object) -> None:
        self._process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.description = self._answer()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"benchmarks: {' '.join(map(str, self._process.args))} failed")
        return json.loads(line)

    def measure(self, threads: int, prompt: list[int], decode: int) -> dict:
        time.sleep(0.3)  # lets the other one's waiting threads go to sleep
        self._process.stdin.write(json.dumps({"threads": threads, "prompt": prompt, "decode": decode}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def bandwidth_program() -> Path:
    source, program = Path(__file__).with_name("bandwidth.cpp"), ROOT / ".cache" / "benchmarks" / "bandwidth"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        program.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["/usr/lib/llvm-22/bin/clang++", "-O3", "-march=native", "-std=c++20", source, "-o", program], check=True
        )
    return program


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def measure(arguments: argparse.Namespace) -> dict:
    program = bandwidth_program()
    capacity = arguments.prefill + arguments.context + arguments.decode + 8
    workers = {
        OURS: Worker(sys.executable, ROOT / "benchmarks" / "lib" / "lutra_worker.py", arguments.artifact, capacity)
    }
    if not arguments.alone:
        workers[PEER] = Worker(
            arguments.peer_python, ROOT / "benchmarks" / "lib" / "llama_worker.py", arguments.gguf, capacity
        )
    long, short = [200 + i for i in range(arguments.prefill)], [200 + i for i in range(arguments.context)]
    prefill: dict[str, list[float]] = {name: [] for name in workers}
    decode: dict[str, list[float]] = {name: [] for name in workers}
    bandwidth = 0.0
    for round_ in range(-1, arguments.rounds):  # round -1 warms up
        for name, worker in workers.items():
            first = worker.measure(arguments.threads, long, 0)["prefill"]
            second = worker.measure(arguments.threads, short, arguments.decode)["decode"]
            if round_ >= 0:
                prefill[name].append(first)
                decode[name].append(second)
        found = json.loads(subprocess.run([program, "512", "2"], check=True, capture_output=True, text=True).stdout)
        bandwidth = max(bandwidth, found["best"])
    figures: dict = {
        "cpu": cpu_name(),
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "bandwidth_gb_s": bandwidth,
        "prefill_tokens": arguments.prefill,
        "context_tokens": arguments.context,
        "implementations": {},
    }
    for name, worker in workers.items():
        step = statistics.median(decode[name])
        size = worker.description["weight_bytes"]
        figures["implementations"][name] = {
            **worker.description,
            "decode_tokens_s": 1 / step,
            "decode_spread": [1 / max(decode[name]), 1 / min(decode[name])],
            "roofline_fraction": size / step / (bandwidth * 1e9) if arguments.threads == 1 else None,
            "prefill_tokens_s": arguments.prefill / statistics.median(prefill[name]),
            "prefill_spread": [arguments.prefill / max(prefill[name]), arguments.prefill / min(prefill[name])],
        }
        worker.close()
    return figures


def show(figures: dict) -> None:
    threads = figures["threads"]
    print(
        f"{figures['cpu']}, {threads} thread{'s' * (threads > 1)}, medians of {figures['rounds']} rounds "
        "[worst, best]; "
        f"one thread reads {figures['bandwidth_gb_s']:.1f} GB/s"
    )
    context, prefill = figures["context_tokens"], figures["prefill_tokens"]
    print(f"| | MB per token | decode after {context}, tokens/s | of the roofline | prefill of {prefill}, tokens/s |")
    print("|---|---|---|---|---|")
    for result in figures["implementations"].values():
        fraction = result["roofline_fraction"]
        share = "" if fraction is None else f"{fraction:.0%}"
        size = f"{result['weight_bytes'] / 1e6:.1f}"
        print(f"| {result['name']} | {size} | {_rate(result, 'decode')} | {share} | {_rate(result, 'prefill')} |")


def _rate(result: dict, phase: str) -> str:
    low, high = result[f"{phase}_spread"]
    return f"{result[f'{phase}_tokens_s']:.1f} [{low:.1f}, {high:.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser("benchmarks/run", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=SMOLLM2 / "smollm2.lutra", help="the compiled model")
    parser.add_argument(
        "--gguf", type=Path, default=SMOLLM2 / "SmolLM2-135M-Instruct.Q4_1.gguf", help="the same model, for the peer"
    )
    parser.add_argument(
        "--peer-python",
        type=Path,
        default=ROOT / ".cache" / "benchmarks" / "venv" / "bin" / "python",
        help="a Python that has llama-cpp-python",
    )
    parser.add_argument("--alone", action="store_true", help="measure Lutra only")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--prefill", type=int, default=512, help="tokens of the long prompt")
    parser.add_argument("--context", type=int, default=16, help="tokens before the decode steps")
    parser.add_argument("--decode", type=int, default=32, help="decode steps in a round")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    for path, maker in (
        (arguments.artifact, "scripts/demo --model smollm2"),
        (arguments.gguf, "scripts/demo --model smollm2"),
        *([] if arguments.alone else [(arguments.peer_python, "benchmarks/setup")]),
    ):
        if not path.exists():
            raise SystemExit(f"benchmarks: '{path}' does not exist: run {maker} first")
    figures = measure(arguments)
    print(json.dumps(figures, indent=1)) if arguments.json else show(figures)


if __name__ == "__main__":
    main()
