"""GGUF kinds that MatMulNBits has no form for, as weights of the domain `ai.lutra` (docs/spec/onnx-domain.md).

    Q2_K, Q4_K, Q5_K  uniform, groups of 16 or 32, float zero points; Q5_1 so too   within 1 ulp of the block's largest weight
    Q3_K              uniform(bits=3, group=16), scale d sc                          exact
    Q5_0              uniform(bits=5, group=32)                                      exact
    TQ1_0, TQ2_0      ternary(group=256)                                             exact
    I2_S              ternary(group=K, per=tensor)                                   exact
    IQ4_NL, IQ4_XS    codebook(bits=4, group=32) with the kinds' table               exact
    MXFP4             codebook(bits=4, group=32, table=e2m1), E8M0 scales            exact

A matrix is stored as rows of blocks; `unpack(blocks uint8 [B, bytes])` gives codes [B, weights] in the order of K, scales
[B, weights / group] and minimums m (w = s q - m) or None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ml_dtypes
import numpy as np
from gguf import GGMLQuantizationType as Kind

from lutra.convert.kinds import ForkKind, TensorKind
from lutra.errors import LutraError
from lutra.formats import Codebook, Components, Format, Ternary, Uniform, layout

#: The table of IQ4_NL and IQ4_XS (ggml's kvalues_iq4nl).
_IQ4_NL = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float32)

_Unpacked = tuple[np.ndarray, np.ndarray, np.ndarray | None]


@dataclass(frozen=True, slots=True)
class LowbitMatrix:
    """A weight of the domain ai.lutra."""

    format: Format
    rows: int
    cols: int
    components: Components


@dataclass(frozen=True, slots=True)
class _Layout:
    format: Format
    weights: int
    bytes: int
    unpack: Callable[[np.ndarray], _Unpacked]


def _f16(column: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(column).view("<f2").astype(np.float32)


def _shifted(packed: np.ndarray, runs: int, shifts: range, mask: int) -> np.ndarray:
    """Bytes [B, n] in runs of `runs` bytes; each run gives its bits at every shift in turn: uint8 [B, n * len(shifts)]."""
    count = packed.shape[0]
    spread = packed.reshape(count, -1, 1, runs) >> np.array(shifts, np.uint8).reshape(1, 1, -1, 1)
    codes: np.ndarray = (spread & mask).reshape(count, -1)
    return codes


def _q2_k(blocks: np.ndarray) -> _Unpacked:
    """16 bytes (scale, minimum in nibbles), 64 bytes of codes, d, dmin."""
    scales, d, low = blocks[:, :16], _f16(blocks[:, 80:82]), _f16(blocks[:, 82:84])
    return _shifted(blocks[:, 16:80], 32, range(0, 8, 2), 3), d * (scales & 15), low * (scales >> 4)


def _q3_k(blocks: np.ndarray) -> _Unpacked:
    """32 bytes of high bits (0 means minus 4), 64 of low pairs, 12 of 6-bit scales less 32, d."""
    count = blocks.shape[0]
    low = (blocks[:, 96:104].reshape(count, 1, 8) >> np.array([0, 4], np.uint8).reshape(1, 2, 1)).reshape(
        count, 16
    ) & 15
    high = (blocks[:, 104:108].reshape(count, 1, 4) >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 4, 1)).reshape(
        count, 16
    )
    scales = (low | (high & 3) << 4).astype(np.int16) - 32
    codes = _shifted(blocks[:, 32:96], 32, range(0, 8, 2), 3) | _shifted(blocks[:, :32], 32, range(8), 1) << 2
    return codes, _f16(blocks[:, 108:110]) * scales, None


def _k_scales(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """12 bytes of Q4_K and Q5_K as scales and minimums uint8 [B, 8]."""
    first, second, third = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scales = np.concatenate([first & 63, (third & 15) | (first >> 2 & 48)], axis=-1)
    return scales, np.concatenate([second & 63, (third >> 4) | (second >> 2 & 48)], axis=-1)


def _q4_k(blocks: np.ndarray) -> _Unpacked:
    scales, lows = _k_scales(blocks[:, 4:16])
    return _shifted(blocks[:, 16:], 32, range(0, 8, 4), 15), _f16(blocks[:, :2]) * scales, _f16(blocks[:, 2:4]) * lows


def _q5_k(blocks: np.ndarray) -> _Unpacked:
    scales, lows = _k_scales(blocks[:, 4:16])
    codes = _shifted(blocks[:, 48:], 32, range(0, 8, 4), 15) | _shifted(blocks[:, 16:48], 32, range(8), 1) << 4
    return codes, _f16(blocks[:, :2]) * scales, _f16(blocks[:, 2:4]) * lows


def _fifth_bits(packed: np.ndarray) -> np.ndarray:
    return np.unpackbits(packed, axis=-1, bitorder="little") << 4


def _q5_0(blocks: np.ndarray) -> _Unpacked:
    return _shifted(blocks[:, 6:], 16, range(0, 8, 4), 15) | _fifth_bits(blocks[:, 2:6]), _f16(blocks[:, :2]), None


def _q5_1(blocks: np.ndarray) -> _Unpacked:
    codes = _shifted(blocks[:, 8:], 16, range(0, 8, 4), 15) | _fifth_bits(blocks[:, 4:8])
    return codes, _f16(blocks[:, :2]), -_f16(blocks[:, 2:4])


def _nibbles(blocks: np.ndarray) -> _Unpacked:
    """IQ4_NL: d, then 16 bytes of nibbles."""
    return _shifted(blocks[:, 2:], 16, range(0, 8, 4), 15), _f16(blocks[:, :2]), None


def _iq4_xs(blocks: np.ndarray) -> _Unpacked:
    """d, the high pairs of 8 scales of 6 bits less 32 in 2 bytes, their nibbles in 4, and 128 bytes of nibbles."""
    count = blocks.shape[0]
    high = np.ascontiguousarray(blocks[:, 2:4]).view("<u2") >> np.arange(0, 16, 2, dtype=np.uint16)
    low = (blocks[:, 4:8].reshape(count, 4, 1) >> np.array([0, 4], np.uint8)).reshape(count, 8)
    scales = ((low & 15) | (high & 3) << 4).astype(np.int16) - 32
    return _shifted(blocks[:, 8:], 16, range(0, 8, 4), 15), _f16(blocks[:, :2]) * scales, None


def _mxfp4(blocks: np.ndarray) -> _Unpacked:
    scales = np.ascontiguousarray(blocks[:, :1]).view(ml_dtypes.float8_e8m0fnu)
    return _shifted(blocks[:, 1:], 16, range(0, 8, 4), 15), scales, None


def _tq1_0(blocks: np.ndarray) -> _Unpacked:
    """Base 3, five digits in 48 bytes and four in 4: multiplying by 3^i brings digit i to the top of a byte."""
    count, parts = blocks.shape[0], []
    for start, size, run, digits in ((0, 32, 32, 5), (32, 16, 16, 5), (48, 4, 4, 4)):
        powers = np.array([3**i for i in range(digits)], np.uint8).reshape(1, 1, -1, 1)
        parts.append((blocks[:, start : start + size].reshape(count, -1, 1, run) * powers).reshape(count, -1))
    packed = np.concatenate(parts, axis=-1)
    return ((packed.astype(np.uint16) * 3) >> 8).astype(np.uint8), _f16(blocks[:, 52:54]), None


def _tq2_0(blocks: np.ndarray) -> _Unpacked:
    return _shifted(blocks[:, :64], 32, range(0, 8, 2), 3), _f16(blocks[:, 64:66]), None


_LAYOUTS: dict[Kind, _Layout] = {
    Kind.Q2_K: _Layout(Uniform(2, 16, "float"), 256, 84, _q2_k),
    Kind.Q3_K: _Layout(Uniform(3, 16), 256, 110, _q3_k),
    Kind.Q4_K: _Layout(Uniform(4, 32, "float"), 256, 144, _q4_k),
    Kind.Q5_K: _Layout(Uniform(5, 32, "float"), 256, 176, _q5_k),
    Kind.Q5_0: _Layout(Uniform(5, 32), 32, 22, _q5_0),
    Kind.Q5_1: _Layout(Uniform(5, 32, "float"), 32, 24, _q5_1),
    Kind.IQ4_NL: _Layout(Codebook(4, 32, "tensor"), 32, 18, _nibbles),
    Kind.IQ4_XS: _Layout(Codebook(4, 32, "tensor"), 256, 136, _iq4_xs),
    Kind.MXFP4: _Layout(Codebook(4, 32, "e2m1", scale="f8E8M0FNU"), 32, 17, _mxfp4),
    Kind.TQ1_0: _Layout(Ternary(256), 256, 54, _tq1_0),
    Kind.TQ2_0: _Layout(Ternary(256), 256, 66, _tq2_0),
}

#: Tensor kinds that `repack` takes.
LOWBIT_KINDS: tuple[TensorKind, ...] = (*_LAYOUTS, ForkKind.I2_S)
#: Those whose weights are -s, 0 and s.
TERNARY_KINDS: tuple[TensorKind, ...] = (Kind.TQ1_0, Kind.TQ2_0, ForkKind.I2_S)
#: Those with a float zero point, which rounds weights by up to 1.5 ulp of the group's largest; the others are exact.
ROUNDED_KINDS: tuple[TensorKind, ...] = (Kind.Q2_K, Kind.Q4_K, Kind.Q5_K, Kind.Q5_1)


def repack(data: np.ndarray, kind: TensorKind, name: str) -> LowbitMatrix:
    """The stored bytes `data` (uint8 [N, bytes per row]) of a matrix. Raises LutraError for rows that are no whole blocks."""
    if isinstance(kind, ForkKind):
        return _i2_s(data, name)
    found = _LAYOUTS[kind]
    rows, row_bytes = data.shape
    if row_bytes % found.bytes:
        raise LutraError(
            f"tensor '{name}' has rows of {row_bytes} bytes, not a multiple of {kind.name}'s {found.bytes}: the file is damaged"
        )
    cols = row_bytes // found.bytes * found.weights
    codes, scales, lows = found.unpack(np.ascontiguousarray(data).reshape(-1, found.bytes))
    codes, form = codes.reshape(rows, cols), found.format
    components: Components = {"codes": np.empty(0), "scales": scales.reshape(rows, -1)}
    if isinstance(form, Ternary):
        components["codes"] = form.pack(codes.astype(np.int8) - 1)
        return LowbitMatrix(form, rows, cols, components)
    if lows is not None:
        assert isinstance(form, Uniform)
        codes = _with_zeros(components, codes, lows.reshape(rows, -1), form.group)
    if kind in (Kind.IQ4_NL, Kind.IQ4_XS):
        components["table"] = _IQ4_NL
    assert isinstance(form, Uniform | Codebook)
    components["codes"] = layout.pack_codes(codes, form.bits, form.group)
    return LowbitMatrix(form, rows, cols, components)


def _i2_s(data: np.ndarray, name: str) -> LowbitMatrix:
    """Rows of codes with the tensor's scale behind them. 32 bytes hold 128 weights: byte p has those at p, 32 + p, 64 + p and
    96 + p, from its highest bits to its lowest; a code is the sign plus 1."""
    rows, cols = data.shape[0], (data.shape[1] - 4) * 4
    codes = _shifted(np.ascontiguousarray(data[:, :-4]), 32, range(6, -2, -2), 3).reshape(rows, cols)
    if codes.max(initial=0) > 2:
        raise LutraError(f"tensor '{name}' of kind I2_S has a code that is no ternary digit: the file is damaged")
    form = Ternary(cols, per="tensor")
    scale = np.ascontiguousarray(data[:1, -4:]).view("<f4")
    return LowbitMatrix(form, rows, cols, {"codes": form.pack(codes.astype(np.int8) - 1), "scales": scale})


def _with_zeros(components: Components, codes: np.ndarray, lows: np.ndarray, group: int) -> np.ndarray:
    """Adds zero points m / s, divided in f64 and rounded once. A group with s = 0 has one value, -m: it becomes scale -m, zero
    point -1 and codes 0, which is exact. Gives the codes."""
    scales = components["scales"]
    flat = scales == 0
    zeros = lows.astype(np.float64) / np.where(flat, 1, scales)
    components["scales"] = np.where(flat, -lows, scales).astype(np.float32)
    components["zeros"] = np.where(flat, -1, zeros).astype(np.float32)
    return np.where(np.repeat(flat, group, axis=1), 0, codes).astype(np.uint8)
