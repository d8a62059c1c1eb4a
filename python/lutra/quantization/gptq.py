"""GPTQ: codes chosen column by column, each column's error made up for by the ones that are still to come.

Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers" (2022), with columns in
the order of their activations' energy. The shared numbers are fitted before ("static groups"), so the order of the columns
never shows in the result and every elementary format can be used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lutra.formats import Components, Format
from lutra.quantization import fitting, grids

#: Columns whose errors are carried to the columns behind them at once.
_BLOCK = 64


@dataclass(frozen=True, slots=True)
class Statistics:
    """The activations of one product: `gram` f64 [K, K] = X^T X / rows over all rows X [rows, K] seen."""

    gram: np.ndarray
    rows: int

    @property
    def importance(self) -> np.ndarray:
        """The mean square [K] of each column, made positive."""
        diagonal = np.diagonal(self.gram)
        floor = float(diagonal.mean()) * 1e-3
        found: np.ndarray = np.maximum(diagonal, floor if floor > 0 else 1.0)
        return found

    def output_error(self, difference: np.ndarray) -> np.ndarray:
        """The mean square f64 [N] of each output of a product with the weight `difference` [N, K]: products in f32, summed in f64."""
        single = difference.astype(np.float32)
        found: np.ndarray = np.maximum(
            ((single @ self.gram.astype(np.float32)) * single).sum(axis=1, dtype=np.float64), 0.0
        )
        return found


def inverse_factor(statistics: Statistics, damping: float) -> tuple[np.ndarray, np.ndarray]:
    """The columns' order, and the upper Cholesky factor [K, K] of the inverse of the damped gram matrix in that order."""
    gram = statistics.gram.copy()
    mean = float(np.diagonal(gram).mean()) or 1.0
    # A column without activations is rounded on its own.
    gram[np.diag_indices_from(gram)] += damping * mean
    order = np.argsort(-np.diagonal(gram), kind="stable")
    inverse = np.linalg.inv(gram[np.ix_(order, order)])
    lower = np.linalg.cholesky((inverse + inverse.T) / 2)
    return order, np.ascontiguousarray(lower.T)


def quantize(
    form: Format,
    weights: np.ndarray,
    statistics: Statistics,
    *,
    damping: float = 0.01,
    factor: tuple[np.ndarray, np.ndarray] | None = None,
) -> Components:
    """Components of weights [N, K] for activations with `statistics`; `factor` is `inverse_factor`'s, if known already."""
    form = grids.elementary(form)
    components = fitting.search(form, weights, statistics.importance)
    order, upper = factor if factor is not None else inverse_factor(statistics, damping)
    # Columns lie in memory as rows do elsewhere: [K, N], and a grid as [G, L, N] (N is 1 where rows share it). From here on f32 is
    # enough: what is carried is far coarser than its rounding.
    table = np.moveaxis(grids.levels(form, components), 0, -1).astype(np.float32)
    upper = upper.astype(np.float32)
    ranking = np.argsort(table, axis=1, kind="stable")
    ranked = np.take_along_axis(table, ranking, axis=1)
    middles = (ranked[:, 1:] + ranked[:, :-1]) / 2
    rows, cols = weights.shape
    groups = np.minimum(order // form.group, len(table) - 1)
    work = np.ascontiguousarray(weights.T[order], np.float32)
    codes = np.empty((cols, rows), np.uint8)
    spill = np.empty((_BLOCK, rows), np.float32)
    for start in range(0, cols, _BLOCK):
        end = min(start + _BLOCK, cols)
        errors = np.empty((end - start, rows), np.float32)
        for k in range(start, end):
            g, column = groups[k], work[k]
            place = (column > middles[g]).sum(axis=0)[None]
            shape = (ranked.shape[1], rows)
            nearest = np.take_along_axis(np.broadcast_to(ranked[g], shape), place, 0)[0]
            codes[order[k]] = np.take_along_axis(np.broadcast_to(ranking[g], shape), place, 0)[0]
            error = np.divide(column - nearest, upper[k, k], out=errors[k - start])
            carried = np.multiply(upper[k, k + 1 : end, None], error, out=spill[: end - k - 1])
            work[k + 1 : end] -= carried
        work[end:] -= upper[start:end, end:].T @ errors
    return grids.with_codes(form, components, np.ascontiguousarray(codes.T))
