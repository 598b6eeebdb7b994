"""Where a free-running thread really blocks: one function for every primitive.

The protocol with the watchdog, without a lock of its own: a waiter publishes what it waits for,
wakes the watchdog (`sync.patrol`), *then* looks at the abort mark, then blocks; the watchdog sets
the mark, *then* looks at what is published and releases it.  One of the two always sees the other.

Under the controlled conductor nobody blocks here: a point returns only when the operation can go.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from lockcheck.core.collecting import pause, resume
from lockcheck.seam import Kind, Op, Unwind
from lockcheck.sync import interrupts
from lockcheck.sync.patrol import wake_patrols

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockcheck.core.held import RawLock, ThreadState
    from lockcheck.sync.host import Host

__all__ = ["Waiting", "block"]

SLICE = 0.25
"""Seconds that the main thread may sleep without a look at its signals."""


class Ticket(Protocol):
    """What a waker marks before it wakes."""

    @property
    def served(self) -> bool: ...


class Waiting:
    """What a thread waits for: published in `ThreadState.waiting` while it blocks."""

    __slots__ = ("_ticket", "op", "raw", "since")

    def __init__(self, op: Op, raw: RawLock, since: float, ticket: Ticket | None) -> None:
        self.op = op
        self.raw = raw
        """The plain lock the thread is blocked on; the watchdog releases it to unwind."""
        self.since = since
        self._ticket = ticket

    @property
    def obj(self) -> Any:  # as Op.obj
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
        owner = getattr(self.op.obj, "ts", None)  # locks have one
        return owner is None or owner.find(self.op.obj) is None


def block(
    chk: Host,
    ts: ThreadState,
    op: Op,
    raw: RawLock,
    timeout: float = -1,
    ticket: Ticket | None = None,
) -> bool:
    """Block on `raw` until it can be taken; True when it was taken.

    `ticket`: of a waiter whose `raw` is its own; it says when the waker has served it.
    Locks: none of the checker's.  Raises: Unwind when the run was aborted.
    """
    outer = ts.waiting
    since = chk.clock()
    pause()
    ts.waiting = Waiting(op, raw, since, ticket)
    taken: list[bool] = []
    attempt = map(raw.acquire, (True,), (timeout,))
    takes = ticket is None and op.kind is Kind.ACQUIRE
    resume()
    try:
        if chk.aborted:
            raise Unwind
        if ts.ident == threading.main_thread().ident:
            _take_in_slices(raw, timeout, taken, chk)
        else:
            wake_patrols()
            take(attempt, taken)
        if takes and taken[0]:
            ts.took = op.obj
    except BaseException:
        chk.broken_off = ts.waiting
        if taken and taken[0]:
            ts.took = None
            _give_back(raw)
        raise
    finally:
        ts.waiting = outer
        ts.waits += 1
        if chk.recorder is not None:
            pause()
            chk.recorder.waited(ts, op, since, chk.clock())
            resume()
    if _over(chk):
        if taken[0]:
            ts.took = None
            _give_back(raw)  # the next one blocked here must wake too
        raise Unwind
    return taken[0]


def take(attempt: Iterator[bool], taken: list[bool]) -> None:
    """Block in `attempt`; `taken` gets whether it succeeded, whatever a signal handler raises.

    One call, so that the interpreter runs no handler between the taking and the noting, and with
    all made before, so that no collection is due then.  Here a handler may raise
    (`sync.interrupts`).
    """
    taken.extend(attempt)


def _take_in_slices(raw: RawLock, timeout: float, taken: list[bool], chk: Host) -> None:
    """`take` for the main thread, which looks up now and then.

    A signal that comes after the interpreter's last look and before the thread sleeps wakes nobody;
    where locks spin first (free-threaded builds) that is no rare thing.
    """
    clock = chk.clock
    end = None if timeout < 0 else clock() + timeout
    while True:
        interrupts.deliver()
        wake_patrols()  # a handler may have forked, which sends them home
        left = SLICE if end is None else end - clock()
        taken.clear()
        pause()
        attempt = map(raw.acquire, (True,), (max(0.0, min(left, SLICE)),))
        resume()
        take(attempt, taken)
        if taken[0] or chk.aborted or (end is not None and clock() >= end):
            return


def _give_back(raw: RawLock) -> None:
    try:
        raw.release()
    except RuntimeError:
        pass  # its owner, unwinding, was faster


def _over(chk: Host) -> bool:
    """Was the run aborted meanwhile?"""
    return chk.aborted
