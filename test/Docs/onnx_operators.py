# RUN: %python %s --check
"""docs/onnx-operators.md: every operator that language models are made of, and what the importer takes of it.

Operators and their inputs, outputs and attributes are what `lutrac --print-operators` says; what it does not say is refused. The schemas are
those of the onnx package and of ONNX Runtime. Element types are found by compiling a node of each; that takes a minute, so that
`--check` compiles one type of each operator only and takes the rest from the page.

    onnx_operators.py [--check]
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, defs, helper, numpy_helper

PAGE = Path(__file__).parents[2] / "docs" / "onnx-operators.md"
MICROSOFT = "com.microsoft"
#: Operators by where they come from. `com.microsoft` where the name says so.
GROUPS = {
    "onnxruntime-genai, its own operators": """com.microsoft.MatMulNBits com.microsoft.GroupQueryAttention com.microsoft.SkipSimplifiedLayerNormalization
        SimplifiedLayerNormalization com.microsoft.RotaryEmbedding com.microsoft.GatherBlockQuantized com.microsoft.SkipLayerNormalization""",
    "Other models of ONNX Runtime": """com.microsoft.MatMulBnb4 com.microsoft.QuickGelu com.microsoft.FastGelu com.microsoft.BiasGelu com.microsoft.Gelu
        com.microsoft.FusedMatMul com.microsoft.MultiHeadAttention""",
    "onnxruntime-genai, standard operators": """Gather Shape ReduceSum ReduceMean ReduceMax Sub Add Mul Div Cast Sigmoid Reshape Transpose Split Concat Slice
        Unsqueeze Squeeze Constant ConstantOfShape Expand Where Range Less Greater GreaterOrEqual Equal And If Tanh Softmax Relu Pow Sqrt Reciprocal Clip
        Tile Cos Sin MatMul Gelu LayerNormalization DequantizeLinear""",
    "Hugging Face's exporter": "Neg Erf Trilu CumSum ScatterND Min Max Abs Not Or LessOrEqual Identity IsNaN Gemm",
    "Dynamically quantized models": "DynamicQuantizeLinear MatMulInteger QuantizeLinear Round",
    "Newer opsets": "Attention RMSNormalization RotaryEmbedding TensorScatter Swish",
}
FIRST_OPSET, LAST_OPSET = 13, 25
TYPES = {
    "f32": TensorProto.FLOAT, "f16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16, "f64": TensorProto.DOUBLE, "i8": TensorProto.INT8,
    "u8": TensorProto.UINT8, "i16": TensorProto.INT16, "u16": TensorProto.UINT16, "i32": TensorProto.INT32, "u32": TensorProto.UINT32,
    "i64": TensorProto.INT64, "u64": TensorProto.UINT64, "bool": TensorProto.BOOL, "i4": TensorProto.INT4, "u4": TensorProto.UINT4,
    "i2": TensorProto.INT2, "u2": TensorProto.UINT2, "e2m1": TensorProto.FLOAT4E2M1, "e4m3": TensorProto.FLOAT8E4M3FN, "e5m2": TensorProto.FLOAT8E5M2,
}  # fmt: skip
#: How onnx's schemas call them.
SCHEMA_NAMES = {
    "tensor(float)": "f32", "tensor(float16)": "f16", "tensor(bfloat16)": "bf16", "tensor(double)": "f64", "tensor(float4e2m1)": "e2m1",
    "tensor(float8e4m3fn)": "e4m3", "tensor(float8e5m2)": "e5m2", "tensor(bool)": "bool",
    **{f"tensor({sign}int{bits})": f"{sign or 'i'}{bits}" for sign in ("", "u") for bits in (2, 4, 8, 16, 32, 64)},
}  # fmt: skip
BITS = {"i4": 4, "u4": 4, "i2": 2, "u2": 2, "e2m1": 4}


class In:
    """A run-time input of a type, by default the one that is tried."""

    def __init__(self, *shape: int | str, kind: str = "T") -> None:
        self.shape, self.kind = shape, kind


class Stored(In):
    """The same as an initializer of zeros."""


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


X, M, F = In("n", 8), In("n", 8, kind="f32"), Stored(8)
ROTARY = [Stored(16, 4), Stored(16, 4)]
CACHE = In("b", 1, "p", 8)
#: Inputs and attributes of one node of each operator; operators that are not here take X. A list of inputs, then keywords.
SAMPLES: dict[str, tuple[list[object], dict[str, object]]] = {
    "com.microsoft.MatMulNBits": ([In("n", 32), Stored(4, 2, 8, kind="u8"), Stored(4, 2)], {"N": 4, "K": 32, "bits": 4, "block_size": 16}),
    "com.microsoft.MatMulBnb4": ([In("n", 32), Stored(64, kind="u8"), Stored(8)], {"N": 4, "K": 32, "block_size": 16, "quant_type": 1}),
    "com.microsoft.GroupQueryAttention": (
        [In("b", "s", 32), None, None, CACHE, CACHE, In("b", kind="i32"), np.int32(4)], {"num_heads": 2, "kv_num_heads": 1, "outputs": 3},
    ),
    "com.microsoft.SkipSimplifiedLayerNormalization": ([In("b", "s", 8), In("b", "s", 8), F], {}),
    "com.microsoft.SkipLayerNormalization": ([In("b", "s", 8), In("b", "s", 8), F], {}),
    "com.microsoft.RotaryEmbedding": ([In("b", "s", 8), In("b", "s", kind="i64"), *ROTARY], {}),
    "com.microsoft.GatherBlockQuantized": ([Stored(4, 16, kind="u8"), In("n", kind="i64"), Stored(4, 2)], {"block_size": 16, "bits": 4}),
    "com.microsoft.BiasGelu": ([X, F], {}),
    "com.microsoft.FusedMatMul": ([X, Stored(8, 4)], {}),
    "com.microsoft.MultiHeadAttention": ([In("b", "s", 16)] * 3, {"num_heads": 2}),
    "SimplifiedLayerNormalization": ([X, F], {}),
    "LayerNormalization": ([X, F], {}),
    "RMSNormalization": ([X, F], {"opset": 23}),
    "RotaryEmbedding": ([In("b", 2, "s", 8), *ROTARY, In("b", "s", kind="i64")], {"opset": 23}),
    "Attention": ([In("b", 2, "s", 8)] * 3, {"opset": 23}),
    "TensorScatter": ([In("b", 2, 8, 4), In("b", 2, 3, 4), In("b", kind="i64")], {"opset": 24}),
    "Swish": ([X], {"opset": 24}),
    "Gather": ([X, In("k", kind="i64")], {}),
    "Cast": ([X], {"to": TensorProto.FLOAT}),
    "Reshape": ([X, ints(-1, 4)], {}),
    "Split": ([X], {"axis": 1, "num_outputs": 2, "outputs": 2}),
    "Concat": ([X, X], {"axis": 0}),
    "Slice": ([X, ints(1), ints(3), ints(1)], {}),
    "Unsqueeze": ([X, ints(0)], {}),
    "Squeeze": ([In(1, "n"), ints(0)], {}),
    "Expand": ([In(1, 8), ints(3, 8)], {}),
    "Where": ([In("n", 8, kind="bool"), X, X], {}),
    "Range": ([In(), In(), In()], {}),
    "Tile": ([X, ints(2, 1)], {}),
    "MatMul": ([X, Stored(8, 4)], {}),
    "Gemm": ([X, Stored(8, 4)], {}),
    "Clip": ([X, Stored(), Stored()], {}),
    "CumSum": ([X, np.int64(1)], {}),
    "ScatterND": ([In(6, 8), ints(1, 3).reshape(2, 1), In(2, 8)], {}),
    "DequantizeLinear": ([Stored(8, 4), Stored(kind="f32")], {"opset": 25}),
    "QuantizeLinear": ([X, Stored(kind="f32"), Stored(kind="u8")], {"same": False}),
    "MatMulInteger": ([X, Stored(8, 4)], {}),
    **{op: ([X, X], {}) for op in "Sub Add Mul Div Less LessOrEqual Greater GreaterOrEqual Equal And Or Pow Min Max".split()},
}  # fmt: skip
#: Without an input to try types on.
UNTYPED = {"Constant", "ConstantOfShape", "If"}


def element(code: int) -> np.dtype:
    return np.dtype(helper.tensor_dtype_to_np_dtype(code))


def stored(name: str, shape: Sequence[int], kind: str) -> TensorProto:
    count = int(np.prod(shape))
    size = -(-count * BITS[kind] // 8) if kind in BITS else count * element(TYPES[kind]).itemsize
    return TensorProto(name=name, data_type=TYPES[kind], dims=shape, raw_data=bytes(size))


def make(op: str, kind: str) -> onnx.ModelProto:
    """A model of one node of the operator, on elements of type `kind`."""
    inputs, attributes = SAMPLES.get(op, ([X], {}))
    attributes = dict(attributes)
    outputs, opset = attributes.pop("outputs", 1), attributes.pop("opset", 21)
    attributes.pop("same", None)
    domain, name = (MICROSOFT, op.removeprefix(MICROSOFT + ".")) if op.startswith(MICROSOFT) else ("", op)
    names, infos, constants = [], [], []
    for i, value in enumerate(inputs):
        names.append("" if value is None else f"x{i}")
        if isinstance(value, In):
            own = kind if value.kind == "T" else value.kind
            if isinstance(value, Stored):
                constants.append(stored(names[-1], value.shape, own))
            else:
                infos.append(helper.make_tensor_value_info(names[-1], TYPES[own], value.shape))
        elif value is not None:
            constants.append(numpy_helper.from_array(np.asarray(value), names[-1]))
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(name, names, results, "/node", domain=domain, **attributes)
    # The importer wants the ranks of outputs, which an operator of unknown schema does not tell: the output is a shape.
    shape = helper.make_node("Shape", [results[0]], ["shape"], "/shape")
    output = helper.make_tensor_value_info("shape", TensorProto.INT64, ["rank"])
    graph = helper.make_graph([node, shape], "one", infos, [output], constants)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=13 if opset > 24 else 11)


def compiles(op: str, kind: str) -> bool:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "op.onnx"
        path.write_bytes(make(op, kind).SerializeToString())
        command = ["lutrac", path, "--compile-to=lowbit", "--emit=mlir", "-o", "/dev/null"]
        return subprocess.run(command, capture_output=True).returncode == 0


def refuses(op: str, kind: str, attribute: str) -> bool:
    """Whether the compiler names the attribute when it refuses a node that has it."""
    model = make(op, kind)
    model.graph.node[0].attribute.append(helper.make_attribute(attribute, 1))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "op.onnx"
        path.write_bytes(model.SerializeToString())
        command = ["lutrac", path, "--compile-to=lowbit", "--emit=mlir", "-o", "/dev/null"]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode == 1 and f"attribute '{attribute}' is not supported" in done.stderr


class Schema:
    """What a standard says of an operator: names, and the types of its first input."""

    def __init__(self, op: str) -> None:
        self.versions = []
        if op.startswith(MICROSOFT) or op == "SimplifiedLayerNormalization":
            from onnxruntime.capi import onnxruntime_pybind11_state as native

            name = op.removeprefix(MICROSOFT + ".")
            schema = next(
                s
                for s in native.get_all_operator_schema()
                if s.name == name and (s.domain == MICROSOFT) == (name != op)
            )
        else:
            history = sorted(
                s.since_version for s in defs.get_all_schemas_with_history() if s.name == op and s.domain == ""
            )
            self.versions = [version for version in history if version <= LAST_OPSET]
            schema = defs.get_schema(op, LAST_OPSET)
        self.inputs, self.outputs = ([value.name for value in values] for values in (schema.inputs, schema.outputs))
        self.attributes = sorted(schema.attributes)
        constraints = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
        tried = next(
            (i for i, value in enumerate(SAMPLES.get(op, ([X], {}))[0]) if isinstance(value, In) and value.kind == "T"),
            0,
        )
        # The two packages spell it differently.
        name_of = lambda parameter: getattr(parameter, "type_str", None) or parameter.typeStr
        kinds = constraints.get(name_of(schema.inputs[tried]), []) if schema.inputs else []
        self.types = [kind for kind in TYPES if kind in {SCHEMA_NAMES.get(name) for name in kinds}]

    def opsets(self) -> str:
        if not self.versions:
            return "1"
        # The newest schema that the first opset still has, and those that came later.
        start = max((v for v in self.versions if v <= FIRST_OPSET), default=None)
        return ", ".join(map(str, [*([start] if start else []), *(v for v in self.versions if v > FIRST_OPSET)]))


def understood() -> dict[str, dict[str, set[str]]]:
    """Of each operator the inputs, outputs and attributes that some opset's lowering takes; `*`: all the rest."""
    listed = json.loads(
        subprocess.run(["lutrac", "--print-operators"], capture_output=True, text=True, check=True).stdout
    )
    result: dict[str, dict[str, set[str]]] = {}
    for entry in listed:
        if entry["opset"] > LAST_OPSET:
            continue
        name = f"{entry['domain']}.{entry['op_type']}" if entry["domain"] else entry["op_type"]
        known = result.setdefault(name, {"inputs": set(), "outputs": set(), "attributes": set()})
        for key in ("inputs", "outputs"):
            for place, text in enumerate(entry[key]):
                known[key].add("*" if text.endswith("*") else "" if text.endswith("!") else str(place))
        known["attributes"] |= {text.split(":")[0] for text in entry["attributes"]}
    return result


