"""Fitting the numbers that weights share (scales, zero points, alphas): range search, half-quadratic, alternating least
squares. None of these needs calibration data; a weight for each column (its activations' mean square) makes them use it.
"""

from __future__ import annotations

import numpy as np

from lutra.errors import LutraError
from lutra.formats import BCQ, Components, Format, layout
from lutra.quantization import grids

#: Ranges tried by `search`, as parts of the one that holds every element.
_RATIOS = np.linspace(1.0, 0.4, 9)


def search(form: Format, weights: np.ndarray, importance: np.ndarray | None = None) -> Components:
    """Round to nearest with the best range of each group: outer elements are clipped where the others gain more.

    Minimizes sum importance[k] (w - q)^2 over the elements that share a scale; weights [N, K], importance [K].
    """
    form, weights = grids.elementary(form), weights.astype(np.float64)
    base = form.quantize(weights)
    best, least = dict(base), np.full((1, 1), np.inf)
    for ratio in _RATIOS:
        tried = grids.with_affine(form, base, np.full((1, 1), ratio)) if ratio != 1 else base
        assert tried is not None
        error = _error(form, tried, weights, importance)
        better, least = error < least, np.minimum(error, least)
        best = _choose(better, tried, best)
    return grids.with_codes(form, best, grids.nearest_codes(form, best, weights))


def half_quadratic(
    form: Format, weights: np.ndarray, importance: np.ndarray | None = None, rounds: int = 10, norm: float = 0.7
) -> Components:
    """HQQ-style, without data: a robust fit, in which the few large residuals (outliers) hardly count.

    Minimizes |w - q|_p^p, p = `norm` < 1, by half-quadratic splitting: the residual r is shrunk by the proximal step of the
    p-norm, sign(r) max(|r| - |r|^(p-1) / b, 0), then scale and shift of each group are refitted by least squares to w
    less that, and b grows. Starts from `search`, and keeps of each group the best fit seen (in squares: a shrunken part
    that does not pay is dropped). (Badri and Shaji, "Half-Quadratic Quantization of Large Machine Learning Models".)
    """
    form, weights = grids.elementary(form), weights.astype(np.float64)
    best = search(form, weights, importance)
    least, current, strength = _error(form, best, weights, importance), best, 10.0
    for _ in range(rounds):
        quantized = grids.values(form, current, grids.nearest_codes(form, current, weights))
        # The proximal step is for numbers about 1 in size.
        unit = np.sqrt(np.mean(weights**2)) or 1.0
        residual = (weights - quantized) / unit
        size = np.maximum(np.abs(residual), 1e-12)
        outlying = np.sign(residual) * np.maximum(size - size ** (norm - 1) / strength, 0) * unit
        refitted = _refit(form, current, quantized, weights - outlying, importance)
        if refitted is None:
            break
        error = _error(form, refitted, weights, importance)
        better = error < least
        best, least, current = _choose(better, refitted, best), np.minimum(error, least), refitted
        strength *= 1.2
    return grids.with_codes(form, best, grids.nearest_codes(form, best, weights))


def alternating(form: Format, weights: np.ndarray, importance: np.ndarray | None = None, rounds: int = 15) -> Components:
    """Binary coding by alternating least squares: alphas and beta that fit the signs best, then the signs that fit these.

    Raises LutraError for a format other than bcq. (Xu et al., "Alternating Multi-bit Quantization"; LUT-GEMM's weights.)
    """
    if not isinstance(form, BCQ):
        raise LutraError(f"bcq is for formats bcq(...), but this one is {form}; rtn, hqq and gptq take any elementary one")
    weights = weights.astype(np.float64)
    current = best = form.quantize(weights)
    least = _error(form, best, weights, importance)
    for _ in range(rounds):
        current = _refit_planes(form, current, weights, importance)
        error = _error(form, current, weights, importance)
        better = error < least
        best, least = _choose(better, current, best), np.minimum(error, least)
        if not better.any():
            break
    return grids.with_codes(form, best, grids.nearest_codes(form, best, weights))


def _refit_planes(form: BCQ, components: Components, weights: np.ndarray, importance: np.ndarray | None) -> Components:
    """alphas and beta [P] that minimize the error for the codes nearest now: normal equations of planes + 1 unknowns."""
    codes = grids.nearest_codes(form, components, weights)
    basis = np.ones((*weights.shape, form.planes + 1))
    basis[..., :-1] = 2.0 * (codes[..., None] >> np.arange(form.planes) & 1) - 1
    weighted = basis if importance is None else basis * importance[None, :, None]

    def total(numbers: np.ndarray) -> np.ndarray:
        return layout.reduce_shared(np.add, numbers, form.group, form.per)

    size = form.planes + 1
    gram = np.stack([np.stack([total(weighted[..., i] * basis[..., j]) for j in range(size)], -1) for i in range(size)], -2)
    right = np.stack([total(weighted[..., i] * weights) for i in range(size)], -1)
    # Planes that agree everywhere leave the equations singular: a little is added, which decides for equal alphas.
    trace = np.trace(gram, axis1=-2, axis2=-1)[..., None, None]
    solved = np.linalg.solve(gram + np.eye(size) * np.maximum(trace, 1e-30) * 1e-9, right[..., None])[..., 0]
    result = dict(components)
    alphas = solved[..., :-1]
    if form.shift_terms:
        from lutra.formats.planes import encode_shifts

        result["alphas"] = encode_shifts(alphas, form.shift_terms)
    else:
        result["alphas"] = layout.to_scale(alphas, form.scale)
    result["betas"] = solved[..., -1].astype(np.float32)
    return result


def _refit(
    form: grids.Elementary, components: Components, quantized: np.ndarray, target: np.ndarray, importance: np.ndarray | None
) -> Components | None:
    """The affine change of each group that brings `quantized` nearest to `target`; without a shift where none is held."""

    def total(numbers: np.ndarray) -> np.ndarray:
        numbers = numbers if importance is None else numbers * importance
        return layout.reduce_shared(np.add, numbers, form.group, form.per)

    if not grids.can_shift(form):
        factor = layout.divide(total(quantized * target), total(quantized * quantized))
        return grids.with_affine(form, components, np.where(factor > 0, factor, 1.0))
    count, x, y = total(np.ones_like(quantized)), total(quantized), total(target)
    spread = count * total(quantized * quantized) - x * x
    factor = layout.divide(count * total(quantized * target) - x * y, np.maximum(spread, 0))
    factor = np.where(factor > 0, factor, 1.0)
    return grids.with_affine(form, components, factor, layout.divide(y - factor * x, count))


def _error(form: grids.Elementary, components: Components, weights: np.ndarray, importance: np.ndarray | None) -> np.ndarray:
    """The summed squared error of shape P when every element takes its nearest value."""
    squares = (weights - grids.values(form, components, grids.nearest_codes(form, components, weights))) ** 2
    squares = squares if importance is None else squares * importance
    return layout.reduce_shared(np.add, squares, form.group, form.per)


def _choose(better: np.ndarray, one: Components, other: Components) -> Components:
    """Of each number that is shared in the shape of `better`, the one from `one` where that is better."""
    result = dict(other)
    for name, array in one.items():
        if name == "codes" or array.shape[:2] != better.shape:
            continue
        mask = better.reshape(better.shape + (1,) * (array.ndim - 2))
        result[name] = np.where(mask, array, other[name])
    return result
