"""An inspection as a table for a terminal, and as an HTML page with plots that needs no other file and no network."""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lutra.inspection import Inspection, Layer, Other

_BLUE, _BROWN = "#4878a8", "#b8653a"
_STYLE = (
    "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}"
    "td,th{padding:2px 10px;text-align:left;border-bottom:1px solid #ddd;white-space:nowrap}"
    "svg{vertical-align:middle;margin-right:6px}h2{font-size:16px;margin:1.5em 0 .5em}"
)


def table(found: Inspection) -> str:
    """The layers as a table for a terminal, why the strategies were chosen, and a line of totals."""
    width = max([len(layer.name) for layer in found.layers], default=5)
    wide = max([len(layer.format) for layer in found.layers], default=6)
    shape = "rows x cols"
    lines = [
        f"{'layer':{width}}  {shape:>15}  {'format':{wide}}  bits/w  {'MB':>8}  {'predicted':>9}  {'measured':>9}  strategy"
    ]
    for layer in found.layers:
        lines.append(
            f"{layer.name:{width}}  {layer.rows:>7} x {layer.cols:<5}  {layer.format:{wide}}  {layer.bits:6.2f}  "
            f"{layer.bytes / 1e6:8.3f}  {spell(layer.predicted):>9}  {spell(layer.measured):>9}  {_word(layer)}"
        )
    counts = Counter(layer.strategy for layer in found.layers if layer.strategy is not None)
    reasons = [f"{reason} ({count} layers)" for reason, count in counts.most_common()]
    return "\n".join([*lines, *reasons, *_around(found), totals(found)])


def _around(found: Inspection) -> list[str]:
    """The nodes around the products, equal ones in a line."""
    if not found.others:
        return []
    groups: dict[tuple[object, ...], list[Other]] = {}
    for other in found.others:
        groups.setdefault((other.op, other.shape, other.bytes, other.measured), []).append(other)
    wide = max(len(other.op) for other in found.others)
    lines = [
        f"{'around them':{wide}}  {'output':>16}  nodes  {'KB each':>9}  {'predicted':>9}  {'measured':>9}  {'in all':>9}"
    ]
    for same in sorted(groups.values(), key=lambda same: -len(same) * (same[0].measured or 0)):
        first = same[0]
        shape = " x ".join(map(str, first.shape))
        whole = None if first.measured is None else len(same) * first.measured
        lines.append(
            f"{first.op:{wide}}  {shape:>16}  {len(same):>5}  {first.bytes / 1e3:>9.1f}  {spell(first.predicted):>9}  "
            f"{spell(first.measured):>9}  {spell(whole):>9}"
        )
    return lines


def _word(layer: Layer) -> str:
    """The strategy without its reason."""
    return "-" if layer.strategy is None else layer.strategy.partition(":")[0]


def totals(found: Inspection) -> str:
    """What all layers have together, in a line."""
    layers = found.layers
    weights, size = sum(layer.rows * layer.cols for layer in layers), sum(layer.bytes for layer in layers)
    parts = [
        f"{len(layers)} layers, {weights / 1e6:.2f} M weights, {size / 1e6:.2f} MB, "
        f"{8 * size / max(weights, 1):.2f} bits/weight"
    ]
    both = [layer for layer in layers if layer.predicted is not None and layer.measured is not None]
    if both:
        predicted, measured = sum(layer.predicted or 0 for layer in both), sum(layer.measured or 0 for layer in both)
        parts.append(f"{spell(measured)} of measured products (predicted {spell(predicted)} for {len(both)} of them)")
    elif predicted := sum(layer.predicted or 0 for layer in layers):
        parts.append(f"{spell(predicted)} predicted")
    elif measured := sum(layer.measured or 0 for layer in layers):
        parts.append(f"{spell(measured)} of measured products")
    if timed := [other.measured for other in found.others if other.measured is not None]:
        parts.append(f"{spell(sum(timed))} of {len(timed)} nodes around them")
    if found.step is not None:
        parts.append(f"{spell(found.step)} for one token of the whole model")
    return ", ".join(parts)


