"""Float ONNX to low bit: `quantize`.

import lutra
result = lutra.quantize("model.onnx", "uniform(bits=3, group=64, zero=float)", "gptq", calibration=batches)
result.save("low/model.onnx")
print(result.report.table())
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx

from lutra import onnx_domain
from lutra.errors import LutraError
from lutra.formats import Components, Format
from lutra.quantization import allocation
from lutra.quantization.algorithms import CALIBRATED, Algorithm, Context, check_algorithm, quantize_weight, stored_bits
from lutra.quantization.calibration import Backend, Feeds, collect, token_batches
from lutra.quantization.gptq import Statistics, inverse_factor
from lutra.quantization.report import LayerReport, Report

__all__ = [
    "Algorithm",
    "Budget",
    "LayerReport",
    "QuantizedModel",
    "Report",
    "Statistics",
    "calibrate",
    "quantize",
    "token_batches",
]

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `bits` bits a weight on average over the model (scales and zero points included), of widths `widths`.

    `per` layer: each layer has one width. `per` channel: each output channel has its own, which makes `mixed` formats.
    """

    bits: float
    per: Literal["layer", "channel"] = "layer"
    widths: tuple[int, ...] = (2, 3, 4)

    def __post_init__(self) -> None:
        if self.per not in ("layer", "channel"):
            raise LutraError(f"a budget is per layer or per channel, but not per '{self.per}'")


