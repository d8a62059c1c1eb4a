"""Bit budgets: which layer, or which output channel, gets how many bits.

Every unit (a layer or a row) has an error for each option. A price on bits makes each unit choose for itself: the option of
least error + price * bits; bisection finds the price at which the whole meets the budget. With convex error curves this is the
optimum (Lagrange); salience is compared across the whole model, as MixLLM does for channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lutra.errors import LutraError
from lutra.formats import BCQ, Bipolar, Codebook, Format, Mixed, Uniform
from lutra.formats.grammar import parse
from lutra.quantization import grids


def with_bits(form: Format, bits: int) -> Format:
    """`form` with codes of `bits` bits. Raises LutraError for a format whose width is not free."""
    if isinstance(form, Uniform):
        return Uniform(bits, form.group, form.zero, form.signed, form.per, form.scale)
    if isinstance(form, Bipolar):
        return Bipolar(bits, form.group, form.zeta, form.per, form.scale)
    if isinstance(form, BCQ):
        return BCQ(bits, form.group, form.shift_terms, form.per, form.scale)
    if isinstance(form, Codebook) and form.table in ("tensor", "channel"):
        return Codebook(bits, form.group, form.table, form.global_scale, form.per, form.scale)
    raise LutraError(f"a budget needs a format whose bits can change (uniform, bipolar, bcq), but this one is {form}")


def options(form: Format, widths: Sequence[int]) -> list[Format]:
    """`form` in each of `widths`, ascending."""
    if not widths:
        raise LutraError("a budget needs at least one width to choose from")
    return [with_bits(form, bits) for bits in sorted(set(widths))]


def allocate(errors: np.ndarray, sizes: np.ndarray, budget: float) -> np.ndarray:
    """The option int [U] of each unit: least total error with total size <= budget.

    errors, sizes f64 [U, O], sizes ascending along O. Raises LutraError when even the smallest options are over the budget.
    """
    if float(sizes[:, 0].sum()) > budget * (1 + 1e-9):
        raise LutraError(
            f"the budget of {budget:.0f} bits is below the least possible, {sizes[:, 0].sum():.0f}: allow narrower widths"
        )
    units = np.arange(len(errors))

    def choose(price: float) -> np.ndarray:
        chosen: np.ndarray = np.argmin(errors + price * sizes, axis=1)
        return chosen

    low, high = 0.0, 1.0
    if float(sizes[units, choose(low)].sum()) <= budget:
        return choose(low)
    while float(sizes[units, choose(high)].sum()) > budget:
        high *= 4
        if high > 1e30:
            return np.zeros(len(errors), np.intp)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if float(sizes[units, choose(middle)].sum()) > budget else (low, middle)
    chosen = choose(high)
    # What the bisection leaves goes to single units, the best gain for a bit first.
    left = budget - float(sizes[units, chosen].sum())
    while True:
        up = np.minimum(chosen + 1, errors.shape[1] - 1)
        cost = sizes[units, up] - sizes[units, chosen]
        gain = np.where((cost > 0) & (cost <= left), errors[units, chosen] - errors[units, up], -1.0)
        best = int(np.argmax(gain / np.maximum(cost, 1e-30)))
        if gain[best] <= 0:
            return chosen
        chosen[best] += 1
        left -= float(cost[best])


def mix_rows(chosen: np.ndarray, forms: Sequence[Format]) -> tuple[Format, np.ndarray | None]:
    """The format of a weight whose row n has forms[chosen[n]], and its permutation (None when all rows agree)."""
    used = np.unique(chosen)
    if len(used) == 1:
        return forms[int(used[0])], None
    counts = tuple(int((chosen == option).sum()) for option in used)
    return Mixed(counts, tuple(forms[int(option)] for option in used)), np.argsort(chosen, kind="stable")


def describe(form: Format) -> str:
    """A short name for tables: `mixed` formats give the share of each width."""
    if not isinstance(form, Mixed):
        return form.spelling
    total = sum(form.rows)
    parts = (
        f"{100 * rows / total:.0f}% {grids.code_bits(part)} bits" if not part.composite else part.spelling
        for rows, part in zip(form.rows, form.formats, strict=True)
    )
    return f"mixed: {', '.join(parts)}"


def as_format(form: Format | str, scales: str = "f32") -> Format:
    """`form`, parsed with scales of type `scales` when it is a spelling."""
    return parse(form, scale=scales) if isinstance(form, str) else form
