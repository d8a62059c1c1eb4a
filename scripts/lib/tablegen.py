"""What the TableGen files of the tree define, read through llvm-tblgen's JSON.

Shared by the checks of the documentation, so that no list of ops or passes is kept by hand.
"""

from __future__ import annotations

import json
import re
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LLVM = Path("/usr/lib/llvm-22")


@dataclass(frozen=True)
class Definition:
    """An op, attribute, type or pass: `name` as one writes it (`lowbit.matmul`, `#lowbit.tile`, `lowbit-pack-weights`).

    `verified`: it can be refused (an attribute or type without parameters, say, cannot).
    """

    kind: str
    name: str
    file: Path
    record: str
    description: str
    verified: bool

    def blocks(self) -> list[tuple[str, str]]:
        """The ```mlir blocks of the description, each with the line of text above it."""
        lines, found = self.description.splitlines(), []
        at = 0
        while at < len(lines):
            if lines[at].strip() == "```mlir":
                end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == "```")
                found.append((lines[at - 1].strip() if at else "", "\n".join(lines[at + 1 : end]) + "\n"))
                at = end
            at += 1
        return found


def load(file: Path) -> dict:
    command = [LLVM / "bin/llvm-tblgen", "--dump-json", "-I", LLVM / "include", "-I", ROOT, file]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def definitions() -> list[Definition]:
    """Every op, attribute and type of the dialects, and every pass, in the order of their files."""
    files = sorted(ROOT.glob("dialects/*/IR/*Ops.td")) + sorted(
        [*ROOT.glob("dialects/*/Transforms/Passes.td"), *ROOT.glob("lib/**/Passes.td")]
    )
    result = [definition for file in files for definition in _definitions_of(file)]
    unique: dict[str, Definition] = {}
    for definition in result:
        unique.setdefault(definition.name, definition)
    return list(unique.values())


def _definitions_of(file: Path) -> list[Definition]:
    result: list[Definition] = []
    records = load(file)
    instances = records["!instanceof"]

    def add(kind: str, record: str, name: str) -> None:
        text = textwrap.dedent(records[record].get("description") or "").strip("\n")
        verified = kind in ("op", "pass") or bool(records[record].get("genVerifyDecl"))
        place = file.with_name(records[record]["!locs"][0].split(":")[0])
        result.append(Definition(kind, name, place.relative_to(ROOT), record, text, verified))

    def dialect(record: str, field: str) -> str:
        return records[records[record][field]["def"]]["name"]

    for record in instances.get("Op", []):
        if records[record]["!locs"]:
            add("op", record, dialect(record, "opDialect") + "." + records[record]["opName"])
    for kind, base, sigil in (("attribute", "AttrDef", "#"), ("type", "TypeDef", "!")):
        for record in instances.get(base, []):
            if records[record].get("mnemonic") and record.lower().startswith(file.parts[-3]):
                add(kind, record, sigil + dialect(record, "dialect") + "." + records[record]["mnemonic"])
    for record in instances.get("PassBase", []):
        add("pass", record, records[record]["argument"])
    return result


def squeeze(text: str) -> str:
    """`text` without the whitespace that does not matter, a line per line. A .td file writes `}]` as `} ]`."""
    lines = (re.sub(r"\s+", " ", line).strip().replace("} ]", "}]") for line in text.splitlines())
    return "\n".join(line for line in lines if line)
