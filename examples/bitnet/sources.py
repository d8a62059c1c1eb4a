"""Reads the texts of corpus.py out of the Debian packages that hold them.

descriptions    Translation-en, the long descriptions of Debian's packages (apt-get update fetches it)
Jane Austen     r-cran-janeaustenr: her six novels, as lines of text in an R database
the Bible       sword-text-web: the World English Bible, OSIS markup in a SWORD zText module
Mark Twain      golang-github-klauspost-compress-dev: The Adventures of Tom Sawyer, plain text
Isaac Newton    golang-1.19-src: Opticks, plain text
manuals         prose of HTML manuals under permissive licences, see MANUALS
"""

from __future__ import annotations

import html
import re
import struct
import subprocess
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pages

BOOK_PACKAGES = ("r-cran-janeaustenr", "sword-text-web", "golang-github-klauspost-compress-dev", "golang-1.19-src")
#: SQLite (public domain), PostgreSQL (PostgreSQL licence), Python (PSF), Apache httpd and LLVM (Apache 2.0), CMake and
#: Django (BSD).
MANUALS = (
    "sqlite3-doc",
    "postgresql-doc-15",
    "python3.11-doc",
    "apache2-doc",
    "llvm-15-doc",
    "cmake-doc",
    "python-django-doc",
)
PUBLIC_DOMAIN = frozenset({"austen", "bible", "twain", "newton", "sqlite3-doc"})
_LISTS, _TRANSLATION = Path("/var/lib/apt/lists"), "*_main_i18n_Translation-en*"


def fetch(directory: Path) -> None:
    """Downloads what is not in `directory` yet: translation.txt, and each package unpacked in a folder of its name."""
    target = directory / "translation.txt"
    if not target.exists():
        subprocess.run(["apt-get", "update", "-q", "-o", "Acquire::Languages=en"], check=True)
        lists = sorted(_LISTS.glob(_TRANSLATION), key=lambda path: -path.stat().st_size)
        if not lists:
            raise SystemExit(f"corpus.py: {_LISTS} has no {_TRANSLATION}: is the Debian archive among apt's sources?")
        # The largest is the release's own; the others are its updates.
        target.write_bytes(
            subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", lists[0]], check=True, capture_output=True).stdout
        )
    for package in (*BOOK_PACKAGES, *MANUALS):
        if not (directory / package).exists():
            subprocess.run(
                ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", package], check=True, cwd=directory
            )
            [archive] = directory.glob(f"{package}_*.deb")
            subprocess.run(["dpkg-deb", "-x", archive, directory / package], check=True)
            archive.unlink()


def descriptions(directory: Path) -> Iterator[str]:
    """Each description: its one-line summary, an empty line, its paragraphs. Lists keep their lines."""
    text = (directory / "translation.txt").read_text(encoding="utf-8")
    for stanza in text.split("\n\n"):
        lines = stanza.split("\n")
        start = next((i for i, line in enumerate(lines) if line.startswith("Description-en:")), None)
        if start is None:
            continue
        paragraphs = [lines[start].partition(":")[2].strip()]
        paragraphs += _description_paragraphs(lines[start + 1 :])
        yield "\n\n".join(paragraphs)


def _description_paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """A line `.` ends a paragraph; one that is indented further, or begins with a bullet, stays a line."""
    out = ""
    for line in [*lines, " ."]:
        bullet = re.match(r"\s*[*+o-]\s+(.*)", line)
        if line.strip() == ".":
            if out:
                yield out
            out = ""
        elif bullet:
            out += ("\n" if out else "") + "- " + bullet[1].strip()
        elif not out or "\n- " in "\n" + out or not line.startswith("  "):
            out += (" " if out else "") + line.strip()
        else:
            out += "\n" + line.strip()


def manuals(directory: Path) -> Iterator[tuple[str, Iterator[str]]]:
    """(package, its pages)."""
    for package in MANUALS:
        yield package, pages.manual(directory / package)


