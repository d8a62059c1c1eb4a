# RUN: %python %s --share=40
"""ONNX's own node tests (of the installed `onnx` package), compiled and run: every test whose operators are all listed below.

A test either passes or matches a line of onnx_backend_skips.txt, which gives the reason; a skipped test that passes, and a
line that skips nothing, are errors. Shapes, axes and repeats that the tests hand in at run time and that Lutra needs to know
when it compiles are made initializers; such tests are counted apart.

    onnx_backend.py [--share N] [--filter REGEX] [--verbose]    --share N: every N-th test only
"""

from __future__ import annotations

import argparse
import collections
import fnmatch
import multiprocessing
import re
import sys
import tempfile
import warnings
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: The operators that language models as exported today are made of.
LISTED = set(
    """
    Gather Shape ReduceSum ReduceMean ReduceMax ReduceMin Sub Add Mul Div Cast Sigmoid Reshape Transpose Split Concat Slice
    Unsqueeze Squeeze Constant ConstantOfShape Expand Where Range Less Greater GreaterOrEqual Equal And If Tanh Softmax Relu
    Pow Sqrt Reciprocal Clip Tile Cos Sin MatMul Gelu LayerNormalization DequantizeLinear
    Neg Erf Trilu CumSum ScatterND Min Max Abs Not Or Xor LessOrEqual Identity IsNaN Gemm
    DynamicQuantizeLinear MatMulInteger QLinearMatMul QuantizeLinear Round
    Attention RMSNormalization RotaryEmbedding TensorScatter Swish
    Floor Ceil Exp Log Flatten Sign IsInf Mod Sum Mean Softplus Softsign Mish HardSigmoid HardSwish LeakyRelu Elu
    """.split()
)
SKIPS = Path(__file__).with_name("onnx_backend_skips.txt")
INTEGERS = {TensorProto.INT64, TensorProto.INT32}
#: Element types that no array has: inputs of DequantizeLinear are made constants.
CONSTANTS_ONLY = {
    getattr(TensorProto, name) for name in "INT4 UINT4 INT2 UINT2 FLOAT4E2M1 FLOAT8E4M3FN FLOAT8E5M2".split()
}


def load_tests() -> list:
    from onnx.backend.test import loader

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests = loader.load_model_tests(kind="node")
    return [test for test in tests if {node.op_type for node in test.model.graph.node} <= LISTED]


def load_skips() -> dict[str, str]:
    """Pattern to reason."""
    skips = {}
    for line in SKIPS.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.partition(":")
            skips[pattern.strip()] = reason.strip()
            assert reason.strip(), f"{SKIPS.name}: '{pattern}' gives no reason"
    return skips


