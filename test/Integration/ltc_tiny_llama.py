# RUN: %python %s --work-dir=%t.dir | FileCheck %s
# CHECK: i8 prompt: 25 launches, 5 outputs bit-identical
# CHECK: i8 decode: 25 launches, 5 outputs bit-identical
# CHECK: f32 prompt: 25 launches, 5 outputs bit-identical
# CHECK: f32 decode: 25 launches, 5 outputs bit-identical
"""The fixture's decoder layers on the CPU and on the simulated LUT tensor core give the same bits."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

MODEL = Path(__file__).resolve().parents[1] / "Fixtures" / "tiny_llama.onnx"
VOCABULARY, LAYERS, KV_HEADS, HEAD_SIZE = 320, 2, 2, 32


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed ({done.returncode}): {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def make_inputs(batch: int, new: int, past: int, directory: Path) -> list[str]:
    """Random tokens after `past` random positions; the files' names as flags."""
    rng = np.random.default_rng(new)
    arrays = {
        "input_ids": rng.integers(0, VOCABULARY, (batch, new)),
        "attention_mask": np.ones((batch, past + new), np.int64),
    }
    for layer in range(LAYERS):
        for part in ("key", "value"):
            cache = rng.standard_normal((batch, KV_HEADS, past, HEAD_SIZE), dtype=np.float32)
            arrays[f"past_key_values.{layer}.{part}"] = cache
    directory.mkdir(parents=True)
    flags = []
    for name, array in arrays.items():
        np.save(directory / f"{name}.npy", array)
        flags += ["--input", f"{name}={directory / name}.npy"]
    return flags


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", type=Path, required=True)
    work = parser.parse_args().work_dir
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    # A prompt whose 14 rows take blocks of 8, 4 and 2 rows, or of fewer, and one token after five.
    cases = {"prompt": make_inputs(2, 7, 0, work / "prompt"), "decode": make_inputs(1, 1, 5, work / "decode")}
    for table in ("i8", "f32"):
        for target in ("cpu", "ltc"):
            # The tensor core looks up, for any number of rows.
            options = ["--target-option=cpu.strategy=lut"] if target == "cpu" else []
            run(
                "lutrac",
                MODEL,
                f"--target={target}",
                f"--target-option={target}.table={table}",
                *options,
                "-o",
                work / target,
            )
        for case, inputs in cases.items():
            run("lutra-run", work / "cpu", "--output-dir", work / "on-cpu", *inputs)
            report = run("lutra-sim", work / "ltc", "--output-dir", work / "on-ltc", *inputs)
            launches = re.search(r"^total +(\d+)", report, re.MULTILINE)
            outputs = sorted(path.name for path in (work / "on-cpu").iterdir())
            for name in outputs:
                want, have = np.load(work / "on-cpu" / name), np.load(work / "on-ltc" / name)
                differ = np.count_nonzero(want.view(np.uint32) != have.view(np.uint32))
                if differ:
                    sys.exit(f"{table} tables, {case}: {differ} of {want.size} elements of {name} differ")
            print(f"{table} {case}: {launches.group(1)} launches, {len(outputs)} outputs bit-identical")


if __name__ == "__main__":
    main()
