"""Hyperparameters of the architectures that the converter knows, read from a GGUF file's metadata.

What changes the arithmetic and is not known here is refused by name, never dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from lutra.errors import LutraError

#: The gate of a feed-forward block: x sigmoid(x), gelu by its tanh formula, or max(x, 0)^2.
Activation = Literal["silu", "gelu_tanh", "relu2"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a value of `general.architecture` says of the graph.

    interleaved: rows of Q and K are stored for interleaved rotary embedding. qk_norm: each head of Q and K has an RMS norm.
    post_norms: attention and feed-forward block end in a norm. sub_norms: a norm before each one's last projection.
    fused: Q, K and V may be one matrix, gate and up are one. scaled_embedding: rows times sqrt(hidden). window_period: of
    so many layers all but the last attend to a window (1: every layer does); 0: the architecture has no windows.
    """

    name: str
    activation: Activation = "silu"
    interleaved: bool = False
    qkv_bias: bool = False
    qk_norm: bool = False
    post_norms: bool = False
    sub_norms: bool = False
    fused: bool = False
    scaled_embedding: bool = False
    window_period: int = 0

    @property
    def quantizes_activations(self) -> bool:
        """Whether products with ternary weights take 8-bit activations, as the model was trained to (BitNet b1.58)."""
        return self.sub_norms


LLAMA = Architecture("llama", interleaved=True)

ARCHITECTURES = {
    found.name: found
    for found in (
        LLAMA,
        Architecture("qwen2", qkv_bias=True),
        Architecture("qwen3", qk_norm=True),
        Architecture(
            "gemma3", activation="gelu_tanh", qk_norm=True, post_norms=True, scaled_embedding=True, window_period=6
        ),
        Architecture("phi3", fused=True, window_period=1),
        Architecture("bitnet", sub_norms=True),
        # bitnet.cpp's names of BitNet b1.58 2B4T.
        Architecture("bitnet-b1.58", activation="relu2", sub_norms=True),
        Architecture("bitnet-25", activation="relu2", sub_norms=True),
    )
}

#: Metadata that changes the model's arithmetic, with the values that mean "absent".
_UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "expert_count": (0,),
    "attention.scale": (),
    "attention.max_alibi_bias": (0.0,),
    "attention.clamp_kqv": (0.0,),
    "attention.causal": (True,),
    "attn_logit_softcapping": (0.0,),
    "final_logit_softcapping": (0.0,),
    "residual_scale": (1.0,),
    "embedding_scale": (1.0,),
    "logit_scale": (1.0,),
    "use_parallel_residual": (False,),
    "rope.scaling.yarn_ext_factor": (0.0,),
}
#: Layers of Gemma 3 27B, which scales attention by its hidden size; no key says so (llama.cpp goes by this number too).
_GEMMA3_27B_LAYERS = 62


@dataclass(frozen=True, slots=True)
class LongRope:
    """Rotary frequencies that change when a text grows longer than `original` tokens: the tensors rope_factors_short and
    rope_factors_long divide them. cos and sin are multiplied by `magnitude`."""

    original: int
    magnitude: float


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Hyperparameters of a decoder. Rotary angles are position * rope_scale * theta^(-2i/rotary_size)."""

    name: str
    layers: int
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context: int
    epsilon: float
    rope_theta: float
    architecture: Architecture = LLAMA
    activation: Activation = "silu"
    rotary_size: int = 0
    """The first so many numbers of a head are rotated; 0 for all."""
    rope_scale: float = 1.0
    long_rope: LongRope | None = None
    attention_scale: float = 0.0
    """0 for 1 / sqrt(head_size)."""
    window: int = 0
    """Keys that a local layer attends to, the token's own among them; 0 without local layers."""
    local_layers: tuple[bool, ...] = ()
    local_theta: float = 0.0
    """The theta of local layers, whose positions are not scaled; 0 for that of the others."""

    @property
    def rotated(self) -> int:
        return self.rotary_size or self.head_size

    def is_local(self, layer: int) -> bool:
        """Whether a layer attends to the last `window` keys only."""
        return bool(self.local_layers) and self.local_layers[layer]


