# Products on the LUT tensor core with tables of every kind: the interpreter's bits.
#
# RUN: %python %s --work-dir=%t.dir --cases=14 | FileCheck %s
# CHECK: seed
# CHECK: bit-identical
#
# Each case is one lowbit.matmul: i8 and i16 entries with a scale per group, table or row, f16 and f32 entries; integer activations with
# a scale per token or group; planes with one alpha, and with an alpha each. By hand:
#   .venv/bin/python test/Target/LTC/table_kinds.py --work-dir=/tmp/x --cases=200 --seed=7
"""Compares lookup products of the modelled machine with the interpreter's."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

KINDS = [("i8", "group"), ("i8", "table"), ("i8", "row"), ("i16", "group"), ("i16", "table"), ("i16", "row"), ("f16", "group"), ("f32", "group")]


def run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed ({done.returncode}): {' '.join(map(str, command))}\n{done.stdout}{done.stderr[-3000:]}")


def dense(array: np.ndarray) -> str:
    element = {"uint8": "i8", "float32": "f32"}[array.dtype.name]
    return f'dense<"0x{array.tobytes().hex().upper()}"> : tensor<{"x".join(map(str, array.shape))}x{element}>'


def module(draw: random.Random, rng: np.random.Generator) -> tuple[str, dict[str, np.ndarray], str]:
    """The text, the inputs, and what the case is."""
    m, n, k = draw.choice([1, 2, 3, 5, 17]), draw.choice([1, 63, 64, 65, 131]), draw.randrange(1, 300)
    group = draw.choice([4, 8, 12, 32, 64, 100, 256])
    planes, bcq, integers = draw.randrange(1, 9), draw.random() < 0.4, draw.random() < 0.3
    element, scale = draw.choice(KINDS)
    groups = -(-k // group)
    parts = {"codes": rng.integers(0, 256, (n, groups, -(-group * planes // 8)), dtype=np.uint8)}
    if bcq:
        parts["alphas"] = (rng.standard_normal((n, groups, planes)) * 0.05).astype(np.float32)
        parts["betas"] = (rng.standard_normal((n, groups)) * 0.05).astype(np.float32)
        weight = f"#lowbit.bcq<planes = {planes}, group = {group}>"
    else:
        parts["alphas"] = (rng.standard_normal((n, groups)) * 0.05).astype(np.float32)
        constant = draw.random() < 0.3
        if not constant:
            parts["zetas"] = rng.integers(-9, 9, (n, groups)).astype(np.float32)
        weight = f"#lowbit.bipolar<planes = {planes}, group = {group}{', zeta = -1.0 : f32' if constant else ''}>"
    weight = f"!lowbit.weight<{n}x{k}, {weight}>"
    buffer = f"memref<?x{n}xf32, strided<[?, 1], offset: ?>>"
    out = f'%o: {buffer} {{onnx.name = "y", onnx.dims = ["m", "{n}"], lutra.output}}'
    w = f"%w = lowbit.weight {{{', '.join(f'{name} = {dense(array)}' for name, array in parts.items())}}} : {weight}"
    if integers:
        per_row = draw.random() < 0.5
        what, scales = "integers " + ("per token" if per_row else "per group"), 1 if per_row else groups
        inputs = {"a": rng.integers(-128, 128, (m, k), dtype=np.int8), "s": rng.random((m, scales)).astype(np.float32)}
        arguments = f'%a: tensor<?x{k}xi8> {{onnx.name = "a", onnx.dims = ["m", "{k}"]}}, '
        arguments += f'%s: tensor<?x{scales}xf32> {{onnx.name = "s", onnx.dims = ["m", "{scales}"]}}, '
        product = f"lowbit.matmul %a, %w scales(%s : tensor<?x{scales}xf32>) : tensor<?x{k}xi8>, {weight} -> tensor<?x{n}xf32>"
    else:
        what, inputs = f"{element} {scale}", {"a": rng.standard_normal((m, k)).astype(np.float32)}
        kind = f"#lowbit.table_kind<{element}{'' if scale == 'group' else f', scale = {scale}'}>"
        arguments = f'%a: tensor<?x{k}xf32> {{onnx.name = "a", onnx.dims = ["m", "{k}"]}}, '
        product = f"lowbit.matmul %a, %w {{table = {kind}}} : tensor<?x{k}xf32>, {weight} -> tensor<?x{n}xf32>"
    store = f"bufferization.materialize_in_destination %y in restrict writable %o : (tensor<?x{n}xf32>, {buffer}) -> ()"
    text = f"func.func @main({arguments}{out}) {{\n{w}\n%y = {product}\n{store}\nreturn\n}}\n"
    return text, inputs, f"M={m} {weight} {what}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=14)
    parser.add_argument("--seed", type=int, help="default: from the clock")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    print(f"seed {seed}", flush=True)
    work = arguments.work_dir
    work.mkdir(parents=True, exist_ok=True)
    for case in range(arguments.cases):
        text, arrays, what = module(random.Random(seed + case), np.random.default_rng(seed + case))
        (work / "module.mlir").write_text(text)
        inputs = []
        for name, array in arrays.items():
            np.save(work / f"{name}.npy", array)
            inputs += ["--input", f"{name}={work / name}.npy"]
        run("lutra-run", "--interpret", work / "module.mlir", "--output-dir", work / "expected", *inputs)
        run("lutrac", work / "module.mlir", "--target=ltc", "-o", work / "artifact")
        run("lutra-run", work / "artifact", "--output-dir", work / "found", *inputs)
        expected, found = np.load(work / "expected/y.npy"), np.load(work / "found/y.npy")
        wrong = expected.view(np.uint32) != found.view(np.uint32)
        if wrong.any():
            at = tuple(int(x) for x in np.argwhere(wrong)[0])
            sys.exit(
                f"case {case} of seed {seed}, {what}: {np.count_nonzero(wrong)} of {wrong.size} outputs differ; "
                f"at {at} expected {expected[at]!r}, found {found[at]!r} (work directory {work})"
            )
    print(f"{arguments.cases} products bit-identical to the interpreter's")


if __name__ == "__main__":
    main()
