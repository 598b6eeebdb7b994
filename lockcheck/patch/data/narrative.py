"""A race as a narrative: each access on a line of its own, with the source text.

    Account#1.balance
      Thread-1 (work)  bank.py:12  self.balance += amount  [write]  held nothing
      Thread-2 (work)  bank.py:12  self.balance += amount  [read]   held lock#1

The rows are plain dictionaries, so that every writer of reports shows the same.
"""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterable, Sequence
from types import CodeType
from typing import TypedDict

from lockcheck.core.document import Document
from lockcheck.core.stacks import line_of
from lockcheck.patch.data.harm import Access
from lockcheck.patch.data.sight import How

__all__ = ["Row", "place_of", "rows_of", "source_of", "text_of"]


class Row(TypedDict):
    """One access."""

    thread: str
    file: str
    line: int
    source: str
    access: str
    held: list[str]


def rows_of(*accesses: Access) -> list[Row]:
    """Describe accesses, in order."""
    rows: list[Row] = []
    for access in accesses:
        file, line = place_of(access.code)
        rows.append(
            {
                "thread": access.thread,
                "file": file,
                "line": line,
                "source": source_of(file, line),
                "access": access_word(access),
                "held": [ref.name for ref in access.held],
            }
        )
    return rows


def access_word(access: Access) -> str:
    """`read`, `write`, `read, then write` or `step of a loop`."""
    if access.how is How.STEP:
        return "step of a loop"
    if access.how is How.AUGMENT:
        return "read, then write"
    return "write" if access.writes else "read"


def place_of(code: tuple[CodeType, int] | None) -> tuple[str, int]:
    """File and line of an instruction."""
    if code is None:
        return "?", 0
    return code[0].co_filename, line_of(*code)


def source_of(file: str, line: int) -> str:
    """The text of a source line, '' where there is none."""
    return linecache.getline(file, line).strip()


def text_of(field: str, rows: Sequence[Document]) -> str:
    """Lay the rows out in columns."""
    cells = [
        (
            str(row["thread"]),
            f"{os.path.basename(row['file'])}:{row['line']}",
            str(row["source"]),
            f"[{row['access']}]",
            f"held {', '.join(row['held']) or 'nothing'}",
        )
        for row in rows
    ]
    return "\n".join([field, *(f"  {line}" for line in _columns(cells))])


def _columns(cells: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(row[n]) for row in cells) for n in range(len(cells[0]))]
    for row in cells:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
