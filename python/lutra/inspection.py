"""What a model's products are made of, what the compiler does with them, and how long each takes alone.

`inspect` reads the ONNX file; strategies and predictions come from the compiler's remarks (`lutrac --remarks-output-file`);
measured times are those of each product compiled as a model of its own, which leaves out what surrounds it.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from lutra.errors import LutraError

#: Operators that multiply with a constant weight.
_PRODUCTS = {"MatMul", "Gemm", "MatMulNBits", "MatMulBnb4", "Gather", "GatherBlockQuantized"}
_REMARK = re.compile(r"^Function:\s+'?(.*?)'?\nArgs:\n((?:  .*\n?)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Layer:
    """A product: its weight is [rows, cols] and takes `bytes`. What is not known is None: `strategy` says what the compiler
    chose and why, `predicted` and `measured` are seconds for one row of activations."""

    name: str
    op: str
    rows: int
    cols: int
    format: str
    bytes: int
    strategy: str | None = None
    predicted: float | None = None
    measured: float | None = None

    @property
    def bits(self) -> float:
        """Stored bits of a weight."""
        return 8 * self.bytes / max(self.rows * self.cols, 1)


def inspect(
    path: str | os.PathLike[str],
    *,
    strategies: bool = True,
    measure: bool = False,
    target_options: Sequence[str] = (),
    progress: Callable[[str, float], None] | None = None,
) -> list[Layer]:
    """The products of the .onnx file `path`, in its order.

    `strategies` asks lutrac (where it is installed) for its choices; `measure` times each product alone, equal ones once.
    Raises LutraError when the file does not exist or cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise LutraError(f"'{path}' does not exist")
    try:
        model = onnx.load(path, load_external_data=measure)
    except Exception as error:  # protobuf's own, and whatever external data raise
        raise LutraError(f"'{path}' cannot be read as ONNX: {error}") from error
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = [(node, layer) for node in model.graph.node if (layer := _layer(node, tensors)) is not None]
    chosen = _strategies(path, target_options) if strategies else {}
    layers = [
        replace(layer, strategy=chosen.get(layer.name), predicted=_seconds(chosen.get(layer.name)))
        for _, layer in nodes
    ]
    if not measure:
        return layers
    known: dict[tuple[object, ...], float | None] = {}
    for index, ((node, layer), found) in enumerate(zip(nodes, layers, strict=True)):
        if progress:
            progress(f"measuring {layer.name}", index / len(layers))
        key = (layer.op, layer.rows, layer.cols, layer.format)
        if key not in known:
            known[key] = _measure(node, model, tensors, target_options)
        layers[index] = replace(found, measured=known[key])
    return layers


