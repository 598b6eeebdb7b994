"""A stuck schedule in words: who waits for what, held or owed by whom, and the circle if there is
one.

Used for a controlled schedule, where every thread stands at a known operation and none can go, and
by the watchdog of a free run, once it knows the same.  An edge leads from a waiting thread to each
thread that could let it go: the owner of a lock, the thread to be joined, and whoever the world
says owes something (`owed`: the holder of a reference, the work queued behind another).  A circle
of edges is a deadlock in the narrow sense; without one the waker is gone: a lost wake-up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lockcheck.core.held import ThreadState
from lockcheck.core.report import CERTAIN, LockRef, Report, Step, fingerprint
from lockcheck.core.stacks import DEPTH, EMPTY, Stack, is_ours
from lockcheck.seam import Kind, Op
from lockcheck.sync.frames import current_frames

__all__ = ["Owed", "StuckThread", "explain", "where_is"]


class StuckThread(Protocol):
    """What is asked of a thread that cannot go on: a conductor's task, or a free one that waits."""

    @property
    def name(self) -> str: ...

    @property
    def ident(self) -> int: ...

    @property
    def index(self) -> int: ...

    @property
    def op(self) -> Op: ...


Owed = Callable[[Op], Sequence[tuple[str, Any]]]
"""What an operation waits for, as the world knows it: [(in words, ThreadState or None)]."""


