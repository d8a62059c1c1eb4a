# RUN: %python %s
"""The bundled model compiles and writes with Debian's packages alone, and writes what it writes with those of PyPI."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: The interpreter that scripts/setup builds the environment on, with Debian's numpy and regex and without that environment.
DEBIAN = ["/usr/bin/python3", "-s", str(Path(__file__).with_name("apt_only.py"))]
PYPI = [sys.executable, "-m", "lutra.cli"]
PROMPTS = ("A compiler for", "Perl module for", "In the year 1815, naïve\n")


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, encoding="utf-8")


class BundledModelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.artifact = Path(folder.name) / "bitnet.lutra"
        cls.compiled = run(*DEBIAN, "compile", ROOT / "examples" / "bitnet" / "bitnet.onnx", cls.artifact)

    def test_compiles(self) -> None:
        self.assertEqual((self.compiled.returncode, self.compiled.stderr), (0, ""))

    def test_writes_the_same_text(self) -> None:
        for prompt in PROMPTS:
            with self.subTest(prompt=prompt):
                arguments = ("generate", self.artifact, prompt, "--max-tokens", 60, "--quiet", "--threads", 1)
                alone, library = run(*DEBIAN, *arguments), run(*PYPI, *arguments)
                self.assertEqual((alone.returncode, alone.stderr), (0, ""))
                self.assertGreater(len(alone.stdout.split()), 8)
                self.assertEqual(alone.stdout, library.stdout)

    def test_draws_the_same_text(self) -> None:
        arguments = ("--temperature", 0.8, "--top-p", 0.9, "--seed", 3, "--max-tokens", 20, "--quiet", "--threads", 1)
        alone, library = (run(*python, "generate", self.artifact, PROMPTS[0], *arguments) for python in (DEBIAN, PYPI))
        self.assertEqual((alone.returncode, alone.stderr), (0, ""))
        self.assertEqual(alone.stdout, library.stdout)

    def test_a_model_that_continues_text_takes_no_system_message(self) -> None:
        refused = run(*DEBIAN, "generate", self.artifact, PROMPTS[0], "--system", "Be brief.")
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertEqual(
            refused.stderr,
            "lutra: error: the model has no chat template, so a system message has no place in its input\n",
        )

    def test_bytes_that_are_no_text_are_refused(self) -> None:
        refused = run(*PYPI, "generate", self.artifact, os.fsdecode(b"a\xff"))
        self.assertEqual(refused.stderr, "lutra: error: the prompt is not UTF-8 at character 1\n")

    def test_what_another_command_needs_is_named(self) -> None:
        refused = run(*DEBIAN, "convert", "model.gguf", "model.onnx")
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertRegex(
            refused.stderr, r"\Alutra: error: this command needs the Python package '(\w+)': pip install \1 "
        )


if __name__ == "__main__":
    unittest.main()
