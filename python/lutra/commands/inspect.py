"""`lutra inspect`: the layers of a model as a table or an HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any, formatter: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "inspect",
        help="show a model's layers, formats, bytes and times",
        formatter_class=formatter,
        description="Lists the products of an ONNX model: formats, bytes, the strategy chosen, predicted and measured times.",
    )
    parser.add_argument("model", type=Path, help="the .onnx file")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="time each product and each node around them, compiled alone, for one row, and a step of the whole",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with plots")
    parser.add_argument(
        "--target-option", action="append", default=[], metavar="TARGET.KEY=VALUE", help="as for compile"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from lutra import inspection
    from lutra.progress import progress_bar

    with progress_bar("Inspecting") as progress:
        found = inspection.inspect(
            arguments.model, measure=arguments.measure, target_options=arguments.target_option, progress=progress
        )
    if arguments.html is not None:
        arguments.html.write_text(inspection.page(arguments.model.name, found), encoding="utf-8")
    print(inspection.table(found))
    return 0
