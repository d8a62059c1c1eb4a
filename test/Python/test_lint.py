# RUN: %python %s %t
"""ruff finds nothing in the tree's Python and would write it the same (the rules stand in pyproject.toml), and mypy --strict nothing in the package."""

import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class LintTest(unittest.TestCase):
    cache = "/dev/null"

    def check(self, *command: str) -> str:
        done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_mypy_strict(self) -> None:
        found = self.check("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", self.cache)
        self.assertRegex(found, r"^Success: no issues found in \d+ source files")

    def test_ruff(self) -> None:
        self.assertRegex(self.check("ruff", "check", "--no-cache", "."), "^All checks passed!")

    def test_format(self) -> None:
        self.assertRegex(self.check("ruff", "format", "--no-cache", "--check", "."), r"^\d+ files already formatted")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        LintTest.cache = sys.argv.pop()
    unittest.main()
