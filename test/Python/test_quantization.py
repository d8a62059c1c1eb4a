# RUN: %python %s
"""lutra.quantize: algorithms against plain numpy, budgets, reports, and what is refused."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from lutra import formats
from lutra.errors import LutraError
from lutra.quantization import Budget, allocation, calibrate, calibration, fitting, gptq, grids, quantize
from lutra.quantization.algorithms import Context, quantize_weight
from lutra.quantization.gptq import Statistics
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(11)

ELEMENTARY = (
    "uniform(bits=3, group=16, zero=float)",
    "uniform(bits=2, group=8, zero=integer)",
    "uniform(bits=4, group=16, per=channel)",
    "uniform(bits=3, group=16, signed=1)",
    "uniform(bits=4, group=64, per=tensor)",
    "ternary(group=16)",
    "ternary(group=20, storage=three_in_five, per=tensor)",
    "bipolar(planes=3, group=16)",
    "bipolar(planes=2, group=16, zeta=0)",
    "bcq(planes=3, group=16)",
    "bcq(planes=2, group=16, shift_terms=2)",
    "codebook(bits=4, group=16, table=nf4)",
    "codebook(bits=4, group=32, table=e2m1)",
    "codebook(bits=3, group=16, table=channel)",
    "codebook(bits=3, group=16, table=tensor, global_scale=1)",
)


def heavy(*shape: int) -> np.ndarray:
    """Weights with outliers, as real ones have them."""
    return (rng.standard_normal(shape) * np.exp(rng.standard_normal(shape) / 2)).astype(np.float32)


def correlated(rows: int, cols: int) -> np.ndarray:
    """Activations whose columns depend on each other and differ in size."""
    mixing = rng.standard_normal((cols, cols)) * np.exp(rng.standard_normal(cols))
    return (rng.standard_normal((rows, cols)) @ mixing + rng.standard_normal(cols)).astype(np.float32)


def statistics_of(activations: np.ndarray) -> Statistics:
    exact = activations.astype(np.float64)
    return Statistics(exact.T @ exact / len(exact), len(exact))


def layout_spread(table: np.ndarray, weights: np.ndarray, group: int) -> np.ndarray:
    """The values [N, K, L] that each element may take."""
    return formats.layout.spread(table, *weights.shape, group)


class Grids(unittest.TestCase):
    def test_values_are_those_of_dequantize(self) -> None:
        for spelling in ELEMENTARY:
            with self.subTest(spelling):
                form, weights = formats.parse(spelling), heavy(6, 50)
                components = form.quantize(weights)
                codes = grids.nearest_codes(form, components, weights.astype(np.float64))
                same = grids.with_codes(form, components, codes)
                values = form.dequantize(same, 6, 50)
                np.testing.assert_allclose(grids.values(form, components, codes), values, rtol=1e-6, atol=1e-12)
                # No value of the grid is nearer than the one chosen.
                table = np.repeat(grids.levels(form, components), 1, axis=0)
                group = grids.elementary(form).group
                for n in range(6):
                    for k in range(50):
                        own = table[min(n, len(table) - 1), min(k // group, table.shape[1] - 1)]
                        self.assertAlmostEqual(abs(values[n, k] - weights[n, k]), np.abs(own - weights[n, k]).min(), 5)


class Algorithms(unittest.TestCase):
    def error(self, form: formats.Format, components: formats.Components, weights: np.ndarray) -> float:
        return float(np.sum((weights - form.dequantize(components, *weights.shape)) ** 2))

    def test_rounded_is_the_nearest_value(self) -> None:
        """A uniform format's formula gives what a search of its grid does."""
        weights = np.random.default_rng(5).standard_normal((8, 48))
        for spelling in ELEMENTARY:
            form = formats.parse(spelling)
            components = form.quantize(weights)
            table = layout_spread(grids.levels(form, components), weights, form.group)
            nearest = np.abs(table - weights[..., None]).min(axis=-1)
            with self.subTest(spelling):
                found = grids.rounded(form, components, weights)
                np.testing.assert_allclose(np.abs(found - weights), nearest, rtol=1e-9, atol=1e-12)
                codes = grids.nearest_codes(form, components, weights)
                np.testing.assert_allclose(grids.values(form, components, codes), found, rtol=1e-9, atol=1e-12)

    def test_search_and_half_quadratic_are_not_worse_than_rounding(self) -> None:
        weights = heavy(24, 96)
        for spelling in ELEMENTARY:
            with self.subTest(spelling):
                form = formats.parse(spelling)
                rounded = form.quantize(weights)
                searched = self.error(form, fitting.search(form, weights), weights)
                self.assertLessEqual(searched, self.error(form, rounded, weights) * (1 + 1e-6))
                robust = fitting.half_quadratic(form, weights)
                self.assertLessEqual(
                    self.magnitude(form, robust, weights), self.magnitude(form, rounded, weights) * (1 + 1e-6)
                )

    def magnitude(self, form: formats.Format, components: formats.Components, weights: np.ndarray) -> float:
        return float(np.abs(weights - form.dequantize(components, *weights.shape)).sum())

    def test_half_quadratic_gains_at_two_and_three_bits(self) -> None:
        weights = heavy(32, 128)
        for bits in (2, 3):
            form = formats.parse(f"uniform(bits={bits}, group=32, zero=float)")
            rounded, robust = form.quantize(weights), fitting.half_quadratic(form, weights)
            self.assertLess(self.magnitude(form, robust, weights), 0.98 * self.magnitude(form, rounded, weights))

    def test_bcq_finds_the_signs_it_was_made_of(self) -> None:
        form = formats.BCQ(2, 32)
        signs = rng.choice([-1.0, 1.0], (5, 64, 2))
        alphas = np.repeat(rng.uniform([0.3, 1.0], [0.4, 1.5], (5, 2, 2)), 32, axis=1)
        weights = np.sum(signs * alphas, axis=-1) + np.repeat(rng.standard_normal((5, 2)), 32, axis=1)
        components = fitting.alternating(form, weights)
        # Alternation may stop at a local optimum where a group has few of a sign: 8 of the 10 groups must be exact.
        missed = np.abs(form.dequantize(components, 5, 64) - weights).reshape(10, 32).max(axis=1)
        self.assertGreaterEqual(int((missed < 2e-6).sum()), 8)

    def test_bcq_is_better_than_greedy(self) -> None:
        weights = heavy(16, 128)
        for planes in (2, 3, 4):
            form = formats.BCQ(planes, 64)
            greedy, fitted = form.quantize(weights), fitting.alternating(form, weights)
            self.assertLess(self.error(form, fitted, weights), 0.95 * self.error(form, greedy, weights))

    def test_gptq_equals_a_plain_implementation(self) -> None:
        """Column by column with an explicit inverse that shrinks (Frantar et al., equation 3): no Cholesky, no blocks."""
        weights, activations = heavy(7, 40), correlated(200, 40)
        form, statistics = formats.parse("uniform(bits=3, group=16, zero=float)"), statistics_of(activations)
        found = form.dequantize(gptq.quantize(form, weights, statistics), 7, 40)
        shared = fitting.search(form, weights, statistics.importance)
        hessian = statistics.gram + 0.01 * np.mean(np.diagonal(statistics.gram)) * np.eye(40)
        order = np.argsort(-np.diagonal(hessian), kind="stable")
        left, work, expected = list(order), weights.astype(np.float64), np.empty((7, 40))
        while left:
            k = left[0]
            inverse = np.linalg.inv(hessian[np.ix_(left, left)])
            levels = grids.levels(form, shared)[:, k // 16]
            expected[:, k] = levels[np.arange(7), np.abs(work[:, k, None] - levels).argmin(axis=1)]
            work[:, left] -= ((work[:, k] - expected[:, k]) / inverse[0, 0])[:, None] * inverse[0]
            left = left[1:]
        np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_gptq_lowers_the_output_error(self) -> None:
        weights, activations = heavy(32, 96), correlated(400, 96)
        statistics = statistics_of(activations)
        for spelling in ELEMENTARY:
            with self.subTest(spelling):
                form = formats.parse(spelling)

                def output_error(components: formats.Components, form: formats.Format = form) -> float:
                    return float(np.mean((activations @ (weights - form.dequantize(components, 32, 96)).T) ** 2))

                fitted = output_error(quantize_weight(form, weights, "gptq", Context(statistics)))
                self.assertLess(fitted, output_error(form.quantize(weights)))

    def test_composite_formats(self) -> None:
        weights, statistics = heavy(12, 48), statistics_of(correlated(100, 48))
        for spelling in (
            "outliers(uniform(bits=3, group=16, zero=float), columns=2)",
            "outliers(uniform(bits=3, group=16), entries=3)",
            "mixed(uniform(bits=2, group=16), uniform(bits=4, group=16), rows=[8, 4])",
            "nested(uniform(bits=4, group=16), min_bits=2)",
        ):
            for algorithm in ("rtn", "hqq", "gptq"):
                with self.subTest(f"{spelling} {algorithm}"):
                    form = formats.parse(spelling)
                    components = quantize_weight(form, weights, algorithm, Context(statistics))
                    form.check(components, 12, 48)
                    self.assertLess(self.error(form, components, weights), 0.5 * np.sum(weights**2))

    def test_the_wrong_format_for_an_algorithm(self) -> None:
        weights = heavy(4, 16)
        for algorithm, spelling, message in (
            ("absmean", "uniform(bits=2, group=8)", r"absmean is for formats ternary\(...\)"),
            ("bcq", "ternary(group=8)", r"bcq is for formats bcq\(...\)"),
            ("gptq", "ternary(group=8)", "gptq needs calibration data"),
            (
                "hqq",
                "nested(codebook(bits=3, group=8, table=channel), min_bits=2)",
                "nested codebook is quantized by rtn",
            ),
        ):
            with self.assertRaisesRegex(LutraError, message):
                quantize_weight(formats.parse(spelling), weights, algorithm)
        with self.assertRaisesRegex(LutraError, "have 8 columns; the weight has 16"):
            wrong = Context(statistics_of(correlated(20, 8)))
            quantize_weight(formats.parse("ternary(group=8)"), weights, "gptq", wrong)


class Allocation(unittest.TestCase):
    def test_it_is_the_best_of_all(self) -> None:
        for _ in range(20):
            errors = np.sort(rng.exponential(size=(5, 3)) * rng.exponential(size=(5, 1)), axis=1)[:, ::-1]
            sizes = np.tile([2.0, 3.0, 4.0], (5, 1))
            chosen = allocation.allocate(errors, sizes, 14.0)
            self.assertLessEqual(sizes[np.arange(5), chosen].sum(), 14)
            every = np.stack(np.meshgrid(*[range(3)] * 5), -1).reshape(-1, 5)
            fits = every[sizes[0, every].sum(axis=1) <= 14]
            best = errors[np.arange(5), fits].sum(axis=1).min()
            # The price's solution may miss the optimum by what one unit gains (the curves need not be convex).
            gap = errors[np.arange(5), chosen].sum() - best
            self.assertLessEqual(gap, (errors[:, 0] - errors[:, 2]).max())

    def test_a_budget_that_cannot_be_met(self) -> None:
        with self.assertRaisesRegex(LutraError, "below the least possible, 4"):
            allocation.allocate(np.ones((2, 2)), np.array([[2.0, 3], [2, 3]]), 3)
        with self.assertRaisesRegex(LutraError, "a budget needs a format whose bits can change"):
            allocation.options(formats.parse("ternary(group=8)"), (2, 3))


def network() -> onnx.ModelProto:
    """x [n, 48] -> /a [64] -> Relu -> /b [32] + bias."""
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], name="/a"),
        helper.make_node("Relu", ["h"], ["r"], name="/relu"),
        helper.make_node("MatMul", ["r", "b"], ["p"], name="/b"),
        helper.make_node("Add", ["p", "bias"], ["y"], name="/bias"),
    ]
    constants = {"a": heavy(48, 64) / 7, "b": heavy(64, 32) / 8, "bias": heavy(32)}
    graph = helper.make_graph(
        nodes, "network", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 48])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 32])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


