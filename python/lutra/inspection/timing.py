"""Measured times: each product compiled as a model of its own, and one decode step of the whole model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from lutra.errors import LutraError

#: Runs of which the least counts.
_RUNS = 24


def least(run: Callable[[], object], runs: int = _RUNS) -> float:
    """The least of the seconds that `runs` calls take."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def product(
    node: onnx.NodeProto,
    rows: int,
    cols: int,
    model: onnx.ModelProto,
    tensors: Mapping[str, onnx.TensorProto],
    target_options: Sequence[str],
) -> float | None:
    """Seconds for one row of a product with a weight [rows, cols], compiled alone; None where it has another input to be fed,
    or does not compile alone."""
    free = [name for name in node.input if name and name not in tensors]
    if len(free) != 1 or node.op_type.startswith("Gather"):
        return None
    graph = helper.make_graph(
        [node], "layer", [helper.make_tensor_value_info(free[0], TensorProto.FLOAT, [1, cols])],
        [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, [1, rows])],
        [tensors[name] for name in node.input if name in tensors],
    )  # fmt: skip
    single = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    try:
        return single_model(single, {free[0]: np.ones((1, cols), np.float32)}, target_options)
    except LutraError:
        return None


def single_model(model: onnx.ModelProto, feed: Mapping[str, np.ndarray], target_options: Sequence[str]) -> float:
    """Seconds of one run of a model whose outputs have fixed shapes."""
    from lutra.inference import InferenceSession, SessionOptions

    options = SessionOptions(target_options=target_options, use_cache=False)
    with InferenceSession(model.SerializeToString(), options) as session:
        binding = session.session.bind()
        for name, array in feed.items():
            binding.set_input(name, array)
        for info in session.session.outputs():
            binding.set_output(info.name, np.empty([int(size) for size in info.shape], info.dtype))
        return least(binding.run)


def decode_step(path: Path, target_options: Sequence[str]) -> float | None:
    """Seconds that the whole model takes for one token behind 32; None for a model that is no decoder."""
    from lutra.decoder import Decoder
    from lutra.inference import InferenceSession, SessionOptions

    with InferenceSession(path, SessionOptions(target_options=target_options)) as session:
        try:
            decoder = Decoder(session.session, 64)
            decoder.prefill([1] * 32)
            return least(lambda: decoder.feed([1]))
        except LutraError:
            return None
