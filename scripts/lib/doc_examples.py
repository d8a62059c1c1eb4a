"""Runs the examples in the TableGen descriptions of ops, attributes, types and passes.

Usage: doc_examples.py [--update] [--build DIR] [NAME ...]

An op's ```mlir block must parse and verify; values that it uses but does not define are made up, with the types that the uses
ask for. `Example: ...` in the description of an attribute or type must parse. The blocks of a pass under `Before:` and
`After:` are a whole module each: the pass, run on the first, must print the second. Options are given as
"Before, with `key=value ...`:". A line `...` in the second stands for any number of lines.
--update writes what the pass prints into the .td file instead of complaining. NAMEs limit the work to those definitions.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from tablegen import ROOT, Definition, definitions, squeeze


class Failure(Exception):
    pass


def lutra_opt(build: Path, text: str, *options: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [build / "bin/lutra-opt", "-", "--allow-unregistered-dialect", *options],
        input=text,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


# Ops that live in an op of their own dialect only, and what stands around their examples.
PARENTS = {"lmma.": ("lmma.kernel @example() {\n", "}\n")}


def check_op(build: Path, definition: Definition, block: str) -> None:
    """Parses a block. Operands from outside become results of unregistered ops before it, typed as their uses ask."""
    types: dict[str, str] = {}
    before = after = ""
    for _ in range(64):
        made_up = "".join(f'%{name} = "example.value"() : () -> ({type})\n' for name, type in types.items())
        text = before + made_up + block + after
        code, _, errors = lutra_opt(build, text)
        if code == 0:
            return
        if missing := re.search(r":(\d+):(\d+): error: use of undeclared SSA value", errors):
            line, column = map(int, missing.groups())
            types[re.match(r"%([\w$.-]+)", text.splitlines()[line - 1][column - 1 :]).group(1)] = "none"
        elif wrong := re.search(
            r"use of value '%([\w$.-]+)' expects different type than prior uses: '(.*)' vs 'none'", errors
        ):
            types[wrong.group(1)] = wrong.group(2)
        elif "expects parent op" in errors and not before:
            before, after = next(around for name, around in PARENTS.items() if definition.name.startswith(name))
        else:
            raise Failure(errors)
    raise Failure("too many values from outside")


def check_inline(build: Path, definition: Definition) -> None:
    examples = re.findall(r"Example:\s*`([^`]+)`", definition.description)
    if not examples and not definition.blocks():
        raise Failure("has no 'Example: `...`'")
    for example in examples:
        code, _, errors = lutra_opt(build, f"module attributes {{example.it = {example}}} {{}}\n")
        if code:
            raise Failure(f"{example}\n{errors}")


def pairs(definition: Definition) -> list[tuple[str, str, str]]:
    """(options, before, after) of each example of a pass."""
    result, before = [], None
    for title, block in definition.blocks():
        if title.startswith("Before"):
            options = re.search(r"with `([^`]*)`", title)
            before = (options.group(1) if options else "", block)
        elif title.startswith("After") and before:
            result.append((*before, block))
            before = None
        else:
            raise Failure(f"a block is under '{title}': expected 'Before:' or 'After:'")
    if before or not result:
        raise Failure("needs 'Before:' and 'After:', each with a ```mlir block")
    return result


def run_pass(build: Path, definition: Definition, options: str, before: str) -> str:
    argument = f"--{definition.name}" + (f"={options}" if options else "")
    code, printed, errors = lutra_opt(build, before, argument)
    if code:
        raise Failure(errors)
    body = printed.strip()
    if body.startswith("module {") and body.endswith("}"):
        body = textwrap.dedent(body[len("module {") : -1].strip("\n"))
    return body.strip() + "\n"


def matches(expected: str, found: str) -> bool:
    """Whether `found` is `expected`, whose `...` lines stand for any lines."""
    parts = re.split(r"(?m)^(?://\s*)?\.\.\.$", squeeze(expected))
    at, text = 0, squeeze(found)
    if len(parts) == 1:
        return parts[0] == text
    for i, part in enumerate(part.strip("\n") for part in parts):
        place = text.find(part, at)
        if place < 0 or (i == 0 and place != 0):
            return False
        at = place + len(part)
    return parts[-1].strip("\n") == "" or at == len(text)


def normalize(build: Path, text: str) -> str:
    code, printed, _ = lutra_opt(build, text)
    return printed if code == 0 else text


def check_pass(build: Path, definition: Definition, update: bool) -> None:
    for options, before, after in pairs(definition):
        found = run_pass(build, definition, options, before)
        if matches(after, found) or squeeze(normalize(build, after)) == squeeze(normalize(build, found)):
            continue
        if not update or re.search(r"(?m)^\s*(//\s*)?\.\.\.$", after):
            raise Failure(f"prints\n{found}but the documentation says\n{after}")
        rewrite(definition, after, found)


def rewrite(definition: Definition, old: str, new: str) -> None:
    path = ROOT / definition.file
    text = path.read_text()
    start = text.index(f'"{definition.name}"')
    indent = "    "
    written = textwrap.indent(old, indent)
    place = text.find(written, start)
    if place < 0:
        raise Failure(f"the After block is not where it was expected in {definition.file}")
    path.write_text(text[:place] + textwrap.indent(new.replace("}]", "} ]"), indent) + text[place + len(written) :])
    print(f"{definition.file}: rewrote the example of {definition.name}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    checked, failures = 0, 0
    for definition in definitions():
        if arguments.names and definition.name not in arguments.names:
            continue
        checked += 1
        try:
            if definition.kind == "pass":
                check_pass(arguments.build, definition, arguments.update)
            elif definition.kind == "op":
                if not definition.blocks():
                    raise Failure("has no ```mlir example")
                for _, block in definition.blocks():
                    check_op(arguments.build, definition, block)
            else:
                check_inline(arguments.build, definition)
        except Failure as failure:
            failures += 1
            print(f"{definition.file}: {definition.kind} {definition.name}: {failure}\n", file=sys.stderr)
    print(f"{checked - failures} of {checked} examples run")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
