"""A schedule step by step, a column a thread, as wide as the terminal.

Threads that do nothing have no column.  Where the columns would be too narrow to read, each step is
one line with its thread's name.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from lockcheck.render.control_characters import legible_line
from lockcheck.render.step_words import recorded_step

__all__ = ["columns"]

STEP = 6
"""Characters of the step's number and the space behind it."""
COLUMN_MIN = 18
COLUMN_MAX = 46
SPACE = 2


def columns(
    steps: Sequence[tuple[int, str]], threads: Sequence[str], *, width: int | None = None
) -> str:
    """The table.  `steps`: (thread, operation in words), -1 for what the program chose."""
    room = width or shutil.get_terminal_size().columns
    busy = sorted({thread for thread, _ in steps if thread >= 0})
    if not busy:
        return "no steps\n"
    names = {t: legible_line(threads[t]) if t < len(threads) else f"T{t}" for t in busy}
    column = min(COLUMN_MAX, (room - STEP) // len(busy) - SPACE)
    if column < COLUMN_MIN:
        return _lines(steps, names, room)
    rows = ["step  " + "".join(f"{_cut(names[t], column):{column + SPACE}}" for t in busy).rstrip()]
    rows.append("-" * max(len(rows[0]), STEP))
    last = -1
    for number, (thread, words) in enumerate(steps, 1):
        at = thread if thread >= 0 else last if last >= 0 else busy[0]
        mark = "" if at == last else "> "
        space = " " * (busy.index(at) * (column + SPACE))
        rows.append(f"{number:4}  {space}{_cut_inside(mark + _words(thread, words), column)}")
        last = at
    return "\n".join(rows) + "\n"


def _lines(steps: Sequence[tuple[int, str]], names: dict[int, str], room: int) -> str:
    """One line a step: too many threads for columns."""
    wide = min(max(map(len, names.values())), max(8, room // 3))
    rows = []
    last = -1
    for number, (thread, words) in enumerate(steps, 1):
        at = thread if thread >= 0 else last
        name = _cut(names.get(at, "-"), wide)
        mark = " " if at == last else ">"
        rows.append(
            _cut(f"{number:4} {mark} {name:{wide}}  {_words(thread, words)}", max(room, 20))
        )
        last = at
    return "\n".join(rows) + "\n"


def _words(thread: int, words: str) -> str:
    """The operation as a reader says it, without the thread's number, which the column shows."""
    return legible_line(recorded_step(words) if thread >= 0 else words)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _cut_inside(text: str, width: int) -> str:
    """Leave the middle out: a name's end says which of its class it is, as in `…mutex(ns1)`."""
    if len(text) <= width:
        return text
    end = width // 3
    return f"{text[: width - end - 1]}…{text[-end:]}"
