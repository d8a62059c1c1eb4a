# RUN: %python %s
"""The checked-in tiny model is what its script writes."""

import filecmp
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[1] / "Fixtures"


class FixtureTest(unittest.TestCase):
    def test_regenerating_gives_the_same_bytes(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([sys.executable, FIXTURES / "make_tiny_llama.py", directory], check=True)
            for name in ("tiny_llama.onnx", "tiny_llama.onnx.data"):
                self.assertTrue(
                    filecmp.cmp(FIXTURES / name, Path(directory) / name, shallow=False),
                    f"{name} differs: run test/Fixtures/make_tiny_llama.py and look at what changed",
                )


if __name__ == "__main__":
    unittest.main()
