# Every prefix of the pipeline gives the same bits: the pipeline stops after each pass in turn, and what it left is interpreted.
#
# RUN: %python %s --work-dir=%t.dir --fixtures=%fixtures --modules=6 --minutes=2 | FileCheck %s
# CHECK: seed
# CHECK: tiny_llama: {{[0-9]+}} passes
# CHECK: every prefix gives the same bits
#
# The passes are those that lutra-opt says its pipelines have. A difference is handed to lutra-bisect, which names the op. By hand:
#   .venv/bin/python test/Conformance/prefixes.py --work-dir=/tmp/x --fixtures=test/Fixtures --modules=50 --seed=7
"""Compares what is left after each pass of the phases lowbit, tables and lut with what was there before any."""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from random_modules import random_module
from suite.kinds import TABLE_KINDS


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed ({done.returncode}): {' '.join(map(str, command))}\n{done.stdout}{done.stderr[-4000:]}")
    return done.stdout


def passes_of(*pipelines: str) -> list[str]:
    """The passes of pipelines, one text each, as lutra-opt says them."""
    command = ["lutra-opt", *pipelines, "--dump-pass-pipeline"]
    done = subprocess.run(command, input="func.func @main() { return }", capture_output=True, text=True)
    text = done.stderr[done.stderr.index("builtin.module(") + len("builtin.module(") :]
    passes, depth, word = [], 0, ""
    for char in text:
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(char, 0)
        if depth < 0 or (char == "," and depth == 0):
            passes.append(" ".join(word.split()))
            word = ""
            if depth < 0:
                break
        else:
            word += char
    return [text for text in passes if text]


def name_of(text: str) -> str:
    """The pass's argument, without its options and what it is nested in."""
    return re.sub(r"\{.*", "", text.removeprefix("func.func(").strip().rstrip(")")).strip()


def interpret(module: Path, inputs: list[str], table: str, out: Path) -> dict[str, np.ndarray]:
    run("lutra-run", "--interpret", module, f"--table={table}", "--output-dir", out, *inputs)
    return {path.name: np.load(path) for path in sorted(out.iterdir())}


def differs(expected: np.ndarray, found: np.ndarray) -> bool:
    """Bit for bit; which of the infinities and NaN a value is does not count (numerics.md)."""
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return True
    same = expected.view(np.uint8).reshape(*expected.shape, -1) == found.view(np.uint8).reshape(*found.shape, -1)
    same = same.all(axis=-1)
    if expected.dtype == np.float32:
        same |= ~np.isfinite(expected) & ~np.isfinite(found)
    return not same.all()


def check(work: Path, module: Path, passes: list[str], inputs: list[str], table: str, what: str) -> int:
    """Runs the passes one after the other, interpreting after each; the number of prefixes compared."""
    if "onnx.node" in module.read_text():
        first, passes = passes[0], passes[1:]
        run("lutra-opt", module, f"--pass-pipeline=builtin.module({first})", "-o", work / "first.mlir")
        module = work / "first.mlir"
    expected = interpret(module, inputs, table, work / "expected")
    prefixes = 0
    for number, text in enumerate(passes):
        after = work / f"{number}-{name_of(text)}.mlir"
        run("lutra-opt", module, "--mlir-print-debuginfo", f"--pass-pipeline=builtin.module({text})", "-o", after)
        found = interpret(after, inputs, table, work / "found")
        prefixes += 1
        wrong = [name for name in expected if name not in found or differs(expected[name], found[name])]
        if wrong or len(expected) != len(found):
            bisected = subprocess.run(
                [
                    "lutra-bisect",
                    module,
                    after,
                    f"--left=interpret:table={table}",
                    f"--right=interpret:table={table}",
                    *inputs,
                ],
                capture_output=True,
                text=True,
            )
            sys.exit(
                f"{what}: {', '.join(wrong)} differ after pass {number}, {text}\nbefore: {module}\nafter:  {after}\n"
                f"{bisected.stdout}{bisected.stderr}"
            )
        module = after
    return prefixes


def tiny_llama(work: Path, fixtures: Path, rng: np.random.Generator) -> None:
    """The decoder of the fixtures: a prompt, and a token after it."""
    model = work / "onnx.mlir"
    run("lutrac", fixtures / "tiny_llama.onnx", "--compile-to=onnx", "-o", model)
    passes = passes_of(
        "--lutra-onnx-to-lowbit", "--lutra-lowbit-to-tables=fuse-epilogue merge-matmuls", "--lutra-tables-to-lut"
    )
    inputs = []
    past = 3
    arrays = {"input_ids": rng.integers(0, 320, (1, 2)), "attention_mask": np.ones((1, past + 2), np.int64)}
    for layer in range(2):
        for part in ("key", "value"):
            arrays[f"past_key_values.{layer}.{part}"] = rng.standard_normal((1, 2, past, 32)).astype(np.float32)
    for name, array in arrays.items():
        np.save(work / f"{name}.npy", array)
        inputs += ["--input", f"{name}={work / name}.npy"]
    count = check(work, model, passes, inputs, "i8", "tiny_llama")
    print(f"tiny_llama: {count} passes", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--fixtures", type=Path, required=True)
    parser.add_argument("--modules", type=int, default=6, help="random modules (default 6)")
    parser.add_argument("--seed", type=int, help="default: from the clock")
    parser.add_argument("--minutes", type=float, default=2, help="stop drawing after this time (default 2)")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    print(f"seed {seed}", flush=True)
    shutil.rmtree(arguments.work_dir, ignore_errors=True)
    work = arguments.work_dir / "tiny_llama"
    work.mkdir(parents=True)
    tiny_llama(work, arguments.fixtures, np.random.default_rng(seed))

    begin, prefixes, modules = time.monotonic(), 0, 0
    while modules < arguments.modules and time.monotonic() - begin < 60 * arguments.minutes:
        rng, numbers = random.Random(seed + modules), np.random.default_rng(seed + modules)
        work = arguments.work_dir / f"module{modules}"
        work.mkdir()
        table, scale = rng.choice(TABLE_KINDS)
        module = random_module(rng, numbers)
        (work / "module.mlir").write_text(module.text)
        inputs = []
        for name, array in module.inputs.items():
            np.save(work / f"{name}.npy", array)
            inputs += ["--input", f"{name}={work / name}.npy"]
        options = f"table={table} scale={scale}"
        options += "".join(f" {name}" for name in ("merge-matmuls", "fuse-epilogue", "symmetric") if rng.random() < 0.5)
        # A lowbit.matmul that names no kind is given one by a pass of its own, first: --table= has no scale.
        passes = [f"lowbit-quantize-tables{{element={table} scale={scale}}}"]
        run(
            "lutra-opt", work / "module.mlir", f"--pass-pipeline=builtin.module({passes[0]})", "-o", work / "start.mlir"
        )
        passes = passes_of("--lutra-onnx-to-lowbit", f"--lutra-lowbit-to-tables={options}", "--lutra-tables-to-lut")[1:]
        what = f"module {modules} of seed {seed} ({module.what}; {options})"
        prefixes += check(work, work / "start.mlir", passes, inputs, "i8", what)
        shutil.rmtree(work)
        modules += 1
    print(f"{modules} random modules, {prefixes} prefixes: every prefix gives the same bits")


if __name__ == "__main__":
    main()
