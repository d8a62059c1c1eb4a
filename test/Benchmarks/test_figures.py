# RUN: %python %s
"""Statistics, cases and tables of the benchmarks."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import cases
import report
from figures import Spread, cliffs, judge, regret


class FiguresTest(unittest.TestCase):
    def test_spread(self) -> None:
        self.assertEqual(Spread.of([3, 1, 2]), Spread(2, 1, 3))
        self.assertEqual(Spread.of([4, 1, 2, 3]), Spread(2.5, 1, 4))
        self.assertEqual(Spread.of([7]), Spread(7, 7, 7))
        with self.assertRaises(ValueError):
            Spread.of([])

    def test_regret(self) -> None:
        times = {"lut": 10.0, "int8": 8.0, "dense": 40.0}
        self.assertEqual(regret(times, "int8"), 0)
        self.assertEqual(regret(times, "lut"), 0.25)
        self.assertEqual(regret(times, "dense"), 4)
        with self.assertRaises(KeyError):
            regret(times, "magic")

    def test_judge(self) -> None:
        found = judge([0, 0.05, 0.06, 0.5])
        self.assertEqual((found.cases, found.right_share, found.worst_regret), (4, 0.5, 0.5))
        self.assertAlmostEqual(found.mean_regret, 0.1525)
        with self.assertRaises(ValueError):
            judge([])

    def test_cliffs(self) -> None:
        # More work that takes less time shows that less work took too long.
        self.assertEqual(cliffs([1, 2, 3]), [0, 0, 0])
        self.assertEqual(cliffs([1, 6, 4, 3, 9]), [0, 1, 4 / 3 - 1, 0, 0])
        self.assertEqual(cliffs([]), [])


class CasesTest(unittest.TestCase):
    def test_names(self) -> None:
        self.assertEqual(cases.Case(1, 8, 64, "ternary", 32, 2).name, "gemv/8x64/ternary/g32/t2")
        self.assertEqual(cases.Case(5, 8, 64, "4", 0, 1, "gemm").name, "gemm/8x64/4/m5/channel/t1")

    def test_every_case_once(self) -> None:
        rows = [case.name for case in cases.open_rows()]
        self.assertEqual(len(rows), len(set(rows)))
        for part in (cases.gemv, cases.gemm):
            for full in (False, True):
                names = [case.name for case in part((1, 2), full)]
                self.assertEqual(len(names), len(set(names)))
        everything = {case.name for case in cases.gemv((1, 2), True)}
        self.assertLess({case.name for case in cases.gemv((1, 2), False)}, everything)

    def test_formats(self) -> None:
        self.assertEqual(cases.Case(1, 8, 64, "3", 0, 1).spelling, "uniform(bits=3, group=64)")
        self.assertEqual(cases.Case(1, 8, 64, "1", 32, 1).spelling, "bipolar(planes=1, group=32)")
        self.assertEqual(cases.Case(1, 8, 64, "ternary", 32, 1).spelling, "ternary(group=32)")
        self.assertEqual(cases.Case(1, 8, 64, "e2m1", 32, 1).spelling, "codebook(bits=4, group=32, table=e2m1)")

    def test_select(self) -> None:
        found = cases.select(cases.gemv((1, 2), False), r"131x264/4/.*/t2$")
        self.assertEqual([case.name for case in found], ["gemv/131x264/4/g32/t2"])


class ReportTest(unittest.TestCase):
    def test_table_is_markdown(self) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            table = report.Table(("case", "us"), 6)
            table.add(("a", "1.0"))
        self.assertEqual(out.getvalue(), "| case   | us     |\n|--------|--------|\n| a      | 1.0    |\n")

    def test_json_is_a_list(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for rows in ([], [{"name": "a"}, {"name": "b", "peer": None}]):
                path = Path(folder) / "rows.json"
                report.write_json(path, rows)
                self.assertEqual(json.loads(path.read_text()), rows)


if __name__ == "__main__":
    unittest.main()
