# RUN: %python %s --cases=1 --share=5
"""Every operator that language models are made of, on random shapes, types, attributes and opsets: what ONNX Runtime gives.

onnx_random.py [--cases N] [--seed N] [--share N] [--filter REGEX]    N cases of each operator (8); --share: every N-th operator only
"""

from __future__ import annotations

import argparse
import collections
import re
import sys

import numpy as np
from onnx import TensorProto
from onnx_case import BYTES, FLOATS, HALVES, INTS, MAKERS, Case, operator

MS = "com.microsoft."


@operator("Sigmoid Tanh Relu Cos Sin Erf Abs Neg Identity Softmax")
def unary(case: Case) -> None:
    shape = case.shape()
    case.x(shape)
    if case.op == "Softmax":
        case.attributes["axis"] = case.axis(shape)


@operator("Sqrt Reciprocal")
def positive(case: Case) -> None:
    case.x(case.shape(), positive=True)


@operator("Round IsNaN", FLOATS)
def exact(case: Case) -> None:
    array = case.values(case.shape()) * 3
    case.x((), array=np.where(case.rng.random(array.shape) < 0.2, np.nan, array) if case.op == "IsNaN" else array)


@operator("Gelu", opsets=(20, 25))
def gelu(case: Case) -> None:
    case.x(case.shape())
    case.attributes["approximate"] = case.pick("none", "tanh")


@operator(f"{MS}Gelu {MS}QuickGelu {MS}FastGelu {MS}BiasGelu")
def contrib_gelu(case: Case) -> None:
    shape = case.shape()
    case.x(shape)
    if case.op == "BiasGelu" or (case.op == "FastGelu" and case.pick(True, False)):
        case.x(shape[-1:])
    if case.op == "QuickGelu":
        case.attributes["alpha"] = float(case.pick(1.0, 1.702))


@operator("Swish", opsets=(24, 25))
def swish(case: Case) -> None:
    case.kind = "f32"
    x = case.x(case.shape())
    case.attributes["alpha"] = float(case.pick(1.0, 0.5))
    case.expected = [x / (1 + np.exp(-case.attributes["alpha"] * x, dtype=np.float32))]


def broadcast(case: Case) -> tuple[list[int], list[int]]:
    """Two shapes that broadcast: dimensions of either may be 1 or missing."""
    full = case.shape()
    both = []
    for _ in range(2):
        shape = [1 if case.rng.random() < 0.2 else size for size in full]
        both.append(shape[int(case.rng.integers(0, len(shape) + 1)) :] if case.rng.random() < 0.3 else shape)
    return both[0], both[1]


@operator("Add Sub Mul Div Equal Less LessOrEqual Greater GreaterOrEqual", (*HALVES, *INTS))
def binary(case: Case) -> None:
    left, right = broadcast(case)
    case.x(left)
    case.x(right, positive=case.op == "Div")
    case.scale = 4


@operator("Pow", (*FLOATS, *INTS))
def power(case: Case) -> None:
    left, right = broadcast(case)
    case.x(left, positive=True)
    array = case.values(right)
    case.x(right, array=np.asarray(np.abs(array) % 4) if case.kind in INTS else array)
    case.scale = 20


@operator("And Or", ("bool",))
def logical(case: Case) -> None:
    for shape in broadcast(case):
        case.x(shape)


@operator("Not", ("bool",))
def negation(case: Case) -> None:
    case.x(case.shape())


@operator("Min Max", (*FLOATS, *INTS))
def extreme(case: Case) -> None:
    for shape in [*broadcast(case), [1]][: int(case.pick(2, 3))]:
        case.x(shape)


@operator("Where", (*FLOATS, *INTS))
def where(case: Case) -> None:
    left, right = broadcast(case)
    case.x(case.pick(left, right), "bool")
    case.x(left)
    case.x(right)


@operator("Clip", (*FLOATS, *INTS))
def clip(case: Case) -> None:
    array = case.x(case.shape())
    low, high = case.pick(
        (array.dtype.type(-2), array.dtype.type(2)), (None, array.dtype.type(1)), (array.dtype.type(0), None)
    )
    for bound in (low, high):
        case.inputs.append(None) if bound is None else case.const(bound)
    if high is None:
        case.inputs.pop()


@operator("Cast", ("f32", "i32", "i64", "u8", "i8", "bool"))
def cast(case: Case) -> None:
    case.x(case.shape())
    case.attributes["to"] = int(
        case.pick(TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT16)
    )


