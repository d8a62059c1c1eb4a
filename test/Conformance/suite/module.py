"""Cases as one module: function @main at the start of phase `lowbit`, a product for each case."""

from __future__ import annotations

from .cases import Case
from .composites import Nested

_ROWS = "affine_map<(d0, d1) -> (d0, d1)>"
_CHANNELS = "affine_map<(d0, d1) -> (d1)>"


def _generic(result: str, inputs: list[tuple[str, str, str]], rows: str, n: int, element: str, body: str) -> str:
    """An element-wise linalg.generic on tensors of `?` x n; `rows` is a value whose dimension 0 is the size."""
    maps = ", ".join([m for _, _, m in inputs] + [_ROWS])
    scalars = [type.rsplit("x", 1)[1].rstrip(">") for _, type, _ in inputs]
    block = ", ".join(f"%x{i}: {type}" for i, type in enumerate(scalars)) + f", %out: {element}"
    return f"""%zero_{result} = arith.constant 0 : index
%rows_{result} = tensor.dim {inputs[0][0]}, %zero_{result} : {inputs[0][1]}
%empty_{result} = tensor.empty(%rows_{result}) : tensor<?x{n}x{element}>
%{result} = linalg.generic {{indexing_maps = [{maps}], iterator_types = ["parallel", "parallel"]}}
    ins({", ".join(v for v, _, _ in inputs)} : {", ".join(t for _, t, _ in inputs)}) outs(%empty_{result} : tensor<?x{n}x{element}>) {{
^bb0({block}):
  {body}
}} -> tensor<?x{n}x{element}>"""


def _product(i: int, case: Case) -> list[str]:
    """The operations of a case; the last value is %y<i>."""
    kind, lines, a, options = case.kind, [], f"%a{i}", []
    parts = ", ".join(f'"{name}" = {part.spell()}' for name, part in case.weight().items())
    lines.append(f"%w{i} = lowbit.weight {{{parts}}} : {case.weight_type()}")
    element, scales = {"f16": "f16", "bf16": "bf16"}.get(kind.activations, "i8" if kind.bits else "f32"), ""
    if kind.activations == "bf16":
        lines.append(_generic(f"h{i}", [(a, f"tensor<?x{case.k}xf32>", _ROWS)], a, case.k, "bf16",
                              "%t = arith.truncf %x0 : f32 to bf16\n  linalg.yield %t : bf16"))  # fmt: skip
        a = f"%h{i}"
    if kind.activations.startswith(("absmax", "bipolar")):
        sort = kind.activations.rstrip("0123456789")
        lines.append(
            f"%q{i}, %s{i} = lowbit.quantize_activations {a} {{bits = {kind.bits} : i64, kind = #lowbit.codes<{sort}>}}"
            f" : tensor<?x{case.k}xf32> -> tensor<?x{case.k}xi8>, tensor<?x1xf32>"
        )
        a = f"%q{i}"
    if kind.bits:
        width = -(-case.k // kind.format.step) if kind.activations.startswith("groups") else 1
        scales = f" scales(%s{i} : tensor<?x{width}xf32>)"
        options.append(f"act_bits = {kind.act_bits} : i64")
    precision = ""
    if isinstance(kind.format, Nested):
        lines.append(f"%p{i} = tensor.extract %b{i}[] : tensor<i32>")
        precision = f" precision(%p{i})"
    if kind.dense:
        options.append("strategy = #lowbit.strategy<dense>")
    if kind.int8:
        options.append("strategy = #lowbit.strategy<int8>")
    if kind.table:
        entry, scale = kind.table
        options.append(f"table = #lowbit.table_kind<{entry}" + ("" if scale == "group" else f", scale = {scale}") + ">")
    attributes = f" {{{', '.join(options)}}}" if options else ""
    result = f"tensor<?x{case.n}x{kind.result}>"
    value = f"r{i}" if kind.epilogue else f"y{i}"
    lines.append(f"%{value} = lowbit.matmul {a}, %w{i}{scales}{precision}{attributes}"
                 f" : tensor<?x{case.k}x{element}>, {case.weight_type()} -> {result}")  # fmt: skip
    if kind.epilogue:
        type = f"tensor<{case.n}xf32>" if kind.epilogue == "bias" else f"tensor<?x{case.n}xf32>"
        operation = "mulf" if kind.epilogue == "gate" else "addf"
        lines.append(_generic(f"y{i}", [(f"%r{i}", f"tensor<?x{case.n}xf32>", _ROWS),
                                        (f"%e{i}", type, _CHANNELS if kind.epilogue == "bias" else _ROWS)],
                              f"%r{i}", case.n, "f32",
                              f"%t = arith.{operation} %x0, %x1 : f32\n  linalg.yield %t : f32"))  # fmt: skip
    return lines


def text(cases: list[Case]) -> str:
    """The module; inputs are named a0, s0, e0, b0, a1, ..., outputs y0, y1, ..."""
    inputs, outputs, body = [], [], []
    for i, case in enumerate(cases):
        for name, array in case.inputs().items():
            element = {"float32": "f32", "float16": "f16", "int8": "i8", "int32": "i32"}[array.dtype.name]
            dims = [f"m{i}" if size == case.m and axis == 0 and name != "b" and array.ndim == 2 else str(size)
                    for axis, size in enumerate(array.shape)]  # fmt: skip
            shape = "".join(("?" if dim.startswith("m") else dim) + "x" for dim in dims)
            names = ", ".join(f'"{dim}"' for dim in dims)
            inputs.append(f'%{name}{i}: tensor<{shape}{element}> {{onnx.name = "{name}{i}", onnx.dims = [{names}]}}')
        buffer = f"memref<?x{case.n}x{case.kind.result}, strided<[?, 1], offset: ?>>"
        outputs.append(f'%o{i}: {buffer} {{onnx.name = "y{i}", onnx.dims = ["m{i}", "{case.n}"], lutra.output}}')
        body += _product(i, case)
        body.append(f"bufferization.materialize_in_destination %y{i} in restrict writable %o{i}"
                    f" : (tensor<?x{case.n}x{case.kind.result}>, {buffer}) -> ()")  # fmt: skip
    return f"func.func @main({', '.join(inputs + outputs)}) {{\n" + "\n".join(body) + "\nreturn\n}\n"


def values_text(case: Case) -> str:
    """A module whose function @main returns the values of the case's weight."""
    parts = ", ".join(f'"{name}" = {part.spell()}' for name, part in case.weight().items())
    type = case.weight_type()
    return f"""func.func @main() -> tensor<{case.n}x{case.k}xf32> {{
%w = lowbit.weight {{{parts}}} : {type}
%v = lowbit.dequantize %w : {type} -> tensor<{case.n}x{case.k}xf32>
return %v : tensor<{case.n}x{case.k}xf32>
}}
"""
