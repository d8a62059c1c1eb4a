"""Compiled models on disk, found by the content of what they were made from.

An entry is an artifact directory `<root>/<key>`; the key is a hash of the model's bytes (its external data too), the target, its
options, the compiler and the CPU. Two processes may want the same entry at once: a lock file for each key makes one compile and
the other wait. The least recently used entries are removed when the cache is over its bound, but none that a process has open.

Environment: LUTRA_CACHE_DIR (default: $XDG_CACHE_HOME/lutra or ~/.cache/lutra), LUTRA_CACHE_BYTES (default: 20 GiB).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lutra import modelfiles, native
from lutra.errors import LutraError

#: How many bytes of entries are kept unless LUTRA_CACHE_BYTES says otherwise.
DEFAULT_BYTES = 20 << 30
#: Marks an entry's last use by its modification time.
_USED = "last-use"


@dataclass(frozen=True, slots=True)
class EntryInfo:
    """An entry: the model it was made from, its size, and when it was last used (seconds since 1970)."""

    key: str
    model: str
    bytes: int
    last_use: float


class Entry:
    """An open entry: `path` stays as long as this object (or until `close`)."""

    def __init__(self, path: Path, lock: int, made: bool) -> None:
        self.path, self.made, self._lock = path, made, lock

    def close(self) -> None:
        """Lets the cache remove the entry."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __del__(self) -> None:
        self.close()


class Cache:
    """The cache in the folder `root` (by default the user's), of at most `limit` bytes.

    Raises LutraError for a LUTRA_CACHE_BYTES that is no number.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None, limit: int | None = None) -> None:
        self.root = Path(root) if root is not None else default_root()
        self.limit = default_limit() if limit is None else limit

    def entry(self, key: str, make: Callable[[Path], object], model: str) -> Entry:
        """The entry of `key`, which `make` fills (a path that does not exist yet) when there is none. `model` is for people.

        Waits while another process makes it. What `make` raises goes through, and nothing is left behind.
        """
        path = self.root / key
        self.root.mkdir(parents=True, exist_ok=True)
        made = False
        while True:
            lock = self._lock_file(key)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if self._current(key, lock) and is_artifact(path):
                break
            os.close(lock)
            made = self._make(key, path, make, model) or made
        with open(path / _USED, "w", encoding="utf-8") as used:
            used.write(model)
        entry = Entry(path, lock, made)
        if made:
            self.trim()
        return entry

    def _make(self, key: str, path: Path, make: Callable[[Path], object], model: str) -> bool:
        """Fills the entry unless another process has done so meanwhile."""
        lock = self._lock_file(key)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._current(key, lock) or is_artifact(path):
                return False
            # A process that was killed may have left its part; nobody else can be writing it now.
            partial = self.root / f"{key}.part"
            shutil.rmtree(partial, ignore_errors=True)
            try:
                make(partial)
                (partial / _USED).write_text(model, encoding="utf-8")
                shutil.rmtree(path, ignore_errors=True)
                partial.rename(path)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
            return True
        finally:
            os.close(lock)

    def _lock_file(self, key: str) -> int:
        return os.open(self.root / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _current(self, key: str, lock: int) -> bool:
        """Whether the lock that is held is still the one that others find (removing an entry removes it)."""
        try:
            return os.path.samestat(os.fstat(lock), os.stat(self.root / f"{key}.lock"))
        except FileNotFoundError:
            return False

    def entries(self) -> list[EntryInfo]:
        """The finished entries, the least recently used first."""
        found = []
        for path in self.root.iterdir() if self.root.is_dir() else ():
            try:
                if path.is_dir() and path.suffix != ".part" and is_artifact(path):
                    used = path / _USED
                    size = sum(file.stat().st_size for file in path.iterdir())
                    found.append(EntryInfo(path.name, used.read_text(encoding="utf-8"), size, used.stat().st_mtime))
            except FileNotFoundError:
                continue  # removed meanwhile
        return sorted(found, key=lambda entry: entry.last_use)

    def remove(self, key: str) -> bool:
        """Removes an entry; False when a process has it open."""
        lock = self._lock_file(key)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        try:
            if self._current(key, lock):
                shutil.rmtree(self.root / key, ignore_errors=True)
                shutil.rmtree(self.root / f"{key}.part", ignore_errors=True)
                (self.root / f"{key}.lock").unlink(missing_ok=True)
            return True
        finally:
            os.close(lock)

    def clear(self) -> tuple[int, int]:
        """Removes every entry that no process has open; gives how many were removed, and how many bytes."""
        count, size = 0, 0
        for entry in self.entries():
            if self.remove(entry.key):
                count, size = count + 1, size + entry.bytes
        if self.root.is_dir():
            for leftover in self.root.glob("*.part"):
                self.remove(leftover.stem)
            (self.root / modelfiles.REMEMBERED).unlink(missing_ok=True)
        return count, size

    def trim(self) -> None:
        """Removes the least recently used entries until the rest is within the bound."""
        entries = self.entries()
        total = sum(entry.bytes for entry in entries)
        for entry in entries:
            if total <= self.limit:
                return
            if self.remove(entry.key):
                total -= entry.bytes


def is_artifact(path: Path) -> bool:
    """Whether `path` is what `lutra compile` writes."""
    return (path / "manifest.json").is_file()


def default_root() -> Path:
    """Where the user's cache lies."""
    if chosen := os.environ.get("LUTRA_CACHE_DIR"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lutra"


def default_limit() -> int:
    """The bound in bytes."""
    text = os.environ.get("LUTRA_CACHE_BYTES", str(DEFAULT_BYTES))
    if not text.isdigit():
        raise LutraError(f"LUTRA_CACHE_BYTES must be a number of bytes, but is '{text}'")
    return int(text)


def key_of(
    model: Path | bytes, target: str, options: Sequence[str], memory: str | os.PathLike[str] | None = None
) -> str:
    """The key of a model file (with its external data and tokenizer files) or a model's bytes. Digests of large files are
    remembered in the folder `memory`."""
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(model, bytes):
        digest.update(model)
    else:
        book = None if memory is None else Path(memory)
        for path in modelfiles.files_of(model):
            digest.update(f"{path.name}\0".encode() + modelfiles.digest(path, book))
    digest.update(json.dumps([target, list(options), native.version()]).encode())
    for path in _compiler_files():
        stat = path.stat()
        digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    digest.update(_cpu_features())
    return digest.hexdigest()


def _compiler_files() -> list[Path]:
    """The library, and those of Lutra beside it (a build with shared libraries is made of many)."""
    library = Path(native.library()._name)
    return sorted({library, *library.parent.glob("libLutra*.so")})


def _cpu_features() -> bytes:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            return next((line for line in cpuinfo if line.startswith(("flags", "Features"))), "").encode()
    except OSError:
        return b""