class Model(unittest.TestCase):
    def setUp(self) -> None:
        self.model = network()
        self.batches = [{"x": correlated(64, 48) / 20} for _ in range(3)]
        self.form = "uniform(bits=3, group=16, zero=float)"

    def run_reference(self, model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {"x": x})[0]

    def test_calibration_sees_every_activation(self) -> None:
        found = calibration.collect(self.model, ["x", "r"], self.batches)
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.model.graph.initializer}
        x = np.concatenate([batch["x"] for batch in self.batches])
        for name, array in (("x", x), ("r", np.maximum(x @ constants["a"], 0))):
            expected = statistics_of(array)
            self.assertEqual(found[name].rows, 192)
            np.testing.assert_allclose(
                found[name].gram, expected.gram, rtol=1e-4, atol=1e-4 * np.abs(expected.gram).max()
            )

    def test_calibration_through_lutra_is_the_same(self) -> None:
        ours = calibration.collect(self.model, ["x", "r"], self.batches, backend="lutra")
        theirs = calibration.collect(self.model, ["x", "r"], self.batches)
        for name in ("x", "r"):
            scale = np.abs(theirs[name].gram).max()
            np.testing.assert_allclose(ours[name].gram, theirs[name].gram, rtol=1e-4, atol=1e-4 * scale)

    def test_calls_share_calibration(self) -> None:
        known = calibrate(self.model, self.batches)
        for algorithm in ("gptq", "hqq"):
            own = quantize(self.model, self.form, algorithm, calibration=self.batches)
            shared = quantize(self.model, self.form, algorithm, calibration=known)
            self.assertEqual(shared.model.SerializeToString(), own.model.SerializeToString())

    def test_the_report_is_true_and_gptq_is_best(self) -> None:
        errors = {}
        for algorithm in ("rtn", "hqq", "gptq"):
            result = quantize(self.model, self.form, algorithm, calibration=self.batches)
            self.assertEqual([layer.name for layer in result.report.layers], ["/a", "/b"])
            self.assertAlmostEqual(result.report.bits_per_weight, 3 + 64 / 16)
            half = quantize(self.model, self.form, algorithm, calibration=self.batches, scales="f16")
            self.assertAlmostEqual(half.report.bits_per_weight, 3 + 48 / 16)
            errors[algorithm] = [layer.output_error for layer in result.report.layers]
            first = result.report.layers[0]
            nodes = {node.name: node for node in result.model.graph.node}
            self.assertEqual(nodes["/a"].domain, "ai.lutra")
            form = formats.parse(self.form)
            tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in result.model.graph.initializer}
            parts = {part: tensors[f"a.{part}"] for part in ("codes", "scales", "zeros")}
            weights = numpy_helper.to_array(self.model.graph.initializer[0]).T
            difference = weights - form.dequantize(parts, 64, 48)
            self.assertAlmostEqual(first.weight_error, np.linalg.norm(difference) / np.linalg.norm(weights), 6)
            self.assertIn("7.000 bits/weight", result.report.table())
        for layer in range(2):
            self.assertLess(errors["gptq"][layer], errors["hqq"][layer])
            self.assertLess(errors["gptq"][layer], errors["rtn"][layer])

    def test_a_saved_model_runs_and_is_close(self) -> None:
        import lutra

        result = quantize(self.model, "uniform(bits=8, group=16)", progress=lambda _what, _part: None)
        with tempfile.TemporaryDirectory() as folder:
            path = result.save(Path(folder) / "low.onnx")
            session = lutra.Session(lutra.compile(path, Path(folder) / "low.lutra", options={"table": "f32"}))
            x = self.batches[0]["x"]
            expected = self.run_reference(self.model, x)
            self.assertLess(np.abs(session.run(None, {"x": x})[0] - expected).max(), 0.02 * np.abs(expected).max())
        with self.assertRaisesRegex(LutraError, "must name a file that ends in .onnx"):
            result.save("low")

    def test_budgets(self) -> None:
        for per in ("layer", "channel"):
            with self.subTest(per):
                budget = Budget(7.2, per, (2, 3, 4))
                result = quantize(self.model, self.form, "gptq", calibration=self.batches, budget=budget)
                self.assertLessEqual(result.report.bits_per_weight, 7.2)
                self.assertGreater(result.report.bits_per_weight, 6.0)
        kinds = [layer.format for layer in result.report.layers]
        self.assertTrue(any(kind.startswith("mixed: ") for kind in kinds), kinds)

    def test_overrides(self) -> None:
        result = quantize(self.model, self.form, overrides={"^/b$": None, "b": "ternary(group=8)"})
        self.assertEqual([layer.name for layer in result.report.layers], ["/a"])
        result = quantize(self.model, self.form, overrides={"^/b$": "ternary(group=16)"})
        self.assertEqual(result.report.layers[1].format, "ternary(group=16)")

    def test_refusals(self) -> None:
        for message, arguments, options in (
            ("algorithm must be one of rtn, .*gptq", (self.form, "magic"), {}),
            ("expected one of uniform", ("unifrom(bits=3)",), {}),
            ("gptq needs calibration data", (self.form, "gptq"), {}),
            ("no calibration data: expected at least one", (self.form, "gptq"), {"calibration": []}),
            (
                "backend must be onnxruntime or lutra",
                (self.form, "gptq"),
                {"calibration": self.batches, "backend": "x"},
            ),
            ("an override's name is no regular expression", (self.form,), {"overrides": {"(": None}}),
            (
                "the override '\\^/lm_head' matches no product; their names are such as '",
                (self.form,),
                {"overrides": {"^/lm_head": None}},
            ),
            ("is below the least possible", (self.form,), {"budget": Budget(1.0)}),
        ):
            with self.subTest(message), self.assertRaisesRegex(LutraError, message):
                quantize(self.model, *arguments, **options)
        with self.assertRaisesRegex(LutraError, "'missing.onnx' does not exist"):
            quantize("missing.onnx", self.form)
        with self.assertRaisesRegex(LutraError, "no product of a constant float weight"):
            quantize(quantize(self.model, self.form).model, self.form)
        with self.assertRaisesRegex(LutraError, "per layer or per channel, but not per 'head'"):
            Budget(3, "head")


if __name__ == "__main__":
    unittest.main()
