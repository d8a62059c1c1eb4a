"""What the compiler decided about each product, and what its cost model predicts: `lutrac --remarks-output-file`, read."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lutra import native
from lutra.errors import LutraError

_PASS = "lowbit-select-strategy"
_FUNCTION = re.compile(r"^Function:\s+'?(.*?)'?$", re.MULTILINE)
#: Of a choice by rows: what the others take; and that one row is among those that do not.
_OTHER_ROWS, _ONE_ROW = re.compile(r"\band (\w+) for (?:fewer|others)\b"), re.compile(r"\bfor 1\b")
_ARGUMENT = re.compile(r"^  - ([\w-]+):\s+'?(.*?)'?$", re.MULTILINE)


@dataclass(slots=True)
class Decision:
    """About one product, which may be several nodes merged: `reason` begins with the strategy; `costs` are the predicted seconds of
    each strategy for one row."""

    nodes: tuple[str, ...]
    reason: str | None = None
    costs: dict[str, float] = field(default_factory=dict)

    @property
    def strategy(self) -> str | None:
        """lut, int8 or dense: what one row takes, where the number of rows decides at run time."""
        if self.reason is None:
            return None
        other = _OTHER_ROWS.search(self.reason)
        return other.group(1) if other and not _ONE_ROW.search(self.reason) else self.reason.partition(":")[0]


def decisions(path: Path, target_options: Sequence[str] = ()) -> list[Decision]:
    """What the compiler does with the .onnx file's products under these options, and what its cost model says of each.

    The cost model speaks only where it chooses (cpu.strategy=auto with i8 tables), so the compiler is asked once more if the options leave no choice.
    Empty where lutrac is not installed. Raises LutraError when the compiler refuses the model.
    """
    lutrac = native.lutrac()
    if lutrac is None:
        return []
    found = parse(_ask(lutrac, path, target_options))
    if any(decision.costs for decision in found):
        return found
    free = [option for option in target_options if not option.startswith(("cpu.strategy=", "cpu.table"))]
    costs = {
        node: (decision, len(decision.nodes))
        for decision in parse(_ask(lutrac, path, [*free, "cpu.strategy=auto"]))
        for node in decision.nodes
    }
    for decision in found:
        # Other choices may merge other nodes; only what is predicted of the same product is said of it.
        other, size = costs.get(decision.nodes[0], (None, 0))
        if other is not None and size == len(decision.nodes):
            decision.costs = other.costs
    return found


def _ask(lutrac: str, path: Path, target_options: Sequence[str]) -> str:
    with tempfile.TemporaryDirectory(prefix="lutra-") as folder:
        remarks = Path(folder) / "remarks.yaml"
        command = [
            lutrac,
            str(path),
            "--compile-to=tables",
            "-o",
            f"{folder}/out.mlir",
            f"--remarks-output-file={remarks}",
        ]
        done = subprocess.run(
            [*command, *(f"--target-option={option}" for option in target_options)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LutraError(f"lutrac refuses '{path}': {(done.stderr.strip().splitlines() or ['no message'])[0]}")
        return remarks.read_text(encoding="utf-8")


def parse(text: str) -> list[Decision]:
    """The remarks of the pass lowbit-select-strategy in YAML, one decision for each product in the order of the file."""
    found: dict[str, Decision] = {}
    for document in re.split(r"^--- ", text, flags=re.MULTILINE):
        if not re.search(rf"^Pass:\s+{_PASS}$", document, re.MULTILINE) or not (match := _FUNCTION.search(document)):
            continue
        decision = found.setdefault(match.group(1), Decision(tuple(match.group(1).split(", "))))
        arguments = dict(_ARGUMENT.findall(document))
        if document.startswith("!Passed"):
            decision.reason = arguments.get("Reason", decision.reason)
        elif document.startswith("!Analysis") and not decision.costs:  # the first is that of the fewest rows
            decision.costs = {
                name.removesuffix("-ns"): int(value) * 1e-9
                for name, value in arguments.items()
                if name.endswith("-ns") and value.isdigit()
            }
    return [decision for decision in found.values() if decision.reason is not None]
