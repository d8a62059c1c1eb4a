"""Formats from their spelling: the grammar of docs/spec/onnx-domain.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lutra.errors import LutraError
from lutra.formats.base import Format
from lutra.formats.codebook import Codebook
from lutra.formats.composite import Mixed, Nested, Outliers
from lutra.formats.planes import BCQ, Bipolar
from lutra.formats.ternary import Ternary
from lutra.formats.uniform import Uniform

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|[()\[\],=])")


def _flag(value: object) -> bool:
    if value not in (0, 1):
        raise LutraError(f"expected 0 or 1, but found {value}")
    return bool(value)


#: By name: the class, how many formats it takes first (None: any number but zero), and what its keys convert to.
_FORMATS: dict[str, tuple[Callable[..., Format], int | None, dict[str, type | Callable[[Any], Any]]]] = {
    "uniform": (Uniform, 0, {"bits": int, "group": int, "zero": str, "signed": _flag, "per": str}),
    "ternary": (Ternary, 0, {"group": int, "storage": str, "per": str}),
    "bipolar": (Bipolar, 0, {"planes": int, "group": int, "zeta": float, "per": str}),
    "bcq": (BCQ, 0, {"planes": int, "group": int, "per": str, "shift_terms": int}),
    "codebook": (Codebook, 0, {"bits": int, "group": int, "table": str, "per": str, "global_scale": _flag}),
    "nested": (Nested, 1, {"min_bits": int}),
    "mixed": (Mixed, None, {"rows": tuple}),
    "outliers": (Outliers, 1, {"columns": int, "entries": int}),
}


def parse(text: str, **storage: str) -> Format:
    """The format that `text` spells, e.g. `uniform(bits=3, group=64)`.

    `storage` gives what the spelling leaves to the tensors' types: `scale` of simple formats, `value` of outliers. Raises
    LutraError with the place where `text` is wrong.
    """
    parser = _Parser(text, storage)
    result = parser.format()
    parser.end()
    return result


class _Parser:
    def __init__(self, text: str, storage: dict[str, str]) -> None:
        self.text, self.storage = text, storage
        self.tokens: list[tuple[str, int]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if not found:
                raise LutraError(f"format '{text}': unexpected character '{text[at:].strip()[0]}'")
            self.tokens.append((found.group(1), found.start(1)))
            at = found.end()
        self.next = 0

    def peek(self, ahead: int = 0) -> str:
        place = self.next + ahead
        return self.tokens[place][0] if place < len(self.tokens) else ""

    def error(self, expected: str) -> LutraError:
        found = f"'{self.peek()}' at {self.tokens[self.next][1]}" if self.peek() else "the end"
        return LutraError(f"format '{self.text}': expected {expected}, but found {found}")

    def take(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise self.error(f"'{wanted}'")
        self.next += 1

    def end(self) -> None:
        if self.peek():
            raise self.error("nothing more")

    def format(self) -> Format:
        name = self.peek()
        if name not in _FORMATS:
            raise self.error(f"one of {', '.join(_FORMATS)}")
        make, positional, keys = _FORMATS[name]
        self.next += 1
        self.take("(")
        parts: list[Format] = []
        found: dict[str, object] = {}
        while True:
            if self.peek(1) == "(":
                if found:
                    raise self.error("a key (formats come before keys)")
                parts.append(self.format())
            else:
                key = self.peek()
                if key not in keys or key in found:
                    raise self.error(f"a key of {name} that is not there yet ({', '.join(keys)})")
                self.next += 1
                self.take("=")
                found[key] = self.value(keys[key])
            if self.peek() != ",":
                break
            self.next += 1
        self.take(")")
        if positional is not None and len(parts) != positional:
            raise LutraError(f"format '{self.text}': {name} takes {positional} formats, but there are {len(parts)}")
        if name in ("uniform", "ternary", "bipolar", "bcq", "codebook") and "scale" in self.storage:
            found["scale"] = self.storage["scale"]
        if name == "outliers" and "value" in self.storage:
            found["value"] = self.storage["value"]
        if positional is None:
            found["formats"] = tuple(parts)
            parts = []
        try:
            return make(*parts, **found)
        except TypeError as error:
            raise LutraError(f"format '{self.text}': {name} lacks a key: {error}") from error

    def value(self, convert: type | Callable[[Any], Any]) -> object:
        if convert is tuple:
            self.take("[")
            numbers = [self.number(int)]
            while self.peek() == ",":
                self.next += 1
                numbers.append(self.number(int))
            self.take("]")
            return tuple(numbers)
        if convert is str:
            if not re.match(r"[A-Za-z_]", self.peek()):
                raise self.error("a word")
            self.next += 1
            return self.tokens[self.next - 1][0]
        if convert is _flag:
            return _flag(self.number(int))
        return self.number(convert)

    def number(self, convert: Any) -> Any:
        try:
            result = convert(self.peek())
        except ValueError:
            raise self.error("an integer" if convert is int else "a number") from None
        self.next += 1
        return result