def _size(tensor: onnx.TensorProto) -> int:
    external = {entry.key: entry.value for entry in tensor.external_data}
    if "length" in external:
        return int(external["length"])
    width = 4 if tensor.data_type in (21, 22, 23) else helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize * 8
    return -(-int(np.prod(tensor.dims, dtype=np.int64)) * width // 8)


def _layer(node: onnx.NodeProto, tensors: dict[str, onnx.TensorProto]) -> Layer | None:
    constants = [tensors[name] for name in node.input if name in tensors]
    if node.op_type not in _PRODUCTS or not constants:
        return None
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    weight = max(constants, key=_size)
    if "N" in attributes and "K" in attributes:
        rows, cols = int(attributes["N"]), int(attributes["K"])
    elif len(weight.dims) >= 2:
        first, second = int(weight.dims[0]), int(np.prod(weight.dims[1:]))
        by_rows = node.op_type.startswith("Gather") or (node.op_type == "Gemm" and attributes.get("transB", 0))
        rows, cols = (first, second) if by_rows else (second, first)
        if node.op_type == "GatherBlockQuantized" and weight.data_type == TensorProto.UINT8:
            cols = cols * 8 // int(attributes.get("bits", 4))
    else:
        return None  # a table of single numbers, such as the index of a Gather on a shape
    if rows * cols < 64:
        return None
    form = attributes.get("format")
    if isinstance(form, bytes):
        spelled = form.decode()
    elif node.op_type in ("MatMulNBits", "GatherBlockQuantized"):
        spelled = f"{attributes.get('bits', 4)} bits, blocks of {attributes.get('block_size', 128)}"
    else:
        spelled = str(TensorProto.DataType.Name(weight.data_type)).lower()
    return Layer(node.name or node.output[0], node.op_type, rows, cols, spelled, sum(map(_size, constants)))


def find_lutrac() -> str | None:
    """The compiler's command: beside the library's folder (a build tree), else on the PATH."""
    from lutra import native

    beside = Path(native.library()._name).resolve().parent.parent / "bin" / "lutrac"
    return str(beside) if beside.is_file() else shutil.which("lutrac")


def _strategies(path: Path, target_options: Sequence[str]) -> dict[str, str]:
    """What the compiler says of each node: its reason, by the node's name. Empty where lutrac is not installed."""
    lutrac = find_lutrac()
    if lutrac is None:
        return {}
    with tempfile.TemporaryDirectory(prefix="lutra-") as folder:
        remarks = Path(folder) / "remarks.yaml"
        command = [
            lutrac,
            str(path),
            "--compile-to=tables",
            "-o",
            f"{folder}/out.mlir",
            f"--remarks-output-file={remarks}",
        ]
        done = subprocess.run(
            [*command, *(f"--target-option={option}" for option in target_options)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LutraError(f"lutrac refuses '{path}': {(done.stderr.strip().splitlines() or ['no message'])[0]}")
        return parse_remarks(remarks.read_text(encoding="utf-8"))


def parse_remarks(text: str) -> dict[str, str]:
    """The arguments of the pass lowbit-select-strategy in remarks written as YAML, by the function (the node's name)."""
    found: dict[str, str] = {}
    for document in text.split("\n--- "):
        if "Pass:            lowbit-select-strategy" in document and (match := _REMARK.search(document)):
            values = re.findall(r"^  - \w+:\s+'?(.*?)'?$", match.group(2), re.MULTILINE)
            found[match.group(1)] = " ".join(values)
    return found


def _seconds(strategy: str | None) -> float | None:
    """A predicted time in a remark, such as "12.5 us"; None where the remark gives none."""
    match = re.search(r"([0-9.]+)\s*(ns|us|ms)\b", strategy or "")
    return None if match is None else float(match.group(1)) * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3}[match.group(2)]


def _measure(
    node: onnx.NodeProto, model: onnx.ModelProto, tensors: dict[str, onnx.TensorProto], target_options: Sequence[str]
) -> float | None:
    """The least of a few seconds-per-run of the node as a model of its own; None where it has another input to be fed."""
    from lutra.inference import InferenceSession, SessionOptions

    free = [name for name in node.input if name and name not in tensors]
    if len(free) != 1 or node.op_type.startswith("Gather"):
        return None
    layer = _layer(node, tensors)
    assert layer is not None
    graph = helper.make_graph(
        [node], "layer", [helper.make_tensor_value_info(free[0], TensorProto.FLOAT, [1, layer.cols])],
        [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, [1, layer.rows])],
        [tensors[name] for name in node.input if name in tensors],
    )  # fmt: skip
    single = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    options = SessionOptions(target_options=target_options, use_cache=False)
    try:
        with InferenceSession(single.SerializeToString(), options) as session:
            binding = session.session.bind()
            binding.set_input(free[0], np.ones((1, layer.cols), np.float32))
            binding.set_output(node.output[0], np.empty((1, layer.rows), np.float32))
            times = []
            for _ in range(24):
                started = time.perf_counter()
                binding.run()
                times.append(time.perf_counter() - started)
            return min(times)
    except LutraError:
        return None  # what does not compile alone has no time of its own


def table(layers: Sequence[Layer]) -> str:
    """The layers as a table for a terminal, and a line of totals."""
    width = max([len(layer.name) for layer in layers], default=5)
    shape = "rows x cols"
    lines = [
        f"{'layer':{width}}  {shape:>15}  {'format':30}  bits/w  {'MB':>8}  {'predicted':>9}  {'measured':>9}  strategy"
    ]
    for layer in layers:
        lines.append(
            f"{layer.name:{width}}  {layer.rows:>7} x {layer.cols:<5}  {layer.format:30}  {layer.bits:6.2f}  "
            f"{layer.bytes / 1e6:8.3f}  {_time(layer.predicted):>9}  {_time(layer.measured):>9}  {layer.strategy or '-'}"
        )
    weights, size = sum(layer.rows * layer.cols for layer in layers), sum(layer.bytes for layer in layers)
    total = sum(layer.measured or 0 for layer in layers)
    tail = f", {_time(total)} of measured products" if total else ""
    lines.append(
        f"{len(layers)} layers, {weights / 1e6:.2f} M weights, {size / 1e6:.2f} MB, {8 * size / max(weights, 1):.2f} bits/weight{tail}"
    )
    return "\n".join(lines)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def page(title: str, layers: Sequence[Layer]) -> str:
    """The table as an HTML page with bars for bytes and times; it needs no other file and no network."""
    rows = []
    most = max([layer.bytes for layer in layers], default=1)
    slowest = max([layer.measured or 0.0 for layer in layers], default=0.0) or 1.0
    for layer in layers:
        cells = (
            layer.name, f"{layer.rows} &times; {layer.cols}", html.escape(layer.format), f"{layer.bits:.2f}",
            _bar(layer.bytes / most, f"{layer.bytes / 1e6:.3f}", "#4878a8"), _time(layer.predicted),
            _bar((layer.measured or 0) / slowest, _time(layer.measured), "#b8653a"), html.escape(layer.strategy or "-"),
        )  # fmt: skip
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in (html.escape(cells[0]), *cells[1:])) + "</tr>")
    heads = "".join(
        f"<th>{h}</th>" for h in ("layer", "shape", "format", "bits/weight", "MB", "predicted", "measured", "strategy")
    )
    return (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title><style>body{{font:14px sans-serif;margin:2em}}"
        "table{border-collapse:collapse}td,th{padding:2px 10px;text-align:left;border-bottom:1px solid #ddd;white-space:nowrap}"
        f"svg{{vertical-align:middle;margin-right:6px}}</style><h1>{html.escape(title)}</h1>"
        f"<p>{html.escape(table(layers).splitlines()[-1])}</p>{_by_format(layers)}"
        f"<table><tr>{heads}</tr>{''.join(rows)}</table>\n"
    )


def _bar(part: float, text: str, color: str) -> str:
    return f'<svg width=80 height=10><rect width="{80 * part:.1f}" height=10 fill="{color}"/></svg>{html.escape(text)}'


def _by_format(layers: Sequence[Layer]) -> str:
    """A plot: bytes of each format."""
    sizes: dict[str, int] = {}
    for layer in layers:
        sizes[layer.format] = sizes.get(layer.format, 0) + layer.bytes
    most = max(sizes.values(), default=1)
    bars = []
    for index, (form, size) in enumerate(sorted(sizes.items(), key=lambda item: -item[1])):
        y = 22 * index
        bars.append(
            f'<rect x="280" y="{y}" width="{300 * size / most:.1f}" height="16" fill="#4878a8"/>'
            f'<text x="270" y="{y + 13}" text-anchor="end">{html.escape(form)}</text>'
            f'<text x="{286 + 300 * size / most:.1f}" y="{y + 13}">{size / 1e6:.2f} MB</text>'
        )
    return f'<svg width="700" height="{22 * len(sizes) + 8}" font-size="13">{"".join(bars)}</svg>'
