# RUN: %python %s
"""Products and lookups of the domain ai.lutra, compiled and run: the same bits as the interpreter, and what numpy makes of the
components within the tolerance of docs/spec/numerics.md."""

from __future__ import annotations

import subprocess
import tempfile
import unittest
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from lutra import LutraError, Session, compile, formats, onnx_domain
from lutra.formats import Components, Format
from lutra.formats.examples import read_examples
from onnx import TensorProto, helper, numpy_helper

PAGE = Path(__file__).resolve().parents[2] / "docs" / "spec" / "onnx-domain.md"
rng = np.random.default_rng(17)
#: Sizes with remainders: of rows in a tile, of columns in a group.
M, N, K = 3, 37, 45

SIMPLE = [
    *(f"uniform(bits={bits}, group=16)" for bits in range(1, 9)),
    *(f"uniform(bits={bits}, group=16, signed=1)" for bits in (2, 3, 5, 8)),
    "uniform(bits=3, group=8, zero=integer)",
    "uniform(bits=6, group=12, zero=integer, signed=1, per=channel)",
    "uniform(bits=4, group=16, zero=float)",
    "uniform(bits=7, group=45, zero=none, per=tensor)",
    *(f"ternary(group=16, storage={storage})" for storage in ("two_bit", "three_in_five", "five_in_eight")),
    "ternary(group=45, storage=five_in_eight, per=tensor)",
    "bipolar(planes=2, group=16)",
    "bipolar(planes=3, group=16, zeta=-1)",
    "bcq(planes=3, group=16)",
    "bcq(planes=2, group=16, per=channel, shift_terms=3)",
]
CODEBOOKS = [
    *(f"codebook(bits=4, group=16, table={table})" for table in ("nf4", "bnb_fp4", "e2m1")),
    "codebook(bits=3, group=16, table=tensor)",
    "codebook(bits=2, group=45, table=channel)",
]
COMPOSITE = [
    "nested(uniform(bits=6, group=16), min_bits=2)",
    "nested(codebook(bits=3, group=45, table=channel), min_bits=2)",
    "mixed(uniform(bits=2, group=16), ternary(group=16, per=tensor), uniform(bits=8, group=8), rows=[20, 10, 7])",
    "outliers(uniform(bits=3, group=16), columns=4)",
    "outliers(uniform(bits=3, group=16), entries=3)",
    "mixed(uniform(bits=2, group=16), outliers(uniform(bits=4, group=16), columns=2), rows=[30, 7])",
]


@dataclass
class Case:
    """A weight, how its activations are quantized, and the bits that it runs at (0: those it has)."""

    format: Format
    components: Components
    rows: int = N
    cols: int = K
    activation: str = "none"
    bits: int = 0

    @classmethod
    def random(cls, spelling: str, scale: str = "f32", **keywords: object) -> Case:
        form = formats.parse(spelling, scale=scale)
        return cls(form, form.quantize(rng.standard_normal((N, K)).astype(np.float32)), **keywords)

    def weights(self) -> np.ndarray:
        if self.bits:
            assert isinstance(self.format, formats.Nested)
            return self.format.dequantize(self.components, self.rows, self.cols, self.bits)
        return self.format.dequantize(self.components, self.rows, self.cols)

    def initializers(self, prefix: str) -> list[TensorProto]:
        return onnx_domain.make_initializers(prefix, self.format, self.components, self.rows, self.cols)

    def quantized(self, x: np.ndarray) -> np.ndarray:
        """The activations that the product sees, f64."""
        activation = formats.parse_activation(self.activation)
        if activation is None:
            return x.astype(np.float64)
        group = getattr(self.format, "group", self.cols)
        return activation.dequantize(*activation.quantize(x, group), group)


