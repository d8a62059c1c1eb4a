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
    form: Format, weights: np.ndarray, importance: np.ndarray | None = None, rounds: int = 8, norm: float = 0.7
) -> Components:
    """HQQ-style, without data: a robust fit, in which the few large residuals (outliers) hardly count.

    Minimizes |w - q|_p^p, p = `norm` < 1, by half-quadratic splitting: the residual r is shrunk by the proximal step of the
    p-norm, sign(r) max(|r| - |r|^(p-1) / b, 0), each group is moved to fit w less that, and b grows. The scales stay those
    that hold every element (clipping outliers gains in the weights and loses in the model); formats whose groups cannot move
    have their scales refitted instead. Of each group the fit of least absolute error is kept.
    (Badri and Shaji, "Half-Quadratic Quantization of Large Machine Learning Models".)
    """
    form, weights = grids.elementary(form), weights.astype(np.float64)
    best = current = form.quantize(weights)
    moves, least, strength = grids.can_shift(form), _error(form, best, weights, importance, 1), 10.0
    for _ in range(rounds):
        quantized = grids.rounded(form, current, weights)
        residual = weights - quantized
        # The step need not be exact: powers cost least in f32.
        size = np.maximum(np.abs(residual), 1e-12).astype(np.float32)
        step = np.maximum(size - size ** np.float32(norm - 1) / np.float32(strength), 0)
        current = _refit(form, current, quantized, weights - np.copysign(step, residual), importance, moves)
        error = _error(form, current, weights, importance, 1)
        better = error < least
        best, least = _choose(better, current, best), np.minimum(error, least)
        strength *= 1.01
    return grids.with_codes(form, best, grids.nearest_codes(form, best, weights))


def alternating(
    form: Format, weights: np.ndarray, importance: np.ndarray | None = None, rounds: int = 15
) -> Components:
    """Binary coding by alternating least squares: alphas and beta that fit the signs best, then the signs that fit these.

    Raises LutraError for a format other than bcq. (Xu et al., "Alternating Multi-bit Quantization"; LUT-GEMM's weights.)
    """
    if not isinstance(form, BCQ):
        raise LutraError(
            f"bcq is for formats bcq(...), but this one is {form}; rtn, hqq and gptq take any elementary one"
        )
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
    gram = np.stack(
        [np.stack([total(weighted[..., i] * basis[..., j]) for j in range(size)], -1) for i in range(size)], -2
    )
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
    form: grids.Elementary,
    components: Components,
    quantized: np.ndarray,
    target: np.ndarray,
    importance: np.ndarray | None,
    moves: bool,
) -> Components:
    """The change of each group that brings `quantized` nearest to `target`: a shift where it `moves`, else a factor."""

    def total(numbers: np.ndarray) -> np.ndarray:
        numbers = numbers if importance is None else numbers * importance
        return layout.reduce_shared(np.add, numbers, form.group, form.per)

    if moves:
        shift = layout.divide(total(target - quantized), total(np.ones_like(quantized)))
        moved = grids.with_affine(form, components, np.ones((1, 1)), shift)
    else:
        factor = layout.divide(total(quantized * target), total(quantized * quantized))
        moved = grids.with_affine(form, components, np.where(factor > 0, factor, 1.0))
    assert moved is not None
    return moved


def _error(
    form: grids.Elementary, components: Components, weights: np.ndarray, importance: np.ndarray | None, power: int = 2
) -> np.ndarray:
    """The summed error |w - q|^power of shape P when every element takes its nearest value."""
    errors = grids.rounded(form, components, weights)
    np.subtract(weights, errors, out=errors)
    np.square(errors, out=errors) if power == 2 else np.abs(errors, out=errors)
    if importance is not None:
        errors *= importance
    return layout.reduce_shared(np.add, errors, form.group, form.per)


def _choose(better: np.ndarray, one: Components, other: Components) -> Components:
    """Of each number that is shared in the shape of `better`, the one from `one` where that is better."""
    result = dict(other)
    for name, array in one.items():
        if name == "codes" or array.shape[:2] != better.shape:
            continue
        mask = better.reshape(better.shape + (1,) * (array.ndim - 2))
        result[name] = np.where(mask, array, other[name])
    return result
