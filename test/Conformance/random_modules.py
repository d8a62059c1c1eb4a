# Not a test: what tests of random modules share.
#
# RUN: %python %s
"""Draws modules at phase lowbit: products in many formats, with the ops around them that passes fuse."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Module:
    text: str
    inputs: dict[str, np.ndarray]
    what: str


@dataclass
class Weight:
    """A format, the components of an N x K weight in it, and how its type is written."""

    format: str
    components: dict[str, np.ndarray]
    n: int
    k: int
    group: int

    @property
    def type(self) -> str:
        return f"!lowbit.weight<{self.n}x{self.k}, {self.format}>"

    @property
    def op(self) -> str:
        parts = ", ".join(f'"{name}" = {dense(array)}' for name, array in self.components.items())
        return f"lowbit.weight {{{parts}}} : {self.type}"


def dense(array: np.ndarray) -> str:
    element = {"uint8": "i8", "int8": "i8", "int32": "i32", "float32": "f32", "float16": "f16"}[array.dtype.name]
    shape = "x".join(map(str, array.shape))
    return f'dense<"0x{array.tobytes().hex().upper()}"> : tensor<{shape}x{element}>'


def floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    values = (rng.standard_normal(shape) * 0.05).astype(np.float32)
    # Exact in f16: packed in two bytes.
    return values.astype(np.float16).astype(np.float32) if rng.random() < 0.5 else values


def codes(rng: np.random.Generator, n: int, groups: int, group: int, bits: int) -> np.ndarray:
    return rng.integers(0, 256, (n, groups, -(-group * bits // 8)), dtype=np.uint8)


def uniform(
    draw: random.Random, rng: np.random.Generator, n: int, k: int, group: int, bits: int | None = None
) -> Weight:
    bits, groups = bits or draw.randrange(1, 9), -(-k // group)
    zero = draw.choice(["midpoint", "integer", "float"])
    parts = {"codes": codes(rng, n, groups, group, bits), "scales": floats(rng, n, groups)}
    if zero == "integer":
        parts["zeros"] = rng.integers(0, 2**bits, (n, groups), dtype=np.uint8)
    elif zero == "float":
        parts["zeros"] = (rng.random((n, groups)) * 2**bits).astype(np.float32)
    suffix = "" if zero == "midpoint" else f", zero = {zero}"
    return Weight(f"#lowbit.uniform<bits = {bits}, group = {group}{suffix}>", parts, n, k, group)


def bcq(draw: random.Random, rng: np.random.Generator, n: int, k: int, group: int) -> Weight:
    planes, groups = draw.randrange(1, 5), -(-k // group)
    parts = {
        "codes": codes(rng, n, groups, group, planes),
        "alphas": floats(rng, n, groups, planes),
        "betas": floats(rng, n, groups),
    }
    return Weight(f"#lowbit.bcq<planes = {planes}, group = {group}>", parts, n, k, group)


def ternary(draw: random.Random, rng: np.random.Generator, n: int, k: int, group: int) -> Weight:
    groups = -(-k // group)
    # Five digits of base 3 a byte: 243 values.
    parts = {
        "codes": rng.integers(0, 243, (n, groups, -(-group // 5)), dtype=np.uint8),
        "scales": floats(rng, n, groups),
    }
    return Weight(f"#lowbit.ternary<group = {group}, storage = five_in_eight>", parts, n, k, group)


def codebook(draw: random.Random, rng: np.random.Generator, n: int, k: int, group: int) -> Weight:
    groups, table = -(-k // group), draw.choice(["nf4", "bnb_fp4", "e2m1"])
    parts = {"codes": codes(rng, n, groups, group, 4), "scales": floats(rng, n, groups)}
    return Weight(f"#lowbit.codebook<bits = 4, group = {group}, table = {table}>", parts, n, k, group)


def outliers(draw: random.Random, rng: np.random.Generator, n: int, k: int, group: int) -> Weight:
    body, count = uniform(draw, rng, n, k, group), min(k, draw.randrange(1, 5))
    parts = {f"body.{name}": array for name, array in body.components.items()}
    parts["columns"] = np.sort(rng.choice(k, count, replace=False)).astype(np.int32)
    parts["values"] = floats(rng, n, count).astype(np.float16)
    return Weight(f"#lowbit.outliers<{body.format}, columns = {count}, value = f16>", parts, n, k, group)


def mixed(draw: random.Random, rng: np.random.Generator, n: int, k: int, group: int) -> Weight:
    if n < 2:
        return uniform(draw, rng, n, k, group)
    first = draw.randrange(1, n)
    halves = [uniform(draw, rng, rows, k, group) for rows in (first, n - first)]
    parts = {f"{i}.{name}": array for i, half in enumerate(halves) for name, array in half.components.items()}
    parts["permutation"] = rng.permutation(n).astype(np.int32)
    formats = ", ".join(half.format for half in halves)
    return Weight(f"#lowbit.mixed<rows = [{first}, {n - first}], formats = [{formats}]>", parts, n, k, group)


def nested(draw: random.Random, rng: np.random.Generator, n: int, k: int, group: int) -> Weight:
    bits = draw.randrange(2, 9)
    body = uniform(draw, rng, n, k, group, bits)
    return Weight(
        f"#lowbit.nested<{body.format}, min_bits = {draw.randrange(1, bits + 1)}>", body.components, n, k, group
    )


FORMATS = [uniform, uniform, uniform, bcq, ternary, codebook, outliers, mixed, nested]

HEADER = """#id = affine_map<(i, j) -> (i, j)>
#col = affine_map<(i, j) -> (j)>
#row = affine_map<(i, j) -> (i)>
"""


@dataclass
class Builder:
    """Lines of a function's body."""

    lines: list[str] = field(default_factory=list)

    def add(self, op: str) -> str:
        name = f"%{len(self.lines)}"
        self.lines.append(f"{name} = {op}")
        return name

    def matmul(self, a: str, weight: Weight) -> str:
        w = self.add(weight.op)
        return self.add(f"lowbit.matmul {a}, {w} : tensor<?x{weight.k}xf32>, {weight.type} -> tensor<?x{weight.n}xf32>")

    def integer_matmul(self, a: str, weight: Weight) -> str:
        codes_and_scales = f"%q{len(self.lines)}"
        self.lines.append(
            f"{codes_and_scales}:2 = lowbit.quantize_activations {a} {{bits = 8 : i64, kind = #lowbit.codes<absmax>}} "
            f": tensor<?x{weight.k}xf32> -> tensor<?x{weight.k}xi8>, tensor<?x1xf32>"
        )
        w = self.add(weight.op)
        return self.add(
            f"lowbit.matmul {codes_and_scales}#0, {w} scales({codes_and_scales}#1 : tensor<?x1xf32>) "
            f": tensor<?x{weight.k}xi8>, {weight.type} -> tensor<?x{weight.n}xf32>"
        )

    def elementwise(self, ins: list[tuple[str, str, str]], width: int, body: str) -> str:
        """`ins` has a value, its type and its map; the body reads %x0, %x1.. and makes %y."""
        empty = self.add(f"tensor.empty(%m) : tensor<?x{width}xf32>")
        maps = ", ".join([map_ for _, _, map_ in ins] + ["#id"])
        arguments = ", ".join([f"%x{i}: f32" for i in range(len(ins))] + ["%o: f32"])
        return self.add(
            f'linalg.generic {{indexing_maps = [{maps}], iterator_types = ["parallel", "parallel"]}} '
            f"ins({', '.join(v for v, _, _ in ins)} : {', '.join(t for _, t, _ in ins)}) outs({empty} : tensor<?x{width}xf32>) {{\n"
            f"^bb0({arguments}):\n{body}\nlinalg.yield %y : f32\n}} -> tensor<?x{width}xf32>"
        )

    def norm(self, x: str, width: int) -> str:
        """x / sqrt(mean of squares + 1)."""
        empty = self.add("tensor.empty(%m) : tensor<?xf32>")
        zeros = self.add(f"linalg.fill ins(%zero : f32) outs({empty} : tensor<?xf32>) -> tensor<?xf32>")
        squares = self.add(
            """linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} """
            f"ins({x} : tensor<?x{width}xf32>) outs({zeros} : tensor<?xf32>) {{\n^bb0(%x0: f32, %o: f32):\n"
            "%s = arith.mulf %x0, %x0 : f32\n%t = arith.addf %o, %s : f32\nlinalg.yield %t : f32\n} -> tensor<?xf32>"
        )
        return self.elementwise(
            [(x, f"tensor<?x{width}xf32>", "#id"), (squares, "tensor<?xf32>", "#row")],
            width,
            "%s = arith.addf %x1, %one : f32\n%r = math.sqrt %s : f32\n%y = arith.divf %x0, %r : f32",
        )


