"""Models of known shapes with random weights, for speed alone: written tensor by tensor, so that making one takes the memory of its largest
matrix.

The graph is that of lutra.convert. "bitnet-2b" has the shape of BitNet b1.58 2B4T (its vocabulary in 4 bits), but SwiGLU instead of
squared ReLU and no sub-norms, which are no products.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
from gguf import GGMLQuantizationType as Kind
from lutra import formats, onnx_domain
from lutra.convert.checkpoint import StoredTensor
from lutra.convert.config import ModelConfig
from lutra.convert.decoder import DecoderGraph
from lutra.convert.graph import MICROSOFT, GraphBuilder
from paths import BenchmarkError

_GROUP = 128
_EMBEDDING_BITS, _EMBEDDING_GROUP = 4, 32
_SAMPLE_ROWS = 64


@dataclass(frozen=True, slots=True)
class Model:
    """A shape, and the width of its weights: "2", "4" or "ternary"."""

    name: str
    config: ModelConfig
    width: str


def _config(
    name: str, layers: int, hidden: int, feed_forward: int, heads: int, kv_heads: int, vocabulary: int
) -> ModelConfig:
    return ModelConfig(
        name, layers, hidden, feed_forward, heads, kv_heads, hidden // heads, vocabulary, 4096, 1e-5, 10000.0
    )


_LLAMA2_7B = (32, 4096, 11008, 32, 32, 32000)
_BITNET_2B = (30, 2560, 6912, 20, 5, 128256)
MODELS = (
    Model("llama2-7b-2bit", _config("llama2-7b", *_LLAMA2_7B), "2"),
    Model("llama2-7b-4bit", _config("llama2-7b", *_LLAMA2_7B), "4"),
    Model("bitnet-2b", _config("bitnet-2b", *_BITNET_2B), "ternary"),
    # For a first look, and the tests.
    Model("tiny", _config("tiny", 2, 128, 256, 4, 2, 256), "ternary"),
)


class _RandomCheckpoint:
    """Answers like a Checkpoint whose float tensors are all ones; DecoderGraph takes its norms from it."""

    path = "random weights"

    def __init__(self, config: ModelConfig) -> None:
        self.config = config

    def has(self, name: str) -> bool:
        return name == "output.weight"

    def take(self, name: str, shape: tuple[int, ...]) -> StoredTensor:
        return StoredTensor(name, Kind.F32, shape, np.ones(shape, np.float32))

    def unused(self) -> Iterator[str]:
        return iter(())


class _RandomGraph(DecoderGraph):
    """A llama model whose products have random weights of one width."""

    def __init__(self, model: Model, data: BinaryIO, data_name: str) -> None:
        self._builder = GraphBuilder(model.name, data, data_name)
        self._width, self._rng = model.width, np.random.default_rng(1)
        checkpoint = _RandomCheckpoint(model.config)
        super().__init__(checkpoint, self._builder, lambda _name, _size: None, select_logits=True)  # type: ignore[arg-type]

    def save(self, path: Path) -> None:
        """Writes the model with the domains it uses."""
        self._builder.save(path)
        model = onnx.load(path, load_external_data=False)
        model.opset_import.append(onnx.helper.make_opsetid(onnx_domain.DOMAIN, onnx_domain.VERSION))
        path.write_bytes(model.SerializeToString(deterministic=True))

    def _codes(self, *shape: int) -> np.ndarray:
        return np.frombuffer(self._rng.bytes(int(np.prod(shape))), np.uint8).reshape(shape)

    def _embedding(self, ids: str) -> str:
        c, name = self._config, "model.embed_tokens.weight"
        codes = self._builder.initializer(f"{name}_Q4", self._codes(c.vocabulary, c.hidden * _EMBEDDING_BITS // 8))
        scales = np.full((c.vocabulary, c.hidden // _EMBEDDING_GROUP), 0.01, np.float32)
        inputs = [codes, ids, self._builder.initializer(f"{name}_scales", scales)]
        return self._builder.node(
            "GatherBlockQuantized", inputs, "/model/embed_tokens/GatherBlockQuantized", domain=MICROSOFT,
            bits=_EMBEDDING_BITS, block_size=_EMBEDDING_GROUP, gather_axis=0, quantize_axis=1,
        )  # fmt: skip

    def _linear(
        self, path: str, stored: str, x: str, k: int, n: int, *, heads: int = 0, output: str | None = None
    ) -> str:
        base = path.lstrip("/").replace("/", ".")
        # BitNet's products are ternary, its vocabulary is not.
        if self._width == "ternary" and stored != "output.weight":
            return self._ternary(path, base, x, k, n)
        bits = 4 if self._width == "ternary" else int(self._width)
        weights = [
            self._builder.initializer(f"{base}.qweight", self._codes(n, k // _GROUP, _GROUP * bits // 8)),
            self._builder.initializer(f"{base}.scales", self._scales(n, k // _GROUP)),
        ]
        return self._matmul_nbits(path, x, weights, k, n, bits, _GROUP, output)

    def _scales(self, *shape: int) -> np.ndarray:
        # Two bytes hold them, as in files that people have.
        return self._rng.uniform(0.001, 0.002, shape).astype(np.float16).astype(np.float32)

    def _ternary(self, path: str, base: str, x: str, k: int, n: int) -> str:
        form = formats.parse(f"ternary(group={k}, per=tensor)")
        sample = min(_SAMPLE_ROWS, n)
        components = form.quantize(self._rng.standard_normal((sample, k)).astype(np.float32))
        components["codes"] = np.take(components["codes"], np.arange(n) % sample, 0)
        names = [self._builder.initializer(f"{base}.{name}", array) for name, array in components.items()]
        return self._builder.node(
            "MatMul", [x, "", "", *names], f"{path}/MatMul", domain=onnx_domain.DOMAIN, N=n, K=k, format=form.spelling
        )


def make(model: Model, folder: Path) -> Path:
    """Writes `model` to `folder` unless it is there; the ONNX file. Raises BenchmarkError without the disk for it and its artifact."""
    path = folder / f"{model.name}.onnx"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    c = model.config
    weights = c.layers * (2 * c.hidden * (c.hidden + c.kv_heads * c.head_size) + 3 * c.hidden * c.feed_forward)
    # The model and its artifact, with scales and the vocabulary.
    needed = 3 * weights * (4 if model.width == "4" else 2) // 8 + 3 * c.vocabulary * c.hidden
    if (free := shutil.disk_usage(folder).free) < needed:
        raise BenchmarkError(
            f"{model.name} needs {needed / 1e9:.1f} GB in '{folder}', but {free / 1e9:.1f} GB are free"
        )
    data_path = folder / f"{model.name}.onnx.data"
    with open(data_path, "wb") as data:
        graph = _RandomGraph(model, data, data_path.name)
        graph.build()
    partial = path.with_suffix(".part")
    graph.save(partial)
    partial.replace(path)
    return path