def books(directory: Path) -> Iterator[tuple[str, Iterator[str]]]:
    """(source, its chapters)."""
    yield "austen", _austen(directory / "r-cran-janeaustenr")
    yield "bible", _bible(directory / "sword-text-web")
    # The package has an excerpt of the same name.
    twain = max(
        (directory / "golang-github-klauspost-compress-dev").rglob("Mark.Twain-Tom.Sawyer.txt"),
        key=lambda path: path.stat().st_size,
    )
    yield "twain", _plain_chapters(twain.read_text(encoding="utf-8-sig", errors="replace"))
    newton = next((directory / "golang-1.19-src").rglob("Isaac.Newton-Opticks.txt"))
    yield "newton", _plain_chapters(newton.read_text(encoding="utf-8-sig", errors="replace"))


def _plain_chapters(text: str) -> Iterator[str]:
    """The chapters of a Project Gutenberg text, without what the project put around it."""
    begin = re.search(r"\*\*\* ?START OF.*?\*\*\*", text, re.S)
    end = re.search(r"\*\*\* ?END OF|^End of (the )?Project Gutenberg", text, re.M)
    text = text[begin.end() if begin else 0 : end.start() if end else len(text)].replace("\r", "")
    return _chapters(text.split("\n"))


_HEADING = re.compile(
    r"\s*((CHAPTER|Chapter|VOLUME|BOOK|PROP|PART|Obs|OBS|DEFIN|AXIOM|Qu)\b\.?\s*[IVXLC0-9]+|PROP\.)[^a-z]{0,12}"
)


def _chapters(lines: Iterable[str]) -> Iterator[str]:
    """Lines of text, cut at headings, their paragraphs joined to one line each; _emphasis_ marks are dropped."""
    chapter: list[str] = []
    for line in [*lines, "CHAPTER 0"]:
        if _HEADING.match(line):
            paragraphs = re.split(r"\n\s*\n", "\n".join(chapter))
            joined = (re.sub(r"\s*\n\s*", " ", p).replace("_", "").strip() for p in paragraphs)
            yield "\n\n".join(p for p in joined if p and "[Illustration" not in p)
            chapter = []
        else:
            chapter.append(line.rstrip())


def _austen(package: Path) -> Iterator[str]:
    """R keeps each novel as a zlib stream behind its length; inside, a character vector is a row of CHARSXPs."""
    data = next(package.rglob("data/Rdata.rdb")).read_bytes()
    at = 0
    while at < len(data):
        inflate = zlib.decompressobj()
        novel = inflate.decompress(data[at + 4 :])
        at = len(data) - len(inflate.unused_data)
        yield from _chapters(_r_strings(novel))


def _r_strings(serialized: bytes) -> Iterator[str]:
    """The elements of the first character vector in R's XDR serialization: type 16, a count, then of each type 9, a
    length, bytes."""
    head = re.compile(rb"\x00\x00\x00\x10(....)(?=\x00.\x00\x09)", re.S).search(serialized)
    if not head:
        return
    at = head.end()
    for _ in range(struct.unpack(">I", head[1])[0]):
        length = struct.unpack(">i", serialized[at + 4 : at + 8])[0]
        at += 8 + max(length, 0)
        yield serialized[at - max(length, 0) : at].decode("utf-8", "replace")


def _bible(package: Path) -> Iterator[str]:
    """Chapters of a zText module: .bzs has the place of each zlib block in .bzz, .bzv of each verse in its block."""
    for testament in ("ot", "nt"):
        [index] = package.rglob(f"{testament}.bzs")
        places, verses, data = (index.with_suffix(suffix).read_bytes() for suffix in (".bzs", ".bzv", ".bzz"))
        blocks = [zlib.decompress(data[start : start + size]) for start, size, _ in struct.iter_unpack("<III", places)]
        spans = struct.iter_unpack("<IIH", verses)
        osis = "".join(
            blocks[block][start : start + size].decode("utf-8", "replace") for block, start, size in spans if size
        )
        for chapter in re.split(r"<chapter [^>]*sID[^>]*/>", osis):
            yield _osis_text(chapter)


def _osis_text(osis: str) -> str:
    """Text without notes and titles; what begins a paragraph or a line of verse begins one here."""
    osis = re.sub(r"<(note|title)\b.*?</\1>", " ", osis, flags=re.S)
    osis = re.sub(r'<(div|lg)[^>]*sID[^>]*type="x-p"[^>]*>|<lg [^>]*sID[^>]*>', "\n\n", osis)
    osis = re.sub(r"<l [^>]*sID[^>]*>", "\n", osis)
    return html.unescape(re.sub(r"<[^>]+>", "", osis))
