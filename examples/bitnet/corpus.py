"""Builds the training text from Debian packages: descriptions and manuals of software, and books in the public domain.

    python corpus.py DIRECTORY         needs apt-get, dpkg-deb and the network, or what an earlier run left in DIRECTORY

writes train.jsonl, valid.jsonl, test.jsonl, and heldout.jsonl, the part of test that is in the public domain; one
document a line: {"source": ..., "text": ...}. A document is one description, page or chapter. Descriptions that share
a paragraph are never on two sides of the split, and which side a document is on follows from a hash of it, not from
its place.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import sources

#: Parts in 1000 of the documents that are held out.
VALID, TEST = 12, 12
#: Descriptions that share a paragraph come from one source package. So many of them stay.
MOST_OF_A_FAMILY = 2
#: A paragraph of so many characters is no boilerplate when two documents share it.
TELLING = 100
#: Paragraphs of more documents than this are boilerplate.
BOILERPLATE = 60


def normalize(text: str) -> str:
    """Plain quotation marks and dashes, single blanks, at most one empty line."""
    for found, plain in (
        ("“", '"'),
        ("”", '"'),
        ("‘", "'"),
        ("’", "'"),
        ("—", " - "),
        ("–", "-"),
        ("…", "..."),
        ("\u00a0", " "),
    ):
        text = text.replace(found, plain)
    text = re.sub(r"[ \t]+", " ", text)
    text = re.sub(r" *\n *", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def is_english(text: str) -> bool:
    """Few characters beyond ASCII, and mostly letters."""
    letters = sum(char.isalpha() and char.isascii() for char in text)
    return letters > 0.7 * len(text) and sum(not char.isascii() for char in text) <= 0.01 * len(text)


def families(documents: list[list[str]]) -> list[list[int]]:
    """Indexes of documents (as paragraphs), those that share a telling paragraph together."""
    parent = list(range(len(documents)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    counts = Counter(p for paragraphs in documents for p in set(paragraphs))
    first: dict[str, int] = {}
    for i, paragraphs in enumerate(documents):
        for p in paragraphs:
            if len(p) >= TELLING and counts[p] <= BOILERPLATE:
                parent[root(i)] = root(first.setdefault(p, i))
    groups: dict[int, list[int]] = defaultdict(list)
    for i in range(len(documents)):
        groups[root(i)].append(i)
    return list(groups.values())


def distinct_descriptions(texts: Iterator[str]) -> Iterator[tuple[str, str]]:
    """(family key, text) of the longest descriptions of each family."""
    unique = list(dict.fromkeys(text for text in map(normalize, texts) if is_english(text) and len(text) >= 160))
    split = [text.split("\n\n") for text in unique]
    for family in families(split):
        longest = sorted(family, key=lambda i: (-len(unique[i]), i))[:MOST_OF_A_FAMILY]
        key = unique[min(family)]
        for i in sorted(longest):
            yield key, unique[i]


def side(key: str) -> str:
    """train, valid or test, by a hash of `key`."""
    value = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % 1000
    return "test" if value < TEST else "valid" if value < TEST + VALID else "train"


def documents(directory: Path) -> Iterator[tuple[str, str, str]]:
    """(source, family key, text) of everything."""
    for key, text in distinct_descriptions(sources.descriptions(directory)):
        yield "debian", key, text
    for source, pages in sources.manuals(directory):
        for page in map(normalize, pages):
            if is_english(page) and len(page) >= 400:
                yield source, page, page
    for source, chapters in sources.books(directory):
        for chapter in map(normalize, chapters):
            if len(chapter) >= 400:
                yield source, chapter, chapter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    directory: Path = arguments.directory
    directory.mkdir(parents=True, exist_ok=True)
    try:
        sources.fetch(directory)
    except subprocess.CalledProcessError as error:
        raise SystemExit(
            f"corpus.py: {' '.join(map(str, error.cmd))} failed: run apt-get update, and look at the network"
        ) from error
    names = ("train", "valid", "test", "heldout")
    files = {name: open(directory / f"{name}.jsonl", "w", encoding="utf-8") for name in names}
    sizes: Counter = Counter()
    for source, key, text in documents(directory):
        line = json.dumps({"source": source, "text": text}, ensure_ascii=False) + "\n"
        part = side(key)
        for name in (part, "heldout") if part == "test" and source in sources.PUBLIC_DOMAIN else (part,):
            files[name].write(line)
            sizes[name, source] += len(text)
    for file in files.values():
        file.close()
    for (name, source), size in sorted(sizes.items()):
        print(f"{name:8} {source:20} {size:10,} characters")


if __name__ == "__main__":
    main()
