"""Makes tiny GGUF llama models for the converter's tests. (A helper, not a test.)"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFWriter, TokenType
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize
from tokenizers.pre_tokenizers import ByteLevel

HIDDEN, HEADS, KV_HEADS, FEED_FORWARD, CONTEXT = 256, 4, 2, 512, 512
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
ALPHABET = sorted(ByteLevel.alphabet())
MERGES = ["t h", "th e", "Ġ the", "i n"]
TOKENS = SPECIAL + ALPHABET + ["th", "the", "Ġthe", "in"]
CHAT = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

#: Where a block has f16 fields (byte offsets), and the deviation to draw them with: keeps the weights near 1/16.
_F16_FIELDS = {
    Kind.Q4_0: ((0,), 0.01),
    Kind.Q4_1: ((0, 2), 0.01),
    Kind.Q8_0: ((0,), 0.001),
    Kind.Q6_K: ((208,), 0.00004),
    Kind.Q2_K: ((80, 82), 0.004),
    Kind.Q3_K: ((108,), 0.0006),
    Kind.Q4_K: ((0, 2), 0.0002),
    Kind.Q5_K: ((0, 2), 0.0001),
    Kind.Q5_0: ((0,), 0.005),
    Kind.Q5_1: ((0, 2), 0.004),
    Kind.IQ4_NL: ((0,), 0.001),
    Kind.IQ4_XS: ((0,), 0.00005),
    Kind.TQ1_0: ((52,), 0.06),
    Kind.TQ2_0: ((64,), 0.06),
    Kind.MXFP4: ((), 0.0),
}


def random_blocks(random: np.random.Generator, kind: Kind, rows: int, cols: int) -> np.ndarray:
    """Random stored bytes uint8 [rows, bytes per row] of a quantized matrix [rows, cols]."""
    weights, size = GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (rows * cols // weights, size)).astype(np.uint8)
    offsets, deviation = _F16_FIELDS[kind]
    for offset in offsets:
        values = (random.standard_normal(len(blocks)) * deviation).astype("<f2")
        blocks[:, offset : offset + 2] = values.view(np.uint8).reshape(-1, 2)
    if kind == Kind.MXFP4:
        blocks[:, 0] = random.integers(118, 124, len(blocks))  # exponents that are scales of 2^-9 to 2^-4
    if kind == Kind.TQ1_0:
        # The bytes that five (the last four: four) ternary digits have: ceil(n 256 / 243).
        blocks[:, :48] = -(-random.integers(0, 243, (len(blocks), 48)) * 256 // 243)
        blocks[:, 48:52] = -(-random.integers(0, 81, (len(blocks), 4)) * 3 * 256 // 243)
    if kind == Kind.TQ2_0:
        digits = random.integers(0, 3, (len(blocks), 64, 4)).astype(np.uint8)
        blocks[:, :64] = (digits << np.array([0, 2, 4, 6], np.uint8)).sum(axis=-1)
    return blocks.reshape(rows, -1)


class TinyGGUF:
    """Writes a one-layer model to `path`; `kinds` chooses the type of a tensor by its name (F32 for the others).

    `values` holds every matrix as f32 in the model's own row order (before GGUF's rotary permutation of Q and K).
    `metadata` overrides or adds keys; None removes one.
    """

    def __init__(
        self,
        path: Path,
        kinds: dict[str, Kind] | None = None,
        *,
        architecture: str = "llama",
        metadata: dict[str, object] | None = None,
        extra_tensors: tuple[str, ...] = (),
    ) -> None:
        self.values: dict[str, np.ndarray] = {}
        self._random = np.random.default_rng(7)
        self._kinds = kinds or {}
        self._writer = GGUFWriter(path, architecture)
        self._metadata(metadata or {})
        head = HIDDEN // HEADS
        self._matrix("token_embd.weight", len(TOKENS), HIDDEN)
        self._vector("output_norm.weight", HIDDEN)
        self._vector("blk.0.attn_norm.weight", HIDDEN)
        self._vector("blk.0.ffn_norm.weight", HIDDEN)
        self._matrix("blk.0.attn_q.weight", HIDDEN, HIDDEN, HEADS)
        self._matrix("blk.0.attn_k.weight", KV_HEADS * head, HIDDEN, KV_HEADS)
        self._matrix("blk.0.attn_v.weight", KV_HEADS * head, HIDDEN)
        self._matrix("blk.0.attn_output.weight", HIDDEN, HIDDEN)
        self._matrix("blk.0.ffn_gate.weight", FEED_FORWARD, HIDDEN)
        self._matrix("blk.0.ffn_up.weight", FEED_FORWARD, HIDDEN)
        self._matrix("blk.0.ffn_down.weight", HIDDEN, FEED_FORWARD)
        for name in extra_tensors:
            self._vector(name, HIDDEN)
        self._writer.write_header_to_file()
        self._writer.write_kv_data_to_file()
        self._writer.write_tensors_to_file()
        self._writer.close()

    def _metadata(self, overrides: dict[str, object]) -> None:
        keys: dict[str, object] = {
            "llama.block_count": 1,
            "llama.context_length": CONTEXT,
            "llama.embedding_length": HIDDEN,
            "llama.feed_forward_length": FEED_FORWARD,
            "llama.attention.head_count": HEADS,
            "llama.attention.head_count_kv": KV_HEADS,
            "llama.attention.layer_norm_rms_epsilon": 1e-5,
            "llama.rope.freq_base": 10000.0,
            "tokenizer.ggml.model": "gpt2",
            "tokenizer.ggml.pre": "smollm",
            "tokenizer.ggml.bos_token_id": 1,
            "tokenizer.ggml.eos_token_id": 2,
            "tokenizer.chat_template": CHAT,
        }
        for key, value in {**keys, **overrides}.items():
            if isinstance(value, str):
                self._writer.add_string(key, value)
            elif isinstance(value, float):
                self._writer.add_float32(key, value)
            elif isinstance(value, int):
                self._writer.add_uint32(key, value)
        self._writer.add_token_list(TOKENS)
        self._writer.add_token_merges(MERGES)
        self._writer.add_token_types(
            [TokenType.CONTROL] * len(SPECIAL) + [TokenType.NORMAL] * (len(TOKENS) - len(SPECIAL))
        )

    def _vector(self, name: str, size: int) -> None:
        self.values[name] = (1 + self._random.standard_normal(size) / 8).astype(np.float32)
        self._writer.add_tensor(name, self.values[name])

    def _matrix(self, name: str, rows: int, cols: int, heads: int = 0) -> None:
        kind = self._kinds.get(name, Kind.F32)
        if kind in _F16_FIELDS:
            stored = random_blocks(self._random, kind, rows, cols)
            values = dequantize(stored, kind)
        else:
            stored = (self._random.standard_normal((rows, cols)) / 16).astype(
                np.float16 if kind == Kind.F16 else np.float32
            )
            values = stored.astype(np.float32)
        self.values[name] = values
        if heads:  # as llama.cpp's converter permutes Q and K for interleaved rotary
            order = np.arange(rows).reshape(heads, 2, rows // heads // 2).swapaxes(1, 2).reshape(rows)
            stored = stored[order]
        self._writer.add_tensor(name, stored, raw_dtype=kind if kind in _F16_FIELDS else None)
