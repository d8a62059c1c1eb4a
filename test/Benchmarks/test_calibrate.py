# RUN: %python %s
"""What scripts/calibrate computes from its measurements."""

import contextlib
import dataclasses
import io
import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import calibrate
import cases
import numpy as np
from cases import Case
from cost import STRATEGIES
from paths import BenchmarkError, tool
from products import make_model
from rates import RATES, Timed, least_squares, predict, solve

SWEEP = [dataclasses.replace(case, m=m) for case, counts in cases.calibration() for m in counts]


class CalibrateTest(unittest.TestCase):
    def test_rates_are_those_that_predict_the_times(self) -> None:
        rates = {name: 10.0 * (i + 1) for i, name in enumerate(RATES)}
        timed = [Timed(case, name, predict(rates, case, name)) for case in SWEEP for name in STRATEGIES]
        found = solve(timed)
        for name, value in rates.items():
            self.assertAlmostEqual(found[name] / value, 1, places=3, msg=name)

    def test_products_that_wait_for_memory_tell_nothing_of_what_they_compute(self) -> None:
        rates = {name: 10.0 * (i + 1) for i, name in enumerate(RATES)}
        timed = [
            Timed(case, name, predict(rates, case, name, 2 if case.m <= 8 else 1e9))
            for case in SWEEP
            for name in STRATEGIES
        ]
        found = solve(timed, 2)
        for case in SWEEP:
            if case.m > 8:
                for name in STRATEGIES:
                    self.assertAlmostEqual(predict(found, case, name) / predict(rates, case, name), 1, delta=0.05)

    def test_a_term_that_explains_nothing_is_left_out(self) -> None:
        rates = {name: 10.0 for name in RATES if name != "index-two-rate"}
        found = solve([Timed(case, name, predict(rates, case, name)) for case in SWEEP for name in STRATEGIES])
        self.assertAlmostEqual(found["lookup-rate"], 10, places=3)
        self.assertGreater(found.get("index-two-rate", 1e9), 900)

    def test_times_that_fit_nothing(self) -> None:
        timed = [Timed(case, name, 1000.0) for case in SWEEP[:2] for name in STRATEGIES]
        with self.assertRaisesRegex(BenchmarkError, "something else ran"):
            solve(timed)

    @mock.patch("rates.panel_rows", return_value=(25, 13))
    def test_work_by_hand(self, _: mock.Mock) -> None:
        # Three rows of 8 outputs, a tile of 64; 2 groups of 20: 6 tables each, so that the 24 codes count as 48.
        case = Case(3, 8, 24, "2", 20, 1, "cost")
        self.assertEqual(predict({"lookup-two-rate": 1, "lookup-rate": 1}, case, "lut"), 3 * 64 * 12 * 2)
        self.assertEqual(predict({"fetch-two-rate": 1, "fetch-rate": 1}, case, "lut"), 64 * 12 * 2)
        # Eight planes are summed by fours, the third of three alone.
        eight = Case(1, 64, 256, "8", 128, 1, "cost")
        self.assertEqual(predict({"lookup-rate": 1, "lookup-one-rate": 1}, eight, "lut"), 64 * 64 * 8)
        self.assertEqual(
            predict({"lookup-rate": 1, "lookup-one-rate": 2}, dataclasses.replace(eight, width="3"), "lut"), 64 * 64 / 2
        )
        self.assertEqual(predict({"index-two-rate": 1}, case, "lut"), 2 * 64 * 12 * 2)
        # Where M is not known, three rows are a block.
        open_rows = dataclasses.replace(case, kind="gemm")
        self.assertEqual(predict({"index-two-rate": 1}, open_rows, "lut"), 64 * 12 * 2)
        self.assertEqual(predict({"index-rate": 1}, dataclasses.replace(open_rows, width="4"), "lut"), 64 * 12 * 4)
        self.assertEqual(predict({"few-rate": 1}, case, "int8"), 3 * 64 * 48)
        self.assertEqual(predict({"few-unpack-rate": 1, "unpack-rate": 1}, case, "int8"), 2 * 64 * 48)
        self.assertEqual(predict({"few-sum-rate": 1, "panel-rate": 1}, case, "int8"), 3 * 64 * 2)
        # Three planes are a run of two and one of one, eight are two of four.
        for width, runs in (("3", 2), ("4", 1), ("8", 2)):
            wide = dataclasses.replace(eight, width=width)
            self.assertEqual(predict({"few-run-rate": 1}, wide, "int8"), runs * 64 * 256)
            self.assertEqual(predict({"run-rate": 1}, dataclasses.replace(wide, m=25), "int8"), runs * 64 * 256)
        # Beyond four rows, codes are loaded for half a tile; beyond 24 in passes of as many rows.
        few = Case(5, 64, 256, "2", 128, 1, "cost")
        self.assertEqual(predict({"few-rate": 1}, few, "int8"), 5 * 64 * 256)
        self.assertEqual(predict({"few-load-rate": 1}, few, "int8"), 2 * 5 * 64 * 256)
        with mock.patch("rates.panel_rows", return_value=(97, 17)):
            for m, passes, loads in ((15, 1, 60), (24, 1, 96), (25, 2, 4 * 13 + 2 * 12), (50, 3, 4 * 50)):
                many = dataclasses.replace(few, m=m, kind="gemm")
                self.assertEqual(predict({"few-rate": 1}, many, "int8"), m << 14)
                self.assertEqual(predict({"few-unpack-rate": 1}, many, "int8"), 2 * passes << 14)
                self.assertEqual(predict({"few-load-rate": 1}, many, "int8"), loads << 14)
        # Twenty-five rows have a panel, which five blocks of rows read.
        self.assertEqual(
            predict({"few-rate": 1, "few-load-rate": 1, "panel-rate": 1}, dataclasses.replace(few, m=25), "int8"),
            5 * 64 * 256,
        )
        # Ternary codes are in five bits where int8 products read them, and so are their bytes.
        ternary = Case(2, 64, 256, "ternary", 128, 1, "cost")
        self.assertEqual(
            predict({"few-triple-rate": 1, "triple-rate": 1, "few-unpack-rate": 1, "few-run-rate": 1}, ternary, "int8"),
            64 * 256,
        )
        self.assertEqual(predict({"few-load-rate": 1}, ternary, "int8"), 2 * 2 * 64 * 256)
        self.assertEqual(predict({"few-triple-sum-rate": 1}, ternary, "int8"), 2 * 2 * 64)
        self.assertEqual(predict({"few-triple-sum-rate": 1, "few-rate": 1}, few, "int8"), 5 * 64 * 256)
        # Where they are unpacked faster, more rows are few, and share loads.
        twelve = dataclasses.replace(ternary, m=12)
        for panel_rows, loads in ((13, 4), (17, 2)):
            with mock.patch("rates.panel_rows", return_value=(25, panel_rows)):
                self.assertEqual(predict({"few-load-rate": 1}, twelve, "int8"), loads * 12 << 14)
        # One row of them has loops of its own.
        single = dataclasses.replace(ternary, m=1)
        self.assertEqual(predict({"single-rate": 1, "few-rate": 1, "few-triple-rate": 1}, single, "int8"), 64 * 256)
        self.assertEqual(predict({"few-sum-rate": 1, "few-triple-sum-rate": 1}, single, "int8"), 64 * 2)
        self.assertEqual(
            predict(
                {"few-triple-rate": 1, "triple-rate": 2, "run-rate": 1}, dataclasses.replace(ternary, m=13), "int8"
            ),
            64 * 256 / 2,
        )
        self.assertEqual(predict({}, ternary, "int8", bandwidth=2), (64 * 256 * 5 / 24 + 4 * 64 * 2) / 2)
        # What is computed while the weights are read takes no time.
        self.assertEqual(
            predict({"lookup-rate": 1e9, "table-rate": 1}, ternary, "lut", bandwidth=1), 64 * (256 / 4 + 8) + 8 * 2 * 64
        )
        self.assertEqual(predict({"fma-rate": 2}, case, "dense"), 3 * 64 * 24 / 2)

    def test_the_compiler_predicts_the_same(self) -> None:
        rates = {name: 0.37 * (i + 1) for i, name in enumerate(RATES)}
        with tempfile.TemporaryDirectory() as name:
            model, facts = Path(name) / "product.onnx", Path(name) / "facts.yaml"
            # So fast a memory that nothing waits for it.
            facts.write_text(calibrate.spell({"cpu": "any", "source": "made up", "bandwidth": 1e12} | rates))
            for case in (Case(7, 130, 272, "4", 32, 1, "cost"), Case(600, 64, 96, "ternary", 64, 1, "cost")):
                make_model(case, model)
                command = [tool("lutrac"), model, "-o", "-", "--compile-to=tables", "-Rpass-analysis=select-strategy"]
                command += ["--target-option=cpu.strategy=auto", f"--target-option=cpu.facts={facts}"]
                said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
                for strategy in STRATEGIES:
                    (ns,) = re.findall(rf"\b{strategy}-ns=(\d+)", said)
                    expected = predict({key: float(f"{value:.4g}") for key, value in rates.items()}, case, strategy)
                    self.assertAlmostEqual(int(ns), expected, delta=1)

    def test_least_squares_are_not_negative(self) -> None:
        matrix = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
        np.testing.assert_allclose(least_squares(matrix, np.array([3.0, 2.0, 1.0])), [2, 0])
        np.testing.assert_allclose(least_squares(matrix, np.array([3.0, 5.0, 7.0])), [1, 2])

    def test_cache_sizes(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            for i, (level, kind, size) in enumerate(
                [(1, "Data", "32K"), (1, "Instruction", "64K"), (2, "Unified", "1024K"), (3, "Unified", "33M")]
            ):
                index = Path(name) / f"index{i}"
                index.mkdir()
                (index / "level").write_text(f"{level}\n")
                (index / "type").write_text(f"{kind}\n")
                (index / "size").write_text(f"{size}\n")
            self.assertEqual(calibrate.cache_sizes(Path(name)), {1: 32768, 2: 1 << 20, 3: 33 << 20})
        self.assertEqual(calibrate.cache_sizes(Path("/nowhere")), {})

    def test_rows_of_other_runs(self) -> None:
        case = Case(7, 64, 128, "ternary", 0, 2, "auto")
        row = {"name": case.name, "peer": "lut", "peer_ns": 3.0, "peer_low_ns": 2.0}
        known = {"name": "cost/64x80/1/g32/t1", "peer": "int8", "peer_ns": 5.0}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(json.dumps([row, known, {"name": "gemv/64x80/1/g32/t1"}]))
            file.flush()
            found = calibrate.read_rows(Path(file.name))
            other = Case(1, 64, 80, "1", 32, 1, "cost")
            self.assertEqual(found, [Timed(case, "lut", 2.0), Timed(other, "int8", 5.0)])
            file.write("?")
            file.flush()
            with self.assertRaisesRegex(BenchmarkError, "is no file of rows"):
                calibrate.read_rows(Path(file.name))

    def test_name_of_the_processor(self) -> None:
        self.assertRegex(calibrate.llvm_cpu(), "^[a-z0-9-]+$")

    def test_spelling_is_yaml(self) -> None:
        facts = {"cpu": 'a "b": c', "bandwidth": 12.345678, "threads": [{"count": 1, "region-ns": 0.5}]}
        text = 'cpu: "a \\"b\\": c"\nbandwidth: 12.35\nthreads:\n  - { count: 1, region-ns: 0.5 }\n'
        self.assertEqual(calibrate.spell(facts), text)

    def test_unwritable_file(self) -> None:
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            self.assertEqual(calibrate.main(["-o", "/nowhere/facts.yaml"]), 1)
        self.assertEqual(err.getvalue(), "calibrate: /nowhere/facts.yaml: No such file or directory\n")


if __name__ == "__main__":
    unittest.main()