class Compiled:
    """A model with its nodes' outputs, compiled and interpreted."""

    def __init__(
        self,
        directory: Path,
        nodes: Sequence[onnx.NodeProto],
        constants: Sequence[TensorProto],
        feed: Mapping[str, np.ndarray],
        dims: Mapping[str, Sequence[int | str]],
        output: int = TensorProto.FLOAT,
    ) -> None:
        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), dims[name])
            for name, array in feed.items()
        ]
        outputs = [helper.make_tensor_value_info(name, output, dims[name]) for node in nodes for name in node.output]
        graph = helper.make_graph(nodes, "domain", inputs, outputs, constants)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(onnx_domain.DOMAIN, onnx_domain.VERSION)]
        self.path = directory
        self.model = self.path / "model.onnx"
        self.feed = dict(feed)
        self.names = [info.name for info in outputs]
        self.model.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=11).SerializeToString())

    def run(self, table: str) -> dict[str, np.ndarray]:
        # What the interpreter is told of are tables; with strategy auto, weights of few codes would be multiplied by codes of 8 bits.
        artifact = compile(self.model, self.path / f"{table}.lutra", options={"table": table, "strategy": "lut"})
        return dict(zip(self.names, Session(artifact).run(None, self.feed), strict=True))

    def interpret(self, table: str) -> dict[str, np.ndarray]:
        module = self.path / "model.mlir"
        self.call("lutrac", self.model, "--compile-to=lowbit", "-o", module)
        flags = []
        for name, array in self.feed.items():
            np.save(self.path / f"{name}.npy", array)
            flags += ["--input", f"{name}={self.path / name}.npy"]
        out = self.path / f"{table}.out"
        self.call("lutra-run", f"--interpret={module}", f"--table={table}", "--output-dir", out, *flags)
        return {name: np.load(out / f"{name}.npy") for name in self.names}

    @staticmethod
    def call(*command: object) -> None:
        done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


class DomainTest(unittest.TestCase):
    def model(self, *parts: Any) -> Compiled:
        """A Compiled in a folder that the test removes."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        return Compiled(Path(directory.name), *parts)

    def same_bits(self, got: np.ndarray, want: np.ndarray, what: str) -> None:
        self.assertEqual(got.shape, want.shape, what)
        differ = np.count_nonzero(got.view(np.uint32) != want.view(np.uint32))
        self.assertEqual(differ, 0, f"{what}: {differ} of {want.size} elements differ from the interpreter's")

    def products(self, cases: Sequence[Case], tables: Sequence[str] = ("f32", "i8")) -> None:
        """All of `cases` in one model, with the same activations."""
        x = rng.standard_normal((M, K)).astype(np.float32)
        feed: dict[str, np.ndarray] = {"x": x}
        dims: dict[str, Sequence[int | str]] = {"x": ["m", K], "bias": [N]}
        bias = rng.standard_normal(N).astype(np.float32)
        nodes, constants = [], [numpy_helper.from_array(bias, "bias")]
        for i, case in enumerate(cases):
            tensors = case.initializers(f"w{i}")
            precision = ""
            if case.bits:
                precision = f"precision{i}"
                constants.append(numpy_helper.from_array(np.array(case.bits, np.int64), precision))
            names = [tensor.name for tensor in tensors]
            nodes.append(
                onnx_domain.matmul(
                    f"/mm{i}", "x", f"y{i}", case.format, names, N, K,
                    bias="bias" if i % 2 else "", precision=precision, activation=case.activation,
                )
            )  # fmt: skip
            dims[f"y{i}"] = ["m", N]
            constants += tensors
        compiled = self.model(nodes, constants, feed, dims)
        for table in tables:
            results, references = compiled.run(table), compiled.interpret(table)
            for i, case in enumerate(cases):
                with self.subTest(case.format.spelling, activation=case.activation, table=table, bits=case.bits):
                    got = results[f"y{i}"]
                    self.same_bits(got, references[f"y{i}"], f"y{i}")
                    if table == "f32" or case.activation != "none":
                        self.near(got - (bias if i % 2 else 0), case.quantized(x), case.weights())

    def near(self, got: np.ndarray, x: np.ndarray, weights: np.ndarray) -> None:
        """K 2^-24 times the magnitudes of the sum's terms; in planes, those of a row reach four times its greatest weight."""
        terms = np.outer(np.abs(x).sum(axis=1), 4 * np.abs(weights).max(axis=1)) + 1
        error = np.abs(got - x @ weights.T)
        self.assertTrue((error <= K * 2.0**-24 * terms).all(), f"error {error.max()}")


