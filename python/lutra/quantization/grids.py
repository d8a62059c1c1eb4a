"""The values that an element may take once the numbers it shares with others (scales, zero points, alphas) are fixed.

Every elementary format has such a grid, so an algorithm that chooses codes, or refits the shared numbers, is written once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lutra.errors import LutraError
from lutra.formats import BCQ, Bipolar, Codebook, Components, Format, Ternary, Uniform, layout
from lutra.formats.codebook import NAMED
from lutra.formats.planes import encode_shifts

#: The formats that have a grid; composite ones are made of these.
Elementary = Uniform | Ternary | Bipolar | BCQ | Codebook


def elementary(form: Format) -> Elementary:
    """`form` itself. Raises LutraError for a composite format."""
    if isinstance(form, Uniform | Ternary | Bipolar | BCQ | Codebook):
        return form
    raise LutraError(f"expected an elementary format (uniform, ternary, bipolar, bcq or codebook), but found {form}")


def code_bits(form: Format) -> int:
    """Bits of a code of an elementary format (2 for ternary, whatever its storage)."""
    form = elementary(form)
    if isinstance(form, Ternary):
        return 2
    return form.planes if isinstance(form, Bipolar | BCQ) else form.bits


def levels(form: Format, components: Mapping[str, np.ndarray]) -> np.ndarray:
    """The value f64 [P..., L] of each code in the order of the codes; P is the shape that scales are shared in.

    (Of a codebook with a table for each row, P has all rows.)
    """
    form = elementary(form)
    found: np.ndarray
    if isinstance(form, Ternary):
        found = components["scales"].astype(np.float64)[..., None] * np.array([-1.0, 0.0, 1.0])
        return found
    codes = np.arange(1 << code_bits(form))
    if isinstance(form, Uniform):
        if form.signed:
            codes = codes - ((codes >> (form.bits - 1)) << form.bits)
        found = components["scales"].astype(np.float64)[..., None] * (codes - form.zeros(components)[..., None])
        return found
    if isinstance(form, Bipolar):
        constant = np.full((1, 1), np.float32(form.zeta or 0.0), np.float64)
        zetas = constant if form.zeta is not None else components["zetas"].astype(np.float64)
        found = components["alphas"].astype(np.float64)[..., None] * (2.0 * codes - codes[-1] + zetas[..., None])
        return found
    if isinstance(form, BCQ):
        signs = 2.0 * (codes[:, None] >> np.arange(form.planes) & 1) - 1
        sums: np.ndarray = form.alphas(components) @ signs.T
        return sums + components["betas"].astype(np.float64)[..., None]
    table = (NAMED[form.table] if form.table in NAMED else components["table"]).astype(np.float64)
    scales = components["scales"].astype(np.float32)
    if form.global_scale:
        scales = scales * components["global_scale"]
    return scales.astype(np.float64)[..., None] * (table[:, None, :] if table.ndim == 2 else table)


def nearest_codes(form: Format, components: Mapping[str, np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The code uint8 [N, K] whose value is nearest to each weight [N, K]."""
    form = elementary(form)
    if isinstance(form, Uniform):
        codes, _, _ = _uniform_codes(form, components, weights)
        whole = codes.astype(np.int16) & ((1 << form.bits) - 1)
        return whole.astype(np.uint8).reshape(len(weights), -1)[:, : weights.shape[1]]
    group, (rows, cols) = form.group, weights.shape
    table = levels(form, components)
    order = np.argsort(table, axis=-1, kind="stable").astype(np.uint8)
    ranked = np.take_along_axis(table, order, axis=-1)
    middles = (ranked[..., 1:] + ranked[..., :-1]) / 2
    grouped = _grouped(weights, group)
    # Counted entry by entry: all entries at once would be 2^bits times the weight.
    places = np.zeros(grouped.shape, np.uint8)
    for entry in range(middles.shape[-1]):
        places += grouped > middles[..., entry, None]
    return _gather(order, places).reshape(rows, -1)[:, :cols]


def values(form: Format, components: Mapping[str, np.ndarray], codes: np.ndarray) -> np.ndarray:
    """The weights f64 [N, K] that codes [N, K] stand for."""
    group, (rows, cols) = elementary(form).group, codes.shape
    return _gather(levels(form, components), _grouped(codes, group)).reshape(rows, -1)[:, :cols]


