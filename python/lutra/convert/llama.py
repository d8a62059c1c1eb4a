"""The graph of a llama model, shaped as onnxruntime-genai's model builder shapes it.

Inputs: input_ids i64 [B, S], attention_mask i64 [B, T] (T = past + S), past_key_values.{i}.key|value f32
[B, kv heads, past, head size]. Outputs: logits f32 [B, S, vocabulary], present.{i}.key|value.
With selected logits there is one more input, logits_positions i64 [L]: the positions among the S new tokens whose
logits [B, L, vocabulary] are computed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from gguf import GGMLQuantizationType as Kind
from onnx import TensorProto

from lutra import onnx_domain
from lutra.convert import lowbit, quant
from lutra.convert.checkpoint import Checkpoint, StoredTensor
from lutra.convert.graph import MICROSOFT, GraphBuilder
from lutra.errors import LutraError

#: Called after each tensor with its name and stored size in bytes.
Progress = Callable[[str, int], None]


def rope_caches(
    head_size: int, context: int, theta: float, factors: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """cos and sin f32 [context, head_size / 2] of position * theta^(-2i/head_size) / factors[i], computed in f64."""
    inverse = theta ** (-np.arange(0, head_size, 2, dtype=np.float64) / head_size)
    if factors is not None:
        inverse /= factors.astype(np.float64)
    angles = np.arange(context, dtype=np.float64)[:, None] * inverse
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


class LlamaGraph:
    """Adds a whole llama model from `checkpoint` to `graph`."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        graph: GraphBuilder,
        progress: Progress,
        select_logits: bool = False,
        to_float: bool = False,
    ) -> None:
        self._select_logits = select_logits
        self._to_float = to_float
        self._checkpoint = checkpoint
        self._config = checkpoint.config
        self._graph = graph
        self._progress = progress

    def build(self) -> None:
        g, c = self._graph, self._config
        ids = g.input("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"])
        mask = g.input("attention_mask", TensorProto.INT64, ["batch_size", "total_sequence_length"])
        past: list[int | str] = ["batch_size", c.kv_heads, "past_sequence_length", c.head_size]
        present: list[int | str] = ["batch_size", c.kv_heads, "total_sequence_length", c.head_size]
        for layer in range(c.layers):
            for part in ("key", "value"):
                g.input(f"past_key_values.{layer}.{part}", TensorProto.FLOAT, past)
        count = "sequence_length"
        if self._select_logits:
            count = "num_logits"
            g.input("logits_positions", TensorProto.INT64, [count])
        g.output("logits", TensorProto.FLOAT, ["batch_size", count, c.vocabulary])
        for layer in range(c.layers):
            for part in ("key", "value"):
                g.output(f"present.{layer}.{part}", TensorProto.FLOAT, present)

        self._lengths(mask)
        self._rope()
        hidden = self._embedding(ids)
        skip: str | None = None
        for layer in range(c.layers):
            hidden, skip = self._layer(layer, hidden, skip)
        last, _ = self._norm("/model/norm", "output_norm.weight", hidden, skip)
        if self._select_logits:
            last = g.node("Gather", [last, "logits_positions"], "/model/select_logits/Gather", axis=1)
        self._lm_head(last)
        if left := list(self._checkpoint.unused()):
            raise LutraError(
                f"'{self._checkpoint.path}' has tensors that a plain llama model does not have: "
                + ", ".join(left[:8])
                + (f" and {len(left) - 8} more" if len(left) > 8 else "")
            )

    # The parts that do not repeat.

    def _lengths(self, mask: str) -> None:
        """seqlens_k i32 [B] = sum(mask) - 1, total_sequence_length i32 = T."""
        g, base = self._graph, "/model/attn_mask_reformat"
        one = g.initializer("model.constants.one", np.array([1], np.int64))
        index = g.initializer("model.constants.index_one", np.array(1, np.int64))
        total = g.node("ReduceSum", [mask, one], f"{base}/ReduceSum", keepdims=0)
        last = g.node("Sub", [total, one], f"{base}/Sub")
        self._seqlens = g.node("Cast", [last], f"{base}/Sub/Cast", to=TensorProto.INT32)
        shape = g.node("Shape", [mask], f"{base}/Shape")
        length = g.node("Gather", [shape, index], f"{base}/Gather", axis=0)
        self._total = g.node("Cast", [length], f"{base}/Gather/Cast", to=TensorProto.INT32)

    def _rope(self) -> None:
        c, factors = self._config, None
        if self._checkpoint.has("rope_freqs.weight"):  # Llama 3's scaled frequencies
            factors = self._take("rope_freqs.weight", c.head_size // 2).as_f32()
        cos, sin = rope_caches(c.head_size, c.context, c.rope_theta, factors)
        self._cos = self._graph.initializer("cos_cache", cos)
        self._sin = self._graph.initializer("sin_cache", sin)

    def _embedding(self, ids: str) -> str:
        g, c = self._graph, self._config
        tensor = self._take("token_embd.weight", c.vocabulary, c.hidden)
        name = "model.embed_tokens.weight"
        self._tied: str | quant.NBitsMatrix | None = None
        self._tied_lowbit: tuple[lowbit.LowbitMatrix, list[str]] | None = None
        if tensor.kind in quant.FLOAT_KINDS:
            weight = g.initializer(name, tensor.as_f32())
            return g.node("Gather", [weight, ids], "/model/embed_tokens/Gather", axis=0)
        if tensor.kind in lowbit.LOWBIT_KINDS:
            table = lowbit.repack(tensor.data, tensor.kind, tensor.name)
            parts = self._components("model.embed_tokens", table)
            self._tied_lowbit = table, parts
            output = "/model/embed_tokens/Gather/output_0"
            name = "/model/embed_tokens/Gather"
            return g.add(onnx_domain.gather(name, ids, output, table.format, parts, table.rows, table.cols))
        matrix = quant.repack(tensor.data, tensor.kind, tensor.name)
        self._tied = matrix
        if not quant.has_default_zero_point(tensor.kind):
            # GatherBlockQuantized has no float zero points: gather from the exact f32 values.
            weight = g.initializer(name, matrix.dequantize())
            return g.node("Gather", [weight, ids], "/model/embed_tokens/Gather", axis=0)
        self._tied = f"{name}_Q{matrix.bits}"
        codes = g.initializer(self._tied, matrix.codes.reshape(matrix.rows, -1))
        scales = g.initializer(f"{name}_scales", matrix.scales)
        self._tied_format = matrix.bits, matrix.block, matrix.codes.shape, scales
        return g.node(
            "GatherBlockQuantized",
            [codes, ids, scales],
            "/model/embed_tokens/GatherBlockQuantized",
            domain=MICROSOFT,
            bits=matrix.bits,
            block_size=matrix.block,
            gather_axis=0,
            quantize_axis=1,
        )

    def _lm_head(self, hidden: str) -> None:
        """The output projection: its own tensor, or the embedding again (sharing its bytes where the layouts agree)."""
        c, base = self._config, "lm_head.MatMulNBits"
        if self._checkpoint.has("output.weight"):
            self._linear("lm_head", "output.weight", hidden, c.hidden, c.vocabulary, output="logits")
        elif self._tied_lowbit is not None:
            self._lowbit("lm_head", *self._tied_lowbit, hidden, "logits")
        elif isinstance(self._tied, str):
            bits, block, shape, scales = self._tied_format
            codes = self._graph.alias(f"{base}.qweight", self._tied, shape)
            self._matmul_nbits("lm_head", hidden, [codes, scales], c.hidden, c.vocabulary, bits, block, "logits")
        elif self._tied is not None:
            self._quantized("lm_head", self._tied, hidden, "logits")
        else:
            self._linear("lm_head", "token_embd.weight", hidden, c.hidden, c.vocabulary, output="logits")

    # One decoder layer.

    def _layer(self, layer: int, hidden: str, skip: str | None) -> tuple[str, str]:
        """Takes the residual stream as (`hidden`, not yet added `skip`), and gives it back so."""
        g, c = self._graph, self._config
        stored, path = f"blk.{layer}", f"/model/layers.{layer}"
        q_width, kv_width = c.heads * c.head_size, c.kv_heads * c.head_size
        x, hidden = self._norm(f"{path}/input_layernorm", f"{stored}.attn_norm.weight", hidden, skip)
        q = self._linear(f"{path}/attn/q_proj", f"{stored}.attn_q.weight", x, c.hidden, q_width, heads=c.heads)
        k = self._linear(f"{path}/attn/k_proj", f"{stored}.attn_k.weight", x, c.hidden, kv_width, heads=c.kv_heads)
        v = self._linear(f"{path}/attn/v_proj", f"{stored}.attn_v.weight", x, c.hidden, kv_width)
        attention = f"{path}/attn/GroupQueryAttention"
        a = g.node(
            "GroupQueryAttention",
            [
                q,
                k,
                v,
                f"past_key_values.{layer}.key",
                f"past_key_values.{layer}.value",
                self._seqlens,
                self._total,
                self._cos,
                self._sin,
            ],
            attention,
            outputs=[f"{attention}/output_0", f"present.{layer}.key", f"present.{layer}.value"],
            domain=MICROSOFT,
            num_heads=c.heads,
            kv_num_heads=c.kv_heads,
            scale=float(np.float32(c.head_size**-0.5)),
            do_rotary=1,
            rotary_interleaved=0,
        )
        o = self._linear(f"{path}/attn/o_proj", f"{stored}.attn_output.weight", a, q_width, c.hidden)
        y, hidden = self._norm(f"{path}/post_attention_layernorm", f"{stored}.ffn_norm.weight", hidden, o)
        gate = self._linear(f"{path}/mlp/gate_proj", f"{stored}.ffn_gate.weight", y, c.hidden, c.feed_forward)
        up = self._linear(f"{path}/mlp/up_proj", f"{stored}.ffn_up.weight", y, c.hidden, c.feed_forward)
        sigmoid = g.node("Sigmoid", [gate], f"{path}/mlp/act_fn/Sigmoid")
        silu = g.node("Mul", [gate, sigmoid], f"{path}/mlp/act_fn/Mul")
        product = g.node("Mul", [silu, up], f"{path}/mlp/Mul")
        down = self._linear(f"{path}/mlp/down_proj", f"{stored}.ffn_down.weight", product, c.feed_forward, c.hidden)
        return hidden, down

    def _norm(self, path: str, stored: str, hidden: str, skip: str | None) -> tuple[str, str]:
        """RMS norm of hidden (+ skip); gives (normalized, the sum)."""
        g, c = self._graph, self._config
        weight = g.initializer(f"{path[1:].replace('/', '.')}.weight", self._take(stored, c.hidden).as_f32())
        if skip is None:
            name = f"{path}/LayerNorm"
            return g.node(
                "SimplifiedLayerNormalization", [hidden, weight], name, axis=-1, epsilon=c.epsilon, stash_type=1
            ), hidden
        name = f"{path}/SkipLayerNorm"
        outputs = [f"{name}/output_0", "", "", f"{name}/output_3"]
        if stored == "output_norm.weight":
            outputs = outputs[:1]
        g.node(
            "SkipSimplifiedLayerNormalization",
            [hidden, skip, weight],
            name,
            outputs=outputs,
            domain=MICROSOFT,
            epsilon=c.epsilon,
        )
        return outputs[0], outputs[-1]

    # Projections.

    def _take(self, name: str, *shape: int) -> StoredTensor:
        tensor = self._checkpoint.take(name, shape)
        self._progress(name, tensor.data.nbytes)
        return tensor.as_float() if self._to_float or tensor.kind == Kind.BF16 else tensor

    def _linear(
        self, path: str, stored: str, x: str, k: int, n: int, *, heads: int = 0, output: str | None = None
    ) -> str:
        """y [B, S, n] = x [B, S, k] . W^T for the stored W [n, k]; `heads` > 0 undoes the rotary order of W's rows."""
        tensor = self._take(stored, n, k)
        data = tensor.data[quant.unpermute_rows(n, heads)] if heads else tensor.data
        if tensor.kind in lowbit.LOWBIT_KINDS:
            matrix = lowbit.repack(data, tensor.kind, stored)
            return self._lowbit(path, matrix, self._components(path, matrix), x, output)
        if tensor.kind not in quant.FLOAT_KINDS:
            return self._quantized(path, quant.repack(data, tensor.kind, stored), x, output)
        name = f"{path.lstrip('/').replace('/', '.')}.MatMul.weight"
        weight = self._graph.initializer(name, data.astype(np.float32).reshape(n, k).T)
        return self._graph.node("MatMul", [x, weight], f"{path}/MatMul", outputs=output and [output])

    def _components(self, path: str, matrix: lowbit.LowbitMatrix) -> list[str]:
        base = f"{path.lstrip('/').replace('/', '.')}.weight"
        parts = matrix.format.schema(matrix.rows, matrix.cols)
        return [self._graph.initializer(f"{base}.{part.name}", matrix.components[part.name]) for part in parts]

    def _lowbit(
        self, path: str, matrix: lowbit.LowbitMatrix, components: list[str], x: str, output: str | None
    ) -> str:
        """A product in the domain ai.lutra."""
        name = f"{path if path.startswith('/') else '/' + path}/MatMul"
        return self._graph.add(
            onnx_domain.matmul(
                name, x, output or f"{name}/output_0", matrix.format, components, matrix.rows, matrix.cols
            )
        )

    def _quantized(self, path: str, matrix: quant.NBitsMatrix, x: str, output: str | None) -> str:
        base = f"{path.lstrip('/').replace('/', '.')}.MatMulNBits"
        inputs = [
            self._graph.initializer(f"{base}.qweight", matrix.codes),
            self._graph.initializer(f"{base}.scales", matrix.scales),
        ]
        if matrix.zero_points is not None:
            inputs.append(self._graph.initializer(f"{base}.zero_points", matrix.zero_points))
        return self._matmul_nbits(path, x, inputs, matrix.cols, matrix.rows, matrix.bits, matrix.block, output)

    def _matmul_nbits(
        self, path: str, x: str, weights: list[str], k: int, n: int, bits: int, block: int, output: str | None
    ) -> str:
        name = f"{path if path.startswith('/') else '/' + path}/MatMulNBits"
        return self._graph.node(
            "MatMulNBits",
            [x, *weights],
            name,
            outputs=output and [output],
            domain=MICROSOFT,
            K=k,
            N=n,
            bits=bits,
            block_size=block,
            accuracy_level=0,
        )