def random_module(draw: random.Random, rng: np.random.Generator) -> Module:
    """norm -> gate and up -> silu-like product -> down -> bias and residual; outputs: the residual sum, and gate."""
    k, hidden, m = draw.randrange(4, 80), draw.randrange(1, 90), draw.choice([1, 2, 3, 5])
    group = draw.choice([4, 8, 12, 16, 32, 64])
    other = draw.choice([group, 8, 16])
    build = Builder()
    made = [
        draw.choice(FORMATS)(draw, rng, n, width, g)
        for n, width, g in [(hidden, k, group), (hidden, k, group), (k, hidden, other)]
    ]
    integers = draw.random() < 0.25
    product = build.integer_matmul if integers else build.matmul
    normed = build.norm("%a", k) if draw.random() < 0.7 else "%a"
    gate, up = product(normed, made[0]), product(normed, made[1])
    wide = f"tensor<?x{hidden}xf32>"
    gated = build.elementwise(
        [(gate, wide, "#id"), (up, wide, "#id")],
        hidden,
        "%n = arith.negf %x0 : f32\n%e = math.exp %n : f32\n%d = arith.addf %e, %one : f32\n"
        "%s = arith.divf %x0, %d : f32\n%y = arith.mulf %s, %x1 : f32",
    )
    down = product(gated, made[2])
    bias = build.add(f"arith.constant {dense(floats(rng, k))}")
    result = build.elementwise(
        [(down, f"tensor<?x{k}xf32>", "#id"), (bias, f"tensor<{k}xf32>", "#col"), ("%a", f"tensor<?x{k}xf32>", "#id")],
        k,
        "%s = arith.addf %x0, %x1 : f32\n%y = arith.addf %s, %x2 : f32",
    )
    stores, arguments = [], [f'%a: tensor<?x{k}xf32> {{onnx.name = "a", onnx.dims = ["m", "{k}"]}}']
    for i, (value, width) in enumerate([(result, k), (gate, hidden)]):
        buffer = f"memref<?x{width}xf32, strided<[?, 1], offset: ?>>"
        arguments.append(f'%out{i}: {buffer} {{onnx.name = "y{i}", onnx.dims = ["m", "{width}"], lutra.output}}')
        stores.append(
            f"bufferization.materialize_in_destination {value} in restrict writable %out{i} : (tensor<?x{width}xf32>, {buffer}) -> ()"
        )
    lines = ["%c0 = arith.constant 0 : index", "%zero = arith.constant 0.0 : f32", "%one = arith.constant 1.0 : f32"]
    lines += [f"%m = tensor.dim %a, %c0 : tensor<?x{k}xf32>", *build.lines, *stores, "return"]
    text = HEADER + f"func.func @main({', '.join(arguments)}) {{\n" + "\n".join(lines) + "\n}\n"
    a = rng.standard_normal((m, k)).astype(np.float32)
    if draw.random() < 0.2:
        a *= np.exp2(rng.integers(-60, 30, a.shape)).astype(np.float32)
    what = f"M={m} K={k} N={hidden}" + (" integers" if integers else "") + "".join(f" {w.format}" for w in made)
    return Module(text, {"a": a}, what)
