# Products on the LUT tensor core with tables of every kind, arrays of any shape, and epilogues: the interpreter's bits.
#
# RUN: %python %s --work-dir=%t.dir --cases=16 | FileCheck %s
# CHECK: seed
# CHECK: bit-identical
#
# Each case is one lowbit.matmul: i8 and i16 entries with a scale per group, table or row, f16 and f32 entries; integer activations with
# a scale per token or group; planes with one alpha, and with an alpha each; groups in one register of tables, in several, and in parts of
# shared memory; a norm before the tables; a bias, a gate, a residual and functions (exp, erf, tanh) behind the product, on the device or (an absolute
# value) on the host; every case on another array or machine. By hand:
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

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Conformance"))

from suite.kinds import TABLE_KINDS  # noqa: E402

#: Of the family of arrays: the machine's own, its corners, sizes that are no powers of two; and the cores of chips.
MACHINES = [
    "array=m2n64k4",
    "array=m4n32k4",
    "array=m16n256k4",
    "array=m1n4k4",
    "array=m3n100k4",
    "machine=a100-lut-4x",
    "array=m8n16k4",
    "machine=edge",
    "machine=h100-lut-8x",
]


def run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed ({done.returncode}): {' '.join(map(str, command))}\n{done.stdout}{done.stderr[-3000:]}")


def dense(array: np.ndarray) -> str:
    element = {"uint8": "i8", "float32": "f32"}[array.dtype.name]
    return f'dense<"0x{array.tobytes().hex().upper()}"> : tensor<{"x".join(map(str, array.shape))}x{element}>'


def draw_epilogue(draw: random.Random, n: int) -> str:
    """An element-wise operation on the product %p, a matrix %r and a number %b for each channel."""
    matrix, body = f"tensor<?x{n}xf32>", list[str]()
    values = ["%v0", "%v1", "%v2"]
    for index in range(draw.randrange(1, 5)):
        name = f"%x{index}"
        operation = draw.choice(
            ["addf", "subf", "mulf", "divf", "maximumf", "minimumf", "negf", "constant", "exp", "erf", "tanh", "absf"]
        )
        if operation == "absf" and draw.random() < 0.7:
            operation = "addf"
        # The last value is always used.
        lhs, rhs = values[-1], draw.choice(values)
        text = {name: f"math.{name} {lhs}" for name in ("absf", "exp", "erf", "tanh")}
        text |= {"negf": f"arith.negf {lhs}", "constant": f"arith.mulf {lhs}, %k"}
        body.append(f"{name} = {text.get(operation, f'arith.{operation} {lhs}, {rhs}')} : f32")
        values.append(name)
    return (
        f"%c0 = arith.constant 0 : index\n%k = arith.constant -0.75 : f32\n%m = tensor.dim %p, %c0 : {matrix}\n"
        f"%e = tensor.empty(%m) : {matrix}\n"
        "%y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, "
        'affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} '
        f"ins(%p, %r, %b : {matrix}, {matrix}, tensor<{n}xf32>) outs(%e : {matrix}) {{\n^bb0(%v0: f32, %v1: f32, %v2: f32, %v3: f32):\n"
        + "\n".join(body)
        + f"\n%z = arith.addf {values[-1]}, %v0 : f32\nlinalg.yield %z : f32\n}} -> {matrix}\n"
    )


def norm(k: int, epsilon: float) -> str:
    """%a, as rows of mean square 1 times %g: the text that makes %n."""
    rows = "affine_map<(i, j) -> (i, j)>"
    sums = "affine_map<(i, j) -> (i)>"
    return f"""%zero = arith.constant 0.0 : f64
%one = arith.constant 1.0 : f64
%count = arith.constant {k}.0 : f64
%eps = arith.constant {epsilon} : f64
%row = arith.constant 0 : index
%d = tensor.dim %a, %row : tensor<?x{k}xf32>
%i = tensor.empty(%d) : tensor<?xf64>
%f = linalg.fill ins(%zero : f64) outs(%i : tensor<?xf64>) -> tensor<?xf64>
%q = linalg.generic {{indexing_maps = [{rows}, {sums}], iterator_types = ["parallel", "reduction"]}} ins(%a : tensor<?x{k}xf32>) outs(%f : tensor<?xf64>) {{
^bb0(%x0: f32, %t: f64):
%x1 = arith.extf %x0 : f32 to f64
%x2 = arith.mulf %x1, %x1 : f64
%x3 = arith.addf %t, %x2 : f64
linalg.yield %x3 : f64
}} -> tensor<?xf64>
%j = tensor.empty(%d) : tensor<?x{k}xf32>
%n = linalg.generic {{indexing_maps = [{rows}, {sums}, affine_map<(i, j) -> (j)>, {rows}], iterator_types = ["parallel", "parallel"]}}
    ins(%a, %q, %g : tensor<?x{k}xf32>, tensor<?xf64>, tensor<{k}xf32>) outs(%j : tensor<?x{k}xf32>) {{
^bb0(%x0: f32, %t: f64, %c: f32, %x9: f32):
%x1 = arith.divf %t, %count : f64
%x2 = arith.addf %x1, %eps : f64
%x3 = math.sqrt %x2 : f64
%x4 = arith.divf %one, %x3 : f64
%x5 = arith.truncf %x4 : f64 to f32
%x6 = arith.mulf %x0, %x5 : f32
%x7 = arith.mulf %x6, %c : f32
linalg.yield %x7 : f32
}} -> tensor<?x{k}xf32>
"""