def refused(schema: Schema, known: dict[str, set[str]]) -> list[str]:
    parts = []
    for what, names in (("input", schema.inputs), ("output", schema.outputs)):
        taken = known[what + "s"]
        parts += [f"{what} {name}" for place, name in enumerate(names) if "*" not in taken and str(place) not in taken]
    return [*(f"attribute {name}" for name in schema.attributes if name not in known["attributes"]), *parts]


def row(op: str, known: dict[str, dict[str, set[str]]], types: Callable[[str, list[str]], list[str]]) -> str:
    schema = Schema(op)
    given = [] if op in UNTYPED else types(op, schema.types)
    rest = [kind for kind in schema.types if kind not in given and op not in UNTYPED]
    refusals = refused(schema, known[op]) if op != "If" else []
    if rest:
        refusals.append("types " + " ".join(rest))
    return f"| {op.removeprefix(MICROSOFT + '.')} | {schema.opsets()} | {' '.join(given) or '-'} | {', '.join(refusals) or 'nothing'} |"


def page(types: Callable[[str, list[str]], list[str]]) -> str:
    known = understood()
    lines = [INTRODUCTION.rstrip(), ""]
    named: set[str] = set()
    for title, text in GROUPS.items():
        missing = [op for op in text.split() if op not in known]
        assert not missing, f"no lowering for {missing}"
        named |= set(text.split())
        lines += [f"## {title}", "", "| operator | opsets | element types | refused |", "|---|---|---|---|"]
        lines += [row(op, known, types) for op in text.split()] + [""]
    others = sorted(op.removeprefix(MICROSOFT + ".") for op in known if op not in named)
    lines += ["## Others", "", "Compiled as well: " + ", ".join(others) + ".", ""]
    return "\n".join(lines)