class Products(DomainTest):
    def test_simple(self) -> None:
        self.products([Case.random(spelling) for spelling in SIMPLE])

    def test_scale_types(self) -> None:
        spellings = ("uniform(bits=3, group=16, signed=1)", "ternary(group=16)", "bipolar(planes=2, group=16)")
        self.products(
            [Case.random(s, scale) for s in spellings for scale in ("f16", "bf16", "f8E8M0FNU", "f8E4M3FN")], ("f32",)
        )

    def test_codebooks(self) -> None:
        self.products([Case.random(spelling) for spelling in CODEBOOKS])

    def test_block_floats(self) -> None:
        mxfp4 = Case.random("codebook(bits=4, group=32, table=e2m1)", "f8E8M0FNU")
        nvfp4 = Case.random("codebook(bits=4, group=16, table=e2m1, global_scale=1)", "f8E4M3FN")
        self.products([mxfp4, nvfp4])

    def test_composite(self) -> None:
        self.products([Case.random(spelling) for spelling in COMPOSITE])

    def test_nested_widths(self) -> None:
        bodies = ("uniform(bits=5, group=16)", "codebook(bits=4, group=45, table=channel)")
        self.products([Case.random(f"nested({body}, min_bits=2)", bits=b) for body in bodies for b in (2, 3, 4)])


class QuantizedActivations(DomainTest):
    def test_bitnet(self) -> None:
        for storage in ("two_bit", "three_in_five", "five_in_eight"):
            spelling = f"ternary(group=16, storage={storage}, per=tensor)"
            self.products([Case.random(spelling, activation="int8_per_token")], ("i8",))

    def test_widths(self) -> None:
        spelling = "uniform(bits=4, group=16)"
        activations = (
            *(f"int{b}_per_token" for b in (2, 4, 5, 8)),
            *(f"int{b}_per_group" for b in (3, 8)),
            *(f"bipolar{b}_per_{per}" for b in (1, 4, 7) for per in ("token", "group")),
        )
        self.products([Case.random(spelling, activation=activation) for activation in activations], ("i8",))

    def test_formats(self) -> None:
        spellings = (
            "uniform(bits=3, group=16, zero=float)",
            "bcq(planes=2, group=16)",
            "codebook(bits=4, group=16, table=e2m1)",
            "codebook(bits=4, group=16, table=nf4)",
            "nested(uniform(bits=6, group=16), min_bits=2)",
            "mixed(uniform(bits=2, group=16), codebook(bits=4, group=8, table=bnb_fp4), rows=[30, 7])",
            "outliers(uniform(bits=3, group=16), columns=4)",
            "outliers(uniform(bits=3, group=16), entries=3)",
        )
        self.products([Case.random(spelling, activation="int8_per_token") for spelling in spellings], ("i8",))


class HalfPrecision(DomainTest):
    def test_products(self) -> None:
        """f16 in and out: the f32 result, rounded once."""
        form = formats.parse("uniform(bits=4, group=16)")
        case = Case(form, form.quantize(rng.standard_normal((N, K)).astype(np.float32)))
        tensors = case.initializers("w")
        names = [tensor.name for tensor in tensors]
        half = rng.standard_normal((M, K)).astype(np.float16)
        for activation in ("none", "int8_per_token"):
            node = onnx_domain.matmul("/mm", "x", "y", form, names, N, K, activation=activation)
            dims = {"x": ["m", K], "y": ["m", N]}
            model = self.model([node], tensors, {"x": half}, dims, TensorProto.FLOAT16)
            wide = self.model([node], tensors, {"x": half.astype(np.float32)}, dims)
            got, want = model.run("f32")["y"], wide.run("f32")["y"]
            np.testing.assert_array_equal(got, want.astype(np.float16))


class RunTimePrecision(DomainTest):
    def test_bits(self) -> None:
        case = Case.random("nested(uniform(bits=6, group=16), min_bits=3)")
        tensors = case.initializers("w")
        node = onnx_domain.matmul(
            "/mm", "x", "y", case.format, [t.name for t in tensors], N, K, precision="bits"
        )  # fmt: skip
        x = rng.standard_normal((M, K)).astype(np.float32)
        for bits in (3, 5, 6):
            feed = {"x": x, "bits": np.array(bits, np.int64)}
            compiled = self.model([node], tensors, feed, {"x": ["m", K], "bits": [], "y": ["m", N]})
            got = compiled.run("f32")["y"]
            self.same_bits(got, compiled.interpret("f32")["y"], f"{bits} bits")
            case.bits = bits
            self.near(got, x, case.weights())
        for bits in (2, 7, 2**32 + 3):
            compiled.feed["bits"] = np.array(bits, np.int64)
            with self.assertRaisesRegex(LutraError, "the precision of a weight must be 3 to 6 bits"):
                compiled.run("f32")


