"""What quantization did to each layer, as a table, JSON or CSV."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One weight. `weight_error` is |W - Q| / |W| (Frobenius); `output_error` the same of the product with the calibration
    data's activations, None without such data."""

    name: str
    rows: int
    cols: int
    format: str
    algorithm: str
    bits: float
    weight_error: float
    output_error: float | None
    seconds: float


@dataclass(slots=True)
class Report:
    """All layers, in the graph's order."""

    layers: list[LayerReport] = field(default_factory=list)

    @property
    def bits_per_weight(self) -> float:
        """Stored bits over weights, of all layers together."""
        weights = sum(layer.rows * layer.cols for layer in self.layers)
        return sum(layer.bits * layer.rows * layer.cols for layer in self.layers) / weights if weights else 0.0

    def to_json(self) -> str:
        """The report as JSON."""
        layers = [asdict(layer) for layer in self.layers]
        return json.dumps({"bits_per_weight": self.bits_per_weight, "layers": layers}, indent=1)

    def table(self, limit: int | None = None) -> str:
        """A line for each layer (the `limit` with the greatest error), and one for all."""

        def error(layer: LayerReport) -> float:
            return layer.weight_error if layer.output_error is None else layer.output_error

        shown = self.layers if limit is None else sorted(self.layers, key=error, reverse=True)[:limit]
        width = max([len(layer.name) for layer in shown], default=5)
        lines = [f"{'layer':{width}}  {'rows x cols':>13}  bits/w  weight error  output error  format"]
        for layer in shown:
            output = "-" if layer.output_error is None else f"{layer.output_error:.4f}"
            lines.append(
                f"{layer.name:{width}}  {layer.rows:>6} x {layer.cols:<5} {layer.bits:6.2f}  {layer.weight_error:12.4f}  "
                f"{output:>12}  {layer.format}"
            )
        lines.append(f"{len(self.layers)} layers, {self.bits_per_weight:.3f} bits/weight")
        return "\n".join(lines)
