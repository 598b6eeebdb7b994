"""Held locks that nobody can release any more, because nobody refers to them (freed-held).

A held stack keeps what it holds alive, so such a lock is never really freed; its reference count
tells it all the same.  An entry whose lock has no reference but those of the held stacks is gone as
far as the program is concerned: whoever could still release it, a frame, a `with` statement (it
keeps the bound `__exit__`), a closure, an owner, would be one reference more.

A count that is read while others run is too large, never too small, and a lock with too many is
let pass until the next look: an own stack cannot move under our feet, and another thread's is
looked at only while that thread is blocked, before and after the same wait.  How many references a
lock has that only we know of is measured at import, by this code on a stack of its own.

After the kernel's check that no held lock is freed, which can ask the allocator instead.

Left out: locks that are kept by a reference cycle which leads through themselves.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lockcheck.core import release
from lockcheck.core.held import WRITE, Hold, ThreadState, ref_of
from lockcheck.core.report import CERTAIN, CLASS_ONLY, LockRef, Report
from lockcheck.core.stacks import EMPTY, Stack

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine

__all__ = ["sweep", "sweep_all", "tell"]


def sweep(
    engine: Engine, ts: ThreadState, when: str, stack: Stack | None = None, *, known: int = 0
) -> bool:
    """Tell what the calling thread holds and nobody else knows; it is held no longer.

    `stack`: of the noticing place; None: it is captured when there is something to tell.
    `known`: references that the caller has to the newest entry.
    Returns whether there was anything.
    """
    if ts.top.lock is None or ts.contexts or ts.tracing or ts.foreign:
        return False  # in a context the rest of the stack is in the middle of something
    found = _unknown(ts, known)
    if not found:
        return False
    told = [ref_of(entry) for entry in found]
    for entry in found:
        if isinstance(entry, Hold):
            entry.pins = 0
        release.release(engine, ts, entry)
    where = engine.capture() if stack is None else stack
    reports = [
        tell(engine, ts, entry.lock, ref, when, where)
        for entry, ref in zip(found, told, strict=True)
    ]
    engine.deliver(ts, [report for report in reports if report is not None])
    return True


def sweep_all(engine: Engine, me: ThreadState | None, others: list[ThreadState], when: str) -> None:
    """Look at the calling thread, if it is known, and at others that seem to be blocked."""
    if me is not None:
        sweep(engine, me, when)
    for other in others:
        if other is not me:
            _sweep_blocked(engine, me or other, other, when)


def _sweep_blocked(engine: Engine, ts: ThreadState, other: ThreadState, when: str) -> None:
    """Tell what another thread, which is blocked, holds and nobody else knows.

    `ts`: the calling thread's state.  The entries stay; the thread itself drops them later.
    """
    waiting = other.waiting
    if waiting is None or waiting.served or other.foreign:
        return
    found = [(entry, ref_of(entry)) for entry in _unknown(other)]
    for entry, ref in found:
        if other.waiting is waiting and _is_held(other, entry):
            report = tell(engine, other, entry.lock, ref, when, EMPTY)
            if report is not None:
                engine.deliver(ts, [report])


def tell(
    engine: Engine, holder: ThreadState, lock: Any, taken: LockRef, when: str, where: Stack
) -> Report | None:
    """File `freed-held`.  Its fingerprint is that of where the lock was taken."""
    base = lock.key.cls.base
    signal = base.kind == "semaphore" or base.foreign > 0
    return engine.judge.single(
        holder,
        "freed-held",
        CLASS_ONLY if signal else CERTAIN,
        f"held lock freed: {taken.name}",
        reason="its class serves as a signal: any thread may release one" if signal else "",
        held=(taken,),
        locks=(taken,),
        parts=(taken.stack.function,),
        detail=f"{holder.name} holds {taken.name}, and nothing refers to it any more: nobody can "
        f"release it. Noticed {when}.",
        stacks=(("noticed", holder.name, where),) if where else (),
        advice="Keep it until it is released, best by a with statement: whoever took it protects "
        "nothing any more.",
    )


def _is_held(ts: ThreadState, entry: Any) -> bool:
    """Does the thread really hold this entry, or was it released by another one?"""
    if entry.ts is not ts or entry.key.cls.base.kind == "map":
        return False
    real = getattr(entry.lock, "real", None)
    return real is None or bool(real.locked())


def _unknown(ts: ThreadState, caller: int = 0) -> list[Any]:
    """Held entries that only held stacks refer to, newest first."""
    found = []
    for entry, count in _counts(ts):
        if _is_held(ts, entry):
            base = HOLD if isinstance(entry, Hold) else PLAIN + caller
            if count <= base:
                found.append(entry)
        caller = 0
    return found


def _counts(ts: ThreadState) -> list[tuple[Any, int]]:
    """Each held entry, newest first, and how many references there are to its lock.

    Those by its own parts are not counted; looked for first, so that none can be new among them.
    """
    found = []
    entry = ts.top
    while entry is not None:
        known = _known(ts, entry.lock) if entry.lock is not None else 0
        if isinstance(entry, Hold):
            found.append((entry, sys.getrefcount(entry.lock) - known))
        elif entry.lock is not None:
            found.append((entry, sys.getrefcount(entry) - known))
        entry = entry.prev
    return found


def _known(ts: ThreadState, lock: Any) -> int:
    """References to a lock by its own parts, and by the thread's other holds of it."""
    known = 0
    for name in ("_acquire_op", "_release_op"):
        op = getattr(lock, name, None)
        if op is not None:
            known += op.obj is lock
            known += sum(obj is lock for obj, _ in op.foot or ())
    holds = getattr(lock, "_holds", None)
    if holds:
        known += max(0, len(holds.get(ts, ())) - 1)
    return known


class _Sample:
    """An entry that nobody but the stack below refers to: what `_counts` is measured by."""

    __slots__ = ("key", "prev")

    lock = True

    def __init__(self, prev: Any) -> None:
        self.key: Any = None
        self.prev = prev


def _measure() -> tuple[int, int]:
    """How `_counts` sees a plain lock's entry and a Hold that only the stack refers to."""
    ts = ThreadState(0, "")
    floor = ts.top
    ts.top = Hold(_Sample(None), WRITE)
    ts.top.prev = _Sample(floor)
    (_, hold), (_, plain) = _counts(ts)
    return plain, hold


PLAIN, HOLD = _measure()
