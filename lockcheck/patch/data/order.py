"""The order that breaks a program, step by step with its source text, a column a thread.

    the order that shows it:
                T1 Thread-1 (add)           T2 Thread-2 (add)
      bank.py:12  self.n += 1 [read]
      bank.py:12                            self.n += 1 [read]
      bank.py:12                            self.n += 1 [write]
      bank.py:12  self.n += 1 [write]

Accesses to data have their place and text; what a primitive does is named as in the token's steps.
Left out: starts and ends of threads, and all but the last `STEPS_MAX` steps.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict

from lockcheck.core.stacks import line_of
from lockcheck.patch.data.narrative import source_of
from lockcheck.patch.data.sight import How
from lockcheck.seam import Choice, Kind

if TYPE_CHECKING:
    from lockcheck.conduct.controlled import ControlledConductor

__all__ = ["Place", "Step", "order_of_run", "text_of_order"]

STEPS_MAX: Final = 40
_COLUMN: Final = 38
_LEFT_OUT: Final = (Kind.BEGIN, Kind.SPAWN)
_WORDS: Final = {
    How.READ: "read",
    How.WRITE: "write",
    How.AUGMENT: "write",
    How.ATOMIC: "one step",
    How.STEP: "step of the loop",
}


class Place(NamedTuple):
    """Where an access happened, and how."""

    code: CodeType
    lasti: int
    how: How


class Step(TypedDict):
    """One step of the order."""

    thread: str
    column: int
    file: str
    line: int
    source: str
    what: str


def order_of_run(conductor: ControlledConductor, places: Mapping[int, Place]) -> list[Step]:
    """Describe the run that has just ended.  `places`: accesses by the number of their event."""
    steps: list[Step] = []
    for number, (choice, op) in enumerate(conductor.events):
        if choice < 0 or op.kind in _LEFT_OUT or hasattr(op.obj, "life"):
            continue
        task = conductor.tasks[Choice(choice).thread]
        place = places.get(number)
        file, line, source = "", 0, ""
        if place is None:
            what = f"{op.kind.name.lower().replace('_', ' ')} {op.obj.name}"
        else:
            file, line = place.code.co_filename, line_of(place.code, place.lasti)
            source = source_of(file, line)
            what = f"[{_WORDS[place.how]}] {op.obj.name}"
        steps.append(
            {
                "thread": task.name,
                "column": task.index,
                "file": file,
                "line": line,
                "source": source,
                "what": what,
            }
        )
    return steps


def text_of_order(steps: Sequence[Step]) -> str:
    """Lay an order out, a column a thread."""
    shown = list(steps[-STEPS_MAX:])
    columns = sorted({step["column"] for step in shown})
    names = {step["column"]: step["thread"] for step in shown}
    places = [f"{os.path.basename(s['file'])}:{s['line']}" if s["file"] else "" for s in shown]
    width = max((len(place) for place in places), default=0)
    lines = ["the order that shows it:"]
    if len(steps) > len(shown):
        lines[0] = f"the order that shows it (its last {len(shown)} of {len(steps)} steps):"
    heads = [f"{_cut(f'T{column} {names[column]}'):{_COLUMN}}" for column in columns]
    lines.append(" " * (width + 4) + "  ".join(heads).rstrip())
    for step, place in zip(shown, places, strict=True):
        text = f"{step['source']}  {step['what']}" if step["source"] else step["what"]
        indent = (_COLUMN + 2) * columns.index(step["column"])
        lines.append(f"  {place:{width}}  {' ' * indent}{text}")
    return "\n".join(lines)


def _cut(text: str) -> str:
    return text if len(text) <= _COLUMN else text[: _COLUMN - 1] + "…"
