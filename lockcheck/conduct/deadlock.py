"""A run that stands still, as the wait-for graph of `lockcheck.core.stuck`.

Used for a controlled schedule, where every thread stands at a known operation and none can go, and
by the watchdog of a free run, once it knows the same.  Who owns a lock and which thread is to be
joined is known to the object that is waited for; whoever the world says owes something (the holder
of a reference, the work queued behind another) is asked of `owed`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Protocol

from lockcheck.core.held import ThreadState
from lockcheck.core.report import LockRef, Report
from lockcheck.core.stacks import DEPTH, Stack, is_ours
from lockcheck.core.stuck import Waiting, deadlock, first_cycle, lost_wakeup, owned_by, table
from lockcheck.seam import Kind, Op
from lockcheck.sync.frames import current_frames, frame_of

__all__ = ["Owed", "StuckThread", "explain_stuck", "where_is"]


class StuckThread(Protocol):
    """What is asked of a thread that cannot go on: a conductor's task, or a free one that waits."""

    @property
    def name(self) -> str: ...

    @property
    def ident(self) -> int: ...

    @property
    def daemon(self) -> bool: ...

    @property
    def op(self) -> Op: ...


Owed = Callable[[Op], Sequence[tuple[str, ThreadState | None]]]
"""What an operation waits for, as the world knows it: [(in words, ThreadState or None)]."""

REASON = "this schedule does it: no thread can run"


def explain_stuck(
    tasks: Sequence[StuckThread],
    states: Sequence[ThreadState],
    owed: Owed | None,
    *,
    reason: str = REASON,
) -> Report:
    """Build the report; every thread is parked but the caller's, which is at its point too."""
    by_ident: dict[int, ThreadState] = {}
    for ts in states:  # one a checker; the one that knows what the thread holds says more
        if ts.ident not in by_ident or not by_ident[ts.ident].stack():
            by_ident[ts.ident] = ts
    frames = current_frames()
    nodes = [
        _node(task, by_ident.get(task.ident), _stack_of(frame_of(task.ident, frames)))
        for task in tasks
    ]
    by_task = {task.ident: node for task, node in zip(tasks, nodes, strict=True)}
    by_state = {ts: by_task[ts.ident] for ts in states if ts.ident in by_task}
    for task, node in zip(tasks, nodes, strict=True):
        for owner in task.op.obj.holders():
            node.edges.append((owned_by(node.wanted, owner), by_state.get(owner)))
        for words, debtor in () if owed is None else owed(task.op):
            node.edges.append((words, None if debtor is None else by_state.get(debtor)))
    stuck = [
        node for task, node in zip(tasks, nodes, strict=True) if not node.idle and not task.daemon
    ]
    cycle = first_cycle(stuck)
    report = deadlock(cycle, reason) if cycle else lost_wakeup(stuck, reason)
    shown = [node for node in nodes if node in stuck or node in cycle]
    report.detail = table(shown, cycle)
    report.data["waits"] = [_as_data(node) for node in shown]
    report.stacks = tuple((f"waits for {n.what}", n.name, n.wanted.stack) for n in shown)
    return report


def _as_data(node: Waiting) -> dict[str, object]:
    """Who waits, for what, and which threads could end that, as far as is known."""
    ends = dict.fromkeys(other.name for _, other in node.edges if other is not None)
    lock = node.wanted.mode == "lock"
    return {"thread": node.name, "for": node.what, "lock": lock, "of": list(ends)}


def where_is(ident: int) -> str:
    """Say where a thread is, by its ident."""
    return _stack_of(frame_of(ident, current_frames())).where


def _node(task: StuckThread, ts: ThreadState | None, stack: Stack) -> Waiting:
    op = task.op
    mode = "lock" if op.kind in (Kind.ACQUIRE, Kind.READ_ACQUIRE) else "wait"
    wanted = LockRef(op.obj.name, op.obj.class_name, mode, stack)
    return Waiting(task.name, ts, wanted, _what(op), idle=op.idle)


def _what(op: Op) -> str:
    if op.kind is Kind.WAIT_REFS:
        refs, value = op.aux
        return ", ".join(f"{r.name} to be {value} (now {r.value})" for r in refs)
    return op.why or str(op.obj.name)


_EXPLORE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "explore")


def _is_ours(filename: str) -> bool:
    return is_ours(filename) or filename.startswith(_EXPLORE)


def _stack_of(frame: FrameType | None) -> Stack:
    while frame is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    raw: list[tuple[CodeType, int]] = []
    while frame is not None and len(raw) < DEPTH:
        raw.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return Stack(tuple(raw))
