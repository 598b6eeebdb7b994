"""Where a free-running thread really blocks: one function for every primitive.

The protocol with the watchdog, without a lock of its own: a waiter publishes what it waits for,
*then* looks at the abort mark, then blocks; the watchdog sets the mark, *then* looks at what is
published and releases it.  One of the two always sees the other.

Under the controlled conductor nobody blocks here: a point returns only when the operation can go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from lockcheck.seam import Op, Unwind

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.core.held import ThreadState

__all__ = ["Waiting", "block"]


class Ticket(Protocol):
    """What a waker marks before it wakes."""

    @property
    def served(self) -> bool: ...


class Waiting:
    """What a thread waits for: published in `ThreadState.waiting` while it blocks."""

    __slots__ = ("_ticket", "op", "raw", "since")

    def __init__(self, op: Op, raw: Any, since: float, ticket: Ticket | None) -> None:
        self.op = op
        self.raw = raw
        """The plain lock the thread is blocked on; the watchdog releases it to unwind."""
        self.since = since
        self._ticket = ticket

    @property
    def obj(self) -> Any:
        return self.op.obj

    @property
    def served(self) -> bool:
        """Does the thread have what it waits for, though it may not have run since?

        Who waits on a plain lock of its own was served when its waker said so, before it released
        that lock.  A lock that many wait for has an owner, and the owner's held stack says so
        until just before the release; locked and in nobody's stack, it was just taken by one of
        those who wait.
        """
        if self._ticket is not None:
            return self._ticket.served
        if not self.raw.locked():
            return True
        owner = getattr(self.op.obj, "ts", None)
        return owner is None or owner.find(self.op.obj) is None


def block(
    chk: Checker,
    ts: ThreadState,
    op: Op,
    raw: Any,
    timeout: float = -1,
    ticket: Ticket | None = None,
) -> bool:
    """Block on `raw` until it can be taken; True when it was taken.

    `ticket`: of a waiter whose `raw` is its own; it says when the waker has served it.
    Locks: none of the checker's.  Raises: Unwind when the run was aborted.
    """
    outer = ts.waiting
    since = chk.clock()
    ts.waiting = Waiting(op, raw, since, ticket)
    try:
        if chk.aborted:
            raise Unwind
        got: bool = raw.acquire(True, timeout)
    finally:
        ts.waiting = outer
        ts.waits += 1
        if chk.recorder is not None:
            chk.recorder.waited(ts, op, since, chk.clock())
    if _over(chk):
        if got:
            try:
                raw.release()  # the next one blocked here must wake too
            except RuntimeError:
                pass  # its owner, unwinding, was faster
        raise Unwind
    return got


def _over(chk: Checker) -> bool:
    """Was the run aborted meanwhile?"""
    return chk.aborted
