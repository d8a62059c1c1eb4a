# RUN: %python %s
"""What scripts/calibrate computes from its measurements."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import calibrate
from calibrate import _NARROW, _PLANES, _WIDE
from paths import BenchmarkError


def predicted(case: calibrate.Case, lookup: float, table: float) -> float:
    """The cost model's time of a lookup product."""
    tables = case.k // 4
    return case.m * case.n * tables * _PLANES / lookup + 8 * case.m * tables / table


class CalibrateTest(unittest.TestCase):
    def test_rates_are_those_that_predict_the_times(self) -> None:
        wide, narrow = predicted(_WIDE, 90, 15), predicted(_NARROW, 90, 15)
        m, n, k = _WIDE.m, _WIDE.n, _WIDE.k
        int8 = (m + _PLANES) * n * k / 120 + m * k / 15
        rates = calibrate.product_rates({"lut": wide, "int8": int8, "dense": m * n * k / 40}, {"lut": narrow})
        for name, value in {"lookup-rate": 90, "table-rate": 15, "int8-rate": 120, "fma-rate": 40}.items():
            self.assertAlmostEqual(rates[name], value, places=6)

    def test_times_that_fit_nothing(self) -> None:
        with self.assertRaisesRegex(BenchmarkError, "something else ran"):
            calibrate.solve_lookups(1, 1e9)

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
