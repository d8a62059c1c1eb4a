# RUN: %python %s %fixtures/exporters genai-phi3-int4 genai-llama-int4-qdq hf-qwen3
"""Graphs as exporters write them (see make_exporter_graphs.py): the logits of a prefill and 16 decode steps with a key-value cache are ONNX Runtime's.

exporter_graphs.py FOLDER [NAME...]    all of them takes a minute or more
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import lutra
import numpy as np
import onnx
import onnxruntime

STEPS = 16
#: Of every model here; some exporters leave it symbolic.
HEAD_SIZE = 16
#: Of f32 models whose reductions are summed in another order; logits are of magnitude 1 to 10.
TOLERANCE = 2e-3


def feed_of(
    infos: dict[str, tuple[object, ...]], tokens: np.ndarray, past: dict[str, np.ndarray], length: int
) -> dict[str, np.ndarray]:
    """The arrays that one call takes: `length` tokens are in the cache."""
    batch, new = tokens.shape
    feed = {"input_ids": tokens}
    for name, shape in infos.items():
        if name == "attention_mask":
            feed[name] = np.ones((batch, length + new), np.int64)
        elif name == "position_ids":
            feed[name] = np.tile(np.arange(length, length + new, dtype=np.int64), (batch, 1))
        elif name.startswith("past_key_values"):
            heads, size = (dim if isinstance(dim, int) else HEAD_SIZE for dim in (shape[1], shape[3]))
            feed[name] = past.get(
                name.replace("past_key_values", "present"), np.zeros((batch, heads, 0, size), np.float32)
            )
    return feed


class Peer:
    """ONNX Runtime with f32 activations: no graph optimization, and no accuracy_level that lets it quantize them."""

    def __init__(self, path: Path) -> None:
        model = onnx.load(path)
        for node in model.graph.node:
            for attribute in node.attribute:
                if node.op_type == "MatMulNBits" and attribute.name == "accuracy_level":
                    attribute.i = 1
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.infos = {info.name: tuple(info.shape) for info in self.session.get_inputs()}
        self.outputs = [info.name for info in self.session.get_outputs()]

    def run(self, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(zip(self.outputs, self.session.run(None, feed), strict=True))


class Ours:
    def __init__(self, path: Path, directory: Path) -> None:
        artifact = lutra.compile(path, directory / "model.lutra", options={"table": "f32"})
        self.session = lutra.Session(artifact, threads=1)
        self.outputs = [info.name for info in self.session.outputs()]

    def run(self, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(zip(self.outputs, self.session.run(None, feed), strict=True))


def compare(path: Path, batch: int = 1, prompt: int = 7) -> float:
    """The greatest difference of the logits over a prefill and the decode steps."""
    rng = np.random.default_rng(11)
    with tempfile.TemporaryDirectory() as directory:
        peer, ours = Peer(path), Ours(path, Path(directory))
        past: list[dict[str, np.ndarray]] = [{}, {}]
        worst, length = 0.0, 0
        tokens = rng.integers(3, 150, (batch, prompt))
        for _ in range(STEPS + 1):
            results = [
                model.run(feed_of(peer.infos, tokens, cache, length))
                for model, cache in zip((peer, ours), past, strict=True)
            ]
            worst = max(worst, float(np.abs(results[0]["logits"] - results[1]["logits"]).max()))
            assert results[0]["logits"].shape == results[1]["logits"].shape
            past, length = results, length + tokens.shape[1]
            tokens = results[0]["logits"][:, -1].argmax(-1)[:, None].astype(np.int64)
    return worst


def main() -> int:
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    failed = 0
    paths = [path for path in sorted(folder.glob("*.onnx")) if not names or path.stem in names]
    for path in paths:
        try:
            worst = compare(path)
            good = worst <= TOLERANCE
            print(
                f"{path.stem}: prefill and {STEPS} decode steps, logits within {worst:.1e}{'' if good else f': more than {TOLERANCE}'}"
            )
        except Exception as error:
            good = False
            print(f"{path.stem}: {str(error)[:600]}")
        failed += not good
    print(f"{len(paths) - failed} of {len(paths)} graphs agree")
    return failed or not paths


if __name__ == "__main__":
    sys.exit(main())