INTRODUCTION = f"""
# ONNX operators

What `lutrac` takes of the operators that exported language models are made of, by where they come from. The page is written by
`test/Docs/onnx_operators.py`, and a test holds it against the compiler.

- *opsets*: the versions of the operator's schema that opsets {FIRST_OPSET} to {LAST_OPSET} have (`com.microsoft` has one).
- *element types*: of the operator's main input, those that compile. f16 and bf16 are computed in f32 and rounded once.
- *refused*: what the newest schema has and the importer does not take. A model that uses it is refused with a diagnostic that names
  the node and what is not supported; nothing is ignored. Values of attributes may be refused, too, by name and value.

[onnx-import.md](onnx-import.md) has the rest: types of constants, external data, subgraphs, functions.
"""


def recorded() -> dict[str, list[str]]:
    """The types that the page has."""
    result, group = {}, []
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            group = GROUPS.get(line[3:], "").split()
        if match := re.match(r"\| (\w+) \| [\d, ]+ \| ([\w -]+) \|", line):
            name = next(op for op in group if op.removeprefix(MICROSOFT + ".") == match[1])
            result[name] = match[2].replace("-", "").split()
    return result


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if not arguments.check:

        def measure(op: str, kinds: list[str]) -> list[str]:
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                return [
                    kind
                    for kind, good in zip(kinds, pool.map(lambda kind: compiles(op, kind), kinds), strict=True)
                    if good
                ]

        PAGE.write_text(page(measure))
        return 0
    known = recorded()
    if page(lambda op, kinds: [kind for kind in kinds if kind in known.get(op, [])]) != PAGE.read_text():
        print(f"{PAGE.name} is not what the compiler says: run {Path(__file__).name}")
        return 1
    # One type of each operator, another one from operator to operator; and every attribute that is refused, with one that nobody knows.
    wrong, takes = [], understood()
    for index, (op, kinds) in enumerate(sorted(known.items())):
        tried = Schema(op).types
        if op in UNTYPED or not tried:
            continue
        kind = tried[index % len(tried)]
        if compiles(op, kind) != (kind in kinds):
            wrong.append(f"{op} of {kind}: the page says {'yes' if kind in kinds else 'no'}")
        attributes = [
            name.removeprefix("attribute ") for name in refused(Schema(op), takes[op]) if name.startswith("attribute ")
        ]
        wrong += [
            f"{op}: attribute {name} is not refused by name"
            for name in ["lutra_unknown", *attributes]
            if not refuses(op, kinds[0], name)
        ]
    print("\n".join(wrong) or f"{len(known)} operators as the page says")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