@operator("ReduceSum ReduceMean ReduceMax", (*HALVES, "i32"))
def reduce(case: Case) -> None:
    shape = case.shape()
    case.kind = "f32" if case.op == "ReduceMean" and case.kind == "i32" else case.kind
    case.x(shape)
    axes = [int(axis) for axis in case.rng.permutation(len(shape))[: case.rng.integers(1, len(shape) + 1)]]
    axes = [axis - len(shape) if case.rng.random() < 0.3 else axis for axis in axes]
    if case.rng.random() < 0.8:
        if case.opset >= (13 if case.op == "ReduceSum" else 18):
            case.ints(*axes)
        else:
            case.attributes["axes"] = axes
    case.attributes["keepdims"] = int(case.pick(0, 1))
    case.scale = 10


@operator("Gather", (*FLOATS, *INTS, "bool", "u8"))
def gather(case: Case) -> None:
    shape = case.shape()
    axis = case.axis(shape)
    case.x(shape)
    case.x((), array=case.rng.integers(-shape[axis], shape[axis], case.shape(0, 2)))
    case.attributes["axis"] = axis


@operator("Shape", FLOATS, (13, 15, 21, 25))
def shape_of(case: Case) -> None:
    shape = case.shape()
    case.x(shape)
    if case.opset >= 15 and case.pick(True, False):
        case.attributes = {"start": case.axis(shape), "end": case.axis(shape)}


@operator("Reshape", (*FLOATS, *INTS, "bool"), named=False)
def reshape(case: Case) -> None:
    shape = case.shape()
    case.x(shape)
    count = int(np.prod(shape))
    case.ints(*case.pick([-1], [count], [0, -1], [1, -1, shape[-1]], [*shape[:-1], 1, -1]))


@operator("Transpose", (*FLOATS, *INTS, "bool"))
def transpose(case: Case) -> None:
    shape = case.shape()
    case.x(shape)
    if case.pick(True, False):
        case.attributes["perm"] = [int(axis) for axis in case.rng.permutation(len(shape))]


@operator("Split", (*FLOATS, *INTS), named=False)
def split(case: Case) -> None:
    shape = case.shape()
    axis = case.axis(shape)
    case.outputs = int(case.rng.integers(1, 4))
    sizes = [int(size) for size in case.rng.integers(1, 4, case.outputs)]
    shape[axis] = sum(sizes) if case.pick(True, False) else 2 * case.outputs
    case.x(shape)
    case.attributes["axis"] = axis
    if shape[axis] == sum(sizes):
        case.ints(*sizes)
    elif case.opset >= 18:
        case.attributes["num_outputs"] = case.outputs


@operator("Concat", (*FLOATS, *INTS, "bool"), named=False)
def concat(case: Case) -> None:
    shape = case.shape()
    axis = case.axis(shape)
    for _ in range(int(case.rng.integers(1, 4))):
        own = list(shape)
        own[axis] = int(case.rng.integers(1, 5))
        case.x(own)
    case.attributes["axis"] = axis


@operator("Slice", (*FLOATS, *INTS, "bool"), named=False)
def slice_of(case: Case) -> None:
    shape = case.shape()
    case.x(shape)
    axes = [int(axis) for axis in case.rng.permutation(len(shape))[: case.rng.integers(1, len(shape) + 1)]]
    steps = [int(case.pick(1, 1, 2, -1)) for _ in axes]
    bounds = [(int(case.rng.integers(-shape[a], shape[a])), int(case.pick(2**31 - 1, shape[a], -1, 2))) for a in axes]
    bounds = [
        (shape[a] - 1, -shape[a] - 1) if step < 0 else bound for a, step, bound in zip(axes, steps, bounds, strict=True)
    ]
    case.ints(*(low for low, _ in bounds))
    case.ints(*(high for _, high in bounds))
    case.ints(*axes)
    case.ints(*steps)


@operator("Unsqueeze Squeeze", (*FLOATS, *INTS))
def units(case: Case) -> None:
    shape = case.shape(1, 3)
    places = sorted(int(axis) for axis in case.rng.permutation(len(shape) + 2)[:2])
    full = list(shape)
    for place in places:
        full.insert(place, 1)
    case.x(full if case.op == "Squeeze" else shape)
    case.ints(*places)


@operator("Expand Tile", (*FLOATS, *INTS), named=False)
def repeat(case: Case) -> None:
    shape = case.shape()
    if case.op == "Tile":
        case.x(shape)
        case.ints(*(int(count) for count in case.rng.integers(1, 4, len(shape))))
        return
    full = [*case.shape(0, 1), *shape]
    case.x([1 if case.rng.random() < 0.4 else size for size in shape])
    case.ints(*full)


