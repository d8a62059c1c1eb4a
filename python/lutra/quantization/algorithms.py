"""One weight, one format, one algorithm: components. Composite formats are quantized part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from lutra.errors import LutraError
from lutra.formats import Codebook, Components, Format, Mixed, Nested, Outliers, Ternary
from lutra.quantization import fitting, gptq, grids
from lutra.quantization.gptq import Statistics

#: rtn: round to nearest. search: with the best range of each group. absmean: ternary, the scale the mean magnitude.
#: hqq: half-quadratic. gptq: with calibration data. bcq: alternating least squares.
Algorithm = Literal["rtn", "search", "absmean", "hqq", "gptq", "bcq"]
#: What needs activations.
CALIBRATED = ("gptq",)
#: Codes of so many bits are rounded to nearest by every algorithm but bcq: there is no error left to win.
PLAIN_BITS = 6


def check_algorithm(algorithm: str) -> Algorithm:
    """`algorithm` itself. Raises LutraError with the known ones."""
    for known in get_args(Algorithm):
        if algorithm == known:
            return known  # type: ignore[no-any-return]
    raise LutraError(f"algorithm must be one of {', '.join(get_args(Algorithm))}, but is '{algorithm}'")


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of the product besides its weight: its activations, and the Cholesky factor that they give."""

    statistics: Statistics | None = None
    factor: tuple[np.ndarray, np.ndarray] | None = None


def quantize_weight(
    form: Format,
    weights: np.ndarray,
    algorithm: Algorithm,
    context: Context | None = None,
    order: np.ndarray | None = None,
) -> Components:
    """Components of `form` for weights [N, K].

    `order` int [N] is the permutation of a mixed format (the first rows go to its first part); by default the rows of least
    energy come first. Raises LutraError when the algorithm is not for the format, or lacks its calibration data.
    """
    context = context or Context()
    if isinstance(form, Mixed):
        return _mixed(form, weights, algorithm, context, order)
    if isinstance(form, Outliers):
        return _outliers(form, weights, algorithm, context)
    if isinstance(form, Nested):
        if isinstance(form.body, Codebook):
            if algorithm != "rtn":
                raise LutraError(f"a nested codebook is quantized by rtn only, not by {algorithm}: {form}")
            return form.quantize(weights)
        return quantize_weight(form.body, weights, algorithm, context)
    importance = context.statistics.importance if context.statistics is not None else None
    if algorithm == "rtn" or (algorithm in ("search", "hqq", "gptq") and grids.code_bits(form) >= PLAIN_BITS):
        return form.quantize(weights)
    if algorithm == "absmean":
        if not isinstance(form, Ternary):
            raise LutraError(f"absmean is for formats ternary(...), but this one is {form}")
        return form.quantize(weights)
    if algorithm == "search":
        return fitting.search(form, weights, importance)
    if algorithm == "hqq":
        return fitting.half_quadratic(form, weights, importance)
    if algorithm == "bcq":
        return fitting.alternating(form, weights, importance)
    if context.statistics is None:
        raise LutraError("gptq needs calibration data: pass `calibration`")
    if context.statistics.gram.shape[0] != weights.shape[1]:
        raise LutraError(
            f"the calibration data have {context.statistics.gram.shape[0]} columns; the weight has {weights.shape[1]}"
        )
    return gptq.quantize(form, weights, context.statistics, factor=context.factor)


def _mixed(
    form: Mixed, weights: np.ndarray, algorithm: Algorithm, context: Context, order: np.ndarray | None
) -> Components:
    form.schema(*weights.shape)
    if order is None:
        order = np.argsort(np.sum(weights.astype(np.float64) ** 2, axis=1), kind="stable")
    result: Components = {}
    start = 0
    for index, (count, body) in enumerate(zip(form.rows, form.formats, strict=True)):
        part = quantize_weight(body, weights[order[start : start + count]], algorithm, context)
        result |= {f"{index}.{name}": array for name, array in part.items()}
        start += count
    return result | {"permutation": order.astype(np.int32)}


def _outliers(form: Outliers, weights: np.ndarray, algorithm: Algorithm, context: Context) -> Components:
    """The plain quantizer chooses the places; the body is fitted to the rest; the values make up for it at their places."""
    rows, _cols = weights.shape
    plain = form.quantize(weights)
    places = plain["columns"][None, :] if form.columns is not None else plain["indices"]
    places = np.broadcast_to(places, (rows, form.count))
    rest = weights.astype(np.float64)
    np.put_along_axis(rest, places, 0.0, axis=1)
    body = quantize_weight(form.body, rest, algorithm, context)
    left = weights - form.body.dequantize(body, *weights.shape)
    result: Components = {f"body.{name}": array for name, array in body.items()}
    result |= {name: plain[name] for name in ("columns", "indices") if name in plain}
    return result | {"values": np.take_along_axis(left, places, axis=1).astype(plain["values"].dtype)}


def stored_bits(components: Mapping[str, np.ndarray]) -> int:
    """Bits that the components take, shared numbers included."""
    return 8 * sum(array.nbytes for array in components.values())