class Examples(DomainTest):
    def test_page(self) -> None:
        """The weights of the page's examples, exactly: products with the rows of a unit matrix."""
        for example in read_examples(PAGE):
            with self.subTest(example.format.spelling):
                case = Case(example.format, example.components, example.rows, example.cols)
                tensors = case.initializers("w")
                names = [tensor.name for tensor in tensors]
                node = onnx_domain.matmul("/mm", "x", "y", case.format, names, case.rows, case.cols)
                feed = {"x": np.eye(case.cols, dtype=np.float32)}
                dims = {"x": ["m", case.cols], "y": ["m", case.rows]}
                got = self.model([node], tensors, feed, dims).run("f32")["y"]
                np.testing.assert_array_equal(got.T, example.values)


class Gathers(DomainTest):
    def gather(self, cases: Sequence[Case]) -> None:
        """Rows of all of `cases` in one model: exactly the values, rounded to f32."""
        ids = np.array([[0, N - 1, 5], [-1, -N, 5]], np.int64)
        nodes, constants = [], []
        dims: dict[str, Sequence[int | str]] = {"ids": ["b", "s"]}
        for i, case in enumerate(cases):
            tensors = case.initializers(f"w{i}")
            names = [tensor.name for tensor in tensors]
            nodes.append(onnx_domain.gather(f"/embed{i}", "ids", f"y{i}", case.format, names, N, K))
            dims[f"y{i}"] = ["b", "s", K]
            constants += tensors
        compiled = self.model(nodes, constants, {"ids": ids}, dims)
        results, references = compiled.run("i8"), compiled.interpret("i8")
        for i, case in enumerate(cases):
            with self.subTest(case.format.spelling):
                want = case.weights().astype(np.float32)[ids]
                np.testing.assert_array_equal(results[f"y{i}"], want)
                np.testing.assert_array_equal(references[f"y{i}"], want)

    def test_formats(self) -> None:
        self.gather([Case.random(spelling) for spelling in SIMPLE])
        self.gather([Case.random(spelling) for spelling in [*CODEBOOKS, *COMPOSITE[:2]]])

    def test_scale_types(self) -> None:
        scales = ("f16", "bf16", "f8E8M0FNU", "f8E4M3FN")
        self.gather([Case.random("uniform(bits=3, group=16, zero=float)", scale) for scale in scales])
        self.gather([Case.random("codebook(bits=4, group=16, table=e2m1, global_scale=1)", "f8E4M3FN")])

    def test_out_of_range(self) -> None:
        case = Case.random("uniform(bits=3, group=16)")
        tensors = case.initializers("w")
        names = [tensor.name for tensor in tensors]
        node = onnx_domain.gather("/embed", "ids", "y", case.format, names, N, K)
        compiled = self.model([node], tensors, {"ids": np.array([1, N])}, {"ids": ["s"], "y": ["s", K]})
        with self.assertRaisesRegex(LutraError, "node '/embed' .*: an index is out of range for axis 0 of the weight"):
            compiled.run("i8")


class Tied(DomainTest):
    def test_vocabulary(self) -> None:
        """A table that is looked up and multiplied with: the same initializers."""
        case = Case.random("ternary(group=16, per=tensor)", activation="int8_per_token")
        tensors = case.initializers("vocabulary")
        names = [tensor.name for tensor in tensors]
        nodes = [
            onnx_domain.gather("/embed", "ids", "h", case.format, names, N, K),
            onnx_domain.matmul("/head", "h", "y", case.format, names, N, K, activation=case.activation),
        ]
        ids = np.array([3, 0, N - 1], np.int64)
        compiled = self.model(nodes, tensors, {"ids": ids}, {"ids": ["s"], "h": ["s", K], "y": ["s", N]})
        results, references = compiled.run("i8"), compiled.interpret("i8")
        rows = case.weights().astype(np.float32)[ids]
        np.testing.assert_array_equal(results["h"], rows)
        self.same_bits(results["y"], references["y"], "y")
        self.near(results["y"], case.quantized(rows), case.weights())


if __name__ == "__main__":
    unittest.main()
