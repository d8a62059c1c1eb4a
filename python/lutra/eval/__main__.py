"""`python -m lutra.eval tokens|perplexity model.onnx`: Lutra against onnxruntime on the same file, or against another model."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from lutra import artifacts
from lutra.decoder import Decoder, head_size
from lutra.errors import LutraError
from lutra.eval import perplexity, tokens
from lutra.eval.reference import Model, ReferenceModel
from lutra.progress import progress_bar
from lutra.session import Session
from lutra.textmodel import TextModel


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m lutra.eval", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name, help_, options in (
        (
            "tokens",
            f"greedy tokens of {len(tokens.PROMPTS)} prompts; tables in f32 unless options say otherwise",
            ["cpu.table=f32"],
        ),
        ("perplexity", "perplexity and KL divergence over English prose; the target's default tables", []),
    ):
        command = commands.add_parser(name, help=help_, description=help_)
        command.add_argument("model", type=Path, help="the .onnx file, compiled into the cache; or a compiled model")
        command.add_argument("--target", default="cpu")
        command.add_argument("--target-option", action="append", metavar="TARGET.KEY=VALUE")
        command.add_argument("--threads", type=int, default=0, metavar="N", help="threads of both (all)")
        command.add_argument(
            "--reference",
            type=Path,
            metavar="MODEL",
            help="compare with this .onnx file in onnxruntime, or with this compiled model (default: the same file in onnxruntime)",
        )
        command.add_argument("--json", action="store_true", help="print the figures as JSON and nothing else")
        command.set_defaults(default_options=options)
        if name == "tokens":
            command.add_argument("--count", type=int, default=64, metavar="N", help="tokens of each prompt (64)")
        else:
            command.add_argument(
                "--text", type=Path, default=perplexity.TEXT, help="a file of prose (a chapter of Alice)"
            )
            command.add_argument("--window", type=int, default=512, metavar="N", help="tokens of context (512)")
            command.add_argument("--limit", type=int, metavar="N", help="use the first N tokens only")
    return parser


def _reference(path: Path, threads: int, session: Session, capacity: int) -> Model:
    if not path.is_dir():
        return ReferenceModel(path, threads, head_size=head_size(session))
    if path.samefile(session.directory):
        raise LutraError("a compiled model needs something to be compared with: --reference MODEL")
    return Decoder(artifacts.open_model(path, threads=threads or None).session, capacity)


def main(argv: list[str] | None = None) -> int:
    """Prints the figures. Returns 0 when they are within the accepted limits."""
    arguments = _parser().parse_args(argv)
    options = arguments.default_options if arguments.target_option is None else arguments.target_option
    report = (lambda _line: None) if arguments.json else (lambda line: print(line, flush=True))
    try:
        with progress_bar("Compiling") as progress:
            opened = artifacts.open_model(
                arguments.model, arguments.target, options, threads=arguments.threads or None, progress=progress
            )
        text = TextModel.load(opened.session.directory)
        capacity = min(text.context_length, 1024 if arguments.command == "tokens" else arguments.window)
        model = Decoder(opened.session, capacity)
        reference = _reference(arguments.reference or arguments.model, arguments.threads, opened.session, capacity)
        if arguments.command == "tokens":
            figures = tokens.run(text, model, reference, arguments.count, report)
        else:
            figures = perplexity.run(text, model, reference, arguments.text, arguments.window, arguments.limit, report)
    except (LutraError, OSError) as error:
        print(f"lutra.eval: error: {error}", file=sys.stderr)
        return 1
    figures["target"], figures["options"] = arguments.target, options
    print(json.dumps(figures, indent=1) if arguments.json else f"holds: {'yes' if figures['holds'] else 'NO'}")
    return 0 if figures["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
