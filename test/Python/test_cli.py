# RUN: %python %s
"""The lutra command: convert, compile and generate on a tiny model; errors are one line and exit 1."""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from command import run
from gguf import GGMLQuantizationType as Kind
from lutra.eval import __main__ as evaluation
from lutra.progress import progress_bar
from tiny_gguf import TinyGGUF


class CommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        os.environ["LUTRA_CACHE_DIR"] = str(cls.folder / "cache")
        kinds = {
            f"blk.0.{name}.weight": Kind.Q4_1
            for name in ("attn_q", "attn_k", "attn_v", "ffn_gate", "ffn_up", "ffn_down")
        }
        TinyGGUF(
            cls.folder / "tiny.gguf", kinds | {"token_embd.weight": Kind.Q8_0, "blk.0.attn_output.weight": Kind.Q6_K}
        )
        cls.onnx = cls.folder / "onnx" / "tiny.onnx"
        cls.artifact = cls.folder / "tiny.lutra"
        cls.converted = run("convert", cls.folder / "tiny.gguf", cls.onnx)
        cls.compiled = run("compile", cls.onnx, cls.artifact)

    def test_convert_and_compile_say_what_they_wrote(self) -> None:
        self.assertRegex(self.converted[1], r"tiny\.onnx: \d+\.\d MB in \d+\.\d s\n$")
        self.assertRegex(self.compiled[1], r"tiny\.lutra: \d+\.\d MB in \d+\.\d s\n$")
        self.assertEqual((self.converted[0], self.compiled[0]), (0, 0))
        self.assertEqual(
            {"manifest.json", "model.so", "weights.safetensors", "tokenizer.json", "model.json"},
            {path.name for path in self.artifact.iterdir()},
        )

    def test_generate_is_repeatable_and_prints_timings(self) -> None:
        for options in ([], ["--raw"], ["--temperature", 0.8, "--top-p", 0.9, "--seed", 3], ["--threads", 1]):
            with self.subTest(options=options):
                first = run("generate", self.artifact, "in the", "--max-tokens", 12, *options)
                self.assertEqual(first[0], 0, first[2])
                self.assertRegex(first[2], r"^prefill \d+ tokens, \d+\.\d tokens/s; decode \d+ tokens, ")
                self.assertEqual(run("generate", self.artifact, "in the", "--max-tokens", 12, *options)[1], first[1])

    def test_generate_compiles_an_onnx_file_once(self) -> None:
        first = run("generate", self.onnx, "in the", "--max-tokens", 4, "--quiet")
        self.assertEqual(first[0], 0, first[2])
        with mock.patch("lutra.artifacts.compile", side_effect=AssertionError("compiled again")):
            self.assertEqual(run("generate", self.onnx, "in the", "--max-tokens", 4, "--quiet"), first)
        self.assertEqual({path.name for path in self.onnx.parent.iterdir()},
                         {"tiny.onnx", "tiny.onnx.data", "tokenizer.json", "model.json"})  # fmt: skip

    def test_an_interruption_ends_the_line_and_exits_130(self) -> None:
        from lutra.generator import Generator

        stream = Generator.stream

        def interrupted(*arguments: object, **options: object) -> object:
            yield next(stream(*arguments, **options))
            raise KeyboardInterrupt

        with mock.patch.object(Generator, "stream", interrupted):
            code, out, err = run("generate", self.artifact, "in the", "--max-tokens", 12)
        self.assertEqual((code, out[-1:]), (130, "\n"))
        self.assertRegex(err, r"^prefill \d+ tokens")

    def test_evaluation_tokens(self) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = evaluation.main(["tokens", str(self.onnx), "--count", "16", "--json"])
        figures = json.loads(out.getvalue())
        self.assertTrue(figures["holds"], figures)
        self.assertEqual(code, 0)

    def test_evaluation_perplexity(self) -> None:
        prose = self.folder / "prose.txt"
        prose.write_text("in the thin inn, the thing. " * 20)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            evaluation.main(
                ["perplexity", str(self.onnx), "--text", str(prose), "--window", "64", "--limit", "200", "--json"]
            )
        figures = json.loads(out.getvalue())
        self.assertAlmostEqual(figures["ratio"], 1, delta=0.05)
        self.assertLess(figures["kl_mean"], 0.05)

    def test_evaluation_against_another_model(self) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = evaluation.main(
                ["perplexity", str(self.onnx), "--reference", str(self.artifact), "--limit", "100", "--json"]
            )
        figures = json.loads(out.getvalue())
        self.assertEqual((code, figures["kl_mean"], figures["ratio"], figures["same_top_token"]), (0, 0, 1, 1))
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            self.assertEqual(evaluation.main(["perplexity", str(self.artifact), "--json"]), 1)
        self.assertIn("a compiled model needs something to be compared with", err.getvalue())

    def test_help(self) -> None:
        for command in ([], ["convert"], ["compile"], ["generate"]):
            code, out, _ = run(*command, "--help")
            self.assertEqual(code, 0)
            self.assertLess(len(out.splitlines()), 40)

    def test_errors_are_one_line_and_exit_1(self) -> None:
        cases = (
            ("'missing.gguf' is not a file: expected a GGUF model", "convert", "missing.gguf", self.folder / "x.onnx"),
            ("must name a file that ends in .onnx", "convert", self.folder / "tiny.gguf", self.folder / "x"),
            ("'missing.onnx' does not exist", "generate", "missing.onnx", "hi"),
            ("holds no manifest.json", "generate", self.folder, "hi"),
            ("is neither a compiled model nor an .onnx file", "generate", self.folder / "tiny.gguf", "hi"),
            ("'0' is not a whole number of at least 1", "generate", self.artifact, "hi", "--max-tokens", 0),
            ("'nan' is not a number of at least 0", "generate", self.artifact, "hi", "--temperature", "nan"),
            ("tokens; the model's context holds 512", "generate", self.artifact, "hi " * 600),
            ("the following arguments are required: command",),
        )
        for message, *arguments in cases:
            with self.subTest(message=message):
                code, out, err = run(*arguments)
                self.assertEqual((code, out), (1, ""))
                self.assertRegex(err, r"\Alutra( \w+)?: error: [^\n]+\n\Z")
                self.assertIn(message, err)


class ProgressTest(unittest.TestCase):
    def test_a_terminal_shows_it_with_and_without_rich(self) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        for hidden in ({}, {"rich": None}):
            terminal = Terminal()
            with (
                self.subTest(hidden=hidden),
                mock.patch.dict(os.environ, TERM="xterm"),
                mock.patch.dict(sys.modules, hidden),
                mock.patch("sys.stderr", terminal),
            ):
                with progress_bar("Compiling") as report:
                    report("tables", 0.25)
                self.assertRegex(terminal.getvalue(), "Compiling")
                self.assertRegex(terminal.getvalue(), "25%")
                self.assertTrue(
                    terminal.getvalue().endswith("\x1b[K" if hidden else "\x1b[2K"), "what was drawn is left"
                )

    def test_a_file_shows_none(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as file, progress_bar("Compiling") as report:
            report("tables", 0.25)
        self.assertEqual(file.getvalue(), "")


if __name__ == "__main__":
    unittest.main()
