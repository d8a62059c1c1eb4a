"""The kinds of tables that products look up in, each on every target or refused by it."""

from __future__ import annotations

#: The element of a table, and what shares a scale.
TABLE_KINDS = [
    ("i8", "group"),
    ("i8", "table"),
    ("i8", "row"),
    ("i16", "group"),
    ("i16", "table"),
    ("i16", "row"),
    ("f16", "group"),
    ("f32", "group"),
]
