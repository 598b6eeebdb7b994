"""Events that wait for each other, without any lock: each is made happen only after the next.

Only where nobody else was seen making one of them happen.
"""

from __future__ import annotations

from collections.abc import Iterator

from lockcheck.core.events import KEPT, Part, Waker
from lockcheck.core.report import POSSIBLE, LockRef, Report, Step
from lockcheck.core.wait_reports import wait_cycle

__all__ = ["ring"]


def ring(part: Part, waker: Waker) -> Iterator[Report]:
    """Events that wait for each other and no lock at all."""
    path: list[tuple[Part, Waker]] = []
    at, by = part, waker
    while len(path) <= KEPT:
        if at.wakers_of(by.generation) != [by]:
            return  # somebody else may make it happen
        path.append((at, by))
        if by.after is None:
            return
        at, generation = by.after
        if at is part and generation == waker.generation:
            if len({w.serial for _, w in path}) > 1:
                yield wait_cycle([_after_another(p, w) for p, w in path], POSSIBLE)
            return
        made = at.wakers_of(generation)
        if len(made) != 1:
            return
        by = made[0]


def _after_another(part: Part, waker: Waker) -> Step:
    """`waker` makes `part` happen only after another event."""
    before = waker.after[0].name if waker.after else "?"
    return Step(
        waker.thread,
        LockRef(part.name, "event", "owed", waker.stack),
        LockRef(before, "event", "wait", waker.stack),
        waker.refs,
        "wait",
        f"{waker.thread} makes {part.name} happen only after {before}",
    )