def with_constants(model: onnx.ModelProto, feed: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The model with its small integer inputs, apart from the first, and its low-bit codes as initializers."""
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    keep = []
    for index, info in enumerate(model.graph.input):
        value = feed.get(info.name)
        small = value is not None and value.ndim <= 1 and value.size <= 16
        sizes_only = model.graph.node[0].op_type in ("ConstantOfShape", "Range")
        element = info.type.tensor_type.elem_type
        is_code = element in CONSTANTS_ONLY and model.graph.node[0].op_type == "DequantizeLinear"
        if is_code or (small and element in INTEGERS and (index > 0 or sizes_only)):
            folded.graph.initializer.append(numpy_helper.from_array(value, info.name))
        else:
            keep.append(info)
    del folded.graph.input[:]
    folded.graph.input.extend(keep)
    return folded


def without_bfloat16(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with f32 for its bf16 inputs and outputs, cast within: numpy has no arrays of bf16."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    before, after, renamed = [], [], {}
    for info in changed.graph.input:
        if info.type.tensor_type.elem_type == TensorProto.BFLOAT16:
            renamed[info.name] = info.name + "_bf16"
            before.append(helper.make_node("Cast", [info.name], [renamed[info.name]], to=TensorProto.BFLOAT16))
            info.type.tensor_type.elem_type = TensorProto.FLOAT
    for info in changed.graph.output:
        if info.type.tensor_type.elem_type == TensorProto.BFLOAT16:
            renamed[info.name] = info.name + "_bf16"
            after.append(
                helper.make_node(
                    "Cast", [renamed[info.name]], [info.name], info.name + "_from_bf16", to=TensorProto.FLOAT
                )
            )
            info.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in changed.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    nodes = [*before, *changed.graph.node, *after]
    del changed.graph.node[:]
    changed.graph.node.extend(nodes)
    return changed


def widen(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def run_model(model: onnx.ModelProto, feed: dict[str, np.ndarray], directory: Path) -> list[np.ndarray]:
    import lutra

    path = directory / "test.onnx"
    path.write_bytes(model.SerializeToString())
    artifact = lutra.compile(path, directory / "test.lutra", options={"table": "f32"})
    session = lutra.Session(artifact, threads=1)
    return list(session.run(None, {info.name: feed[info.name] for info in model.graph.input}))


def check_outputs(
    actual: list[np.ndarray], expected: list[np.ndarray], rtol: float, atol: float, in_bfloat16: bool = False
) -> None:
    assert len(actual) == len(expected), f"{len(actual)} outputs, expected {len(expected)}"
    for got, wanted in zip(actual, expected, strict=True):
        wanted = np.asarray(wanted)
        assert got.dtype == wanted.dtype, f"is {got.dtype}, expected {wanted.dtype}"
        assert got.shape == wanted.shape, f"has shape {got.shape}, expected {wanted.shape}"
        if wanted.dtype.name.startswith("float8"):
            # Every NaN is one.
            got, wanted = (
                np.nan_to_num(array.astype(np.float32), nan=1e9, posinf=np.inf, neginf=-np.inf)
                for array in (got, wanted)
            )
            np.testing.assert_array_equal(got, wanted)
            continue
        if wanted.dtype.kind != "f":
            np.testing.assert_array_equal(got, wanted)
            continue
        # onnx's reference rounds every step of the computation.
        step = 1e-2 if in_bfloat16 else 2e-3 if wanted.dtype == np.float16 else 0.0
        np.testing.assert_allclose(
            got.astype(np.float64), wanted.astype(np.float64), rtol=max(rtol, step), atol=max(atol, step, 1e-6)
        )


def to_array(value: object) -> np.ndarray:
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, np.ndarray | np.generic | int | float):
        return np.asarray(value)
    raise TypeError(f"an input or output is a {type(value).__name__}")


def run_test(test: object) -> tuple[str, str]:
    """'passed', 'constants' (passed with constants) or 'failed', with what went wrong."""
    model = without_bfloat16(test.model)  # type: ignore[attr-defined]
    message = ""
    for inputs, outputs in test.data_sets:  # type: ignore[attr-defined]
        try:
            inputs, outputs = (
                [widen(to_array(value)) for value in inputs],
                [widen(to_array(value)) for value in outputs],
            )
        except (TypeError, ValueError) as error:
            return "failed", str(error)
        names = [info.name for info in model.graph.input]
        feed = {name: np.asarray(value) for name, value in zip(names, inputs, strict=False)}
        for fold in (False, True):
            candidate = with_constants(model, feed) if fold else model
            if fold and len(candidate.graph.input) == len(model.graph.input):
                return "failed", message
            try:
                with tempfile.TemporaryDirectory() as directory:
                    actual = run_model(candidate, feed, Path(directory))
                in_bfloat16 = any(node.name.endswith("_from_bf16") for node in model.graph.node)
                check_outputs(actual, outputs, test.rtol, test.atol, in_bfloat16)  # type: ignore[attr-defined]
                message = "constants" if fold else message
                break
            except Exception as error:
                if fold:
                    return "failed", str(error)
                message = str(error)
        else:
            return "failed", message
    return ("constants" if message == "constants" else "passed"), ""


def work(connection: Connection) -> None:
    tests = {test.name: test for test in load_tests()}
    while name := connection.recv():
        connection.send(run_test(tests[name]))


class Worker:
    """A process that runs tests, so that a crash fails one test."""

    def __init__(self) -> None:
        self.connection, other = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=work, args=(other,), daemon=True)
        self.process.start()
        other.close()

    def run(self, name: str) -> tuple[str, str]:
        try:
            self.connection.send(name)
            if self.connection.poll(300):
                return self.connection.recv()
            self.process.kill()
            self.process.join()
            return "failed", "takes more than five minutes"
        except (EOFError, ConnectionError):
            self.process.join()
            return "failed", f"the process ended with {self.process.exitcode}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=int, default=1)
    parser.add_argument("--filter", default="")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    tests = [test for test in load_tests() if re.search(arguments.filter, test.name)][:: arguments.share]
    skips, used = load_skips(), set()
    counts: collections.Counter[str] = collections.Counter()
    errors, worker = [], Worker()
    for test in tests:
        pattern = next((pattern for pattern in skips if fnmatch.fnmatchcase(test.name, pattern)), None)
        status, message = worker.run(test.name)
        if not worker.process.is_alive():
            worker = Worker()
        if pattern is not None:
            used.add(pattern)
            if status != "failed":
                errors.append(f"{test.name} is skipped ({skips[pattern]}), but passes")
            status = "skipped"
        elif status == "failed":
            errors.append(f"{test.name}: {message.strip() or 'failed'}")
        counts[status] += 1
        if arguments.verbose:
            print(f"{status}: {test.name}", flush=True)
    if arguments.share == 1 and not arguments.filter:
        errors += [f"{SKIPS.name}: '{pattern}' skips nothing" for pattern in skips if pattern not in used]
    for error in errors:
        print(f"error: {error}")
    print(
        f"onnx {onnx.__version__}: {len(tests)} node tests of {len(LISTED)} operators: {counts['passed']} passed as they are, "
        f"{counts['constants']} passed with sizes as constants, {counts['skipped']} skipped, {counts['failed']} failed"
    )
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
