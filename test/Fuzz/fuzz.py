# Mutated modules through the parser, the verifiers and Lutra's passes: diagnostics are fine, crashes are not.
#
# RUN: %python %s --work-dir=%t.dir --seconds=25 --seed=1 | FileCheck %s
# CHECK: seed {{[0-9]+}}: {{[0-9]+}} mutations of {{[0-9]+}} modules, {{[0-9]+}} valid, {{[0-9]+}} passed their pass, 0 crashes
#
# The seeds are the lit tests of the dialects and conversions; the passes are all that `lutra-opt --help` lists, but for those that start
# from ONNX. This test repeats one seed, so that only a change of Lutra can break it; `scripts/test --suite fuzz` draws another each time.
# By hand, 10 minutes of an AddressSanitizer build:
#   cmake --preset asan && cmake --build build-asan --target lutra-opt-fuzz lutra-opt
#   ASAN_OPTIONS=detect_leaks=0:allow_user_poisoning=0:detect_container_overflow=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
#   PATH=$PWD/build-asan/bin:$PATH .venv/bin/python test/Fuzz/fuzz.py --work-dir=/tmp/fuzz --seconds=600 --memory=0
"""Runs lutra-opt-fuzz on the tests' modules."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
FOLDERS = ["Dialect/Lowbit", "Dialect/Lut", "Dialect/Lmma", "Conversion/LowbitToLut", "Conversion/LutToLoops", "Conversion/LutToLLVM",
           "Conversion/LutToLMMA", "Conversion/LowbitToLoops", "Conversion/LMMAToLLVM"]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", type=Path, required=True, help="folder for the inputs that crash")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, help="default: from the clock")
    parser.add_argument("--memory", type=int, default=8192, help="MiB of address space; 0 for none, as sanitizers need")
    parser.add_argument("--passes", help="comma-separated (default: all of lutra-opt --help)")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    seeds = [path for folder in FOLDERS for path in sorted((TESTS / folder).rglob("*.mlir"))]
    passes = arguments.passes
    if passes is None:
        listed = subprocess.run(["lutra-opt", "--help"], capture_output=True, text=True, check=True).stdout
        passes = ",".join(name for name in re.findall(r"^  --((?:lowbit|lut|lmma|lutra|convert)-[a-z-]+) ", listed, re.M)
                          if "onnx" not in name)  # fmt: skip
    shutil.rmtree(arguments.work_dir, ignore_errors=True)
    arguments.work_dir.mkdir(parents=True)
    options = [f"--seed={seed}", f"--seconds={arguments.seconds}", f"--passes={passes}", f"--crashes={arguments.work_dir}",
               f"--memory={arguments.memory}"]  # fmt: skip
    done = subprocess.run(["lutra-opt-fuzz", *options, *map(str, seeds)], text=True, stdout=subprocess.PIPE)
    print(done.stdout, end="")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
