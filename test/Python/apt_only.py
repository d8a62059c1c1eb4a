"""Runs the lutra command as a machine has it that installed Debian's packages alone (scripts/setup without --tests).

Usage: /usr/bin/python3 -s apt_only.py ARGUMENTS: every import from outside the standard library, lutra, numpy and regex fails.
"""

import sys
from importlib.abc import MetaPathFinder

ALLOWED = {*sys.stdlib_module_names, "lutra", "numpy", "regex"}


class Absent(MetaPathFinder):
    """Makes every other package look as if it were not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] not in ALLOWED:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


if __name__ == "__main__":
    sys.meta_path.insert(0, Absent())
    from lutra.cli import main

    sys.exit(main(sys.argv[1:]))