@operator("ConstantOfShape", FLOATS)
def constant_of_shape(case: Case) -> None:
    case.ints(*case.shape())


@operator("Range", INTS)
def numbers(case: Case) -> None:
    for value in case.pick((0, 7, 1), (3, -5, -2), (1, 10, 4)):
        case.const(np.array(value, {"i32": np.int32, "i64": np.int64}[case.kind]))


@operator("Trilu", (*FLOATS, *INTS), (14, 25))
def trilu(case: Case) -> None:
    case.x(case.shape(2, 4))
    case.attributes["upper"] = int(case.pick(0, 1))
    if case.pick(True, False):
        case.const(np.int64(case.pick(-1, 0, 2)))


@operator("CumSum", (*FLOATS, *INTS), (13, 14, 25))
def cumsum(case: Case) -> None:
    shape = case.shape()
    case.x(shape)
    case.const(np.int64(case.axis(shape)))
    case.attributes = {"exclusive": int(case.pick(0, 1)), "reverse": int(case.pick(0, 1))}


@operator("ScatterND", (*FLOATS, *INTS), (13, 16, 18))
def scatter(case: Case) -> None:
    shape = case.shape(2, 3)
    case.x(shape)
    rows = case.rng.permutation(shape[0])[: int(case.rng.integers(1, shape[0] + 1))]
    case.x((), array=rows.astype(np.int64)[:, None])
    case.x([len(rows), *shape[1:]])


@operator(f"MatMul Gemm {MS}FusedMatMul")
def product(case: Case) -> None:
    m, n, k = (int(size) for size in case.rng.integers(1, 20, 3))
    flags = [0, 0] if case.op == "MatMul" else [int(case.pick(0, 1)), int(case.pick(0, 1))]
    batch = [] if case.op == "Gemm" else case.shape(0, 2, 3)
    case.x([*batch, *((k, m) if flags[0] else (m, k))])
    right = [*(batch if case.pick(True, False) else []), *((n, k) if flags[1] else (k, n))]
    case.x(right) if case.pick(True, False) else case.const(case.values(right))
    case.scale = 40
    if case.op == "MatMul":
        return
    case.attributes = {"transA": flags[0], "transB": flags[1], "alpha": float(case.pick(1.0, 0.5))}
    if case.op == "Gemm" and case.pick(True, False):
        case.x(case.pick([n], [m, n], [1], [m, 1]))
        case.attributes["beta"] = float(case.pick(1.0, -2.0))


@operator("LayerNormalization", opsets=(17, 25))
def layer_norm(case: Case) -> None:
    shape = case.shape(1, 3, 9)
    axis = case.axis(shape)
    case.x(shape)
    for _ in range(int(case.pick(1, 2))):
        case.const(case.values(shape[axis:]))
    case.attributes = {"axis": axis, "epsilon": 1e-2}
    case.scale = 4


@operator(f"SimplifiedLayerNormalization {MS}SkipSimplifiedLayerNormalization {MS}SkipLayerNormalization")
def skip_norm(case: Case) -> None:
    shape = case.shape(3, 3, 9)
    case.x(shape)
    if case.op.startswith("Skip"):
        case.x(shape)
    for _ in range(1 if case.op == "SimplifiedLayerNormalization" else int(case.pick(1, 2))):
        case.const(case.values(shape[-1:]))
    case.attributes["epsilon"] = 1e-2
    case.scale = 4


@operator("RMSNormalization", opsets=(23, 25))
def rms_norm(case: Case) -> None:
    shape = case.shape(1, 3, 9)
    axis = case.axis(shape)
    case.x(shape)
    case.const(case.values(shape[axis:]))
    case.attributes = {"axis": axis, "epsilon": 1e-2}
    case.scale = 4


@operator("MatMulInteger", BYTES)
def integers(case: Case) -> None:
    m, n, k = (int(size) for size in case.rng.integers(1, 20, 3))
    case.x([m, k])
    array = case.values([k, n], case.pick("i8", "u8") if case.kind == "u8" else "i8")
    case.const(array)
    if case.pick(True, False):
        case.const(case.values([]))
        case.const(array.dtype.type(3))


@operator("DynamicQuantizeLinear", FLOATS)
def dynamic(case: Case) -> None:
    case.x(case.shape())
    case.outputs = 3