def spell(seconds: float | None) -> str:
    """A time for people."""
    if seconds is None:
        return "-"
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def page(title: str, found: Inspection) -> str:
    """The HTML page: totals, plots, and the table with bars for bytes and times."""
    layers = found.layers
    most = max([layer.bytes for layer in layers], default=1)
    slowest = max([max(layer.measured or 0.0, layer.predicted or 0.0) for layer in layers], default=0.0) or 1.0
    rows = []
    for layer in layers:
        cells = (
            html.escape(layer.name), f"{layer.rows} &times; {layer.cols}", html.escape(layer.format), f"{layer.bits:.2f}",
            _bar(layer.bytes / most, f"{layer.bytes / 1e6:.3f}", _BLUE),
            _bar((layer.predicted or 0) / slowest, spell(layer.predicted), _BLUE),
            _bar((layer.measured or 0) / slowest, spell(layer.measured), _BROWN),
            f'<span title="{html.escape(layer.strategy or "")}">{html.escape(_word(layer))}</span>',
        )  # fmt: skip
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    names = ("layer", "shape", "format", "bits/weight", "MB", "predicted", "measured", "strategy")
    heads = "".join(f"<th>{name}</th>" for name in names)
    return (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{html.escape(title)}</h1><p>{html.escape(totals(found))}</p>"
        f"<h2>Bytes of each format</h2>{_by_format(layers)}{_comparison((*layers, *found.others))}"
        f"<h2>Layers</h2><table><tr>{heads}</tr>{''.join(rows)}</table>{_others(found)}\n"
    )


def _others(found: Inspection) -> str:
    """The table of the nodes around the products, with bars."""
    if not found.others:
        return ""
    slowest = max([max(other.measured or 0.0, other.predicted or 0.0) for other in found.others]) or 1.0
    rows = []
    for other in found.others:
        cells = (
            html.escape(other.name), html.escape(other.op), " &times; ".join(map(str, other.shape)), f"{other.bytes / 1e3:.1f}",
            _bar((other.predicted or 0) / slowest, spell(other.predicted), _BLUE),
            _bar((other.measured or 0) / slowest, spell(other.measured), _BROWN),
        )  # fmt: skip
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = "".join(f"<th>{name}</th>" for name in ("node", "operator", "output", "KB", "predicted", "measured"))
    return f"<h2>Around them, for one token</h2><table><tr>{heads}</tr>{''.join(rows)}</table>"


def _bar(part: float, text: str, color: str) -> str:
    return f'<svg width=80 height=10><rect width="{80 * part:.1f}" height=10 fill="{color}"/></svg>{html.escape(text)}'


def _by_format(layers: Sequence[Layer]) -> str:
    """A plot: bytes of each format."""
    sizes: dict[str, int] = {}
    for layer in layers:
        sizes[layer.format] = sizes.get(layer.format, 0) + layer.bytes
    most = max(sizes.values(), default=1)
    bars = []
    for index, (form, size) in enumerate(sorted(sizes.items(), key=lambda item: -item[1])):
        y = 22 * index
        bars.append(
            f'<rect x="280" y="{y}" width="{300 * size / most:.1f}" height="16" fill="{_BLUE}"/>'
            f'<text x="270" y="{y + 13}" text-anchor="end">{html.escape(form)}</text>'
            f'<text x="{286 + 300 * size / most:.1f}" y="{y + 13}">{size / 1e6:.2f} MB</text>'
        )
    return f'<svg width="700" height="{22 * len(sizes) + 8}" font-size="13">{"".join(bars)}</svg>'


def _comparison(layers: Sequence[Layer | Other]) -> str:
    """A plot: measured against predicted times on logarithmic axes, with the line where they agree; empty without both."""
    points = [
        (layer, layer.predicted, layer.measured)
        for layer in layers
        if layer.predicted is not None and layer.measured is not None and layer.predicted > 0 and layer.measured > 0
    ]
    if not points:
        return ""
    logs = [math.log10(value) for _, *pair in points for value in pair]
    low, high = math.floor(min(logs)), math.ceil(max(logs) + 1e-9)
    size, left, top = 320, 60, 10

    def at(value: float) -> float:
        return size * (math.log10(value) - low) / max(high - low, 1)

    marks = []
    for power in range(low, high + 1):
        place, label = at(10.0**power), spell(10.0**power).replace(".0 ", " ").replace(".00 ", " ")
        marks.append(
            f'<text x="{left + place:.0f}" y="{top + size + 18}" text-anchor="middle">{label}</text>'
            f'<text x="{left - 6}" y="{top + size - place + 4:.0f}" text-anchor="end">{label}</text>'
        )
    for layer, predicted, measured in points:
        said = html.escape(f"{layer.name}: predicted {spell(predicted)}, measured {spell(measured)}")
        marks.append(
            f'<circle cx="{left + at(predicted):.1f}" cy="{top + size - at(measured):.1f}" r="4" fill="{_BROWN}" '
            f'fill-opacity="0.6"><title>{said}</title></circle>'
        )
    return (
        "<h2>Measured (up) against predicted time (right) of each node</h2>"
        f'<svg width="{left + size + 40}" height="{top + size + 30}" font-size="12">'
        f'<rect x="{left}" y="{top}" width="{size}" height="{size}" fill="none" stroke="#bbb"/>'
        f'<line x1="{left}" y1="{top + size}" x2="{left + size}" y2="{top}" stroke="#bbb"/>{"".join(marks)}</svg>'
    )
