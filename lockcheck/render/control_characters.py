"""Text that shows what it is: control characters of a name are written out, never sent out.

A thread, a lock or a file may be called anything, "\\x1b[2J" included.  Every way out (terminal,
page, dot, tables) passes through here, so that a name cannot move the cursor, hide a line of a
report or reverse the direction of reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

__all__ = ["legible", "legible_line", "legible_text"]

Value = TypeVar("Value")

PROSE = frozenset({"detail", "text", "advice", "reason"})
"""Fields of a finding that are written by us and may have several lines."""


def legible_text(text: str) -> str:
    """The text with its control characters written out; lines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else _written(c) for c in text)


def legible_line(text: str) -> str:
    """The same on one line: what a name is."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _written(c) for c in text)


def _written(char: str) -> str:
    code = ord(char)
    if char in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[char]
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def legible(value: Value, *, prose: bool = False) -> Value:
    """A JSON value with every text in it made legible; the value itself where nothing changes."""
    found: object = value
    if isinstance(value, str):
        found = legible_text(value) if prose else legible_line(value)
    elif isinstance(value, Mapping):
        pairs = [
            (legible_line(key), legible(each, prose=key in PROSE)) for key, each in value.items()
        ]
        same = all(k is o and v is w for (k, v), (o, w) in zip(pairs, value.items(), strict=True))
        found = value if same else dict(pairs)
    elif isinstance(value, Sequence):
        rows = [legible(each, prose=prose) for each in value]
        found = value if all(a is b for a, b in zip(rows, value, strict=True)) else rows
    return found  # type: ignore[return-value]  # a value of the same shape