@dataclass(frozen=True, slots=True)
class QuantizedModel:
    """The low-bit model and what became of each layer."""

    model: onnx.ModelProto
    report: Report
    source: Path | None = None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes `path` (a name that ends in .onnx) with its tensors in `<name>.data`, and the tokenizer files that lie
        beside the model it was made from. Returns the path."""
        path = Path(path)
        if path.suffix != ".onnx":
            raise LutraError(f"the output '{path}' must name a file that ends in .onnx")
        path.parent.mkdir(parents=True, exist_ok=True)
        data = path.with_name(path.name + ".data")
        # onnx appends to an existing file.
        data.unlink(missing_ok=True)
        onnx.save(self.model, path, save_as_external_data=True, location=data.name, size_threshold=64)
        for name in ("tokenizer.json", "model.json"):
            if self.source is not None and (beside := self.source.with_name(name)).is_file():
                if beside.resolve() != path.with_name(name).resolve():
                    shutil.copyfile(beside, path.with_name(name))
        return path


def calibrate(
    model: onnx.ModelProto,
    batches: Iterable[Feeds],
    *,
    backend: Backend = "onnxruntime",
    progress: Progress | None = None,
) -> dict[str, Statistics]:
    """What `quantize` makes of calibration data, by the name of the activations: to be passed to several calls instead of them.

    Raises LutraError when there are no batches, or onnxruntime is not installed.
    """
    wanted = [product.activations for product in onnx_domain.products(model) if not product.is_lookup]
    return collect(model, wanted, batches, backend=backend, progress=progress)


def quantize(
    model: str | os.PathLike[str] | onnx.ModelProto,
    format: Format | str,
    algorithm: Algorithm = "rtn",
    *,
    calibration: Iterable[Feeds] | Mapping[str, Statistics] | None = None,
    backend: Backend = "onnxruntime",
    budget: Budget | None = None,
    overrides: Mapping[str, Format | str | None] | None = None,
    scales: str = "f32",
    tables: bool = False,
    activation: str = "none",
    progress: Progress | None = None,
) -> QuantizedModel:
    """Quantizes the constant float weights of `model`'s products (MatMul, Gemm; with `tables` also Gather).

    `format` is a format or its spelling (docs/spec/onnx-domain.md); the scales of a spelled one have the type `scales` (f32, f16,
    bf16, f8E8M0FNU, f8E4M3FN). `calibration` gives the inputs of some runs, each a
    dictionary of arrays (`token_batches` makes them from tokens), or is what `calibrate` made of them: gptq needs them; hqq, search, bcq and budgets weigh errors
    by them. `overrides` maps a regular expression for names of nodes to another format, or to None to leave those float; one that
    matches none is an error, the first that matches counts, and these layers are not part of a budget. `activation` is the products' own (activation
    quantization). `progress` is called with what is being done and the finished fraction.

    The model that is passed is not changed. Raises LutraError for an unknown format or algorithm, missing calibration data, a
    budget that cannot be met, or a model without float products.
    """
    algorithm = check_algorithm(algorithm)
    source = None if isinstance(model, onnx.ModelProto) else Path(model)
    if source is not None and not source.is_file():
        raise LutraError(f"'{source}' does not exist")
    loaded = model if isinstance(model, onnx.ModelProto) else onnx.load(os.fspath(model))
    job = _Job(loaded, allocation.as_format(format, scales), algorithm, overrides or {}, scales, tables, progress)
    if isinstance(calibration, Mapping):
        job.statistics = dict(calibration)
    elif calibration is not None:
        job.calibrate(calibration, backend)
    elif algorithm in CALIBRATED:
        raise LutraError(f"{algorithm} needs calibration data: pass `calibration` (token_batches makes it from tokens)")
    if budget is not None:
        job.spend(budget)
    return QuantizedModel(
        onnx_domain.rewrite(loaded, job.choose, activation=activation, tables=tables), job.report, source
    )


class _Job:
    """One call of `quantize`: the plan for each weight, and what is known of its activations."""

    def __init__(
        self,
        model: onnx.ModelProto,
        form: Format,
        algorithm: Algorithm,
        overrides: Mapping[str, Format | str | None],
        scales: str,
        tables: bool,
        progress: Progress | None,
    ) -> None:
        self.model, self.form, self.algorithm = model, form, algorithm
        self.progress = progress or (lambda _what, _fraction: None)
        self.report = Report()
        try:
            rules = [
                (re.compile(rule), None if found is None else allocation.as_format(found, scales))
                for rule, found in overrides.items()
            ]
        except re.error as error:
            raise LutraError(f"an override's name is no regular expression: {error}") from error
        #: By the name of the node.
        self.products = {product.node: product for product in onnx_domain.products(model, tables=tables)}
        if not self.products:
            raise LutraError("the model has no product of a constant float weight: is it quantized already?")
        for pattern, _ in rules:
            if not any(pattern.search(name) for name in self.products):
                raise LutraError(
                    f"the override '{pattern.pattern}' matches no product; their names are such as '{next(iter(self.products))}' and "
                    f"'{next(reversed(self.products))}'"
                )
        # A weight that two nodes share is one weight: what is said of the first holds.
        self.forms: dict[str, Format | None] = {}
        self.fixed: set[str] = set()
        shared: dict[tuple[str, bool], str] = {}
        for name, product in self.products.items():
            first = shared.setdefault((product.constant, product.by_rows), name)
            rule = next((found for pattern, found in rules if pattern.search(name)), form)
            if first != name:
                continue
            self.forms[name] = rule
            if rule is not form:
                self.fixed.add(name)
        self.statistics: dict[str, Statistics] = {}
        self.factors: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.orders: dict[str, np.ndarray] = {}
        self.tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self.done = 0

    def calibrate(self, batches: Iterable[Feeds], backend: Backend) -> None:
        wanted = [product.activations for name, product in self.products.items() if self._planned(name, product)]
        self.statistics = collect(
            self.model, wanted, batches, backend=backend, progress=lambda what, part: self.progress(what, 0.3 * part)
        )

    def _planned(self, name: str, product: onnx_domain.Product) -> bool:
        return not product.is_lookup and self.forms.get(name) is not None

    def weights(self, product: onnx_domain.Product) -> np.ndarray:
        array = onnx.numpy_helper.to_array(self.tensors[product.constant])
        return np.ascontiguousarray(array if product.by_rows else array.T)

    def spend(self, budget: Budget) -> None:
        """Replaces the formats of the layers that are not fixed by what the budget gives them."""
        forms = allocation.options(self.form, budget.widths)
        names = [name for name in self.forms if name not in self.fixed]
        errors, sizes = [], []
        for index, name in enumerate(names):
            self.progress(f"sensitivity of {name}", 0.3 + 0.2 * index / len(names))
            product = self.products[name]
            weights = self.weights(product)
            by_row, bits = self._sensitivity(product, weights, forms)
            whole = budget.per == "layer"
            errors.append(by_row.sum(axis=0, keepdims=True) if whole else by_row)
            sizes.append(np.broadcast_to(bits * (product.rows if whole else 1), errors[-1].shape))
        total = sum(self.products[name].rows * self.products[name].cols for name in names)
        # The permutation of a mixed weight holds 32 bits for each row.
        rows = sum(len(part) for part in errors) if budget.per == "channel" else 0
        limit = budget.bits * total - 32 * rows
        chosen = allocation.allocate(np.concatenate(errors), np.concatenate(sizes).astype(np.float64), limit)
        start = 0
        for name, part in zip(names, errors, strict=True):
            own = chosen[start : start + len(part)]
            start += len(part)
            self.forms[name], order = allocation.mix_rows(own, forms)
            if order is not None:
                self.orders[name] = order

    def _sensitivity(
        self, product: onnx_domain.Product, weights: np.ndarray, forms: list[Format]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The error [N, O] of each row in each format as a part of the layer's output (or weight), and a row's bits [O]."""
        statistics = self.statistics.get(product.activations)
        energy = (
            float(np.sum(weights.astype(np.float64) ** 2))
            if statistics is None
            else float(statistics.output_error(weights.astype(np.float64)).sum())
        )
        errors, bits = np.empty((product.rows, len(forms))), np.empty(len(forms))
        for option, form in enumerate(forms):
            components = quantize_weight(
                form, weights, "rtn" if self.algorithm == "rtn" else "search", Context(statistics)
            )
            difference = weights - form.dequantize(components, *weights.shape)
            error = np.sum(difference**2, axis=1) if statistics is None else statistics.output_error(difference)
            errors[:, option], bits[option] = error / max(energy, 1e-30), stored_bits(components) / product.rows
        return errors, bits

    def choose(self, node: onnx.NodeProto, weights: np.ndarray) -> onnx_domain.Quantized | None:
        name = self._name_of(node)
        form = self.forms.get(name)
        if form is None:
            return None
        self.progress(name, 0.5 + 0.5 * self.done / len(self.forms))
        self.done += 1
        started = time.perf_counter()
        product = self.products[name]
        statistics = self.statistics.get(product.activations) if not product.is_lookup else None
        algorithm = self.algorithm
        if (algorithm in CALIBRATED and statistics is None) or (name in self.fixed and algorithm in ("absmean", "bcq")):
            # A table is looked up, not multiplied; and an override need not be of the algorithm's family.
            algorithm = "hqq" if algorithm in CALIBRATED else "rtn"
        context = Context(statistics, self._factor(product, statistics) if algorithm == "gptq" else None)
        components = quantize_weight(form, weights, algorithm, context, self.orders.get(name))
        self._record(name, form, algorithm, weights, components, statistics, time.perf_counter() - started)
        return onnx_domain.Quantized(form, components)

    def _factor(
        self, product: onnx_domain.Product, statistics: Statistics | None
    ) -> tuple[np.ndarray, np.ndarray] | None:
        if statistics is None:
            return None
        if product.activations not in self.factors:
            # Products with the same activations follow each other; more than one factor would only fill memory.
            self.factors = {product.activations: inverse_factor(statistics, 0.01)}
        return self.factors[product.activations]

    def _name_of(self, node: onnx.NodeProto) -> str:
        if node.name:
            found: str = node.name
            return found
        output = node.output[0]
        return next(
            onnx_domain.node_name(other, index)
            for index, other in enumerate(self.model.graph.node)
            if list(other.output[:1]) == [output]
        )

    def _record(
        self,
        name: str,
        form: Format,
        algorithm: str,
        weights: np.ndarray,
        components: Components,
        statistics: Statistics | None,
        seconds: float,
    ) -> None:
        rows, cols = weights.shape
        exact = weights.astype(np.float64)
        difference = exact - form.dequantize(components, rows, cols)
        output = None
        if statistics is not None:
            output = float(
                np.sqrt(statistics.output_error(difference).sum() / max(statistics.output_error(exact).sum(), 1e-30))
            )
        self.report.layers.append(
            LayerReport(
                name,
                rows,
                cols,
                allocation.describe(form),
                algorithm,
                stored_bits(components) / (rows * cols),
                float(np.linalg.norm(difference)) / max(float(np.linalg.norm(exact)), 1e-30),
                output,
                seconds,
            )  # fmt: skip
        )