def module(draw: random.Random, rng: np.random.Generator) -> tuple[str, dict[str, np.ndarray], str]:
    """The text, the inputs, and what the case is."""
    m, n, k = draw.choice([1, 2, 3, 5, 17]), draw.choice([1, 63, 64, 65, 131]), draw.randrange(1, 300)
    group = draw.choice([4, 8, 12, 32, 64, 100, 256])
    planes, bcq, integers = draw.randrange(1, 9), draw.random() < 0.4, draw.random() < 0.3
    if draw.random() < 0.25:  # Groups that shared memory holds in parts only.
        k = draw.randrange(1000, 9000)
        # Sums of i16 entries of more planes leave 32 bits, and are refused.
        n, group, planes = draw.choice([4, 70]), draw.choice([k, 3000]), draw.randrange(1, 5)
    element, scale = draw.choice(TABLE_KINDS)
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
        before = ""
        what, scales = "integers " + ("per token" if per_row else "per group"), 1 if per_row else groups
        inputs = {"a": rng.integers(-128, 128, (m, k), dtype=np.int8), "s": rng.random((m, scales)).astype(np.float32)}
        arguments = f'%a: tensor<?x{k}xi8> {{onnx.name = "a", onnx.dims = ["m", "{k}"]}}, '
        arguments += f'%s: tensor<?x{scales}xf32> {{onnx.name = "s", onnx.dims = ["m", "{scales}"]}}, '
        product = f"lowbit.matmul %a, %w scales(%s : tensor<?x{scales}xf32>) : tensor<?x{k}xi8>, {weight} -> tensor<?x{n}xf32>"
    else:
        what, inputs = f"{element} {scale}", {"a": rng.standard_normal((m, k)).astype(np.float32)}
        kind = f"#lowbit.table_kind<{element}{'' if scale == 'group' else f', scale = {scale}'}>"
        arguments = f'%a: tensor<?x{k}xf32> {{onnx.name = "a", onnx.dims = ["m", "{k}"]}}, '
        activations, before = "%a", ""
        if draw.random() < 0.5:
            activations, before, what = "%n", norm(k, draw.choice([0.0009765625, 9.5367431640625e-07])), what + ", norm"
            inputs["g"] = (1 + rng.standard_normal(k) * 0.3).astype(np.float32)
            arguments += f'%g: tensor<{k}xf32> {{onnx.name = "g", onnx.dims = ["{k}"]}}, '
        product = (
            f"lowbit.matmul {activations}, %w {{table = {kind}}} : tensor<?x{k}xf32>, {weight} -> tensor<?x{n}xf32>"
        )
    product, epilogue = f"{before}%p = {product}\n", ""
    if draw.random() < 0.6:
        epilogue, what = draw_epilogue(draw, n), what + ", epilogue"
        parts = {"r": rng.standard_normal((m, n)).astype(np.float32), "b": rng.standard_normal(n).astype(np.float32)}
        inputs |= parts
        arguments += f'%r: tensor<?x{n}xf32> {{onnx.name = "r", onnx.dims = ["m", "{n}"]}}, '
        arguments += f'%b: tensor<{n}xf32> {{onnx.name = "b", onnx.dims = ["{n}"]}}, '
    product += epilogue
    result = "%y" if epilogue else "%p"
    store = f"bufferization.materialize_in_destination {result} in restrict writable %o : (tensor<?x{n}xf32>, {buffer}) -> ()"
    text = f"func.func @main({arguments}{out}) {{\n{w}\n{product}{store}\nreturn\n}}\n"
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
        machine = MACHINES[case % len(MACHINES)]
        what += f", {machine}"
        run("lutrac", work / "module.mlir", "--target=ltc", f"--target-option=ltc.{machine}", "-o", work / "artifact")
        run("lutra-run", work / "artifact", "--output-dir", work / "found", *inputs)
        expected, found = np.load(work / "expected/y.npy"), np.load(work / "found/y.npy")
        # A NaN's sign and payload are not specified.
        wrong = (expected.view(np.uint32) != found.view(np.uint32)) & ~(np.isnan(expected) & np.isnan(found))
        if wrong.any():
            at = tuple(int(x) for x in np.argwhere(wrong)[0])
            sys.exit(
                f"case {case} of seed {seed}, {what}: {np.count_nonzero(wrong)} of {wrong.size} outputs differ; "
                f"at {at} expected {expected[at]!r}, found {found[at]!r} (work directory {work})"
            )
    print(f"{arguments.cases} products bit-identical to the interpreter's")


if __name__ == "__main__":
    main()
