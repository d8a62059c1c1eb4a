# Lookup products of every target against the interpreter, bit for bit (docs/spec/numerics.md).
#
# RUN: %python %s --work-dir=%t.dir --cases=15 --minutes=1 | FileCheck %s
# CHECK: seed
# CHECK: bit-identical
#
# The cases that conformance.py has not: products of ONNX models. They are drawn from a printed seed and compiled a few to a model. Half of the models are ONNX (MatMulNBits), half are
# modules at phase lowbit, which reach the widths, groups and formats that ONNX cannot spell. By hand:
#   .venv/bin/python test/Conformance/lookup_matmul.py --work-dir=/tmp/x --cases=400 --seed=7
"""Compares compiled lookup products with the interpreter on random shapes."""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CASES_PER_MODEL = 5
#: Names, and lutrac's options.
Targets = list[tuple[str, list[str]]]


@dataclass(frozen=True)
class Case:
    m: int
    n: int
    k: int
    bits: int
    group: int
    zero: str  # none, packed, float or minimum (an f16 over the scale); in IR none, integer or float
    format: str = "uniform"  # or bcq, ternary (codes of 0, 1 and 2), or a codebook of CODEBOOKS: IR only
    activations: str = "normal"  # or wide, special, extreme

    def __str__(self) -> str:
        return (
            f"M={self.m} N={self.n} K={self.k} bits={self.bits} group={self.group} zero={self.zero} "
            f"{self.format} {self.activations}"
        )


#: Tables of integers: IQ4_NL's, both ends of a byte, one that each case draws, and e2m1, which the format itself has.
CODEBOOKS: dict[str, list[int] | None] = {
    "iq4_nl": [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113],
    "extremes": [-128, 127] * 8,
    "learned": None,
    "e2m1": None,
}

# The shape of the specification's acceptance, and the corners that random shapes rarely meet.
FIXED = [
    Case(5, 131, 264, 4, 32, "packed"),
    Case(1, 64, 32, 4, 32, "none"),
    Case(1, 1, 16, 2, 16, "packed"),
    Case(3, 200, 129, 8, 128, "float"),
    Case(2, 65, 100, 4, 16, "float", activations="special"),
    Case(1, 1153, 96, 4, 32, "packed"),  # several streams of tiles
    Case(7, 131, 264, 4, 32, "minimum"),  # zetas packed as quotients
]
FIXED_IR = [
    Case(5, 131, 264, 4, 32, "integer"),
    Case(4, 70, 45, 3, 12, "float", "bcq"),
    Case(1, 1, 1, 1, 8, "none"),
    Case(2, 130, 77, 6, 16, "integer", activations="wide"),
    Case(3, 66, 200, 5, 200, "float", activations="special"),
    Case(1, 1300, 70, 3, 12, "integer"),  # several streams of tiles
]


def draw(rng: random.Random, ir: bool) -> Case:
    """One random case."""
    return Case(
        m=rng.choice([1, 1, 2, 3, 4, 5, 7, 8, 9, 13, 17]),
        n=rng.choice([1, 2, 63, 64, 65, 131, rng.randrange(1, 300), rng.randrange(1, 300)]),
        k=rng.choice([1, 7, 31, 264, rng.randrange(1, 600), rng.randrange(1, 600)]),
        bits=rng.randrange(1, 9) if ir else rng.choice([2, 4, 8]),
        group=rng.choice([4, 8, 12, 16, 20, 32, 64, 96, 128, 256]) if ir else rng.choice([16, 32, 64, 128, 256]),
        zero=rng.choice(["none", "integer", "float"] if ir else ["none", "packed", "float", "minimum"]),
        format=rng.choice(["uniform", "uniform", "bcq"]) if ir else "uniform",
        activations=rng.choice(["normal", "normal", "wide", "special"]),
    )


