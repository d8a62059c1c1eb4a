"""Kinds of stored tensors: ggml's, and those of its forks."""

from __future__ import annotations

import enum
from typing import TypeAlias

from gguf import GGMLQuantizationType


class ForkKind(enum.IntEnum):
    """Tensor kinds that forks of ggml number, and the gguf package does not know."""

    I2_S = 36
    """bitnet.cpp's ternary weights: n / 4 bytes of codes for the whole tensor, then one f32 scale in 32 bytes."""


TensorKind: TypeAlias = GGMLQuantizationType | ForkKind
