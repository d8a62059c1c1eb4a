"""Quantized activations: what the attribute `activation` of `ai.lutra.MatMul` makes of A (docs/spec/numerics.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lutra.errors import LutraError
from lutra.formats import layout

_SPELLING = re.compile(r"(int|bipolar)([0-9])_per_(token|group)")


@dataclass(frozen=True, slots=True)
class Activation:
    """Integers of `bits` bits with a scale per row ("token") or per row and group of the weight.

    kind absmax: BitNet's A8 for 2 to 8 bits; bipolar: odd integers of 1 to 7 planes. Raises LutraError for other bits.
    """

    kind: Literal["absmax", "bipolar"]
    bits: int
    per: Literal["token", "group"]

    def __post_init__(self) -> None:
        low = 2 if self.kind == "absmax" else 1
        layout.check_range(f"the bits of {self.kind} activations", self.bits, low, low + 6)

    @property
    def spelling(self) -> str:
        """The value of the attribute."""
        return f"{'int' if self.kind == 'absmax' else 'bipolar'}{self.bits}_per_{self.per}"

    def quantize(self, activations: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes int8 [M, K] and scales f32 [M, 1] or [M, G] of activations f32 [M, K], rounded as numerics.md says.

        A row or group with a number that is not finite has the scale NaN and codes 0.
        """
        rows, cols = activations.shape
        group = cols if self.per == "token" else group
        largest = np.float32((1 << (self.bits if self.kind == "bipolar" else self.bits - 1)) - 1)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            magnitudes = layout.reduce_shared(np.maximum, np.abs(activations), group, "group")
            factors = largest / np.maximum(magnitudes, np.float32(1e-5))
            scaled = activations * layout.spread(factors, rows, cols, group)
            scales = np.where(np.isfinite(magnitudes), np.float32(1) / factors, np.float32(np.nan))
        scaled = np.where(layout.spread(np.isfinite(magnitudes), rows, cols, group), scaled, np.float32(0))
        if self.kind == "absmax":
            codes = np.clip(np.rint(scaled), -largest - 1, largest)
        else:
            codes = 2 * np.clip(np.floor(scaled * np.float32(0.5)), -(largest + 1) / 2, (largest - 1) / 2) + 1
            codes = np.where(layout.spread(np.isfinite(magnitudes), rows, cols, group), codes, 0)
        return codes.astype(np.int8), scales.astype(np.float32)

    def dequantize(self, codes: np.ndarray, scales: np.ndarray, group: int) -> np.ndarray:
        """What codes int8 [M, K] stand for: f64 [M, K]."""
        rows, cols = codes.shape
        group = cols if self.per == "token" else group
        found: np.ndarray = codes * layout.spread(scales.astype(np.float64), rows, cols, group)
        return found


def parse_activation(text: str) -> Activation | None:
    """The activation that `text` spells; None for "none". Raises LutraError for another text."""
    if text == "none":
        return None
    found = _SPELLING.fullmatch(text)
    if not found:
        raise LutraError(
            f"activation '{text}' is not known: expected none, int<b>_per_token or int<b>_per_group with b = 2 to 8, or "
            "bipolar<b>_per_token or bipolar<b>_per_group with b = 1 to 7"
        )
    kind: Literal["absmax", "bipolar"] = "absmax" if found.group(1) == "int" else "bipolar"
    per: Literal["token", "group"] = "token" if found.group(3) == "token" else "group"
    return Activation(kind, int(found.group(2)), per)
