"""The graph of a decoder, shaped as onnxruntime-genai's model builder shapes it.

Inputs: input_ids i64 [B, S], attention_mask i64 [B, T] (T = past + S), past_key_values.{i}.key|value f32
[B, kv heads, past, head size]. Outputs: logits f32 [B, S, vocabulary], present.{i}.key|value.
With selected logits there is one more input, logits_positions i64 [L]: the positions among the S new tokens whose
logits [B, L, vocabulary] are computed.
"""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto

from lutra import onnx_domain
from lutra.convert import lowbit, quant, rope
from lutra.convert.checkpoint import Checkpoint
from lutra.convert.graph import MICROSOFT, GraphBuilder
from lutra.convert.projections import Progress, Projections
from lutra.errors import LutraError


class DecoderGraph(Projections):
    """Adds a whole model from `checkpoint` to `graph`."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        graph: GraphBuilder,
        progress: Progress,
        select_logits: bool = False,
        to_float: bool = False,
    ) -> None:
        super().__init__(checkpoint, graph, progress, to_float)
        self._select_logits = select_logits

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
        self._rope, self._local_rope = rope.add_tables(g, c, self._factors, self._total)
        hidden = self._embedding(ids)
        if c.architecture.scaled_embedding:
            factor = g.initializer("model.embed_tokens.scale", np.array(math.sqrt(c.hidden), np.float32))
            hidden = g.node("Mul", [hidden, factor], "/model/embed_tokens/Mul")
        skip: str | None = None
        for layer in range(c.layers):
            hidden, skip = self._layer(layer, hidden, skip)
        last, _ = self._norm("/model/norm", "output_norm.weight", hidden, skip)
        if self._select_logits:
            last = g.node("Gather", [last, "logits_positions"], "/model/select_logits/Gather", axis=1)
        self._lm_head(last)
        if left := list(self._checkpoint.unused()):
            raise LutraError(
                f"'{self._checkpoint.path}' has tensors that a plain {c.architecture.name} model does not have: "
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

    def _factors(self, name: str) -> np.ndarray | None:
        """What divides the rotary frequencies, if the file has it."""
        if not self._checkpoint.has(name):
            return None
        return self._take(name, self._config.rotated // 2).as_f32()

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
        c = self._config
        stored, path = f"blk.{layer}", f"/model/layers.{layer}"
        x, hidden = self._norm(f"{path}/input_layernorm", f"{stored}.attn_norm.weight", hidden, skip)
        o = self._attention(layer, x)
        if c.architecture.post_norms:
            o, _ = self._norm(f"{path}/post_attention_layernorm", f"{stored}.post_attention_norm.weight", o)
        before = "pre_feedforward_layernorm" if c.architecture.post_norms else "post_attention_layernorm"
        y, hidden = self._norm(f"{path}/{before}", f"{stored}.ffn_norm.weight", hidden, o)
        down = self._feed_forward(layer, y)
        if c.architecture.post_norms:
            down, _ = self._norm(f"{path}/post_feedforward_layernorm", f"{stored}.post_ffw_norm.weight", down)
        return hidden, down

    def _attention(self, layer: int, x: str) -> str:
        g, c = self._graph, self._config
        stored, path = f"blk.{layer}", f"/model/layers.{layer}/attn"
        q_width = c.heads * c.head_size
        local = c.is_local(layer)
        name = f"{path}/GroupQueryAttention"
        scale = c.attention_scale or c.head_size**-0.5
        a = g.node(
            "GroupQueryAttention",
            [
                *self._queries_keys_values(layer, x),
                f"past_key_values.{layer}.key",
                f"past_key_values.{layer}.value",
                self._seqlens,
                self._total,
                *(self._local_rope if local else self._rope),
            ],
            name,
            outputs=[f"{name}/output_0", f"present.{layer}.key", f"present.{layer}.value"],
            domain=MICROSOFT,
            num_heads=c.heads,
            kv_num_heads=c.kv_heads,
            scale=float(np.float32(scale)),
            do_rotary=1,
            rotary_interleaved=0,
            **({"local_window_size": c.window} if local else {}),
        )
        if c.architecture.sub_norms:
            a, _ = self._norm(f"{path}/sub_layernorm", f"{stored}.attn_sub_norm.weight", a, width=q_width)
        return self._linear(f"{path}/o_proj", f"{stored}.attn_output.weight", a, q_width, c.hidden)

    def _queries_keys_values(self, layer: int, x: str) -> tuple[str, str, str]:
        """Q, K and V as GroupQueryAttention takes them; all in the first, if the file has them in one matrix."""
        c, stored, path = self._config, f"blk.{layer}", f"/model/layers.{layer}/attn"
        q_width, kv_width = c.heads * c.head_size, c.kv_heads * c.head_size
        if c.architecture.fused and self._checkpoint.has(f"{stored}.attn_qkv.weight"):
            packed = f"{stored}.attn_qkv.weight"
            return self._linear(f"{path}/qkv_proj", packed, x, c.hidden, q_width + 2 * kv_width), "", ""
        found = []
        for part, width, heads in (("q", q_width, c.heads), ("k", kv_width, c.kv_heads), ("v", kv_width, 0)):
            interleaved = heads if c.architecture.interleaved else 0
            weight = f"{stored}.attn_{part}.weight"
            y = self._linear(f"{path}/{part}_proj", weight, x, c.hidden, width, heads=interleaved)
            if c.architecture.qk_norm and part != "v":
                y = self._head_norm(f"{path}/{part}_norm", f"{stored}.attn_{part}_norm.weight", y, heads)
            found.append(y)
        return found[0], found[1], found[2]

    def _head_norm(self, path: str, stored: str, x: str, heads: int) -> str:
        """RMS norm of each head of x [B, S, heads * head size]."""
        g, size = self._graph, self._config.head_size
        split = g.initializer(f"model.constants.split_{heads}_heads", np.array([0, 0, heads, size], np.int64))
        join = g.initializer(f"model.constants.join_{heads}_heads", np.array([0, 0, heads * size], np.int64))
        y, _ = self._norm(path, stored, g.node("Reshape", [x, split], f"{path}/Reshape_1"), width=size)
        return g.node("Reshape", [y, join], f"{path}/Reshape_2")

    def _feed_forward(self, layer: int, x: str) -> str:
        g, c = self._graph, self._config
        stored, path = f"blk.{layer}", f"/model/layers.{layer}/mlp"
        if c.architecture.fused:
            # One matrix: the rows of the gate, then those of the other factor.
            both, x, activation = self._operands(f"{stored}.ffn_up.weight", x, 2 * c.feed_forward, c.hidden)
            halves = slice(0, c.feed_forward), slice(c.feed_forward, None)
            gate, up = (
                self._rows(f"{path}/{name}_proj", both, x, c.hidden, rows, activation=activation)
                for name, rows in zip(("gate", "up"), halves)
            )
        else:
            gate = self._linear(f"{path}/gate_proj", f"{stored}.ffn_gate.weight", x, c.hidden, c.feed_forward)
            up = self._linear(f"{path}/up_proj", f"{stored}.ffn_up.weight", x, c.hidden, c.feed_forward)
        product = g.node("Mul", [self._activated(f"{path}/act_fn", gate), up], f"{path}/Mul")
        if c.architecture.sub_norms:
            name = f"{stored}.ffn_sub_norm.weight"
            product, _ = self._norm(f"{path}/sub_layernorm", name, product, width=c.feed_forward)
        return self._linear(f"{path}/down_proj", f"{stored}.ffn_down.weight", product, c.feed_forward, c.hidden)

    def _activated(self, path: str, gate: str) -> str:
        g = self._graph
        if self._config.activation == "gelu_tanh":
            return g.node("Gelu", [gate], f"{path}/Gelu", approximate="tanh")
        if self._config.activation == "relu2":
            positive = g.node("Relu", [gate], f"{path}/Relu")
            return g.node("Mul", [positive, positive], f"{path}/Mul")
        return g.node("Mul", [gate, g.node("Sigmoid", [gate], f"{path}/Sigmoid")], f"{path}/Mul")

    def _norm(self, path: str, stored: str, hidden: str, skip: str | None = None, *, width: int = 0) -> tuple[str, str]:
        """RMS norm of hidden (+ skip) over its last dimension (`width`, by default the hidden size); gives (normalized, the
        sum)."""
        g, c = self._graph, self._config
        values = self._take(stored, width or c.hidden).as_f32()
        weight = g.initializer(f"{path[1:].replace('/', '.')}.weight", values)
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
