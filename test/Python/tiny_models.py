"""Tiny GGUF models of every architecture with random weights, for the converter's tests. (A helper, not a test.)

Written as llama.cpp's own converter writes them, so that llama.cpp runs those whose tensor kinds it knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFWriter, TokenType
from gguf.constants import GGML_QUANT_SIZES
from lutra.convert.kinds import ForkKind
from tiny_gguf import MERGES, SPECIAL, TOKENS, random_blocks

HIDDEN, HEADS, KV_HEADS, HEAD_SIZE, FEED_FORWARD, CONTEXT = 256, 4, 2, 64, 512, 128
#: Of Phi-3's head, the first so many numbers are rotated; its text is long from so many tokens on.
PHI3_ROTARY, PHI3_ORIGINAL = 48, 16
#: Keys that a local layer of Gemma 3 attends to.
WINDOW = 6

ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma3", "phi3", "bitnet", "bitnet-b1.58")

_LAYERS = {"gemma3": 6}  # Five local ones and a global one.
_BITNET = ("bitnet", "bitnet-b1.58")

#: What an architecture's metadata has beside the common keys.
_KEYS: dict[str, dict[str, Any]] = {
    "qwen3": {"attention.key_length": HEAD_SIZE, "attention.value_length": HEAD_SIZE},
    "gemma3": {
        "attention.key_length": HEAD_SIZE,
        "attention.value_length": HEAD_SIZE,
        "attention.sliding_window": WINDOW,
        "rope.freq_base": 1e6,
        "rope.scaling.type": "linear",
        "rope.scaling.factor": 8.0,
    },
    "phi3": {
        "rope.dimension_count": PHI3_ROTARY,
        "rope.scaling.original_context_length": PHI3_ORIGINAL,
        "rope.scaling.attn_factor": 1.1902,
    },
    "bitnet": {"rope.scaling.type": "linear", "rope.scaling.factor": 1.0},
}


class TinyModel:
    """Writes a model to `path`. `kind` stores the matrices of its layers, `embedding` the embedding, which is the output
    projection too. `metadata` overrides or adds keys; None removes one; `extra_tensors` are vectors; `vocabulary`: tokens,
    scores and types of a SentencePiece tokenizer."""

    def __init__(
        self,
        path: Path,
        architecture: str,
        kind: Kind | ForkKind = Kind.F32,
        embedding: Kind = Kind.F32,
        *,
        metadata: dict[str, Any] | None = None,
        extra_tensors: tuple[str, ...] = (),
        vocabulary: tuple[list[str], list[float], list[int]] | None = None,
    ) -> None:
        self._random = np.random.default_rng(11)
        self._vocabulary = vocabulary
        self._kind = kind
        self._writer = GGUFWriter(path, architecture)
        self._architecture = architecture
        self._write_metadata(metadata or {})
        self._matrix("token_embd.weight", len(vocabulary[0] if vocabulary else TOKENS), HIDDEN, embedding)
        self._vector("output_norm.weight", HIDDEN)
        if architecture == "phi3":
            for name in ("short", "long"):
                values = 1 + self._random.random(PHI3_ROTARY // 2).astype(np.float32) * (3 if name == "long" else 0.1)
                self._writer.add_tensor(f"rope_factors_{name}.weight", values)
        for layer in range(_LAYERS.get(architecture, 2)):
            self._layer(f"blk.{layer}")
        for name in extra_tensors:
            self._vector(name, HIDDEN)
        self._writer.write_header_to_file()
        self._writer.write_kv_data_to_file()
        self._writer.write_tensors_to_file()
        self._writer.close()

    def _layer(self, prefix: str) -> None:
        architecture, q_width, kv_width = self._architecture, HEADS * HEAD_SIZE, KV_HEADS * HEAD_SIZE
        self._vector(f"{prefix}.attn_norm.weight", HIDDEN)
        self._vector(f"{prefix}.ffn_norm.weight", HIDDEN)
        if architecture == "phi3":
            self._matrix(f"{prefix}.attn_qkv.weight", q_width + 2 * kv_width, HIDDEN)
            self._matrix(f"{prefix}.ffn_up.weight", 2 * FEED_FORWARD, HIDDEN)
        else:
            for part, width in (("q", q_width), ("k", kv_width), ("v", kv_width)):
                self._matrix(f"{prefix}.attn_{part}.weight", width, HIDDEN)
                if architecture == "qwen2":
                    self._vector(f"{prefix}.attn_{part}.bias", width)
                if architecture in ("qwen3", "gemma3") and part != "v":
                    self._vector(f"{prefix}.attn_{part}_norm.weight", HEAD_SIZE)
            self._matrix(f"{prefix}.ffn_gate.weight", FEED_FORWARD, HIDDEN)
            self._matrix(f"{prefix}.ffn_up.weight", FEED_FORWARD, HIDDEN)
        self._matrix(f"{prefix}.attn_output.weight", HIDDEN, q_width)
        self._matrix(f"{prefix}.ffn_down.weight", HIDDEN, FEED_FORWARD)
        if architecture == "gemma3":
            self._vector(f"{prefix}.post_attention_norm.weight", HIDDEN)
            self._vector(f"{prefix}.post_ffw_norm.weight", HIDDEN)
        if architecture in _BITNET:
            self._vector(f"{prefix}.attn_sub_norm.weight", q_width)
            self._vector(f"{prefix}.ffn_sub_norm.weight", FEED_FORWARD)
            self._writer.add_tensor(f"{prefix}.attn_q.scale", np.array([0.75], np.float32))

    def _write_metadata(self, overrides: dict[str, Any]) -> None:
        common = {
            "block_count": _LAYERS.get(self._architecture, 2),
            "context_length": CONTEXT,
            "embedding_length": HIDDEN,
            "feed_forward_length": FEED_FORWARD,
            "attention.head_count": HEADS,
            "attention.head_count_kv": KV_HEADS,
            "attention.layer_norm_rms_epsilon": 1e-5,
            "rope.freq_base": 10000.0,
            "vocab_size": len(TOKENS),
            **_KEYS.get(self._architecture, {}),
        }
        keys: dict[str, Any] = {f"{self._architecture}.{key}": value for key, value in common.items()}
        keys |= {
            "tokenizer.ggml.model": "gpt2",
            "tokenizer.ggml.pre": "qwen2",
            "tokenizer.ggml.bos_token_id": 1,
            "tokenizer.ggml.eos_token_id": 2,
        }
        for key, value in {**keys, **overrides}.items():
            if isinstance(value, str):
                self._writer.add_string(key, value)
            elif isinstance(value, float):
                self._writer.add_float32(key, value)
            elif isinstance(value, int):
                self._writer.add_uint32(key, value)
            elif value is not None:
                self._writer.add_array(key, value)
        if self._vocabulary:
            tokens, scores, types = self._vocabulary
            self._writer.add_token_list(tokens)
            self._writer.add_token_scores(scores)
            self._writer.add_token_types(types)
            return
        self._writer.add_token_list(TOKENS)
        self._writer.add_token_merges(MERGES)
        normal = [TokenType.NORMAL] * (len(TOKENS) - len(SPECIAL))
        self._writer.add_token_types([TokenType.CONTROL] * len(SPECIAL) + normal)

    def _vector(self, name: str, size: int) -> None:
        # A bias is small, a norm near 1.
        center = 0 if name.endswith("bias") else 1
        self._writer.add_tensor(name, (center + self._random.standard_normal(size) / 8).astype(np.float32))

    def _matrix(self, name: str, rows: int, cols: int, kind: Kind | ForkKind | None = None) -> None:
        kind = self._kind if kind is None else kind
        if kind == ForkKind.I2_S:
            self._i2_s(name, rows, cols)
        elif kind in (Kind.F32, Kind.F16):
            values = self._random.standard_normal((rows, cols)) / 16
            self._writer.add_tensor(name, values.astype(np.float16 if kind == Kind.F16 else np.float32))
        else:
            assert cols % GGML_QUANT_SIZES[kind][0] == 0
            self._writer.add_tensor(name, random_blocks(self._random, Kind(kind), rows, cols), raw_dtype=kind)

    def _i2_s(self, name: str, rows: int, cols: int) -> None:
        """The writer of the gguf package knows no such kind: it is told afterwards."""
        stored = i2_s_bytes(self._random.integers(-1, 2, (rows, cols)), 0.07)
        self._writer.add_tensor(name, stored.view(np.int8))
        info = self._writer.tensors[-1][name]
        info.shape, info.dtype = (rows, cols), ForkKind.I2_S


def i2_s_bytes(signs: np.ndarray, scale: float) -> np.ndarray:
    """What bitnet.cpp stores for ternary weights signs * scale: uint8 [n / 4 + 32]."""
    codes = (signs + 1).astype(np.uint8).reshape(-1, 4, 32)
    packed = (codes << np.array([6, 4, 2, 0], np.uint8).reshape(1, 4, 1)).sum(axis=1, dtype=np.uint8)
    tail = np.zeros(32, np.uint8)
    tail[:4] = np.array([scale], "<f4").view(np.uint8)
    return np.concatenate([packed.reshape(-1), tail])
