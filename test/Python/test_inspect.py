# RUN: %python %s
"""lutra inspect, lutra quantize and lutra cache: what they print, and what they refuse."""

import collections
import json
import os
import tempfile
import unittest
from pathlib import Path

import lutra
import numpy as np
import onnx
from command import run
from lutra import inspection
from lutra.inspection import remarks
from onnx import TensorProto, helper, numpy_helper

FIXTURE = Path(__file__).resolve().parents[1] / "Fixtures" / "tiny_llama.onnx"


class CommandTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        os.environ["LUTRA_CACHE_DIR"] = str(self.folder / "cache")
        rng = np.random.default_rng(1)
        nodes = [
            helper.make_node("MatMul", ["x", "a"], ["h"], name="/a"),
            helper.make_node("MatMul", ["h", "b"], ["y"], name="/b"),
        ]
        tensors = [numpy_helper.from_array(rng.standard_normal((32, 32), np.float32), name) for name in ("a", "b")]
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 32]) for name in ("x", "y")]
        graph = helper.make_graph(nodes, "g", infos[:1], infos[1:], tensors)
        self.model = self.folder / "float.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), self.model)

    def test_inspect_lists_every_product(self) -> None:
        layers = inspection.inspect(FIXTURE).layers
        self.assertEqual(len(layers), 14)
        by_name = {layer.name: layer for layer in layers}
        qkv = by_name["/model/layers.0/attn/qkv_proj/MatMulNBits"]
        self.assertEqual((qkv.rows, qkv.cols, qkv.format), (256, 128, "4 bits, blocks of 32"))
        # 4 bits, and for each 32 a scale of 32 bits and a zero point of 4.
        self.assertAlmostEqual(qkv.bits, 4 + 36 / 32)
        self.assertRegex(qkv.strategy or "", r"^lut: ")
        # No strategy is chosen by time, and yet the cost model says what it takes.
        self.assertTrue(all(layer.predicted for layer in layers if layer.op == "MatMulNBits"))
        other = inspection.inspect(FIXTURE, target_options=["cpu.strategy=int8"]).layers
        whole = {layer.name: layer for layer in other}[qkv.name]
        self.assertRegex(whole.strategy or "", r"^int8: ")
        wide = {layer.name: layer for layer in inspection.inspect(FIXTURE, target_options=["cpu.table=f32"]).layers}
        self.assertEqual((wide[qkv.name].strategy, wide[qkv.name].predicted), (qkv.strategy, qkv.predicted))
        auto = inspection.inspect(FIXTURE, target_options=["cpu.strategy=auto"]).layers
        fastest = {layer.name: layer for layer in auto}[qkv.name]
        self.assertLessEqual(fastest.predicted or 1, qkv.predicted or 0)
        # The number of rows decides at run time; the time is that of one row, which lookups take.
        self.assertRegex(fastest.strategy or "", r"^int8: from \d+ rows on.*, and lut for (fewer|others)")

    def test_inspect_measures_and_draws(self) -> None:
        page = self.folder / "page.html"
        self.assertEqual(
            run("quantize", self.model, self.folder / "low.onnx", "--format", "uniform(bits=4, group=16)")[0], 0
        )
        code, out, err = run("inspect", self.folder / "low.onnx", "--measure", "--html", page)
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"/a .* 32 x 32 .*uniform\(bits=4, group=16\) .* us")
        self.assertRegex(
            out.splitlines()[-1], r"^2 layers, 0\.00 M weights, .* of measured products \(predicted .* for 2 of them\)$"
        )
        text = page.read_text()
        self.assertIn("<svg", text)
        self.assertIn("uniform(bits=4, group=16)", text)
        self.assertNotIn("http", text)

    def test_remarks(self) -> None:
        head = "Pass:            lowbit-select-strategy\nName:            x\nFunction:        '{}'\nArgs:\n"
        text = (
            "--- !Passed\n" + head.format("/a") + "  - Reason:          'lut: because'\n...\n"
            "--- !Passed\nPass:            other\nFunction:        '/b'\nArgs:\n  - Reason:          'no'\n...\n"
            "--- !Analysis\n" + head.format("/a") + "  - Remark:          'predicted for 1 rows: ...'\n"
            "  - lut-ns:          '12500'\n  - dense-ns:        '20000'\n...\n"
            "--- !Analysis\n" + head.format("/a") + "  - lut-ns:          '99999'\n...\n"
            "--- !Passed\n" + head.format("/q, /k") + "  - Reason:          'int8: why not'\n...\n"
            "--- !Analysis\n" + head.format("/q, /k") + "  - int8-ns:         '3000'\n...\n"
        )
        one, two = remarks.parse(text)
        self.assertEqual((one.nodes, one.strategy, one.costs), (("/a",), "lut", {"lut": 12500e-9, "dense": 20000e-9}))
        self.assertEqual((two.nodes, two.reason), (("/q", "/k"), "int8: why not"))
        layers = [
            inspection.Layer(name, "MatMul", 8, 8, "f", size) for name, size in (("/q", 200), ("/k", 100), ("/a", 1))
        ]
        found = inspection._decided(layers, [one, two])
        np.testing.assert_allclose([layer.predicted for layer in found], [2e-6, 1e-6, 12.5e-6])
        self.assertEqual(found[0].strategy, "int8: why not (one product with 1 more)")

    def test_a_decoder_is_measured_as_a_whole(self) -> None:
        found = inspection.inspect(FIXTURE, measure=True)
        products = sum(layer.measured or 0 for layer in found.layers)
        self.assertGreater(found.step or 0, 0)
        self.assertGreater(products, 0)
        text = inspection.page("tiny", found)
        self.assertIn("for one token of the whole model", text)
        self.assertEqual(
            text.count("<circle"), sum(1 for x in (*found.layers, *found.others) if x.predicted and x.measured)
        )
        # Two layers: an attention, two norms and what is between the products of each, and the norm at the end.
        counts = collections.Counter(other.op for other in found.others)
        self.assertEqual(
            (
                counts["GroupQueryAttention"],
                counts["SimplifiedLayerNormalization"],
                counts["SkipSimplifiedLayerNormalization"],
            ),
            (2, 1, 4),
        )
        self.assertTrue(all(other.predicted and other.measured for other in found.others), found.others)
        attention = next(other for other in found.others if other.op == "GroupQueryAttention")
        self.assertEqual(attention.shape, (1, 1, 128))
        self.assertIn(attention.name, text)
        self.assertRegex(inspection.table(found), r"\nGroupQueryAttention +1 x 1 x 128 +1 ")

    def test_quantize_prints_its_report(self) -> None:
        out = self.folder / "low" / "model.onnx"
        report = self.folder / "report.json"
        code, text, err = run(
            "quantize", self.model, out, "--format", "uniform(bits=3, group=16, zero=float)", "--algorithm", "hqq",
            "--set", "/b=ternary(group=16)", "--report", report,
        )  # fmt: skip
        self.assertEqual(code, 0, err)
        self.assertRegex(text, r"2 layers, \d\.\d+ bits/weight\n.*model\.onnx: 0\.0 MB in")
        layers = json.loads(report.read_text())["layers"]
        self.assertEqual(
            [layer["format"] for layer in layers], ["uniform(bits=3, group=16, zero=float)", "ternary(group=16)"]
        )
        y = lutra.InferenceSession(out).run(None, {"x": np.ones((1, 32), np.float32)})[0]
        self.assertEqual(y.shape, (1, 32))

    def test_cache(self) -> None:
        lutra.InferenceSession(self.model).close()
        self.assertRegex(run("cache")[1], r"float\.onnx\n.*: 1 models, ")
        self.assertRegex(run("cache", "--clear")[1], r": removed 1 models, ")
        self.assertRegex(run("cache", "--info")[1], r": 0 models, 0\.0 MB of at most ")

    def test_errors_are_one_line(self) -> None:
        out = self.folder / "x.onnx"
        for message, *arguments in (
            ("'missing.onnx' does not exist", "inspect", "missing.onnx"),
            ("'missing.onnx' does not exist", "quantize", "missing.onnx", out),
            ("algorithm must be one of", "quantize", self.model, out, "--algorithm", "best"),
            ("gptq needs calibration data", "quantize", self.model, out, "--algorithm", "gptq"),
            ("--set 'a' has no '='", "quantize", self.model, out, "--set", "a"),
            ("is no list of whole numbers", "quantize", self.model, out, "--budget", 3, "--widths", "a"),
            ("not allowed with argument", "cache", "--clear", "--info"),
        ):
            with self.subTest(message=message):
                code, text, err = run(*arguments)
                self.assertEqual((code, text), (1, ""))
                self.assertRegex(err, r"\Alutra( \w+)?: error: [^\n]+\n\Z")
                self.assertIn(message, err)


if __name__ == "__main__":
    unittest.main()
