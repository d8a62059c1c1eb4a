"""Adds up a lit result file: prints "N passed, N failed" last, and fails when something failed or nothing ran.

Usage: count_lit.py results.json
"""

from __future__ import annotations

import json
import sys
from collections import Counter

PASSED = ("PASS", "FLAKYPASS", "XFAIL")
NEUTRAL = ("UNSUPPORTED", "SKIPPED", "EXCLUDED")


def main(path: str) -> int:
    try:
        with open(path, encoding="utf-8") as file:
            tests = json.load(file)["tests"]
    except (OSError, ValueError, KeyError) as error:
        print(f"lit left no results: {error}", file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    codes = Counter(test["code"] for test in tests)
    passed = sum(codes[code] for code in PASSED)
    failed = sum(count for code, count in codes.items() if code not in (*PASSED, *NEUTRAL))
    if skipped := sum(codes[code] for code in NEUTRAL):
        print(f"{skipped} not run on this machine")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
