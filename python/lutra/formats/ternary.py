"""Ternary weights: w = s t with t in {-1, 0, 1}, in three storages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from lutra.errors import LutraError
from lutra.formats import layout
from lutra.formats.base import SCALES, UINT8, Component, Components, Format, default, spell

Storage = Literal["two_bit", "three_in_five", "five_in_eight"]


@dataclass(frozen=True, slots=True)
class Ternary(Format):
    """Signs or zero times a scale (BitNet b1.58: per = tensor). Raises LutraError for parameters out of range."""

    group: int
    storage: Storage = "two_bit"
    per: layout.Granularity = "group"
    scale: layout.ScaleType = "f32"

    def __post_init__(self) -> None:
        layout.check_range("group", self.group, 1, layout.MAX_GROUP)
        layout.check_granularity(self.per)
        layout.check_scale_type(self.scale)
        if self.storage not in get_args(Storage):
            raise LutraError(f"storage must be one of {', '.join(get_args(Storage))}, but is '{self.storage}'")

    @property
    def spelling(self) -> str:
        return spell(
            "ternary", group=self.group, storage=default(self.storage, "two_bit"), per=default(self.per, "group")
        )

    @property
    def group_bytes(self) -> int:
        """Bytes of a group's codes."""
        if self.storage == "two_bit":
            return -(-self.group // 4)
        if self.storage == "five_in_eight":
            return -(-self.group // 5)
        triples = -(-self.group // 3)
        return -(-triples // 2) + -(-triples // 8)

    def schema(self, rows: int, cols: int) -> tuple[Component, ...]:
        groups = layout.count_groups(cols, self.group)
        return (
            Component("codes", (rows, groups, self.group_bytes), UINT8),
            Component("scales", layout.shared_shape(rows, cols, self.group, self.per), SCALES),
        )

    def pack(self, signs: np.ndarray) -> np.ndarray:
        """t int8 [N, K] as bytes [N, G, group_bytes]."""
        if self.storage == "two_bit":
            return layout.pack_codes(signs + 1, 2, self.group)
        if self.storage == "five_in_eight":
            digits = _split(layout.to_groups((signs + 1).astype(np.int16), self.group), 5)
            return (digits @ 3 ** np.arange(5)).astype(np.uint8)
        triples = _split(layout.to_groups(signs.astype(np.int16), self.group), 3) @ 3 ** np.arange(3)
        magnitudes = np.abs(triples).astype(np.uint8)
        if magnitudes.shape[-1] % 2:
            magnitudes = np.concatenate([magnitudes, np.zeros_like(magnitudes[..., :1])], axis=-1)
        negative = np.packbits(triples < 0, axis=-1, bitorder="little")
        return np.concatenate([magnitudes[..., 0::2] | magnitudes[..., 1::2] << 4, negative], axis=-1)

    def unpack(self, packed: np.ndarray, cols: int) -> np.ndarray:
        """t int8 [N, cols] from bytes [N, G, group_bytes]. Raises LutraError for a code that stands for nothing."""
        rows, groups, _ = packed.shape
        if self.storage == "two_bit":
            # 2 stands for no sign: the invalid code 3 gives it.
            signs = layout.unpack_codes(packed, 2, self.group, groups * self.group).astype(np.int8) - 1
        elif self.storage == "five_in_eight":
            digits = packed[..., None] // (3 ** np.arange(5)).astype(np.uint8) % 3
            signs = np.where(packed[..., None] > 242, 2, digits.astype(np.int8) - 1)
        else:
            triples = -(-self.group // 3)
            nibbles = packed[..., : -(-triples // 2)]
            magnitudes = np.stack([nibbles & 15, nibbles >> 4], axis=-1).reshape(rows, groups, -1)[..., :triples]
            negative = np.unpackbits(packed[..., nibbles.shape[-1] :], axis=-1, bitorder="little")[..., :triples]
            values = np.where(negative == 1, -1, 1) * magnitudes.astype(np.int16)
            digits = (values[..., None] + 13) // 3 ** np.arange(3) % 3
            signs = np.where(magnitudes[..., None] > 13, 2, digits.astype(np.int8) - 1)
        signs = signs.reshape(rows, groups, -1)[..., : self.group].reshape(rows, -1)[:, :cols].astype(np.int8)
        bad = np.argwhere(signs == 2)
        if len(bad):
            row, col = bad[0]
            raise LutraError(f"the ternary code of element [{row}, {col}] ({self.storage}) stands for no value")
        return signs

    def dequantize(self, components: Mapping[str, np.ndarray], rows: int, cols: int) -> np.ndarray:
        self.check(components, rows, cols)
        scales = layout.spread(components["scales"].astype(np.float64), rows, cols, self.group)
        found: np.ndarray = scales * self.unpack(components["codes"], cols)
        return found

    def quantize(self, weights: np.ndarray) -> Components:
        """BitNet b1.58: the scale is the mean magnitude of the weights that share it."""
        weights = weights.astype(np.float64)
        rows, cols = weights.shape
        sums = layout.reduce_shared(np.add, np.abs(weights), self.group, self.per)
        counts = layout.reduce_shared(np.add, np.ones_like(weights), self.group, self.per)
        scales = layout.to_scale(np.maximum(sums / counts, 1e-5), self.scale)
        signs = np.clip(np.rint(layout.divide(weights, layout.spread(scales, rows, cols, self.group))), -1, 1)
        return {"codes": self.pack(signs.astype(np.int8)), "scales": scales}


def _split(grouped: np.ndarray, count: int) -> np.ndarray:
    """[N, G, group] as [N, G, ceil(group / count), count], with zeros behind."""
    rows, groups, group = grouped.shape
    runs = -(-group // count)
    padded = np.zeros((rows, groups, runs * count), grouped.dtype)
    padded[..., :group] = grouped
    return padded.reshape(rows, groups, runs, count)
