"""Compares results: bit for bit with the interpreter's, and the interpreter's with f64 arithmetic within a bound."""

from __future__ import annotations

import numpy as np

from .cases import Case
from .formats import Format


def same(expected: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Where the bits agree; an infinity or NaN agrees with any (numerics.md does not say which)."""
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return np.zeros(expected.shape, bool)
    word = {2: np.uint16, 4: np.uint32}[expected.itemsize]
    return (expected.view(word) == found.view(word)) | (~np.isfinite(expected) & ~np.isfinite(found))


def describe(case: Case, expected: np.ndarray, found: np.ndarray) -> str:
    """What differs, in a line."""
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return f"expected {expected.dtype} of shape {expected.shape}, found {found.dtype} of shape {found.shape}"
    agree = same(expected, found)
    at = tuple(int(x) for x in np.argwhere(~agree)[0])
    count = int(np.count_nonzero(~agree))
    return f"{count} of {agree.size} outputs differ; at {at} expected {expected[at]!r}, found {found[at]!r}"


def weight_values(format: Format, case: Case) -> np.ndarray:
    """The f32 values of the case's weight, from its bytes."""
    with np.errstate(over="ignore"):
        return np.broadcast_to(format.values(case.weight(), case.n, case.k), (case.n, case.k)).astype(np.float32)


def bf16(a: np.ndarray) -> np.ndarray:
    """f32 rounded to bf16."""
    bits = a.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)


def against_f64(case: Case, found: np.ndarray, table: str) -> str | None:
    """Why `found` is not the product within what the tables' precision allows, or None. Only of ordinary numbers."""
    kind = case.kind
    if case.numbers not in ("normal", "zero") and not (kind.bits and kind.activations.startswith(("codes", "groups"))):
        return None
    inputs = case.inputs()
    a = inputs["a"].astype(np.float64)
    if kind.activations == "bf16":
        a = bf16(inputs["a"]).astype(np.float64)
    error = np.zeros((case.m, 1))  # Of an activation.
    if "s" in inputs:
        s = inputs["s"].astype(np.float64)
        a = a * np.repeat(s, 1 if s.shape[1] == 1 else kind.format.step, axis=1)[:, : case.k]
    elif kind.bits:
        # The module quantizes: half a step of the codes, a whole one of odd integers.
        odd = kind.activations.startswith("bipolar")
        top = 2**kind.bits - 1 if odd else 2 ** (kind.bits - 1) - 1
        error = np.abs(a).max(axis=1, keepdims=True) / top * (1.01 if odd else 0.51) + 1e-6
    elif kind.int8:
        error = np.abs(a).max(axis=1, keepdims=True) / 127 * 0.51 + 1e-6
    weight, parts = kind.format, case.weight()
    w = np.broadcast_to(weight.values(parts, case.n, case.k), (case.n, case.k))
    magnitude = np.broadcast_to(weight.magnitude(parts, case.n, case.k), (case.n, case.k))
    want, size = a @ w.T, np.abs(a) @ magnitude.T
    # The errors of a body and of its outliers add up, also where their values cancel.
    bound = size * (case.k + 16) * 2.0**-22 + error @ magnitude.sum(axis=1, keepdims=True).T + 1e-30
    entry = kind.table[0] if kind.table else table
    if not kind.bits and not kind.dense and not kind.int8:
        # Half a step of the entries, each a sum of four activations, for each four weights.
        step = {"i8": 1 / 127, "i16": 1 / 32767, "f16": 2.0**-10, "f32": 0.0}[entry]
        largest = 4 * np.abs(a).max(axis=1, keepdims=True)
        bound += 0.51 * step * largest * magnitude.sum(axis=1)[None, :]
    if "e" in inputs:
        e = inputs["e"].astype(np.float64)
        want, bound = (
            (want * e, bound * np.abs(e)) if kind.epilogue == "gate" else (want + e, bound + np.abs(e) * 2.0**-22)
        )
        bound = bound + np.abs(want) * 2.0**-22
    if kind.result == "f16":
        if np.abs(want).max() > 60000:
            return None
        bound = bound + np.abs(want) * 2.0**-10 + 2.0**-24
    off = np.abs(found.astype(np.float64) - want) - bound
    if not (off > 0).any() and np.isfinite(found).all():
        return None
    at = tuple(int(x) for x in np.unravel_index(np.argmax(np.where(np.isfinite(off), off, np.inf)), off.shape))
    return f"the interpreter's {found[at]!r} at {at} is not {want[at]!r} of f64 arithmetic within {bound[at]:.3g}"
