"""The console command `lutra`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import lutra
from lutra.commands import cache, inspect, quantize
from lutra.errors import LutraError

_DESCRIPTION = """\
Compile low-bit language models to lookup-table code, and run them.

  lutra convert model.gguf model/model.onnx     GGUF to ONNX, no weight quantized anew
  lutra compile model/model.onnx model.lutra    ONNX to machine code and packed weights
  lutra generate model.lutra "Why is the sky blue?"
  lutra quantize float.onnx low/model.onnx --algorithm hqq
  lutra inspect model/model.onnx                layers, formats, bytes and times
"""


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line in one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; errors are one line on stderr. Returns the exit code (1 for an error, 130 after Ctrl-C)."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        return code
    except LutraError as error:
        print(f"lutra: error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        named = f"'{error.filename}': " if error.filename else ""
        print(f"lutra: error: {named}{error.strerror or error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"lutra: error: {_missing(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nlutra: interrupted", file=sys.stderr)
        return 130


def _missing(error: ModuleNotFoundError) -> str:
    """What to do about a package that this command, unlike others, needs."""
    name = (error.name or str(error)).partition(".")[0]
    return f"this command needs the Python package '{name}': pip install {name} (in the source tree: scripts/setup --tests)"


def _parser() -> argparse.ArgumentParser:
    def formatter(prog: str) -> argparse.HelpFormatter:
        return argparse.RawDescriptionHelpFormatter(prog, max_help_position=30)

    parser = _Parser("lutra", description=_DESCRIPTION, formatter_class=formatter)
    parser.add_argument("--version", action="version", version=f"lutra {lutra.__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)

    convert = commands.add_parser(
        "convert",
        help="convert a GGUF model to ONNX",
        formatter_class=formatter,
        description="Converts a GGUF model to ONNX; no weight is quantized anew.\n"
        "Architectures: llama, qwen2, qwen3, gemma3, phi3, bitnet.\n"
        "tokenizer.json and model.json are written beside it.",
    )
    convert.add_argument("gguf", type=Path, help="the model to read")
    convert.add_argument("onnx", type=Path, help="the .onnx file to write")
    convert.add_argument("--no-tokenizer", action="store_true", help="convert the model alone")
    convert.add_argument(
        "--select-logits",
        action="store_true",
        help="add an input that says which tokens' logits are wanted: faster prompts",
    )
    convert.set_defaults(run=_convert)

    compile_ = commands.add_parser(
        "compile",
        help="compile an ONNX model",
        formatter_class=formatter,
        description="Compiles an ONNX model into a directory with code, weights and a manifest.",
    )
    compile_.add_argument("onnx", type=Path, help="the model to compile")
    compile_.add_argument("directory", type=Path, help="the directory to write")
    _add_target(compile_)
    compile_.set_defaults(run=_compile)

    generate = commands.add_parser(
        "generate",
        help="generate text",
        formatter_class=formatter,
        description="Generates text. An .onnx model is compiled first, into the cache (lutra cache).",
    )
    generate.add_argument("model", type=Path, help="a compiled model's directory, or an .onnx file")
    generate.add_argument("prompt", nargs="?", help="the prompt; read from stdin when absent")
    text = generate.add_argument_group("text")
    text.add_argument("--max-tokens", type=_positive, default=256, metavar="N", help="stop after N tokens (256)")
    text.add_argument("--temperature", type=_temperature, default=0.0, metavar="T", help="0 is greedy (the default)")
    text.add_argument(
        "--top-p",
        type=_top_p,
        default=1.0,
        metavar="P",
        help="sample from the likeliest tokens of total probability P (1)",
    )
    text.add_argument("--top-k", type=_positive, default=0, metavar="K", help="sample from the K likeliest tokens")
    text.add_argument(
        "--min-p",
        type=_min_p,
        default=0.0,
        metavar="P",
        help="sample from tokens at least P times as likely as the likeliest",
    )
    text.add_argument(
        "--repetition-penalty", type=_penalty, default=1.0, metavar="R", help="make tokens of the text less likely (1)"
    )
    text.add_argument("--stop", action="append", default=[], metavar="TEXT", help="end before TEXT; may be repeated")
    text.add_argument("--seed", type=int, metavar="N", help="makes sampling repeatable")
    text.add_argument("--system", metavar="TEXT", help="the system message of the conversation")
    text.add_argument("--raw", action="store_true", help="continue the prompt as it is, without the chat template")
    machine = generate.add_argument_group("machine")
    machine.add_argument("--threads", type=_positive, metavar="N", help="threads to run on (all)")
    machine.add_argument("--quiet", action="store_true", help="print no timings")
    _add_target(machine)
    generate.set_defaults(run=_generate)
    for command in (quantize, inspect, cache):
        command.add(commands, formatter)
    return parser


def _add_target(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--target", default="cpu", help="what to compile for (cpu)")
    parser.add_argument(
        "--target-option",
        action="append",
        default=[],
        metavar="TARGET.KEY=VALUE",
        help="an option of the target, such as cpu.table=f32; may be repeated",
    )


def _number(text: str, kind: Callable[[str], float], accepts: str, good: Callable[[float], bool]) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not good(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not {accepts}")
    return value


def _positive(text: str) -> int:
    return int(_number(text, int, "a whole number of at least 1", lambda n: n >= 1))


def _temperature(text: str) -> float:
    return _number(text, float, "a number of at least 0", lambda t: 0 <= t < float("inf"))


def _top_p(text: str) -> float:
    return _number(text, float, "a number above 0 and at most 1", lambda p: 0 < p <= 1)


def _min_p(text: str) -> float:
    return _number(text, float, "a number of at least 0 and at most 1", lambda p: 0 <= p <= 1)


def _penalty(text: str) -> float:
    return _number(text, float, "a number above 0", lambda r: 0 < r < float("inf"))


def _convert(arguments: argparse.Namespace) -> int:
    from lutra.convert import convert_gguf
    from lutra.progress import progress_bar

    started = time.perf_counter()
    lines: list[str] = []
    with progress_bar("Converting") as progress:
        path = convert_gguf(
            arguments.gguf,
            arguments.onnx,
            tokenizer=not arguments.no_tokenizer,
            select_logits=arguments.select_logits,
            progress=progress,
            report=lines.append,
        )
    print(*lines, sep="\n")
    size = path.stat().st_size + path.with_name(path.name + ".data").stat().st_size
    print(f"{path}: {size / 1e6:.1f} MB in {time.perf_counter() - started:.1f} s")
    return 0


def _compile(arguments: argparse.Namespace) -> int:
    from lutra.progress import progress_bar

    started = time.perf_counter()
    with progress_bar("Compiling") as progress:
        lutra.compile(
            arguments.onnx, arguments.directory, arguments.target, options=arguments.target_option, progress=progress
        )
    size = sum(path.stat().st_size for path in arguments.directory.iterdir())
    print(f"{arguments.directory}: {size / 1e6:.1f} MB in {time.perf_counter() - started:.1f} s")
    return 0


def _generate(arguments: argparse.Namespace) -> int:
    from lutra.generator import Generator
    from lutra.progress import progress_bar
    from lutra.textmodel import TextModel

    prompt = sys.stdin.read() if arguments.prompt is None else arguments.prompt
    with progress_bar("Compiling") as progress:
        session = lutra.InferenceSession(
            arguments.model,
            lutra.SessionOptions(
                arguments.target, arguments.target_option, threads=arguments.threads, progress=progress
            ),
        )
    text = TextModel.load(session.session.directory)
    ids = text.encode(prompt if arguments.raw else text.chat(prompt, arguments.system))
    room = text.context_length - len(ids)
    if room < 1:
        raise LutraError(f"the prompt has {len(ids)} tokens; the model's context holds {text.context_length}")
    max_tokens = min(arguments.max_tokens, room)
    generator = Generator(session, context=len(ids) + max_tokens)
    pieces = generator.stream(
        ids, max_tokens=max_tokens, stop=arguments.stop, temperature=arguments.temperature, top_k=arguments.top_k,
        top_p=arguments.top_p, min_p=arguments.min_p, repetition_penalty=arguments.repetition_penalty, seed=arguments.seed,
    )  # fmt: skip
    code = 0
    try:
        for piece in pieces:
            print(piece, end="", flush=True)
    except KeyboardInterrupt:
        code = 130
    print(flush=True)
    if not arguments.quiet:
        print(generator.timings, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
