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
_LOOKUP = re.compile(
    r"^\s+(?:vpshufb|pshufb|vpermb)\s.*%(?P<x86>[xyz])mm\d+$|^\s+tbl\s+(?P<neon>v)\d+\.16b", re.MULTILINE
)
#: The same of tables of three, of which two registers have four and their negatives.
_THREES_LOOKUP = re.compile(_LOOKUP.pattern.replace("vpermb", "vperm[it]2b"), re.MULTILINE)
#: What a kernel of codes without a panel has beside its lookups.
_DOT = re.compile(r"^\s+(?:vpdpbusd|sdot)\s", re.MULTILINE)
_LANES = {"z": 64, "y": 32, "x": 16, "v": 16}
_LABEL = re.compile(r"^(\.?L\w+):")
_JUMP = re.compile(r"^\s+(?:j[a-z]+|b\.?[a-z]*|cb[n]?z\s+\w+,|tb[n]?z\s+\w+, #\d+,)\s+(\.?L\w+)")


@dataclass(frozen=True, slots=True)
class Column:
    """A kind of weight as a kind of kernel reads it: `lookup_bytes` of codes for each byte that is looked up."""

    name: str
    width: str
    lookup_bytes: float = 0.5
    options: tuple[str, ...] = ()
    lookup: re.Pattern[str] = _LOOKUP
    multiplies: bool = False


#: Bits of planes: the halves of a byte are the indices of two groups of activations. Tables of three: an index of four bits has a sign beside it. Triples: the three digits of five bits are
#: looked up one by one.
COLUMNS = (
    *(Column(width, width) for width in WIDTHS),
    Column("in threes", "ternary", 5 / 8, ("cpu.ternary-table=3",), _THREES_LOOKUP),
    Column("triples", "ternary", 5 / 24, ("cpu.strategy=int8",), multiplies=True),
)


@dataclass(frozen=True, slots=True)
class Loop:
    """An innermost loop, and the bytes of codes that one pass takes in."""

    lines: tuple[str, ...]
    code_bytes: float


def loops(assembly: str, column: Column = COLUMNS[0]) -> list[Loop]:
    """The innermost loops with the lookups of `column`."""
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
        text = "\n".join(body)
        looked_up = sum(_LANES[match["x86"] or match["neon"]] for match in column.lookup.finditer(text))
        if looked_up and (not column.multiplies or _DOT.search(text)):
            found.append(Loop(body, looked_up * column.lookup_bytes))
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


def estimate(column: Column, group: int, triple: str, cpu: str, folder: Path) -> float | None:
    """Bytes of codes a cycle in the kernel of one row of activations; nothing where it multiplies by a panel."""
    case = Case(1, 1024, 1024, column.width, group, 1, "cost")
    model, assembly = folder / "product.onnx", folder / "product.s"
    make_model(case, model)
    options = [f"cpu.mcpu={cpu}", f"cpu.triple={triple}", *column.options]
    command: list[str | Path] = [tool("lutrac"), model, "--emit=asm", "-o", assembly, "--crash-reproducer=none"]
    done = subprocess.run(
        command + [f"--target-option={option}" for option in options], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"lutrac failed for {cpu}: {done.stderr.strip()}")
    found = loops(assembly.read_text(), column)
    if not found and column.multiplies:
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
    print(f"| {'CPU':<15} | " + " | ".join(f"{column.name:>9}" for column in COLUMNS) + " |")
    print(f"|{'-' * 17}|" + "|".join("-" * 11 for _ in COLUMNS) + "|")
    try:
        with tempfile.TemporaryDirectory() as name:
            for cpu in options.cpu or MACHINES:
                rates = [estimate(column, options.group, MACHINES[cpu], cpu, Path(name)) for column in COLUMNS]
                cells = (f"{rate:>9.2f}" if rate else f"{'':>9}" for rate in rates)
                print(f"| {cpu:<15} | " + " | ".join(cells) + " |", flush=True)
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
