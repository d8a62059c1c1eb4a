"""`lutra quantize`: a float ONNX model to low bit."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from lutra.errors import LutraError

_DESCRIPTION = """\
Quantizes the weights of a float ONNX model's products.

  lutra quantize float.onnx low/model.onnx --format "uniform(bits=3, group=64, zero=float)" --algorithm hqq
  lutra quantize float.onnx low/model.onnx --format "uniform(bits=3, group=64)" --algorithm gptq --text prose.txt
"""


def add(commands: Any, formatter: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "quantize", help="quantize a float ONNX model", formatter_class=formatter, description=_DESCRIPTION
    )
    parser.add_argument("model", type=Path, help="the float .onnx file")
    parser.add_argument("output", type=Path, help="the .onnx file to write")
    parser.add_argument(
        "--format", default="uniform(bits=4, group=64, zero=float)", help="as docs/spec/onnx-domain.md says"
    )
    parser.add_argument("--algorithm", default="rtn", help="rtn (the default), search, absmean, hqq, gptq or bcq")
    parser.add_argument("--scales", default="f16", metavar="TYPE", help="the type of the scales (f16)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=FORMAT",
        help="another format for nodes NAME (a regular expression), or float",
    )
    parser.add_argument("--tables", action="store_true", help="also tables that are looked up, such as an embedding")
    data = parser.add_argument_group("calibration and budgets")
    data.add_argument(
        "--text", type=Path, metavar="FILE", help="prose to calibrate with (needs tokenizer.json beside the model)"
    )
    data.add_argument("--windows", type=int, default=16, metavar="N", help="windows of 256 tokens of it (16)")
    data.add_argument(
        "--budget", type=float, metavar="BITS", help="bits a weight on average; --format's bits then vary"
    )
    data.add_argument(
        "--per", choices=("layer", "channel"), default="layer", help="what has a width of its own (layer)"
    )
    data.add_argument("--widths", default="2,3,4", metavar="N,N", help="the widths to choose from (2,3,4)")
    out = parser.add_argument_group("report")
    out.add_argument("--report", type=Path, metavar="FILE", help="write the error of each layer as JSON")
    out.add_argument("--layers", type=int, default=8, metavar="N", help="print the N worst layers (8)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    import onnx

    from lutra.progress import progress_bar
    from lutra.quantization import Budget, QuantizedModel, quantize, token_batches
    from lutra.textmodel import TextModel

    if not arguments.model.is_file():
        raise LutraError(f"'{arguments.model}' does not exist")
    overrides: dict[str, str | None] = {}
    for rule in arguments.set:
        name, equals, form = rule.partition("=")
        if not equals:
            raise LutraError(f"--set '{rule}' has no '=': expected NAME=FORMAT or NAME=float")
        overrides[name] = None if form == "float" else form
    budget = None
    if arguments.budget is not None:
        try:
            widths = tuple(int(width) for width in arguments.widths.split(","))
        except ValueError:
            raise LutraError(f"--widths '{arguments.widths}' is no list of whole numbers such as 2,3,4") from None
        budget = Budget(arguments.budget, arguments.per, widths)
    started = time.perf_counter()
    model = onnx.load(arguments.model)
    calibration = None
    if arguments.text is not None:
        tokens = TextModel.load(arguments.model.parent).encode(arguments.text.read_text(encoding="utf-8"))
        calibration = token_batches(model, tokens, limit=arguments.windows)
    with progress_bar("Quantizing") as progress:
        result = quantize(
            model, arguments.format, arguments.algorithm, calibration=calibration, budget=budget, overrides=overrides,
            scales=arguments.scales, tables=arguments.tables, progress=progress,
        )  # fmt: skip
    path = QuantizedModel(result.model, result.report, arguments.model).save(arguments.output)
    if arguments.report is not None:
        arguments.report.write_text(result.report.to_json(), encoding="utf-8")
    print(result.report.table(arguments.layers))
    size = path.stat().st_size + path.with_name(path.name + ".data").stat().st_size
    print(f"{path}: {size / 1e6:.1f} MB in {time.perf_counter() - started:.1f} s")
    return 0
