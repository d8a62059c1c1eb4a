"""Rotary embedding: tables of cos and sin, and the choice between two of them for long texts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto, helper

from lutra.convert.config import ModelConfig
from lutra.convert.graph import GraphBuilder
from lutra.errors import LutraError

#: Values cos and sin, f32 [positions, rotary size / 2].
Tables = tuple[str, str]


def rope_caches(
    size: int, context: int, theta: float, factors: np.ndarray | None, scale: float = 1.0, magnitude: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """cos and sin f32 [context, size / 2] of position * scale * theta^(-2i/size) / factors[i], times `magnitude`; computed in
    f64."""
    inverse = theta ** (-np.arange(0, size, 2, dtype=np.float64) / size) * scale
    if factors is not None:
        inverse /= factors.astype(np.float64)
    angles = np.arange(context, dtype=np.float64)[:, None] * inverse
    return (np.cos(angles) * magnitude).astype(np.float32), (np.sin(angles) * magnitude).astype(np.float32)


def add_tables(
    graph: GraphBuilder, config: ModelConfig, take: Callable[[str], np.ndarray | None], total: str
) -> tuple[Tables, Tables]:
    """The tables of global and of local layers. `take` gives a tensor of frequency factors, or None; `total` is the length of
    the text, i32."""
    c = config
    if c.long_rope is not None:
        tables = _long(graph, c, take("rope_factors_short.weight"), take("rope_factors_long.weight"), total)
    else:
        # rope_freqs: Llama 3's scaled frequencies.
        found = rope_caches(c.rotated, c.context, c.rope_theta, take("rope_freqs.weight"), c.rope_scale)
        tables = _add(graph, "", found)
    if not any(c.local_layers) or not c.local_theta:
        return tables, tables
    return tables, _add(graph, "_local", rope_caches(c.rotated, c.context, c.local_theta, None))


def _add(graph: GraphBuilder, suffix: str, tables: tuple[np.ndarray, np.ndarray]) -> Tables:
    cos, sin = tables
    return graph.initializer(f"cos_cache{suffix}", cos), graph.initializer(f"sin_cache{suffix}", sin)


def _long(graph: GraphBuilder, c: ModelConfig, short: np.ndarray | None, long: np.ndarray | None, total: str) -> Tables:
    """Frequencies for short and for long texts; both tables only where a text can be long."""
    assert c.long_rope is not None
    if (short is None) != (long is None):
        raise LutraError(
            "the model has only one of rope_factors_short.weight and rope_factors_long.weight: expected both"
        )

    def tables(positions: int, factors: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        magnitude = c.long_rope.magnitude if c.long_rope else 1.0
        return rope_caches(c.rotated, positions, c.rope_theta, factors, c.rope_scale, magnitude)

    original = c.long_rope.original
    if short is None or c.context <= original:
        return _add(graph, "", tables(c.context, short))
    names = _add(graph, "_short", tables(original, short)), _add(graph, "_long", tables(c.context, long))
    limit = graph.initializer("model.constants.rope_original_length", np.array(original, np.int32))
    is_long = graph.node("Greater", [total, limit], "/model/rotary_emb/Greater")
    branches = [
        helper.make_graph(
            [
                helper.make_node("Identity", [table], [f"{table}/chosen"], name=f"/model/rotary_emb/{table}/Identity")
                for table in chosen
            ],
            f"rotary_{kind}",
            [],
            [
                helper.make_tensor_value_info(f"{table}/chosen", TensorProto.FLOAT, [rows, c.rotated // 2])
                for table in chosen
            ],
        )
        for kind, chosen, rows in (("short", names[0], original), ("long", names[1], c.context))
    ]
    outputs = ["cos_cache", "sin_cache"]
    graph.node(
        "If", [is_long], "/model/rotary_emb/If", outputs=outputs, then_branch=branches[1], else_branch=branches[0]
    )
    return outputs[0], outputs[1]
