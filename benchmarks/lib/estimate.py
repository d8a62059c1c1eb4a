"""benchmarks/estimate: what llvm-mca thinks of the decode kernels on CPUs that are not here. Estimates, not measurements: the loads are taken to hit
the first-level cache, so the figures say whether a kernel could keep up with memory, not how fast a machine is."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cases import WIDTHS, Case
from paths import BenchmarkError, tool
from products import make_model

#: CPUs with instructions that differ: VNNI, no VNNI, 32-byte registers, and NEON with and without sdot.
MACHINES = {
    "sapphirerapids": "x86_64-unknown-linux-gnu",
    "cascadelake": "x86_64-unknown-linux-gnu",
    "skylake-avx512": "x86_64-unknown-linux-gnu",
    "znver4": "x86_64-unknown-linux-gnu",
    "haswell": "x86_64-unknown-linux-gnu",
    "neoverse-n1": "aarch64-unknown-linux-gnu",
    "neoverse-v1": "aarch64-unknown-linux-gnu",
    "cortex-a57": "aarch64-unknown-linux-gnu",
}
_MCA = "/usr/lib/llvm-22/bin/llvm-mca"
#: A lookup of bytes, and the register that says how many at once.
_LOOKUP = re.compile(r"^\s+(?:vpshufb|pshufb)\s.*%(?P<x86>[xyz])mm\d+$|^\s+tbl\s+(?P<neon>v)\d+\.16b", re.MULTILINE)
#: The same of triples, whose three digits are looked up for 5 bits, beside the dot products of a kernel without a panel.
_TRIPLE_LOOKUP = re.compile(_LOOKUP.pattern.replace("vpshufb|", "vpshufb|vpermb|"), re.MULTILINE)
_TRIPLE_BYTES = 5 / 24
_DOT = re.compile(r"^\s+(?:vpdpbusd|sdot)\s", re.MULTILINE)
_LANES = {"z": 64, "y": 32, "x": 16, "v": 16}
_LABEL = re.compile(r"^(\.?L\w+):")
_JUMP = re.compile(r"^\s+(?:j[a-z]+|b\.?[a-z]*|cb[n]?z\s+\w+,|tb[n]?z\s+\w+, #\d+,)\s+(\.?L\w+)")


@dataclass(frozen=True, slots=True)
class Loop:
    """An innermost loop, and the bytes of codes that one pass takes in."""

    lines: tuple[str, ...]
    code_bytes: float


def loops(assembly: str, triples: bool = False) -> list[Loop]:
    """The innermost loops with lookups. A byte of codes is looked up twice: its halves are the indices of two groups of activations."""
    lines = assembly.splitlines()
    labels = {match[1]: index for index, line in enumerate(lines) if (match := _LABEL.match(line))}
    spans = [
        (labels[match[1]], index)
        for index, line in enumerate(lines)
        if (match := _JUMP.match(line)) and labels.get(match[1], index) < index
    ]
    found = []
    for begin, end in spans:
        if any((begin, end) != other and begin <= other[0] and other[1] <= end for other in spans):
            continue
        body = tuple(line for line in lines[begin + 1 : end + 1] if not _LABEL.match(line))
        text, pattern = "\n".join(body), _TRIPLE_LOOKUP if triples else _LOOKUP
        looked_up = sum(_LANES[match["x86"] or match["neon"]] for match in pattern.finditer(text))
        if looked_up and (not triples or _DOT.search(text)):
            found.append(Loop(body, looked_up * (_TRIPLE_BYTES if triples else 0.5)))
    return found


def cycles(loop: Loop, triple: str, cpu: str) -> float:
    """Of one pass, by llvm-mca, in a steady state."""
    iterations = 200
    done = subprocess.run(
        [shutil.which("llvm-mca-22") or _MCA, f"-mtriple={triple}", f"-mcpu={cpu}", f"-iterations={iterations}"],
        input="\n".join(loop.lines) + "\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    total = re.search(r"^Total Cycles:\s+(\d+)", done.stdout, re.MULTILINE)
    if done.returncode or not total:
        raise BenchmarkError(f"llvm-mca failed for {cpu}: {done.stderr.strip()}")
    return int(total[1]) / iterations


def estimate(case: Case, triple: str, cpu: str, folder: Path, triples: bool = False) -> float | None:
    """Bytes of codes a cycle in the kernel of one row of activations; nothing where triples are multiplied by a panel."""
    model, assembly = folder / "product.onnx", folder / "product.s"
    make_model(case, model)
    options = [f"cpu.mcpu={cpu}", f"cpu.triple={triple}"] + ["cpu.strategy=int8"] * triples
    command: list[str | Path] = [tool("lutrac"), model, "--emit=asm", "-o", assembly, "--crash-reproducer=none"]
    done = subprocess.run(
        command + [f"--target-option={option}" for option in options], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"lutrac failed for {cpu}: {done.stderr.strip()}")
    found = loops(assembly.read_text(), triples)
    if not found and triples:
        return None
    if not found:
        raise BenchmarkError(f"{case.name} for {cpu} has no loop with byte shuffles")
    return max(loop.code_bytes / cycles(loop, triple, cpu) for loop in found)


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0, or 1 with a line on stderr."""
    parser = argparse.ArgumentParser("benchmarks/estimate", description=__doc__)
    parser.add_argument("--cpu", action="append", choices=MACHINES, help="may be given several times; default: all")
    parser.add_argument("--group", type=int, default=128, help="activations that share a scale")
    options = parser.parse_args(arguments)
    print("Bytes of codes a cycle by llvm-mca (an estimate; loads hit the first-level cache)\n")
    columns = [(width, False) for width in WIDTHS] + [("ternary", True)]
    print(
        f"| {'CPU':<15} | " + " | ".join(f"{'triples' if triples else width:>8}" for width, triples in columns) + " |"
    )
    print(f"|{'-' * 17}|" + "|".join("-" * 10 for _ in columns) + "|")
    try:
        with tempfile.TemporaryDirectory() as name:
            for cpu in options.cpu or MACHINES:
                rates = []
                for width, triples in columns:
                    case = Case(1, 1024, 1024, width, options.group, 1, "cost")
                    rates.append(estimate(case, MACHINES[cpu], cpu, Path(name), triples))
                cells = (f"{rate:>8.2f}" if rate else f"{'':>8}" for rate in rates)
                print(f"| {cpu:<15} | " + " | ".join(cells) + " |", flush=True)
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