class Metadata(Protocol):
    """What reading the hyperparameters needs of a file."""

    path: Path

    def metadata(self, key: str, default: Any = None) -> Any:
        """The value stored under `key`, or `default`."""

    def shape_of(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, outermost dimension first. Raises LutraError when it is missing."""


class _Reader:
    """The metadata of one architecture."""

    def __init__(self, source: Metadata, architecture: Architecture) -> None:
        self._source = source
        self._prefix = architecture.name

    def get(self, key: str, default: Any = None) -> Any:
        return self._source.metadata(f"{self._prefix}.{key}", default)

    def need(self, key: str) -> Any:
        value = self.get(key)
        if value is None:
            raise LutraError(
                f"'{self._source.path}' lacks the metadata '{self._prefix}.{key}': it is not a complete "
                f"{self._prefix} model"
            )
        return value

    def refuse(self, key: str, value: Any) -> LutraError:
        return LutraError(
            f"'{self._source.path}' sets {self._prefix}.{key} = {value}, which the converter does not support"
        )


def read_config(source: Metadata) -> ModelConfig:
    """The hyperparameters of `source`. Raises LutraError for another architecture and for what is not supported."""
    found = source.metadata("general.architecture")
    architecture = ARCHITECTURES.get(found)
    if architecture is None:
        raise LutraError(f"'{source.path}' has architecture '{found}'; expected one of {', '.join(ARCHITECTURES)}")
    reader = _Reader(source, architecture)
    for key, neutral in _UNSUPPORTED.items():
        value = reader.get(key)
        if value is not None and value not in neutral:
            raise reader.refuse(key, value)
    hidden, layers, heads = int(reader.need("embedding_length")), int(reader.need("block_count")), _heads(reader)
    head_size = int(reader.get("attention.key_length", hidden // heads[0]))
    if (found := reader.get("attention.value_length", head_size)) != head_size:
        raise reader.refuse("attention.value_length", f"{found} (the head size is {head_size})")
    rotary = int(reader.get("rope.dimension_count", head_size))
    if rotary > head_size or rotary % 2 or (architecture.interleaved and rotary != head_size):
        raise reader.refuse("rope.dimension_count", f"{rotary} (the head size is {head_size})")
    context = int(reader.need("context_length"))
    scale, long_rope = _rope_scaling(reader, architecture, context)
    window, local = _windows(reader, architecture, layers, context)
    gemma_27b = architecture.name == "gemma3" and layers == _GEMMA3_27B_LAYERS
    return ModelConfig(
        name=str(source.metadata("general.name", source.path.stem)),
        layers=layers,
        hidden=hidden,
        feed_forward=_one(reader, "feed_forward_length"),
        heads=heads[0],
        kv_heads=heads[1],
        head_size=head_size,
        vocabulary=source.shape_of("token_embd.weight")[0],
        context=context,
        epsilon=float(reader.need("attention.layer_norm_rms_epsilon")),
        rope_theta=float(reader.get("rope.freq_base", 10000.0)),
        architecture=architecture,
        activation=_activation(reader, architecture),
        rotary_size=rotary,
        rope_scale=scale,
        long_rope=long_rope,
        attention_scale=(hidden / heads[0]) ** -0.5 if gemma_27b else 0.0,
        window=window,
        local_layers=local,
        local_theta=float(reader.get("rope.freq_base_swa", 10000.0)) if architecture.name == "gemma3" else 0.0,
    )


def _one(reader: _Reader, key: str, default: int | None = None) -> int:
    """A number that is the same for all layers."""
    value = reader.need(key) if default is None else reader.get(key, default)
    if isinstance(value, list) and len(set(value)) == 1:
        value = value[0]
    if not isinstance(value, int):
        raise reader.refuse(key, "a number of its own for each layer")
    return value


def _heads(reader: _Reader) -> tuple[int, int]:
    heads = _one(reader, "attention.head_count")
    return heads, _one(reader, "attention.head_count_kv", heads)


def _activation(reader: _Reader, architecture: Architecture) -> Activation:
    """BitNet files may name the gate of their feed-forward blocks."""
    named = reader.get("hidden_activation")
    if named is None or not architecture.sub_norms:
        return architecture.activation
    known: dict[str, Activation] = {"silu": "silu", "relu2": "relu2", "relu_sqr": "relu2"}
    if named not in known:
        raise reader.refuse("hidden_activation", named)
    return known[named]


def _rope_scaling(reader: _Reader, architecture: Architecture, context: int) -> tuple[float, LongRope | None]:
    """The factor of positions, and what changes with the length of the text."""
    kind = reader.get("rope.scaling.type")
    factor = float(reader.get("rope.scaling.factor", 0.0) or reader.get("rope.scale_linear", 0.0) or 1.0)
    magnitude = float(reader.get("rope.scaling.attn_factor", 1.0))
    if kind not in (None, "none", "linear") and not (architecture.fused and kind == "longrope"):
        raise reader.refuse("rope.scaling.type", kind)
    if not math.isfinite(factor) or factor <= 0 or (kind in ("none", "longrope") and factor != 1.0):
        raise reader.refuse("rope.scaling.factor", factor)
    if architecture.fused:
        return 1.0 / factor, LongRope(int(reader.get("rope.scaling.original_context_length", context)), magnitude)
    if magnitude != 1.0:
        raise reader.refuse("rope.scaling.attn_factor", magnitude)
    return 1.0 / factor, None


def _windows(reader: _Reader, architecture: Architecture, layers: int, context: int) -> tuple[int, tuple[bool, ...]]:
    """The window of local layers, and which layers are local."""
    window = int(reader.get("attention.sliding_window") or 0)
    if window and not architecture.window_period:
        raise reader.refuse("attention.sliding_window", window)
    if architecture.window_period == 1 and window >= context:
        return 0, ()  # It never ends before the text does.
    pattern = reader.get("attention.sliding_window_pattern", architecture.window_period)
    if isinstance(pattern, list):
        if len(pattern) != layers:
            raise reader.refuse("attention.sliding_window_pattern", f"a list of {len(pattern)} for {layers} layers")
        return window, tuple(map(bool, pattern)) if window else ()
    period = int(pattern)
    return window, tuple(period == 1 or layer % period < period - 1 for layer in range(layers)) if window else ()
