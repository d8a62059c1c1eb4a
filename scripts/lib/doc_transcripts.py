"""Runs the commands that a Markdown page shows, and compares what they print with the page.

Usage: doc_transcripts.py [--update] [--build DIR] PAGE.md ...

In a page, an HTML comment says what the block under it is:

    <!-- file: NAME -->      the block is a file that later commands find in their folder
    <!-- run: COMMAND -->    the block is what COMMAND (for bash) prints to stdout and stderr

Commands find Lutra's tools and `python` on their path, and run one after another in one empty folder, so that a later one may
read what an earlier one wrote. A command that fails must say so: `<!-- run, fails: COMMAND -->`. A line `...` stands for any
number of lines. --update writes what the commands print into the page, but for blocks with such lines.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from doc_examples import matches
from tablegen import LLVM, ROOT

BLOCK = re.compile(
    r"<!-- (?P<what>file|run|run, fails): (?P<argument>.*?) -->\n+(?P<fence>```+)(?P<language>\w*)\n(?P<body>.*?)(?P=fence)\n",
    re.S,
)


def run(command: str, folder: Path, build: Path) -> tuple[int, str]:
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join(
        [str(build / "bin"), str(LLVM / "bin"), str(ROOT / ".venv/bin"), environment["PATH"]]
    )
    environment["PYTHONPATH"] = str(ROOT / "python")
    environment["LUTRA_LIBRARY_DIR"] = str(build / "lib")
    environment["COLUMNS"] = "120"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # Paths of this run do not belong into a page.
    return done.returncode, done.stdout.replace(str(folder) + "/", "")


def check(page: Path, build: Path, update: bool) -> tuple[int, int]:
    """(blocks, those that differ); with `update`, the page says afterwards what the commands print."""
    text, pieces, at, blocks, wrong = page.read_text(), [], 0, 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for block in BLOCK.finditer(text):
            if block["what"] == "file":
                (folder / block["argument"]).write_text(block["body"])
                continue
            blocks += 1
            code, printed = run(block["argument"], folder, build)
            if (code != 0) != (block["what"] == "run, fails"):
                wrong += 1
                print(f"{page}: '{block['argument']}' exits with {code}:\n{printed}", file=sys.stderr)
                continue
            if matches(block["body"], printed):
                continue
            if update and not re.search(r"(?m)^\s*\.\.\.$", block["body"]):
                pieces.append(text[at : block.start("body")] + printed.rstrip("\n") + "\n")
                at = block.end("body")
                continue
            wrong += 1
            print(f"{page}: '{block['argument']}' prints\n{printed}but the page says\n{block['body']}", file=sys.stderr)
    if pieces:
        page.write_text("".join(pieces) + text[at:])
        print(f"{page}: updated {len(pieces)} blocks")
    return blocks, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("pages", nargs="+", type=Path)
    arguments = parser.parse_args()
    counts = [check(page, arguments.build.resolve(), arguments.update) for page in arguments.pages]
    blocks, wrong = (sum(column) for column in zip(*counts))
    print(f"{blocks - wrong} of {blocks} commands print what the pages say")
    return wrong != 0 or blocks == 0


if __name__ == "__main__":
    sys.exit(main())
