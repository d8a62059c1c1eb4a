"""Activations of a float model's products: run on calibration inputs, reduced to a gram matrix for each value.

The observed values become the outputs of a copy of the model, which onnxruntime or Lutra itself runs; a run's activations
are reduced at once, so memory holds those of one batch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
import onnx
import onnx.shape_inference
from onnx import TensorProto, helper

from lutra.errors import LutraError
from lutra.quantization.gptq import Statistics

#: The inputs of one run, by name.
Feeds = Mapping[str, np.ndarray]
Backend = Literal["onnxruntime", "lutra"]


class _Runner(Protocol):
    def run(self, output_names: Sequence[str] | None, inputs: Mapping[str, np.ndarray], /) -> Sequence[np.ndarray]: ...


def observe(model: onnx.ModelProto, values: Sequence[str]) -> onnx.ModelProto:
    """A copy of `model` whose outputs are the f32 `values`. Raises LutraError for a value that no node makes."""
    known = {output for node in model.graph.node for output in node.output} | {
        value.name for value in model.graph.input
    }
    for value in values:
        if value not in known:
            raise LutraError(f"the model has no value '{value}' to observe")
    # Everything but the outputs is shared in spirit; protobuf has no views, so this is a copy.
    result = copy.deepcopy(model)
    del result.graph.output[:]
    produced = [value for value in values if value not in {given.name for given in model.graph.input}]
    ranks = _ranks(model)
    for value in produced:
        shape = [f"{value} {axis}" for axis in range(ranks[value])] if value in ranks else None
        result.graph.output.append(helper.make_tensor_value_info(value, TensorProto.FLOAT, shape))
    return result


def _ranks(model: onnx.ModelProto) -> dict[str, int]:
    """The ranks of the values whose shapes ONNX's own inference knows (Lutra wants those of a model's outputs)."""
    skeleton = onnx.ModelProto()
    skeleton.CopyFrom(model)
    # The weights' bytes are not needed, and more than 2 GB of them would not serialize.
    for tensor in skeleton.graph.initializer:
        if len(tensor.raw_data) > 4096:
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="none")
    try:
        inferred = onnx.shape_inference.infer_shapes(skeleton)
    except onnx.shape_inference.InferenceError:
        return {}
    return {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in inferred.graph.value_info
        if value.type.tensor_type.HasField("shape")
    }


def collect(
    model: onnx.ModelProto,
    values: Sequence[str],
    batches: Iterable[Feeds],
    *,
    backend: Backend = "onnxruntime",
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Statistics]:
    """Runs `model` on every batch and gives the statistics of each of `values` [..., K] over all their rows.

    Raises LutraError when there are no batches, or onnxruntime is not installed.
    """
    batches = list(batches)
    if not batches:
        raise LutraError("no calibration data: expected at least one batch of inputs")
    values = list(dict.fromkeys(values))
    inputs = {value.name for value in model.graph.input}
    runner = _open(observe(model, values), backend)
    produced = [value for value in values if value not in inputs]
    sums: dict[str, np.ndarray] = {}
    rows = dict.fromkeys(values, 0)
    for index, feeds in enumerate(batches):
        if progress:
            progress("calibration", index / len(batches))
        found = dict(zip(produced, runner.run(produced, feeds), strict=True)) if produced else {}
        for value in values:
            array = np.asarray(found.get(value, feeds.get(value)), np.float32)
            array = array.reshape(-1, array.shape[-1])
            # A batch is short: f32 products summed in f64 over the batches.
            part = (array.T @ array).astype(np.float64)
            sums[value] = part if value not in sums else sums[value] + part
            rows[value] += len(array)
    return {value: Statistics(total / max(rows[value], 1), rows[value]) for value, total in sums.items()}


def _open(model: onnx.ModelProto, backend: str) -> _Runner:
    if backend == "lutra":
        from lutra.inference import InferenceSession

        return InferenceSession(model.SerializeToString())
    if backend != "onnxruntime":
        raise LutraError(f"the backend must be onnxruntime or lutra, but is '{backend}'")
    try:
        import onnxruntime
    except ImportError as error:
        raise LutraError(
            "onnxruntime is not installed: pip install 'lutra[quantize]', or use backend='lutra'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session: _Runner = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session


def token_batches(
    model: onnx.ModelProto, tokens: Sequence[int], *, window: int = 256, limit: int | None = None
) -> list[Feeds]:
    """Inputs for a decoder model (input_ids, attention_mask, past_key_values.*): `tokens` in windows, each from nothing.

    At most `limit` windows. Raises LutraError for a model with other inputs.
    """
    batches: list[Feeds] = []
    for start in range(0, len(tokens), window):
        ids = np.asarray(tokens[start : start + window], np.int64)[None]
        if len(batches) == limit or (batches and ids.shape[1] < window // 4):
            break
        feeds: dict[str, np.ndarray] = {}
        for value in model.graph.input:
            dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
            if value.name == "input_ids":
                feeds[value.name] = ids
            elif value.name == "attention_mask":
                feeds[value.name] = np.ones_like(ids)
            elif value.name == "position_ids":
                feeds[value.name] = np.arange(ids.shape[1])[None]
            elif value.name.startswith("past_key_values") and len(dims) == 4:
                feeds[value.name] = np.zeros((1, dims[1], 0, dims[3]), np.float32)
            elif value.name == "logits_positions":
                feeds[value.name] = np.array([0])
            else:
                raise LutraError(
                    f"the model's input '{value.name}' is not one of a decoder: pass calibration batches as dictionaries"
                )
        batches.append(feeds)
    return batches
