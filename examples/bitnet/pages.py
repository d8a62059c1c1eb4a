"""Reads prose out of manuals that Debian packages as HTML: paragraphs of pages, without code, tables and navigation."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

#: Paragraphs that are shorter, or do not end like a sentence, are labels and menus.
_SHORTEST = 50
_SKIPPED = frozenset(
    {"pre", "script", "style", "nav", "table", "header", "footer", "form", "h2", "h3", "h4", "h5", "h6", "dt"}
)
_PARAGRAPHS = frozenset({"p", "li", "dd"})


class _Prose(HTMLParser):
    """Collects `heading`, the first <h1>, and `paragraphs`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.heading, self.paragraphs = "", []
        self._skip: list[str] = []
        self._in_heading = False
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._skip.append(tag)
        elif tag == "h1":
            self._in_heading = not self.heading
        elif tag in _PARAGRAPHS:
            self._flush()

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._flush()
            if tag in self._skip:
                del self._skip[self._skip.index(tag) :]
        elif tag == "h1":
            self._in_heading = False
        elif tag in _PARAGRAPHS or tag in ("div", "section", "ul", "ol", "body"):
            self._flush()

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.heading += data
        elif not self._skip:
            self._text.append(data)

    def _flush(self) -> None:
        text = " ".join("".join(self._text).split())
        self._text = []
        if len(text) >= _SHORTEST and re.search(r"[.!?:]\"?\)?$", text):
            self.paragraphs.append(text)


def manual(package: Path) -> Iterator[str]:
    """The pages of an unpacked package: heading, then paragraphs that no earlier page had."""
    seen: set[str] = set()
    for path in sorted(package.rglob("*.htm*")):
        if not re.search(r"\.html?(\.en)?(\.gz)?$", path.name) or not path.is_file() or path.is_symlink():
            continue
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        page = _Prose()
        page.feed(data.decode("utf-8", "replace"))
        heading = " ".join(page.heading.replace("\u00b6", "").split())
        fresh = [p.replace("\u00b6", "") for p in dict.fromkeys(page.paragraphs) if p not in seen]
        seen.update(fresh)
        if heading and fresh:
            yield "\n\n".join([heading, *fresh])
