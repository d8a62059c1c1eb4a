# One small product, measured once: the rows say what they must, and what cannot be done is said before anything is measured. The driver is
# compiled for it when it is missing; no time is looked at.
#
# UNSUPPORTED: sanitized
# RUN: %python %s %t
"""benchmarks/run, its JSON rows and its errors."""

import contextlib
import io
import json
import shutil
import sys
import unittest
import unittest.mock
from pathlib import Path

import auto
import cases
import main

FOLDER = Path(sys.argv[1])
TINY = ("--only", "gemv", "--quick", "--no-peers", "--filter", "131x264/2/", "--threads", "1")
FIELDS = {
    "name": str, "format": str, "M": int, "N": int, "K": int, "group": int, "threads": int, "median_ns": float, "bytes": int,
    "roofline_fraction": float, "peer": type(None), "ratio_to_peer": type(None),
}  # fmt: skip


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of benchmarks/run."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main.main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
    return code, out.getvalue(), err.getvalue()


class RunTest(unittest.TestCase):
    def test_rows(self) -> None:
        file = FOLDER / "rows.json"
        code, out, err = run(*TINY, "--json", file)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("gemv/131x264/2/g32/t1", out)
        (row,) = json.loads(file.read_text())
        for name, kind in FIELDS.items():
            self.assertIsInstance(row[name], kind, name)
        self.assertEqual((row["M"], row["N"], row["K"], row["group"], row["threads"]), (1, 131, 264, 32, 1))
        self.assertGreater(row["median_ns"], 0)
        # Codes alone take two bits each.
        self.assertGreaterEqual(row["bytes"], 131 * 264 * 2 // 8)

    def test_resume(self) -> None:
        file = FOLDER / "some.json"
        tiny = (
            "--only",
            "gemv",
            "--quick",
            "--no-peers",
            "--filter",
            "131x264/[24]/",
            "--threads",
            "1",
            "--json",
            file,
        )
        # Over before anything begins.
        code, out, err = run(*tiny, "--limit", "0.001")
        self.assertEqual(code, 3, err)
        self.assertIn("2 cases are left, from gemv/131x264/2/g32/t1 on: --resume goes on", err)
        self.assertEqual(json.loads(file.read_text()), [])
        row = {"name": "gemv/131x264/2/g32/t1", "mark": 5}
        file.write_text(json.dumps([row]))
        code, out, err = run(*tiny, "--resume")
        self.assertEqual((code, err), (0, ""))
        self.assertNotIn("gemv/131x264/2/", out)
        kept, fresh = json.loads(file.read_text())
        self.assertEqual((kept, fresh["name"]), (row, "gemv/131x264/4/g32/t1"))

    def test_rows_of_auto(self) -> None:
        file = FOLDER / "auto.json"
        with (
            unittest.mock.patch.object(auto, "OPEN_ROWS", (1, 5)),
            unittest.mock.patch.object(cases, "OPEN_SHAPES", ((64, 64),)),
        ):
            code, out, err = run("--only", "auto", "--filter", "/2/g32", "--json", file)
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"2 products: auto within 10% of the better in [\d.]+%; worst [\d.]+%: auto/64x64/2/")
        rows = json.loads(file.read_text())
        self.assertEqual(
            [(row["name"], row["peer"]) for row in rows],
            [(f"auto/64x64/2/{m}g32/t1", peer) for m in ("", "m5/") for peer in ("lut", "int8")],
        )
        for row in rows:
            self.assertAlmostEqual(row["ratio_to_peer"], row["peer_low_ns"] / row["low_ns"])

    def test_what_cannot_be_resumed(self) -> None:
        code, _, err = run(*TINY, "--resume")
        self.assertEqual(code, 2)
        self.assertIn("--resume needs --json FILE, whose rows it takes", err)
        file = FOLDER / "other.json"
        file.write_text('{"name": 3}')
        code, _, err = run(*TINY, "--resume", "--json", file)
        self.assertEqual(
            (code, err), (1, f"benchmarks: '{file}' is no file of rows that --json wrote: give --resume another\n")
        )
        # What somebody has there is not replaced.
        self.assertEqual(file.read_text(), '{"name": 3}')

    def test_overview(self) -> None:
        file = FOLDER / "seen.json"
        rows = [
            {
                "name": f"gemv/{shape}/4/{group}/t{threads}",
                "threads": threads,
                "roofline_fraction": fraction,
                "median_ns": 2000.0,
            }
            | {"peer": peer, "peer_ns": peer_ns}
            for shape, group, threads, fraction, peer, peer_ns in (
                ("64x64", "channel", 1, 0.5, "fast", 3000.0),
                ("64x64", "channel", 1, 0.5, "slow", 9000.0),
                ("4096x4096", "g32", 1, 0.974, None, None),
                ("4096x4096", "g128", 2, 0.913, None, None),
                ("4096x4096", "g128", 1, 0.913, "ggml Q4_K repacked", 2832.0),
                ("4096x4096", "g128", 1, 0.913, "ggml Q4_0 repacked", 1500.0),
            )
        ]
        file.write_text(json.dumps(rows))
        code, out, err = run("--overview", "--json", file)
        self.assertEqual((code, err), (0, ""))
        self.assertIn(
            "1 thread:\n\n| bits | group | 4096x4096 | 64x64 |\n|---|---|---|---|\n| 4 | 32 | 97 |  |\n| 4 | 128 | 91 |  |\n| 4 | channel |  | 50 |\n",
            out,
        )
        self.assertIn("2 threads:\n\n| bits | group | 4096x4096 |\n|---|---|---|\n| 4 | 128 | 91 |\n", out)
        self.assertIn("| gemv/64x64/4/channel/t1 | 2 | fast | 3 | 1.50 |\n", out)
        # The engine took 1127 us where Q4_K took 1416.
        self.assertIn("| 4 | 2 | ggml Q4_K repacked | 3 | ik_llama.cpp q4_k_r4 | 0.80 | 1.13 |", out)
        self.assertEqual(json.loads(file.read_text()), rows)
        # Who was measured needs no share of another's time.
        rows[-1]["peer"] = "ik_llama.cpp Q4_K_R4"
        file.write_text(json.dumps(rows))
        code, out, err = run("--overview", "--json", file)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("| gemv/4096x4096/4/g128/t1 | 2 | ik_llama.cpp Q4_K_R4 | 2 | 0.75 |", out)
        self.assertNotIn("through llama.cpp", out)

    def test_arguments(self) -> None:
        for arguments, message in (
            (("--only", "gems"), "invalid choice: 'gems'"),
            (("--threads", "0"), "expected counts such as 1,2, but found '0'"),
            (("--threads", "two"), "expected counts such as 1,2, but found 'two'"),
            (("--limit", "-3"), "expected a number of seconds, but found '-3'"),
            (("--filter", "("), "'(' is no regular expression"),
        ):
            code, _, err = run(*arguments)
            self.assertEqual(code, 2)
            self.assertIn(message, err)

    def test_no_such_case(self) -> None:
        code, _, err = run("--only", "gemv", "--filter", "nothing", "--no-peers")
        self.assertEqual((code, err), (1, "benchmarks: no case of gemv matches 'nothing': --list prints their names\n"))

    def test_unwritable_file(self) -> None:
        path = FOLDER / "none" / "rows.json"
        code, _, err = run(*TINY, "--json", path)
        self.assertEqual((code, err), (1, f"benchmarks: {path}: No such file or directory\n"))

    def test_wrong_target_option(self) -> None:
        code, out, err = run(*TINY, "--target-option", "cpu.tabel=i8")
        self.assertIn("did you mean 'table'", err)
        self.assertNotIn("gemv/131x264/2/g32/t1", out)
        self.assertEqual(code, 1)


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    unittest.main(argv=sys.argv[:1])