@dataclass
class _Row:
    """One stuck thread."""

    task: StuckThread
    ts: ThreadState | None
    stack: Stack
    edges: list[tuple[str, _Row | None]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def op(self) -> Op:
        return self.task.op


def explain(
    tasks: Sequence[StuckThread], states: Sequence[ThreadState], owed: Owed | None
) -> Report:
    """Build the report; every thread is parked but the caller's, which is at its point too."""
    by_ident: dict[int, ThreadState] = {}
    for ts in states:
        by_ident.setdefault(ts.ident, ts)
    frames = current_frames()
    rows = [
        _Row(task, by_ident.get(task.ident), _stack_of(frames.get(task.ident))) for task in tasks
    ]
    by_state = {row.ts: row for row in rows if row.ts is not None}
    for row in rows:
        _add_edges(row, rows, by_state, owed)
    stuck = [row for row in rows if not row.op.idle and not getattr(row.task, "daemon", False)]
    circle = _circle(stuck)
    report = _circle_report(circle) if circle else _lost_report(stuck)
    shown = [row for row in rows if row in stuck or row in circle]
    report.detail = "\n".join(_table(shown, circle))
    report.threads = tuple(row.name for row in (circle or stuck))
    report.locks = tuple(dict.fromkeys(row.op.obj.name for row in (circle or stuck)))
    report.stacks = tuple((f"waits for {_what(row)}", row.name, row.stack) for row in shown)
    return report


def where_is(ident: int) -> str:
    """Tell where a thread is, by its ident."""
    return _stack_of(current_frames().get(ident)).where


def _add_edges(
    row: _Row, rows: list[_Row], by_state: dict[ThreadState, _Row], owed: Owed | None
) -> None:
    obj = row.op.obj
    for ts in _owners(obj):
        row.edges.append((f"held by {ts.name}", by_state.get(ts)))
    thread = getattr(obj, "thread", None)
    if thread is not None and not row.edges:
        other = next((each for each in rows if each.task.name == thread.name), None)
        row.edges.append((f"which is {thread.name}", other))
    if owed is not None:
        for told, ts in owed(row.op):
            row.edges.append((told, by_state.get(ts)))


def _owners(obj: Any) -> list[ThreadState]:
    if getattr(obj, "thread", None) is not None:
        return []
    holds = getattr(obj, "_holds", None)
    if holds is not None:
        return list(holds)
    owner = getattr(obj, "ts", None)
    real = getattr(obj, "real", None)
    if owner is None or (real is not None and not real.locked()):
        return []  # what a free lock says of its owner is stale
    return [owner]


def _circle(rows: list[_Row]) -> list[_Row]:
    """Return the first circle of edges, in the order of threads; empty when there is none."""
    for start in rows:
        path = [start]
        seen = {start.task.index}
        todo = [iter(start.edges)]
        while todo:
            edge = next(todo[-1], None)
            if edge is None:
                todo.pop()
                path.pop()
                continue
            other = edge[1]
            if other is start:
                return path
            if other is not None and other.task.index not in seen:
                seen.add(other.task.index)
                path.append(other)
                todo.append(iter(other.edges))
    return []


def _circle_report(circle: list[_Row]) -> Report:
    steps = []
    for i, row in enumerate(circle):
        held_op = circle[i - 1].op
        held = _held_ref(row, held_op.obj)
        steps.append(
            Step(row.name, held, _wanted_ref(row), _all_held(row), _how(row.op), _told(row, circle))
        )
    told = ", ".join(f"{row.name} waits for {_what(row)}" for row in circle)
    report = Report(
        "deadlock",
        CERTAIN,
        f"deadlock: {told}",
        reason="this schedule does it: nobody can go",
        cycle=tuple(steps),
        advice="Break one edge of the circle: one order for the locks, no waiting with one held.",
    )
    report.classes = tuple(dict.fromkeys(step.wanted.cls for step in steps))
    report.fingerprint = fingerprint("deadlock", _turned([_print_of(row) for row in circle]))
    return report


def _lost_report(stuck: list[_Row]) -> Report:
    # Who waits for somebody that is stuck itself is no riddle; the others are.
    stuck = [row for row in stuck if not any(other for _told, other in row.edges)] or stuck
    told = ", ".join(f"{row.name} waits for {_what(row)}" for row in stuck)
    report = Report(
        "deadlock",
        CERTAIN,
        f"lost wake-up: {told}, and nobody is left who could wake it",
        reason="this schedule does it: nobody can go, and no circle explains it",
        advice="Make the awaited thing true only after the waiter looked, or wake it.",
    )
    report.fingerprint = fingerprint("deadlock", sorted(_print_of(row) for row in stuck))
    return report


def _table(rows: list[_Row], circle: list[_Row]) -> list[str]:
    lines = []
    for row in rows:
        edges = "; ".join(told for told, _other in row.edges) or "no waker left"
        idle = " (idle service)" if row.op.idle else ""
        lines.append(f"{row.name}{idle}  waits for {_what(row)}: {edges}")
        held = [ref.name for ref in _all_held(row)]
        lines.append(f"    holds {', '.join(held) if held else 'nothing'}")
        if row.stack:
            lines.append(f"    at {row.stack.where}")
    if circle:
        names = [part for row in circle for part in (row.name, row.op.obj.name)]
        lines.append("circle  " + " -> ".join([*names, circle[0].name]))
    else:
        lines.append("no circle: the waker is gone, or has woken before anybody waited")
    return lines


def _what(row: _Row) -> str:
    op = row.op
    if op.kind is Kind.WAIT_REFS:
        refs, value = op.aux
        return ", ".join(f"the reference count of {r.name} ({r.value}) to be {value}" for r in refs)
    return op.why or str(op.obj.name)


def _how(op: Op) -> str:
    return "lock" if hasattr(op.obj, "key") else "wait"


def _told(row: _Row, circle: list[_Row]) -> str:
    following = circle[(circle.index(row) + 1) % len(circle)]
    told = next((told for told, other in row.edges if other is following), "")
    return f"{row.name} waits for {_what(row)}, {told}"


def _wanted_ref(row: _Row) -> LockRef:
    return LockRef(row.op.obj.name, _class_of(row.op.obj), _how(row.op), row.stack)


def _held_ref(row: _Row, obj: Any) -> LockRef:
    for ref in _all_held(row):
        if ref.name == obj.name:
            return ref
    return LockRef(obj.name, _class_of(obj), "wait", EMPTY)


def _all_held(row: _Row) -> tuple[LockRef, ...]:
    if row.ts is None:
        return ()
    refs = []
    for entry in row.ts.stack():
        lock = getattr(entry, "lock", entry)
        chain = entry.chain
        stack = getattr(chain, "stack", None)
        refs.append(LockRef(lock.name, lock.key.cls.name, "lock", stack or EMPTY))
    return tuple(refs)


def _class_of(obj: Any) -> str:
    key = getattr(obj, "key", None)
    return str(key.cls.name) if key is not None else type(obj).__name__.lstrip("_").lower()


def _print_of(row: _Row) -> str:
    """Name one participant alike in every run: class and functions, not instances."""
    return f"{row.op.kind.name} {_class_of(row.op.obj)} {row.stack.function}"


def _turned(rows: list[str]) -> list[str]:
    """The same circle, told from its least participant."""
    return min(rows[i:] + rows[:i] for i in range(len(rows)))


_EXPLORE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "explore")


def _is_ours(filename: str) -> bool:
    return is_ours(filename) or filename.startswith(_EXPLORE)


def _stack_of(frame: Any) -> Stack:
    while frame is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    raw: list[Any] = []
    while frame is not None and len(raw) < DEPTH:
        raw.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return Stack(tuple(raw))
