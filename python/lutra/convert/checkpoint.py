"""Reads a GGUF file of the llama architecture: hyperparameters checked, every tensor accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize

from lutra.errors import LutraError

#: Metadata that changes the model's arithmetic, with the values that mean "absent".
_UNSUPPORTED = {
    "llama.expert_count": (0,),
    "llama.attention.scale": (),
    "llama.attention.sliding_window": (0,),
    "llama.attention.max_alibi_bias": (0.0,),
    "llama.attention.clamp_kqv": (0.0,),
    "llama.residual_scale": (1.0,),
    "llama.embedding_scale": (1.0,),
    "llama.logit_scale": (1.0,),
    "llama.rope.scaling.type": ("none",),
    "llama.rope.scaling.factor": (1.0,),
    "llama.rope.scale_linear": (1.0,),
}


@dataclass(frozen=True, slots=True)
class LlamaConfig:
    """Hyperparameters of a llama model."""

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


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor as stored: `shape` outermost first; `data` is uint8 [N, bytes per row] for quantized kinds, else the
    numbers themselves. The data is a view of the mapped file."""

    name: str
    kind: GGMLQuantizationType
    shape: tuple[int, ...]
    data: np.ndarray

    def as_f32(self) -> np.ndarray:
        """The values of an F32 or F16 tensor as f32 (exact)."""
        return np.ascontiguousarray(self.data, dtype=np.float32).reshape(self.shape)

    def as_float(self) -> StoredTensor:
        """The tensor with its values in f32, whatever its kind."""
        if self.kind in (GGMLQuantizationType.F32, GGMLQuantizationType.F16):
            return self
        # (BF16 is stored in bytes like the quantized kinds.)
        values = dequantize(self.data, self.kind).reshape(self.shape)
        return StoredTensor(self.name, GGMLQuantizationType.F32, self.shape, values)


class Checkpoint:
    """An open GGUF file. Raises LutraError when it is not a llama model that can be converted exactly."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise LutraError(f"'{path}' is not a file: expected a GGUF model")
        try:
            self._reader = GGUFReader(path)
        except (ValueError, IndexError, KeyError, OSError) as error:
            raise LutraError(f"'{path}' cannot be read as GGUF: {error or 'the file is truncated'}") from error
        self.path = path
        self._tensors = {t.name: t for t in self._reader.tensors}
        self._used: set[str] = set()
        self.config = self._read_config()

    def metadata(self, key: str, default: Any = None) -> Any:
        """The value stored under `key`, or `default`."""
        field = self._reader.fields.get(key)
        return default if field is None else field.contents()

    def _required(self, key: str) -> Any:
        value = self.metadata(key)
        if value is None:
            raise LutraError(f"'{self.path}' lacks the metadata '{key}': it is not a complete llama model")
        return value

    def _read_config(self) -> LlamaConfig:
        architecture = self.metadata("general.architecture")
        if architecture != "llama":
            raise LutraError(f"'{self.path}' has architecture '{architecture}'; expected 'llama'")
        for key, neutral in _UNSUPPORTED.items():
            value = self.metadata(key)
            if value is not None and value not in neutral:
                raise LutraError(f"'{self.path}' sets {key} = {value}, which the converter does not support")
        hidden, heads = int(self._required("llama.embedding_length")), self._required("llama.attention.head_count")
        kv_heads = self.metadata("llama.attention.head_count_kv", heads)
        if not isinstance(heads, int) or not isinstance(kv_heads, int):
            raise LutraError(
                f"'{self.path}' has a head count of its own for each layer, which the converter does not support"
            )
        head_size = int(self.metadata("llama.attention.key_length", hidden // heads))
        for key in ("llama.rope.dimension_count", "llama.attention.value_length"):
            if (found := self.metadata(key, head_size)) != head_size:
                raise LutraError(f"'{self.path}' has {key} = {found}; expected the head size {head_size}")
        return LlamaConfig(
            name=str(self.metadata("general.name", self.path.stem)),
            layers=int(self._required("llama.block_count")),
            hidden=hidden,
            feed_forward=int(self._required("llama.feed_forward_length")),
            heads=heads,
            kv_heads=kv_heads,
            head_size=head_size,
            vocabulary=self._shape_of("token_embd.weight")[0],
            context=int(self._required("llama.context_length")),
            epsilon=float(self._required("llama.attention.layer_norm_rms_epsilon")),
            rope_theta=float(self.metadata("llama.rope.freq_base", 10000.0)),
        )

    def _shape_of(self, name: str) -> tuple[int, ...]:
        if name not in self._tensors:
            raise LutraError(f"'{self.path}' lacks the tensor '{name}'")
        return tuple(int(dim) for dim in reversed(self._tensors[name].shape))

    def has(self, name: str) -> bool:
        return name in self._tensors

    def take(self, name: str, shape: tuple[int, ...]) -> StoredTensor:
        """The tensor `name`, which must have `shape`; it counts as used from now on."""
        found = self._shape_of(name)
        if found != shape:
            raise LutraError(f"tensor '{name}' has shape {list(found)}; expected {list(shape)}")
        self._used.add(name)
        tensor = self._tensors[name]
        return StoredTensor(name, tensor.tensor_type, shape, tensor.data)

    def check_kinds(self, kinds: Iterable[GGMLQuantizationType], described: str) -> None:
        """Refuses the file, naming every tensor whose kind is not one of `kinds`, before any work is done."""
        bad: dict[str, list[str]] = {}
        for tensor in self._tensors.values():
            if tensor.tensor_type not in kinds:
                bad.setdefault(tensor.tensor_type.name, []).append(tensor.name)
        if bad:
            found = "; ".join(
                f"{kind}: {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
                for kind, names in sorted(bad.items())
            )
            raise LutraError(f"'{self.path}' has tensors of unsupported types ({found}); expected {described}")

    def unused(self) -> Iterator[str]:
        """Tensors that nobody took: a part of the model that the converter does not know."""
        return (name for name in self._tensors if name not in self._used)
