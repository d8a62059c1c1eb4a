# RUN: %python %s %t
"""The package's own code passes mypy --strict (the options stand in pyproject.toml)."""

import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class TypesTest(unittest.TestCase):
    cache = "/dev/null"

    def test_mypy_strict(self) -> None:
        command = [
            sys.executable,
            "-m",
            "mypy",
            "--config-file",
            str(ROOT / "pyproject.toml"),
            "--cache-dir",
            self.cache,
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"^Success: no issues found in \d+ source files")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        TypesTest.cache = sys.argv.pop()
    unittest.main()
