"""`lutra cache`: what lies in the cache of compiled models, and how to empty it."""

from __future__ import annotations

import argparse
import time
from typing import Any


def add(commands: Any, formatter: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "cache",
        help="show or empty the cache of compiled models",
        formatter_class=formatter,
        description="The cache of compiled models (LUTRA_CACHE_DIR says where it lies, LUTRA_CACHE_BYTES how big it may be).",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--info", action="store_true", help="list what is there (the default)")
    what.add_argument("--clear", action="store_true", help="remove all that no process uses")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from lutra.cache import Cache

    store = Cache()
    if arguments.clear:
        count, size = store.clear()
        print(f"{store.root}: removed {count} models, {size / 1e6:.1f} MB")
        return 0
    entries = store.entries()
    total = sum(entry.bytes for entry in entries)
    for entry in reversed(entries):
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.last_use))
        print(f"{used}  {entry.bytes / 1e6:9.1f} MB  {entry.model}")
    print(f"{store.root}: {len(entries)} models, {total / 1e6:.1f} MB of at most {store.limit / 1e6:.0f} MB")
    return 0
