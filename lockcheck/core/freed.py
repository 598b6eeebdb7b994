"""Held locks that nobody can release any more, because nobody refers to them (freed-held).

A held stack keeps what it holds alive, so such a lock is never really freed; its reference count
shows it all the same.  An entry whose lock has no reference but those of the held stacks is gone as
far as the program is concerned: whoever could still release it, a frame, a `with` statement (it
keeps the bound `__exit__`), a closure, an owner, would be one reference more.

A count that is read while others run is too large, never too small, and a lock with too many is
let pass until the next look: our own stack cannot change meanwhile, and another thread's is
looked at only while that thread is blocked, before and after the same wait.  How many references a
lock has that only we know of is measured at import, by this code on a stack of its own.

After the kernel's check that no held lock is freed, which can ask the allocator instead.

Left out: locks that are kept by a reference cycle which leads through themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from lockcheck.core.held import WRITE, CheckedLock, Entry, Hold, ThreadState, ref_of
from lockcheck.core.report import CERTAIN, CLASS_ONLY, LockRef, Report
from lockcheck.core.rules import one_place
from lockcheck.core.stacks import Stack

__all__ = ["freed_held", "unknown", "unknown_of_blocked"]


def unknown(ts: ThreadState, known: int = 0) -> list[tuple[Entry, LockRef]]:
    """What the calling thread holds and nobody else knows, newest first.

    `known`: references that the caller has to the newest entry.
    """
    if ts.top.lock is None or ts.contexts or ts.tracing or ts.foreign:
        return []  # in a context the rest of the stack is in the middle of something
    return [(entry, ref_of(entry)) for entry in _unknown(ts, known)]


def unknown_of_blocked(other: ThreadState) -> Iterator[tuple[Entry, LockRef]]:
    """What another thread, which is blocked, holds and nobody else knows."""
    waiting = other.waiting
    if waiting is None or waiting.served or other.foreign:
        return
    for entry, ref in [(entry, ref_of(entry)) for entry in _unknown(other)]:
        if other.waiting is waiting and _is_held(other, entry):
            yield entry, ref


def freed_held(
    holder: ThreadState, lock: CheckedLock, taken: LockRef, when: str, where: Stack
) -> Report:
    """The report; its fingerprint is that of where the lock was taken."""
    base = lock.key.cls.base
    signal = base.kind == "semaphore" or base.foreign > 0
    return one_place(
        holder,
        "freed-held",
        f"held lock freed: {taken.name}",
        severity=CLASS_ONLY if signal else CERTAIN,
        reason="its class serves as a signal: any thread may release one" if signal else "",
        held=(taken,),
        locks=(taken,),
        parts=(taken.stack.function,),
        detail=f"{holder.name} holds {taken.name}, and nothing refers to it any more: nobody can "
        f"release it. Noticed {when}.",
        stacks=(("noticed", holder.name, where),) if where else (),
        advice="Keep a reference until the release, best by a with statement: a lock that nothing "
        "refers to protects nothing.",
    )


def _is_held(ts: ThreadState, entry: Entry) -> bool:
    """Does the thread really hold this entry, or was it released by another one?"""
    if entry.ts is not ts or entry.key.cls.base.kind == "map":
        return False
    return bool(entry.lock.really_held())


def _unknown(ts: ThreadState, caller: int = 0) -> list[Entry]:
    """Held entries that only held stacks refer to, newest first."""
    found = []
    for entry, count in _counts(ts):
        if _is_held(ts, entry):
            base = HOLD if isinstance(entry, Hold) else PLAIN + caller
            if count <= base:
                found.append(entry)
        caller = 0
    return found


def _counts(ts: ThreadState) -> list[tuple[Entry, int]]:
    """Each held entry, newest first, and how many references there are to its lock.

    Those by its own parts are not counted; looked for first, so that none can be new among them.
    """
    found = []
    entry = ts.top
    while entry is not None:
        known = entry.lock.own_references(ts) if entry.lock is not None else 0
        if isinstance(entry, Hold):
            found.append((entry, sys.getrefcount(entry.lock) - known))
        elif entry.lock is not None:
            found.append((entry, sys.getrefcount(entry) - known))
        entry = entry.prev
    return found


class _Sample:
    """An entry that nobody but the stack below refers to: what `_counts` is measured by."""

    __slots__ = ("key", "prev")

    def __init__(self, prev: Entry) -> None:
        self.key = None
        self.prev = prev

    @property
    def lock(self) -> _Sample:
        return self

    def own_references(self, _ts: ThreadState) -> int:
        return 0


def _measure() -> tuple[int, int]:
    """How `_counts` sees a plain lock's entry and a Hold that only the stack refers to."""
    ts = ThreadState(0, "")
    floor = ts.top
    ts.top = Hold(_Sample(None), WRITE)  # type: ignore[arg-type]  # no lock: only counted
    ts.top.prev = _Sample(floor)
    (_, hold), (_, plain) = _counts(ts)
    return plain, hold


PLAIN, HOLD = _measure()
