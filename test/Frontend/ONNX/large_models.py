# RUN: rm -rf %t && mkdir -p %t && %python %s %t
"""Tensors in several files, beyond 4 GiB of one, and in an .onnx file of more than 2 GiB: what they hold is what runs.

The files are sparse, so that no gigabytes are written. `scripts/test --suite large` uses such a tensor as well, which writes them:

    large_models.py FOLDER [--used]
"""

from __future__ import annotations

import sys
from pathlib import Path

import lutra
import numpy as np
from onnx import TensorProto, helper, numpy_helper

folder, used = Path(sys.argv[1]), "--used" in sys.argv
GIB = 1 << 30
rng = np.random.default_rng(8)


def external(name: str, array: np.ndarray, file: str, offset: int) -> TensorProto:
    """A tensor whose bytes lie in `file` from `offset` on, written there."""
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    with path.open("r+b" if path.exists() else "w+b") as data:
        data.seek(offset)
        data.write(array.tobytes())
    code = helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor = TensorProto(name=name, data_type=code, dims=array.shape, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", file), ("offset", offset), ("length", array.nbytes)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def model(nodes: list, tensors: list[TensorProto], inputs: list, output: object) -> bytes:
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph(nodes, "g", inputs, [output], tensors)
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def run(name: str, feed: dict[str, np.ndarray]) -> np.ndarray:
    artifact = lutra.compile(folder / f"{name}.onnx", folder / f"{name}.lutra", options={"table": "f32"})
    return lutra.Session(artifact).run(None, feed)[0]


def several_files() -> None:
    """x times a low-bit weight, times a dense one, plus a bias: each in a file of its own or far into one."""
    codes = rng.integers(0, 256, (48, 2, 16), np.uint8)
    scales, zeros = rng.standard_normal((48, 2), np.float32), rng.integers(0, 256, (48, 1), np.uint8)
    dense, bias = rng.standard_normal((48, 8), np.float32), rng.standard_normal(8, np.float32)
    tensors = [
        external("codes", codes, "model.onnx.data", 5 * GIB),
        external("scales", scales, "model.onnx.data", 4096),
        external("zeros", zeros, "parts/zeros.bin", 0),
        external("dense", dense, "parts/dense.bin", 3 * GIB + 64),
        external("bias", bias, "bias.bin", 4 * GIB),
    ]
    nodes = [
        helper.make_node(
            "MatMulNBits",
            ["x", "codes", "scales", "zeros"],
            ["h"],
            domain="com.microsoft",
            K=64,
            N=48,
            bits=4,
            block_size=32,
        ),
        helper.make_node("Gemm", ["h", "dense", "bias"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["m", size]) for n, size in (("x", 64), ("y", 8)))
    (folder / "several.onnx").write_bytes(model(nodes, tensors, [x], y))
    feed = rng.standard_normal((3, 64), np.float32)
    values = np.stack([codes & 15, codes >> 4], -1).reshape(48, 2, 32).astype(np.float64)
    zero = np.concatenate([zeros & 15, zeros >> 4], 1)
    weight = ((values - zero[..., None]) * scales[..., None]).reshape(48, 64)
    np.testing.assert_allclose(run("several", {"x": feed}), feed @ weight.T @ dense + bias, rtol=1e-3, atol=1e-2)


def varint(value: int) -> bytes:
    result = bytearray()
    while value >= 128:
        result.append(value & 127 | 128)
        value >>= 7
    return bytes([*result, value])


def over_two_gib() -> None:
    """A table of 2.2 GiB in the .onnx file itself, zeros but for its last row; its rows are gathered, or it is not used at all."""
    rows, cols = 9 << 20, 64
    last = rng.standard_normal(cols, np.float32)
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", cols])
    small = numpy_helper.from_array(np.tile(last, (4, 1)), "small")
    nodes = [helper.make_node("Gather", ["big" if used else "small", "ids"], ["y"], "/gather")]
    head = helper.make_model(
        helper.make_graph([], "g", [], []), opset_imports=[helper.make_opsetid("", 21)], ir_version=10
    )
    head.ClearField("graph")
    graph = helper.make_graph(nodes, "g", [ids], [output], [small]).SerializeToString()
    size = rows * cols * 4
    tensor = TensorProto(name="big", data_type=TensorProto.FLOAT, dims=[rows, cols]).SerializeToString()
    # The fields raw_data of TensorProto, initializer of GraphProto, and graph of ModelProto.
    tensor += b"\x4a" + varint(size)
    graph += b"\x2a" + varint(len(tensor) + size) + tensor
    with (folder / "big.onnx").open("wb") as file:
        file.write(head.SerializeToString() + b"\x3a" + varint(len(graph) + size) + graph)
        file.seek(size - last.nbytes, 1)
        file.write(last.tobytes())
    assert (folder / "big.onnx").stat().st_size > 2 * GIB
    indices = np.array([0, rows - 1, 5] if used else [1, 3, 2])
    expected = np.stack([0 * last, last, 0 * last] if used else [last] * 3)
    np.testing.assert_array_equal(run("big", {"ids": indices}), expected)
    print(f"{(folder / 'big.onnx').stat().st_size} bytes of model, its table {'used' if used else 'not used'}")


several_files()
over_two_gib()
