"""Findings as values: `Report`, and the `Step`s of the cycle it tells.

A step is one participant: thread T holds lock X (in a mode, since here) and wants Y (there).  Step
i's wanted lock is step i+1's held one, and the last closes on the first.

`Report.to_dict()`:

    {"kind", "severity", "title", "reason", "fingerprint", "threads": [name], "locks": [name],
     "classes": [class name], "made": {class name: "file:line"}, "detail", "advice", "replay",
     "cycle": [{"thread", "held": {"name", "class", "mode"}, "held_stack": [FRAME],
                "wanted": {...}, "wanted_stack": [FRAME], "op": "lock"|"sync"|"wait",
                "all_held": [{"name", "class", "mode", "stack": [FRAME]}], "told": str}],
     "stacks": [{"title", "thread", "frames": [FRAME]}]}          FRAME = {"file","line","function"}

A fingerprint is built of class names, and of function names where there is no class; never of
lines, addresses, instance names or thread names.  It does not depend on which participant came
last: it is the same in the next run.

A report whose severity rises later (`class-only` to `possible`, to `certain`) is changed in place
and handed to the sink again; its fingerprint stays.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lockcheck.core.stacks import EMPTY, Stack

CERTAIN = "certain"
POSSIBLE = "possible"
CLASS_ONLY = "class-only"
SEVERITIES = (CLASS_ONLY, POSSIBLE, CERTAIN)
"""From the weakest to the strongest."""


@dataclass(frozen=True, slots=True)
class LockRef:
    """A lock as a report names it."""

    name: str
    cls: str
    mode: str = "lock"
    """`lock`, `read`, `rread` (recursive reader), `try`, `map` (inside a pseudo-lock's section),
    `sync` (waits until nobody is inside), `wait`."""
    stack: Stack = EMPTY
    """Where it was taken."""

    def to_dict(self, *, stack: bool = True) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.name, "class": self.cls, "mode": self.mode}
        if stack:
            found["stack"] = self.stack.to_dict()
        return found


@dataclass(frozen=True, slots=True)
class Step:
    """One participant of a cycle: holds `held`, wants `wanted`."""

    thread: str
    held: LockRef
    wanted: LockRef
    all_held: tuple[LockRef, ...] = ()
    """Everything the thread held at that moment, oldest first."""
    op: str = "lock"
    """`lock`, `sync` (a flush) or `wait` (an event, a join, a reference count)."""
    told: str = ""
    """The step in a sentence, where 'holds and wants' does not say it."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "thread": self.thread,
            "held": self.held.to_dict(stack=False),
            "held_stack": self.held.stack.to_dict(),
            "wanted": self.wanted.to_dict(stack=False),
            "wanted_stack": self.wanted.stack.to_dict(),
            "op": self.op,
            "all_held": [lock.to_dict() for lock in self.all_held],
            "told": self.told,
        }


@dataclass(slots=True)
class Report:
    """One finding."""

    kind: str
    severity: str
    title: str
    reason: str = ""
    """Why it has this severity."""
    cycle: tuple[Step, ...] = ()
    stacks: tuple[tuple[str, str, Stack], ...] = ()
    """(title, thread, stack) for each place the report tells."""
    fingerprint: str = ""
    threads: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    held: tuple[LockRef, ...] = ()
    """What the reporting thread held."""
    detail: str = ""
    advice: str = ""
    """What to do."""
    made: dict[str, str] = field(default_factory=dict)
    """Class -> where its locks are made, `file:line`."""
    replay: str = ""
    """Token of a controlled schedule that shows it."""
    data: dict[str, Any] = field(default_factory=dict)
    """Whatever a finding of the user carries along; JSON values only."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "severity": self.severity,
            "title": self.title,
            "reason": self.reason,
            "fingerprint": self.fingerprint,
            "threads": list(self.threads),
            "locks": list(self.locks),
            "classes": list(self.classes),
            "cycle": [step.to_dict() for step in self.cycle],
            "held": [lock.to_dict() for lock in self.held],
            "stacks": [
                {"title": title, "thread": thread, "frames": stack.to_dict()}
                for title, thread, stack in self.stacks
            ],
            "detail": self.detail,
            "made": self.made,
            "advice": self.advice,
            "replay": self.replay,
            "data": self.data,
        }

    def __str__(self) -> str:
        from lockcheck.render.splat import splat

        return str(splat(self))


def stronger(one: str, other: str) -> bool:
    """Is severity `one` above `other`?"""
    return SEVERITIES.index(one) > SEVERITIES.index(other)


def stable(name: str) -> str:
    """A class name without line numbers and addresses."""
    return re.sub(r":\d+|#\d+|0x[0-9a-fA-F]+", "", name)


def fingerprint(kind: str, parts: Iterable[str]) -> str:
    """Fingerprint of a finding told by one place."""
    text = "\x1f".join([kind, *(stable(part) for part in parts)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cycle_fingerprint(kind: str, steps: Sequence[Step]) -> str:
    """Fingerprint of a cycle, the same from whichever participant it is told.

    Classes and modes alone where all of it is locks: which function is seen first in a circle
    differs from run to run.  A wait has no class, so there the function counts.
    """
    waits = any(step.op == "wait" for step in steps)
    rows = [
        "\x1e".join(
            (
                stable(s.held.cls),
                s.held.stack.function if waits else "",
                stable(s.wanted.cls),
                s.wanted.mode,
                s.wanted.stack.function if waits else "",
            )
        )
        for s in steps
    ]
    turns = [rows[i:] + rows[:i] for i in range(len(rows))] or [[]]
    return fingerprint(kind, min(turns))


def cycle_stacks(steps: Sequence[Step]) -> tuple[tuple[str, str, Stack], ...]:
    """Both stacks of every participant, with titles."""
    found: list[tuple[str, str, Stack]] = []
    for step in steps:
        found.append((f"{step.held.name} taken", step.thread, step.held.stack))
        found.append((f"{step.wanted.name} wanted", step.thread, step.wanted.stack))
    return tuple(found)
