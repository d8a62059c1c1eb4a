"""Progress bars on stderr; nothing is drawn when it is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_Report = Callable[[str, float], None]


@contextmanager
def progress_bar(title: str) -> Iterator[_Report]:
    """A bar for one job, or a line of figures without the package rich; the function it gives takes what is being done and
    the finished fraction."""
    if not sys.stderr.isatty():
        yield lambda _what, _fraction: None
        return
    try:
        import rich  # noqa: F401
    except ModuleNotFoundError:
        with _line(title) as report:
            yield report
        return
    with _bar(title) as report:
        yield report


@contextmanager
def _bar(title: str) -> Iterator[_Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[what]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0, what="")
        yield lambda what, fraction: bar.update(task, completed=fraction, what=what)


@contextmanager
def _line(title: str) -> Iterator[_Report]:
    erase = "\r\x1b[K"
    shown = False

    def report(what: str, fraction: float) -> None:
        nonlocal shown
        shown = True
        print(f"{erase}{title} {fraction:4.0%} {what}", end="", file=sys.stderr, flush=True)

    try:
        yield report
    finally:
        if shown:
            print(erase, end="", file=sys.stderr, flush=True)
