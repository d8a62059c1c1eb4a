r"""Regular expressions with \p{...} classes for Python's own `re`, which has none.

The classes are spelled out as ranges of `unicodedata`, so a pattern means what it means elsewhere for this Python's version of
Unicode. Made once, when a tokenizer is loaded without the packages tokenizers and regex.
"""

from __future__ import annotations

import functools
import re
import sys
import unicodedata

#: \p{L}, \P{Lu}, \pN, and \s, whose set differs a little: Unicode's White_Space has no separators of information.
_CLASS = re.compile(r"\\(?:(p|P)(?:\{(\^?)([A-Za-z]{1,2})\}|([A-Z]))|(s|S)|(.))", re.DOTALL)
_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def translate(pattern: str) -> str:
    r"""`pattern` with every \p{...} (a general category) and \s spelled out, inside and outside of brackets.

    Raises re.error for a negated class inside of brackets, which `re` cannot say, and for a category that does not exist.
    """
    parts, end, brackets = [], 0, 0
    for match in _CLASS.finditer(pattern):
        between = pattern[end : match.start()]
        brackets += between.count("[") - between.count("]")
        parts.append(between)
        end = match.end()
        kind, caret, category, short, space, _other = match.groups()
        if not (kind or space):
            parts.append(match.group())
            continue
        inside = _SPACE if space else ranges(category or short)
        negated = (kind == "P") != bool(caret) if kind else space == "S"
        if brackets and negated:
            raise re.error(f"{match.group()} inside of brackets")
        parts.append(inside if brackets else f"[{'^' if negated else ''}{inside}]")
    return "".join([*parts, pattern[end:]])


@functools.cache
def ranges(category: str) -> str:
    """The characters of a general category such as L or Lu as what stands between brackets."""
    found, start = [], -1
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code)).startswith(category)
        if inside and start < 0:
            start = code
        elif not inside and start >= 0:
            found.append(f"\\U{start:08x}" + (f"-\\U{code - 1:08x}" if code - 1 > start else ""))
            start = -1
    if not found:
        raise re.error(f"there is no category '{category}'")
    return "".join(found)