@operator("QuantizeLinear DequantizeLinear", FLOATS, (13, 19, 21))
def quantize(case: Case) -> None:
    shape = case.shape(2, 3)
    axis = case.axis(shape)
    kind = str(case.pick(*BYTES))
    case.x(shape, kind if case.op == "DequantizeLinear" else None)
    own = [shape[axis]] if case.pick(True, False) else []
    case.const(np.asarray(case.values(own, positive=True) / 8, np.float32))
    case.const(case.values(own, kind))
    if own:
        case.attributes["axis"] = axis


@operator("Attention", ("f32", "f16", "bf16"), (23,), named=False)
def attention(case: Case) -> None:
    batch, heads, groups, queries, keys, size = (int(case.rng.integers(1, 4)) for _ in range(6))
    case.x([batch, heads * groups, queries, 2 * size])
    for _ in range(2):
        case.x([batch, heads, keys, 2 * size])
    if case.pick(True, False):
        case.x([queries, keys])
    elif queries <= keys:
        case.attributes["is_causal"] = 1
    if case.pick(True, False):
        case.attributes["softcap"] = 2.0
    case.scale = 4


@operator(f"RotaryEmbedding {MS}RotaryEmbedding", named=False)
def rotary(case: Case) -> None:
    case.opset = 23
    batch, sequence, heads = (int(size) for size in case.rng.integers(1, 4, 3))
    half = int(case.pick(2, 4))
    case.x([batch, heads, sequence, 2 * half])
    ids = case.rng.integers(0, 12, (batch, sequence))
    if case.domain:
        case.x((), array=ids)
    for _ in range(2):
        case.const(case.values([12, half]))
    if not case.domain:
        case.x((), array=ids)
    case.attributes["interleaved"] = int(case.pick(0, 1))


@operator(f"{MS}MatMulNBits", ("f32", "f16", "bf16"))
def low_bits(case: Case) -> None:
    m, n = (int(size) for size in case.rng.integers(1, 20, 2))
    block, bits = int(case.pick(16, 32)), int(case.pick(2, 4, 8))
    k = int(case.rng.integers(1, 5)) * block if bits == 4 else block * 2
    groups = -(-k // block)
    case.x([m, k])
    case.const(case.rng.integers(0, 256, (n, groups, block * bits // 8), np.uint8))
    case.const(case.values([n, groups]) / np.float32(2**bits))
    if case.pick(True, False):
        case.const(case.rng.integers(0, 256, (n, -(-groups * bits // 8)), np.uint8))
    elif bits == 4 and case.pick(True, False):
        case.inputs.append(None)
        case.const(case.rng.permutation(np.arange(k, dtype=np.int32) // block))
    case.attributes = {"N": n, "K": k, "bits": bits, "block_size": block, "accuracy_level": 1}
    case.scale = 10


@operator(f"{MS}MatMulBnb4", ("f32", "f16", "bf16"))
def bnb4(case: Case) -> None:
    m, n, k = (int(size) for size in case.rng.integers(1, 40, 3))
    block = int(case.pick(16, 64))
    case.x([m, k])
    case.const(case.rng.integers(0, 256, -(-n * k // 2), np.uint8))
    case.const(case.values([-(-n * k // block)], positive=True))
    case.attributes = {"N": n, "K": k, "block_size": block, "quant_type": int(case.pick(0, 1))}
    case.scale = 40


@operator(f"{MS}GatherBlockQuantized", ("f32", "f16", "bf16"))
def rows(case: Case) -> None:
    count, block, bits = int(case.rng.integers(1, 9)), 16, int(case.pick(4, 8))
    cols = int(case.rng.integers(1, 4)) * block
    case.const(case.rng.integers(0, 256, (count, cols * bits // 8), np.uint8))
    case.x((), array=case.rng.integers(-count, count, case.shape(1, 2)))
    case.const(case.values([count, cols // block]))
    case.attributes = {"bits": bits, "block_size": block}
    case.scale = 40


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=int, default=1)
    parser.add_argument("--filter", default="")
    arguments = parser.parse_args()
    names = [name for name in MAKERS if re.search(arguments.filter, name)][:: arguments.share]
    counts: collections.Counter[str] = collections.Counter()
    failed = 0
    for name in names:
        for number in range(arguments.cases):
            case = Case(np.random.default_rng([arguments.seed, number, *name.encode()]))
            try:
                MAKERS[name](case)
                case.check()
                counts[case.kind] += 1
            except Exception as error:
                failed += 1
                print(f"{case}\n    {str(error).strip()[:400]}", flush=True)
    kinds = ", ".join(f"{count} of {kind}" for kind, count in counts.items())
    print(f"{len(names)} operators: {counts.total()} cases agree ({kinds}), {failed} do not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
