"""Writes tiny_llama.onnx and its .data: a two-layer llama with random weights, shaped as onnxruntime-genai's exports.

It mixes what exported models use: 2, 4 and 8 bits; blocks of 16, 32 and 64; default, packed and float zero points; a K
(200) that no block divides; packed QKV (layer 0) and separate Q, K and V (layer 1); the embedding and the output
projection share their bytes. Integers drawn from a frozen generator make the bytes the same everywhere.

Usage: make_tiny_llama.py [directory]   (default: the folder of this script)
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from lutra.convert.graph import MICROSOFT, GraphBuilder  # noqa: E402
from lutra.convert.rope import rope_caches  # noqa: E402

HIDDEN, HEADS, KV_HEADS, HEAD_SIZE, FEED_FORWARD, VOCABULARY, CONTEXT = 128, 4, 2, 32, 200, 320, 128
EPSILON = float(np.float32(1e-5))


class TinyLlama:
    def __init__(self, graph: GraphBuilder) -> None:
        self.graph = graph
        self.random = np.random.RandomState(2024)  # its stream never changes

    def small(self, *shape: int) -> np.ndarray:
        """f32 in [-1, 1] with few mantissa bits, so that every machine makes the same."""
        return self.random.randint(-256, 257, shape).astype(np.float32) / np.float32(256)

    def nbits(self, name: str, n: int, k: int, bits: int, block: int, zero: str) -> tuple[list[str], dict[str, int]]:
        """Adds codes, scales and zero points (default, packed or float); gives their names and the op's attributes."""
        blocks = -(-k // block)
        codes = self.random.randint(0, 256, (n, blocks, block * bits // 8)).astype(np.uint8)
        # Weights of about unit variance over sqrt(K); some scales negative, as symmetric quantizers make them.
        levels = 1 << bits
        scales = (1 + self.small(n, blocks) / 4) * np.float32(2.0 ** round(np.log2(3.5 / levels / np.sqrt(k))))
        scales *= np.where(self.random.randint(0, 4, (n, blocks)) == 0, -1, 1).astype(np.float32)
        inputs = [self.graph.initializer(f"{name}.qweight", codes), self.graph.initializer(f"{name}.scales", scales)]
        middle = levels // 2
        if zero == "packed":
            points = np.clip(middle + self.random.randint(-2, 3, (n, blocks)), 0, levels - 1).astype(np.uint8)
            per_byte = 8 // bits
            padded = np.zeros((n, -(-blocks // per_byte) * per_byte), np.uint8)
            padded[:, :blocks] = points
            shifts = np.arange(per_byte, dtype=np.uint8) * bits
            packed = np.bitwise_or.reduce(padded.reshape(n, -1, per_byte) << shifts, axis=2).astype(np.uint8)
            inputs.append(self.graph.initializer(f"{name}.zero_points", packed))
        elif zero == "float":
            inputs.append(
                self.graph.initializer(f"{name}.zero_points", middle - np.float32(0.5) + self.small(n, blocks))
            )
        return inputs, {"bits": bits, "block_size": block}

    def matmul(self, path: str, x: str, n: int, k: int, bits: int, block: int, zero: str) -> str:
        weights, attributes = self.nbits(f"{path[1:].replace('/', '.')}.MatMulNBits", n, k, bits, block, zero)
        return self.graph.node(
            "MatMulNBits",
            [x, *weights],
            f"{path}/MatMulNBits",
            domain=MICROSOFT,
            N=n,
            K=k,
            accuracy_level=0,
            **attributes,
        )

    def norm(self, path: str, hidden: str, skip: str | None = None) -> tuple[str, str]:
        weight = self.graph.initializer(f"{path[1:].replace('/', '.')}.weight", 1 + self.small(HIDDEN) / 8)
        if skip is None:
            return self.graph.node(
                "SimplifiedLayerNormalization",
                [hidden, weight],
                f"{path}/LayerNorm",
                axis=-1,
                epsilon=EPSILON,
                stash_type=1,
            ), hidden
        name = f"{path}/SkipLayerNorm"
        outputs = [f"{name}/output_0", "", "", f"{name}/output_3"]
        self.graph.node(
            "SkipSimplifiedLayerNormalization",
            [hidden, skip, weight],
            name,
            outputs=outputs,
            domain=MICROSOFT,
            epsilon=EPSILON,
        )
        return outputs[0], outputs[3]

    def attention(self, layer: int, projections: list[str]) -> str:
        name = f"/model/layers.{layer}/attn/GroupQueryAttention"
        past = [f"past_key_values.{layer}.{part}" for part in ("key", "value")]
        present = [f"present.{layer}.{part}" for part in ("key", "value")]
        return self.graph.node(
            "GroupQueryAttention",
            [*projections, *past, self.seqlens, self.total, "cos_cache", "sin_cache"],
            name,
            outputs=[f"{name}/output_0", *present],
            domain=MICROSOFT,
            num_heads=HEADS,
            kv_num_heads=KV_HEADS,
            scale=float(np.float32(HEAD_SIZE**-0.5)),
            do_rotary=1,
            rotary_interleaved=0,
        )

    def mlp(self, layer: int, x: str, gate: tuple, up: tuple, down: tuple) -> str:
        path = f"/model/layers.{layer}/mlp"
        g = self.matmul(f"{path}/gate_proj", x, FEED_FORWARD, HIDDEN, *gate)
        u = self.matmul(f"{path}/up_proj", x, FEED_FORWARD, HIDDEN, *up)
        sigmoid = self.graph.node("Sigmoid", [g], f"{path}/act_fn/Sigmoid")
        silu = self.graph.node("Mul", [g, sigmoid], f"{path}/act_fn/Mul")
        product = self.graph.node("Mul", [silu, u], f"{path}/Mul")
        return self.matmul(f"{path}/down_proj", product, HIDDEN, FEED_FORWARD, *down)

    def lengths(self) -> None:
        g, base = self.graph, "/model/attn_mask_reformat"
        one = g.initializer("model.constants.one", np.array([1], np.int64))
        index = g.initializer("model.constants.index_one", np.array(1, np.int64))
        total = g.node("ReduceSum", ["attention_mask", one], f"{base}/ReduceSum", keepdims=0)
        self.seqlens = g.node(
            "Cast", [g.node("Sub", [total, one], f"{base}/Sub")], f"{base}/Sub/Cast", to=TensorProto.INT32
        )
        length = g.node(
            "Gather", [g.node("Shape", ["attention_mask"], f"{base}/Shape"), index], f"{base}/Gather", axis=0
        )
        self.total = g.node("Cast", [length], f"{base}/Gather/Cast", to=TensorProto.INT32)

    def build(self) -> None:
        g = self.graph
        g.input("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"])
        g.input("attention_mask", TensorProto.INT64, ["batch_size", "total_sequence_length"])
        g.output("logits", TensorProto.FLOAT, ["batch_size", "sequence_length", VOCABULARY])
        for layer in range(2):
            for part in ("key", "value"):
                g.input(
                    f"past_key_values.{layer}.{part}",
                    TensorProto.FLOAT,
                    ["batch_size", KV_HEADS, "past_sequence_length", HEAD_SIZE],
                )
                g.output(
                    f"present.{layer}.{part}",
                    TensorProto.FLOAT,
                    ["batch_size", KV_HEADS, "total_sequence_length", HEAD_SIZE],
                )
        self.lengths()
        for name, cache in zip(("cos_cache", "sin_cache"), rope_caches(HEAD_SIZE, CONTEXT, 10000.0, None)):
            g.initializer(name, cache)

        embedding, format_ = self.nbits("model.embed_tokens.weight", VOCABULARY, HIDDEN, 4, 16, "packed")
        flat = g.alias("model.embed_tokens.weight_Q4", embedding[0], (VOCABULARY, HIDDEN // 2))
        hidden = g.node(
            "GatherBlockQuantized",
            [flat, "input_ids", *embedding[1:]],
            "/model/embed_tokens/GatherBlockQuantized",
            domain=MICROSOFT,
            gather_axis=0,
            quantize_axis=1,
            **format_,
        )

        q_width, kv_width = HEADS * HEAD_SIZE, KV_HEADS * HEAD_SIZE
        path = "/model/layers.0"
        x, hidden = self.norm(f"{path}/input_layernorm", hidden)
        qkv = self.matmul(f"{path}/attn/qkv_proj", x, q_width + 2 * kv_width, HIDDEN, 4, 32, "packed")
        o = self.matmul(f"{path}/attn/o_proj", self.attention(0, [qkv, "", ""]), HIDDEN, q_width, 8, 16, "default")
        y, hidden = self.norm(f"{path}/post_attention_layernorm", hidden, o)
        down = self.mlp(0, y, (2, 64, "float"), (4, 32, "default"), (4, 64, "float"))

        path = "/model/layers.1"
        x, hidden = self.norm(f"{path}/input_layernorm", hidden, down)
        q = self.matmul(f"{path}/attn/q_proj", x, q_width, HIDDEN, 2, 16, "packed")
        k = self.matmul(f"{path}/attn/k_proj", x, kv_width, HIDDEN, 4, 64, "default")
        v = self.matmul(f"{path}/attn/v_proj", x, kv_width, HIDDEN, 8, 32, "packed")
        o = self.matmul(f"{path}/attn/o_proj", self.attention(1, [q, k, v]), HIDDEN, q_width, 4, 32, "float")
        y, hidden = self.norm(f"{path}/post_attention_layernorm", hidden, o)
        down = self.mlp(1, y, (8, 32, "default"), (2, 32, "default"), (2, 32, "packed"))

        last, _ = self.norm("/model/norm", hidden, down)
        g.node(
            "MatMulNBits",
            [last, *embedding],
            "/lm_head/MatMulNBits",
            outputs=["logits"],
            domain=MICROSOFT,
            N=VOCABULARY,
            K=HIDDEN,
            accuracy_level=0,
            **format_,
        )


def main(directory: Path) -> None:
    path = directory / "tiny_llama.onnx"
    with open(f"{path}.data", "wb") as data:
        graph = GraphBuilder("tiny_llama", data, f"{path.name}.data")
        TinyLlama(graph).build()
    graph.save(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
