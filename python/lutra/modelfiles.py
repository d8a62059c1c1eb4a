"""The files that an artifact is made from, and hashes of their bytes.

What lies beside an .onnx file is named in it: `external_data` of tensors, wherever they stand (initializers, attributes,
subgraphs, functions). The file is walked as protobuf's wire format, so that neither the onnx package nor the bytes of the weights
are needed.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lutra import textconfig
from lutra.errors import LutraError

#: message -> the fields that hold messages on the way to external data (onnx.proto; numbers never change).
_NESTED: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
#: Where a cache keeps the digests of large files, how large, how many, and how long a file must have lain unchanged.
REMEMBERED = "digests.json"
_LARGE, _KEPT, _SETTLED_NS = 1 << 20, 256, 2_000_000_000


def files_of(model: Path) -> list[Path]:
    """`model` and the files that its artifact is also made from: external data, and what text needs, where they exist.

    Raises LutraError when it is no ONNX file.
    """
    with open(model, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise LutraError(f"'{model}' is empty: expected an ONNX model")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                names = set(_locations(data, "model", 0, len(data)))
            except (IndexError, UnicodeDecodeError, RecursionError):
                raise LutraError(f"'{model}' is damaged or no ONNX model") from None
    beside = [model.parent / name for name in sorted(names)] + [model.with_name(name) for name in textconfig.SOURCES]
    return [model, *(path for path in beside if path.is_file())]


def _locations(data: mmap.mmap, message: str, start: int, end: int) -> Iterator[str]:
    """The values of all entries "location" of external data in data[start:end]."""
    nested = _NESTED[message]
    for field, first, last in _fields(data, start, end):
        inner = nested.get(field)
        if inner == "entry":
            entry = {number: data[a:b] for number, a, b in _fields(data, first, last)}
            if entry.get(1) == b"location":
                yield entry.get(2, b"").decode()
        elif inner is not None:
            yield from _locations(data, inner, first, last)


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, begin and end of each length-delimited field. Raises IndexError where the bytes are no message."""
    while start < end:
        tag, start = _varint(data, start)
        kind = tag & 7
        if kind == 0:
            _, start = _varint(data, start)
        elif kind in (1, 5):
            start += 8 if kind == 1 else 4
        elif kind == 2:
            size, start = _varint(data, start)
            if start + size > end:
                raise IndexError("a field is longer than its message")
            yield tag >> 3, start, start + size
            start += size
        else:
            raise IndexError("no kind of field")
    if start != end:
        raise IndexError("a field is longer than its message")


def _varint(data: mmap.mmap, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise IndexError("a number of more than ten bytes")


def digest(path: Path, memory: Path | None = None) -> bytes:
    """The hash of a file's bytes. That of a large file is remembered in the folder `memory` for its size, times and inode,
    once it has lain unchanged for two seconds."""
    stat = path.stat()
    known = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ctime_ns}|{stat.st_ino}"
    book = memory / REMEMBERED if memory is not None and stat.st_size >= _LARGE else None
    if book is not None and (found := _read(book).get(known)):
        return bytes.fromhex(found)
    with open(path, "rb") as file:
        result = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).digest()
    if book is not None and time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > _SETTLED_NS:
        _write(book, {**_read(book), known: result.hex()})
    return result


def _read(book: Path) -> dict[str, str]:
    try:
        found = json.loads(book.read_text(encoding="utf-8"))
        return {key: value for key, value in found.items() if isinstance(value, str)}
    except (OSError, ValueError, AttributeError):
        return {}  # none yet, or a damaged one: everything is hashed again


def _write(book: Path, digests: dict[str, str]) -> None:
    """Replaces the book at once; of two processes that do, the last wins, and the other's files are hashed again."""
    try:
        book.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=book.parent, prefix=".digests-", delete=False, encoding="utf-8"
        ) as file:
            json.dump(dict(list(digests.items())[-_KEPT:]), file)
        os.replace(file.name, book)
    except OSError:
        pass  # a cache that cannot be written to fails where it matters, with a message