def activations(case: Case, rng: np.random.Generator) -> np.ndarray:
    """M x K numbers: ordinary, of very different sizes, with zeros, infinities and NaN in some rows, or both ends of a byte of codes."""
    a = rng.standard_normal((case.m, case.k)).astype(np.float32)
    if case.activations == "wide":
        a *= np.exp2(rng.integers(-120, 60, (case.m, case.k))).astype(np.float32)
        a[rng.random(a.shape) < 0.1] = np.float32(1e-40)
    elif case.activations == "extreme":
        a = rng.choice(np.array([-128, 127], np.float32), (case.m, case.k))
        a[: case.m // 2] = -128
    elif case.activations == "special":
        for row in range(case.m):
            a[row] = rng.choice(np.array([0.0, -0.0, 1.0, -1.0, 0.5], np.float32), case.k)
        a[rng.integers(case.m), rng.integers(case.k)] = rng.choice(np.array([np.inf, -np.inf, np.nan], np.float32))
    return a


def onnx_model(cases: list[Case], rng: np.random.Generator, path: Path) -> None:
    """One MatMulNBits node a case, each with an input and an output of its own."""
    nodes, inputs, outputs, weights = [], [], [], []
    for i, c in enumerate(cases):
        groups, blob = -(-c.k // c.group), c.group * c.bits // 8
        codes = rng.integers(0, 256, (c.n, groups, blob), dtype=np.uint8)
        scales = (rng.standard_normal(c.n * groups) * 0.05).astype(np.float32)
        if rng.random() < 0.5:  # Exact in f16: packed in two bytes.
            scales = scales.astype(np.float16).astype(np.float32)
        if c.zero == "minimum":
            scales = scales.astype(np.float16).astype(np.float32)
            scales[:: max(1, scales.size // 3)] = 0  # Groups of zeros.
        names = [f"a{i}", f"codes{i}", f"scales{i}"]
        weights += [numpy_helper.from_array(codes, names[1]), numpy_helper.from_array(scales, names[2])]
        if c.zero != "none":
            names.append(f"zeros{i}")
            if c.zero == "packed":
                zeros = rng.integers(0, 256, c.n * -(-groups * c.bits // 8), dtype=np.uint8)
            elif c.zero == "minimum":
                minima = (rng.standard_normal(c.n * groups) * 0.4).astype(np.float16).astype(np.float32)
                zeros = np.divide(-minima, scales, out=np.zeros_like(scales), where=scales != 0)
            else:
                zeros = (rng.random(c.n * groups) * 2**c.bits).astype(np.float32)
            weights.append(numpy_helper.from_array(zeros, names[3]))
        attributes = {"K": c.k, "N": c.n, "bits": c.bits, "block_size": c.group}
        nodes.append(
            helper.make_node("MatMulNBits", names, [f"y{i}"], name=f"case{i}", domain="com.microsoft", **attributes)
        )
        inputs.append(helper.make_tensor_value_info(f"a{i}", TensorProto.FLOAT, [f"m{i}", c.k]))
        outputs.append(helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, [f"m{i}", c.n]))
    graph = helper.make_graph(nodes, "conformance", inputs, outputs, weights)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)


def dense(array: np.ndarray) -> str:
    element = {"uint8": "i8", "float32": "f32"}[array.dtype.name]
    shape = "x".join(map(str, array.shape))
    return f'dense<"0x{array.tobytes().hex().upper()}"> : tensor<{shape}x{element}>'


def codebook(case: Case, parts: dict[str, np.ndarray], rng: np.random.Generator) -> str:
    """The format of a case with a codebook, of integers times a power of two; puts its table among `parts`."""
    if case.format == "e2m1":
        return f"#lowbit.codebook<bits = 4, group = {case.group}, table = e2m1>"
    values = CODEBOOKS[case.format] or rng.choice(np.arange(-128, 128), 16, replace=False)
    parts["table"] = (np.array(values) * 2.0 ** rng.integers(-8, 3)).astype(np.float32)
    return f"#lowbit.codebook<bits = 4, group = {case.group}, table = tensor>"


#: A product of codes that the model itself has, and a scale for each row: the activations are whole numbers.
INTEGER_PRODUCT = """
%zero{i} = arith.constant 0 : index
%rows{i} = tensor.dim %a{i}, %zero{i} : tensor<?x{k}xf32>
%codesto{i} = tensor.empty(%rows{i}) : tensor<?x{k}xi8>
%codes{i} = linalg.generic {{indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>],
    iterator_types = ["parallel", "parallel"]}} ins(%a{i} : tensor<?x{k}xf32>) outs(%codesto{i} : tensor<?x{k}xi8>) {{
  ^bb0(%x: f32, %o: i8):
    %code = arith.fptosi %x : f32 to i8
    linalg.yield %code : i8
}} -> tensor<?x{k}xi8>
%scale{i} = arith.constant 0.037 : f32
%scalesto{i} = tensor.empty(%rows{i}) : tensor<?x1xf32>
%scales{i} = linalg.fill ins(%scale{i} : f32) outs(%scalesto{i} : tensor<?x1xf32>) -> tensor<?x1xf32>
%y{i} = lowbit.matmul %codes{i}, %p{i} scales(%scales{i} : tensor<?x1xf32>) : tensor<?x{k}xi8>, {planes} -> {result}"""


def ir_model(cases: list[Case], rng: np.random.Generator, path: Path) -> None:
    """A module at phase lowbit: one lowbit.matmul a case."""
    arguments, body = [], []
    for i, c in enumerate(cases):
        groups, blob = -(-c.k // c.group), -(-c.group * c.bits // 8)
        parts = {"codes": rng.integers(0, 256, (c.n, groups, blob), dtype=np.uint8)}
        if c.format == "bcq":
            parts["alphas"] = (rng.standard_normal((c.n, groups, c.bits)) * 0.05).astype(np.float32)
            parts["betas"] = (rng.standard_normal((c.n, groups)) * 0.05).astype(np.float32)
            format = f"#lowbit.bcq<planes = {c.bits}, group = {c.group}>"
        elif c.format in CODEBOOKS:
            parts["scales"] = (rng.standard_normal((c.n, groups)) * 0.05).astype(np.float32)
            format = codebook(c, parts, rng)
        else:
            if c.format == "ternary":
                digits = rng.integers(0, 3, (c.n, groups, blob, 4), dtype=np.uint8)
                parts["codes"] = np.bitwise_or.reduce(digits << np.array([0, 2, 4, 6], np.uint8), axis=3)
            parts["scales"] = (rng.standard_normal((c.n, groups)) * 0.05).astype(np.float32)
            if c.zero == "integer":
                parts["zeros"] = rng.integers(0, 2**c.bits, (c.n, groups), dtype=np.uint8)
            elif c.zero == "float":
                parts["zeros"] = (rng.random((c.n, groups)) * 2**c.bits).astype(np.float32)
            zero = "" if c.zero == "none" else f", zero = {c.zero}"
            format = f"#lowbit.uniform<bits = {c.bits}, group = {c.group}{zero}>"
        weight, result = f"!lowbit.weight<{c.n}x{c.k}, {format}>", f"tensor<?x{c.n}xf32>"
        buffer = f"memref<?x{c.n}xf32, strided<[?, 1], offset: ?>>"
        arguments.append(f'%a{i}: tensor<?x{c.k}xf32> {{onnx.name = "a{i}", onnx.dims = ["m{i}", "{c.k}"]}}')
        arguments.append(f'%o{i}: {buffer} {{onnx.name = "y{i}", onnx.dims = ["m{i}", "{c.n}"], lutra.output}}')
        body.append(f"%w{i} = lowbit.weight {{{', '.join(f'{n} = {dense(v)}' for n, v in parts.items())}}} : {weight}")
        if c.format in ("uniform", "ternary"):
            planes = f"!lowbit.weight<{c.n}x{c.k}, #lowbit.bipolar<planes = {c.bits}, group = {c.group}>>"
            body.append(f"%p{i} = lowbit.reinterpret %w{i} : {weight} to {planes}")
        else:
            planes = weight
            body[-1] = body[-1].replace(f"%w{i}", f"%p{i}", 1)
        if c.activations == "extreme":
            body.append(INTEGER_PRODUCT.format(i=i, k=c.k, planes=planes, result=result))
        else:
            body.append(f"%y{i} = lowbit.matmul %a{i}, %p{i} : tensor<?x{c.k}xf32>, {planes} -> {result}")
        body.append(
            f"bufferization.materialize_in_destination %y{i} in restrict writable %o{i} : ({result}, {buffer}) -> ()"
        )
    # Inputs come first, then outputs.
    arguments = arguments[0::2] + arguments[1::2]
    path.write_text(f"func.func @main({', '.join(arguments)}) {{\n" + "\n".join(body) + "\nreturn\n}\n")


def run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed ({done.returncode}): {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def host_targets() -> Targets:
    """The targets that this machine can run: a name, and lutrac's options."""
    cpuinfo = Path("/proc/cpuinfo")
    features = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()
    targets = [("x86-64", ["--target=cpu", "--target-option=cpu.mcpu=x86-64"])]
    if {"avx2", "fma", "bmi2"} <= features:
        targets.append(("haswell", ["--target=cpu", "--target-option=cpu.mcpu=haswell"]))
    if {"avx512bw", "avx512vl", "avx512dq", "avx512cd"} <= features:
        targets.append(("skylake-avx512", ["--target=cpu", "--target-option=cpu.mcpu=skylake-avx512"]))
    targets.append(("native", ["--target=cpu"]))
    targets.append(("ltc", ["--target=ltc"]))
    return targets


def same(expected: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Where the bits agree; an infinity or NaN agrees with any (numerics.md does not say which)."""
    bits = expected.view(np.uint32) == found.view(np.uint32)
    return bits | (~np.isfinite(expected) & ~np.isfinite(found))


def save_inputs(work: Path, cases: list[Case], rng: np.random.Generator) -> list[str]:
    """Writes activations for each case; lutra-run's arguments for them."""
    inputs = []
    for i, case in enumerate(cases):
        np.save(work / f"a{i}.npy", activations(case, rng))
        inputs += ["--input", f"a{i}={work / f'a{i}.npy'}"]
    return inputs


def compare(work: Path, artifact: Path, cases: list[Case], inputs: list[str], expected: Path, what: str) -> int:
    """Runs one artifact with 1 and 2 threads; the number of comparisons with the interpreter's outputs. A difference ends the program."""
    for threads in (1, 2):
        found = work / f"found-{threads}"
        run("lutra-run", artifact, f"--threads={threads}", "--output-dir", found, *inputs)
        for i, case in enumerate(cases):
            want, have = np.load(expected / f"y{i}.npy"), np.load(found / f"y{i}.npy")
            agree = same(want, have)
            if not agree.all():
                at = tuple(int(x) for x in np.argwhere(~agree)[0])
                sys.exit(
                    f"{what}, {threads} threads: {case}: {np.count_nonzero(~agree)} of {agree.size} outputs differ; "
                    f"at {at} expected {want[at]!r}, found {have[at]!r}\ncase {i}, work directory {work}"
                )
    return 2 * len(cases)


def check(
    work: Path, model: Path, cases: list[Case], rng: np.random.Generator, targets: Targets, tables: list[str]
) -> int:
    """Compiles and runs one model for every target; the number of comparisons."""
    inputs = save_inputs(work, cases, rng)
    lowered = work / "lowbit.mlir"
    run("lutrac", model, "--compile-to=lowbit", "-o", lowered)
    comparisons = 0
    for table in tables:
        expected = work / f"expected-{table}"
        run("lutra-run", "--interpret", lowered, f"--table={table}", "--output-dir", expected, *inputs)
        for name, options in targets:
            artifact, target = work / "artifact", options[0].split("=")[1]
            # Lookups for any number of rows: strategies.py has the other ways.
            lookups = ["--target-option=cpu.strategy=lut"] if target == "cpu" else []
            run("lutrac", model, "-o", artifact, *options, *lookups, f"--target-option={target}.table={table}")
            comparisons += compare(work, artifact, cases, inputs, expected, f"{name}, {table} tables")
    return comparisons


def arguments_of(description: str | None, cases: int) -> argparse.ArgumentParser:
    """The options of a comparison on random cases."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=cases, help=f"cases to draw (default {cases})")
    parser.add_argument("--seed", type=int, help="default: from the clock")
    parser.add_argument("--minutes", type=float, default=4, help="stop drawing after this time (default 4)")
    parser.add_argument(
        "--targets", help="comma-separated: x86-64, haswell, skylake-avx512, native, ltc (default: all)"
    )
    return parser


def compare_models(
    arguments: argparse.Namespace,
    targets: Targets,
    draw_cases: Callable[[random.Random, int], list[Case]],
    check: Callable[[Path, Path, list[Case], np.random.Generator, Targets], int],
) -> None:
    """Draws models, every other one in IR, checks each, and prints how many results agreed. `draw_cases` is given the model's number."""
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    print(f"seed {seed}", flush=True)
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    if arguments.targets:
        targets = [target for target in targets if target[0] in arguments.targets.split(",")]
    shutil.rmtree(arguments.work_dir, ignore_errors=True)

    begin, done, comparisons, models = time.monotonic(), 0, 0, 0
    while done < arguments.cases and time.monotonic() - begin < 60 * arguments.minutes:
        cases = draw_cases(rng, models)[: arguments.cases - done]
        work = arguments.work_dir / f"model{models}"
        work.mkdir(parents=True)
        ir = is_ir(models)
        model = work / ("model.mlir" if ir else "model.onnx")
        (ir_model if ir else onnx_model)(cases, numbers, model)
        comparisons += check(work, model, cases, numbers, targets)
        shutil.rmtree(work)
        done += len(cases)
        models += 1
    names = ", ".join(name for name, _ in targets)
    if done < arguments.cases:
        print(f"{arguments.minutes:g} minutes are over with {done} of {arguments.cases} cases: --minutes gives more")
    print(f"{done} cases in {models} models for {names}: {comparisons} results bit-identical to the interpreter's")


def is_ir(model: int) -> bool:
    """Whether the model of this number is a module at phase lowbit."""
    return model % 2 == 1


def draw_cases(rng: random.Random, model: int) -> list[Case]:
    """The fixed cases first, then random ones."""
    ir = is_ir(model)
    return (FIXED_IR if ir else FIXED) if model < 2 else [draw(rng, ir) for _ in range(CASES_PER_MODEL)]


def main() -> None:
    parser = arguments_of(__doc__, 40)
    parser.add_argument("--tables", default="i8,f32", help="comma-separated: i8, f32 (default: both)")
    arguments = parser.parse_args()
    tables = arguments.tables.split(",")
    compare_models(arguments, host_targets(), draw_cases, lambda *model: check(*model, tables))


if __name__ == "__main__":
    main()