def rounded(form: Format, components: Mapping[str, np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The value f64 [N, K] nearest to each weight [N, K]: `values` of `nearest_codes`."""
    form = elementary(form)
    if not isinstance(form, Uniform):
        return values(form, components, nearest_codes(form, components, weights))
    found, scales, zeros = _uniform_codes(form, components, weights)
    found -= zeros
    found *= scales
    return found.reshape(len(weights), -1)[:, : weights.shape[1]]


def _uniform_codes(
    form: Uniform, components: Mapping[str, np.ndarray], weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest codes f64 [N, G, group] of a uniform format by its formula, which costs far less than comparing with each value
    of a grid; with scales and zero points that broadcast to them."""
    scales, zeros = components["scales"].astype(np.float64)[..., None], form.zeros(components)[..., None]
    low = -(1 << (form.bits - 1)) if form.signed else 0
    codes = _grouped(weights, form.group) * layout.divide(np.ones_like(scales), scales)
    codes += zeros
    np.rint(codes, out=codes)
    np.clip(codes, low, low + (1 << form.bits) - 1, out=codes)
    return codes, scales, zeros


def _grouped(elements: np.ndarray, group: int) -> np.ndarray:
    """[N, K] as [N, G, group] without a copy where the groups are whole."""
    rows, cols = elements.shape
    return layout.to_groups(elements, group) if cols % group else elements.reshape(rows, cols // group, group)


def _gather(table: np.ndarray, places: np.ndarray) -> np.ndarray:
    """table[n, g, places[n, g, j]] for a table of shape P, which is broadcast: an array like `places`."""
    size = table.shape[-1]
    first = np.arange(table.shape[0] * table.shape[1], dtype=np.intp).reshape(*table.shape[:2], 1) * size
    found: np.ndarray = np.take(table.ravel(), first + places)
    return found


def with_codes(form: Format, components: Mapping[str, np.ndarray], codes: np.ndarray) -> Components:
    """`components` with other codes uint8 [N, K]."""
    form = elementary(form)
    if isinstance(form, Ternary):
        packed = form.pack(codes.astype(np.int8) - 1)
    else:
        packed = layout.pack_codes(codes, code_bits(form), form.group)
    return {name: packed if name == "codes" else array for name, array in components.items()}


def with_affine(
    form: Format, components: Mapping[str, np.ndarray], factor: np.ndarray, shift: np.ndarray | None = None
) -> Components | None:
    """`components` whose values v become, as near as the types allow, v * factor + shift; both of shape P.

    None where the format has nothing to hold the change: a shift needs a zero point, a zeta or a beta.
    """
    form, result = elementary(form), dict(components)
    if isinstance(form, BCQ):
        alphas = form.alphas(components) * factor[..., None]
        result["alphas"] = encode_shifts(alphas, form.shift_terms) if form.shift_terms else _to_scale(form, alphas)
        moved = components["betas"].astype(np.float64) * factor
        result["betas"] = (moved if shift is None else moved + shift).astype(np.float32)
        return result
    name = "alphas" if isinstance(form, Bipolar) else "scales"
    result[name] = _to_scale(form, components[name].astype(np.float64) * factor)
    if shift is None:
        return result
    by = layout.divide(shift, result[name].astype(np.float64))
    if isinstance(form, Bipolar) and form.zeta is None:
        result["zetas"] = (components["zetas"] + by).astype(np.float32)
    elif isinstance(form, Uniform) and form.zero_kind == "float":
        result["zeros"] = (components["zeros"] - by).astype(np.float32)
    elif isinstance(form, Uniform) and form.zero_kind == "integer":
        low = -(1 << (form.bits - 1)) if form.signed else 0
        moved = np.clip(np.rint(components["zeros"] - by), low, low + (1 << form.bits) - 1)
        result["zeros"] = moved.astype(components["zeros"].dtype)
    else:
        return None
    return result


def _to_scale(form: Elementary, numbers: np.ndarray) -> np.ndarray:
    return layout.to_scale(numbers, form.scale)


def can_shift(form: Format) -> bool:
    """Whether the values of a group can move as a whole."""
    form = elementary(form)
    return (
        isinstance(form, BCQ)
        or (isinstance(form, Bipolar) and form.zeta is None)
        or (isinstance(form, Uniform) and form.zero_kind in ("integer", "float"))
    )
