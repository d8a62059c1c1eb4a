"""Counts what every op, attribute, type and pass must have, and fails when one lacks it.

- a description, with an example (doc_examples.py runs them);
- a test of what it refuses: for an op, and for an attribute or type with a verifier, a case of a test whose name ends in `invalid` or `invalid-...` that
  mentions it and expects an error; for a pass, a test `<argument>-invalid.mlir` that runs it.

Usage: doc_coverage.py
"""

from __future__ import annotations

import re
import sys

from tablegen import ROOT, Definition, definitions


def invalid_cases() -> list[str]:
    """The cases of all tests of refusals that expect an error."""
    cases = []
    for path in ROOT.glob("test/**/*invalid*.mlir"):
        for case in path.read_text().split("// -----"):
            if re.search(r"expected-error|error:", case):
                cases.append(case)
    return cases


def refusals_of_passes() -> set[str]:
    """The passes that a test of refusals named after them runs."""
    found = set()
    for path in ROOT.glob("test/**/*-invalid.mlir"):
        argument = path.stem.removesuffix("-invalid")
        if re.search(rf"RUN:.*\b{re.escape(argument)}\b", path.read_text()):
            found.add(argument)
    return found


def lacks(definition: Definition, cases: list[str], passes: set[str]) -> list[str]:
    missing = []
    if len(definition.description.split()) < 5:
        missing.append("a description")
    if definition.kind == "pass":
        titles = [title for title, _ in definition.blocks()]
        if not any(title.startswith("Before") for title in titles):
            missing.append("an example: ```mlir blocks under 'Before:' and 'After:'")
        if definition.name not in passes:
            missing.append(f"a test of what it refuses: {definition.name}-invalid.mlir")
    else:
        if "Example" not in definition.description:
            missing.append("an example")
        if definition.verified and not any(
            re.search(rf"{re.escape(definition.name)}(?![\w.])", case) for case in cases
        ):
            missing.append("an invalid test: a case of an *invalid*.mlir that uses it and expects an error")
    return missing


def main() -> int:
    cases, passes = invalid_cases(), refusals_of_passes()
    counts: dict[str, int] = {}
    failures = 0
    for definition in definitions():
        counts[definition.kind] = counts.get(definition.kind, 0) + 1
        for missing in lacks(definition, cases, passes):
            failures += 1
            print(f"{definition.file}: {definition.kind} {definition.name} needs {missing}", file=sys.stderr)
    print(
        ", ".join(f"{count} {kind}{'es' if kind.endswith('s') else 's'}" for kind, count in counts.items())
        + f": {failures} things missing"
    )
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
