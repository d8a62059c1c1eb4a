# Attention of one token against caches of codes on NEON under qemu, where this machine has it, as test/Integration/quantized_cache.py checks it here.
#
# RUN: %python %s --work-dir=%t.dir --cases=2 | FileCheck %s
# CHECK: agree with numpy
#
# By hand: .venv/bin/python test/Conformance/attention.py --work-dir=/tmp/x [--targets=neon,neon-dotprod,avx2] [--cases=8]
"""Attention of one token against caches of codes, compiled for other machines, close to the same in numpy; their caches bit for bit."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import lutra
import numpy as np
from suite.targets import Target, available, build_emulator

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Integration"))
from quantized_cache import ScalesInTheLine

#: The cache's kind, the head's size, past positions, query heads, key-value heads, the window: pieces of 16 bytes and blocks of 64, one chunk of keys and two.
CASES = [
    ("i8", 64, 258, 6, 2, -1), ("i4", 64, 258, 6, 2, -1), ("i8", 80, 37, 5, 1, -1), ("i4", 96, 37, 8, 2, -1),
    ("i8", 128, 300, 4, 4, 50), ("i4", 128, 300, 4, 4, 50), ("i8", 24, 20, 2, 1, -1), ("i4", 24, 20, 2, 1, -1),
]  # fmt: skip


class OnTarget(ScalesInTheLine):
    def __init__(self, target: Target, folder: Path, emulator: Path) -> None:
        super().__init__("run_model")
        self.target, self.folder, self.emulator = target, folder, emulator

    def run_model(self, model: Path, options: dict[str, str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        given = [option.removeprefix("--target-option=cpu.").split("=") for option in self.target.options[1:]]
        shutil.rmtree(self.folder, ignore_errors=True)
        inputs = self.folder / "inputs"
        inputs.mkdir(parents=True)
        artifact = Path(lutra.compile(model, self.folder / "artifact", options=options | dict(given)))
        for name, array in feed.items():
            np.save(inputs / f"{name}.npy", array)
        self.target.run(artifact, 2, inputs, list(feed), self.folder / "outputs", self.emulator)
        return [np.load(self.folder / "outputs" / f"y{i}.npy") for i in range(3)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=len(CASES), help=f"of {len(CASES)}, the first ones")
    parser.add_argument(
        "--targets", help="comma-separated names of test/Conformance/suite/targets.py (default: the emulated ones)"
    )
    arguments = parser.parse_args()
    wanted = arguments.targets.split(",") if arguments.targets else []
    targets = [t for t in available() if (t.name in wanted if wanted else t.emulated) and t.name != "ltc"]
    emulator = (
        build_emulator(arguments.work_dir / "emulator") if any(t.emulated for t in targets) else arguments.work_dir
    )
    for target in targets:
        check = OnTarget(target, arguments.work_dir / target.name, emulator)
        for kind, size, past, heads, kv, window in CASES[: arguments.cases]:
            check.attention(kind, size, 1, past, "f32", heads, kv, window)
    names = ", ".join(target.name for target in targets) or "no targets of this machine"
    print(f"{names}: {min(arguments.cases, len(CASES))} cases agree with numpy")


if __name__ == "__main__":
    main()
