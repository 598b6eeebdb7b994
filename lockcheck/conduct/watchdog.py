"""The watchdog of a free run: decides that a run is stuck, shows who waits for whom, ends it.

Stuck means: every thread of the run waits inside our primitives, none of these waits can go, and no
timer is pending but ones that only repeat their own wait.  Never time alone: a slow run is not a
stuck one.  Two looks at an unchanged picture are needed, because the threads are not stopped while
it looks: a thread that blocks on one and the same wait in both was blocked all the time between, so
there is a moment at which all of them were.  For that a look must never take a thread for blocked
that was served and has not run since (`Waiting.served`).  A repeating timer must have fired in
between without changing anything.

A program may have checkers of its own beside the one that watches it, and a thread has a state in
each that it met.  It waits when one of them says so.

To end the run it sets the abort mark and then releases the plain lock that each waiter is blocked
on; the waiter sees the mark and raises Unwind (`sync.blocking`).
"""

from __future__ import annotations

import time
from _thread import get_ident
from contextlib import suppress
from dataclasses import dataclass
from threading import main_thread
from typing import TYPE_CHECKING, TypeAlias

from lockcheck.checker import Violation
from lockcheck.conduct import deadlock
from lockcheck.core.collecting import PAUSED, pause, resume
from lockcheck.seam import Op
from lockcheck.sync.frames import current_frames
from lockcheck.sync.patrol import Patrol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lockcheck.checker import Checker
    from lockcheck.core.held import Blocking, ThreadState
    from lockcheck.core.report import Report

STOOD_STILL = "the run came to a standstill: every thread waits, and nothing is left to wake one"

MOMENTS = 200
"""How often a report is made again because a thread moved meanwhile; the last one says so."""

__all__ = ["Picture", "Watchdog", "abort", "look"]


class Watchdog:
    """Watch a checker's free run, from a thread that is there while somebody waits.

    A context manager.

    Args:
        others: the program's own checkers, as many as there are by now.
        period: seconds between looks.
        looks: how many unchanged pictures in a row mean stuck.
        owed: who the world says owes what a thread waits for (`deadlock.Owed`).
        on_stuck: called, with no lock held, after the report was filed and before the run is
            aborted: last chance to save the state of the world.
        veto: asked when all of ours are stuck; True: somebody we do not know may wake them.
    """

    def __init__(
        self,
        chk: Checker,
        *,
        others: Callable[[], Sequence[Checker]] = tuple,
        period: float = 0.1,
        looks: int = 4,
        owed: deadlock.Owed | None = None,
        on_stuck: Callable[[Report], None] | None = None,
        veto: Callable[[], bool] | None = None,
    ) -> None:
        self._chk = chk
        self._others = others
        self._looks = looks
        self._owed = owed
        self._on_stuck = on_stuck
        self._veto = veto
        self._patrol = Patrol(
            self._watch, self._anybody_waits, period=period, name="lockcheck watchdog"
        )
        self._first: Picture | None = None
        self._same = 0
        """How many looks in a row were as the first."""
        self.report: Report | None = None
        """The report of the hang, when there was one."""

    def __enter__(self) -> Watchdog:
        self._patrol.open()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop watching and join the watchdog's thread, if there is one."""
        self._patrol.close()

    def _anybody_waits(self) -> bool:
        """Does a thread other than the calling one wait?"""
        me = get_ident()
        return any(
            ts.waiting is not None and ts.ident != me
            for chk in self._checkers()
            for ts in _states_of(chk)
        )

    def _watch(self) -> bool:
        """Look once; returns whether the run was stuck, and is ended now."""
        pause()  # the program's finalisers are run by its own threads, not by this one
        try:
            stuck = self._stuck()
        finally:
            resume()
        if stuck is not None:
            self._end(stuck)
        return stuck is not None

    def _stuck(self) -> Picture | None:
        """Look, and return the picture in which everybody is stuck, if that is so."""
        checkers = self._checkers()
        picture = look(*checkers)
        for chk in checkers:
            chk.sweep("while the thread was blocked")
        first = self._first
        if first is None or not first.unchanged_in(picture):
            self._first, self._same = picture, 0
            return None
        self._same += 1
        if self._same < self._looks or not first.is_stuck_by(picture):
            return None
        if self._veto is not None and self._veto():
            self._first, self._same = picture, 0
            return None
        return first

    def _checkers(self) -> list[Checker]:
        return [self._chk, *self._others()]

    def _end(self, picture: Picture) -> None:
        checkers = self._checkers()
        report = self._explained(checkers, picture)
        before = (_told_before(chk, report) for chk in checkers)
        self.report = next((old for old in before if old is not None), None)
        if self.report is None:
            self.report = report
            chk = _whose(checkers, report)
            with suppress(Violation):  # the watchdog's own thread broke no rule
                chk.engine.ledger.report(chk.current(), report)
        if self._on_stuck is not None:
            self._on_stuck(self.report)
        abort(*checkers)

    def _explained(self, checkers: Sequence[Checker], picture: Picture) -> Report:
        """The report of a moment at which every thread stood at its wait.

        A thread whose timer repeats its wait goes round meanwhile: what it holds in a round is not
        what it waits with.  So a report during which anybody moved is made again.
        """
        for _ in range(MOMENTS):
            waiting = list(_waiting(checkers))
            report = self._report_of(checkers, [(ts, w) for _, ts, _, w in waiting])
            if _stood(checkers, picture, waiting):
                return report
            time.sleep(0.001)
        report.detail += (
            "\nA thread went round while this was written: it may show what a round holds."
        )
        return report

    def _report_of(
        self, checkers: Sequence[Checker], waiting: Sequence[tuple[ThreadState, Blocking]]
    ) -> Report:
        rows = [FreeThread(ts.name, ts.ident, w.op) for ts, w in waiting]
        states = [ts for chk in checkers for ts in _states_of(chk)]
        report = deadlock.explain_stuck(rows, states, self._owed, reason=STOOD_STILL)
        now = self._chk.clock()
        since = [f"{ts.name} {now - w.since:.1f} s" for ts, w in waiting]
        report.detail += f"\nwaited so far  {', '.join(since)}"
        return report


def _waiting(checkers: Sequence[Checker]) -> Iterator[Wait]:
    for number, chk in enumerate(checkers):
        for ts in _states_of(chk):
            count = ts.waits  # before `waiting`: of two waits it must not give the later's number
            blocked = ts.waiting
            if blocked is not None:
                yield (number, ts.serial), ts, count, blocked


def _stood(checkers: Sequence[Checker], picture: Picture, before: Sequence[Wait]) -> bool:
    """Has nobody moved since `before`, and did the repeating ones stand at that very wait?"""
    then = {person: (count, blocked) for person, _, count, blocked in before}
    now = {person: (count, blocked) for person, _, count, blocked in _waiting(checkers)}
    for person in picture.waits.keys() | picture.running:
        count, blocked = then.get(person, (0, None))
        if blocked is None or (person in picture.repeating and not blocked.op.repeat):
            return False
        if now.get(person) != (count, blocked):
            return False
    return True


def _states_of(chk: Checker) -> list[ThreadState]:
    with PAUSED, chk._threads_lock:
        return list(chk.threads.values())


def _whose(checkers: Sequence[Checker], report: Report) -> Checker:
    """The checker that a stuck thread of `report` waits in."""
    stuck = {thread for _title, thread, _stack in report.stacks}
    for chk in checkers:
        if any(ts.waiting is not None and ts.name in stuck for ts in _states_of(chk)):
            return chk
    return checkers[0]


def _told_before(chk: Checker, report: Report) -> Report | None:
    """The finding about the same cycle, filed when its last thread blocked: it gets the rest."""
    threads = {step.thread for step in report.cycle}
    for old in chk.engine.reports:
        live = old.kind == "deadlock" and {step.thread for step in old.cycle} == threads
        if live and threads:
            old.detail = "\n\n".join(part for part in (old.detail, report.detail) if part)
            old.reason += f"; {report.reason}"
            return old
    return None


@dataclass(frozen=True, slots=True)
class FreeThread:
    """A waiting thread of a free run (`deadlock.StuckThread`)."""

    name: str
    ident: int
    op: Op
    daemon: bool = False


Person = tuple[int, int]
"""A thread's state: the number of its checker, and its serial there."""


Wait: TypeAlias = "tuple[Person, ThreadState, int, Blocking]"
"""A thread that waits: who, its state, how often it has waited so far, and on what."""


@dataclass(frozen=True)
class Picture:
    """One look at all threads."""

    running: frozenset[Person]
    """Threads that are not waiting, or whose wait ends by itself."""
    waits: dict[Person, int]
    """Waiting threads: how often each has waited so far."""
    repeating: frozenset[Person]
    """Those whose wait has a timer that only repeats it."""
    idle: frozenset[Person]
    """Services without work."""

    def unchanged_in(self, later: Picture) -> bool:
        """Nobody moved since, but for those whose timer only repeats."""
        fixed = self.waits.keys() - self.repeating
        return (
            not (self.running - self.repeating)
            and later.running <= self.repeating
            and self.repeating <= later.repeating | later.running  # else: it waits for good now
            and (later.waits.keys() | later.running) == self.waits.keys() | self.running
            and all(later.waits.get(serial) == self.waits[serial] for serial in fixed)
        )

    def is_stuck_by(self, later: Picture) -> bool:
        """Somebody waits who is no idle service, and every repeating timer fired twice in vain."""
        return bool(later.waits.keys() - later.idle) and all(
            later.waits.get(serial, 0) >= self.waits.get(serial, 0) + 2 for serial in self.repeating
        )


def look(*checkers: Checker) -> Picture:
    """Look at every thread once, without stopping any."""
    running: dict[Person, int] = {}  # -> ident
    repeating: set[Person] = set()
    idle: set[Person] = set()
    waits: dict[Person, int] = {}
    waiters: set[int] = set()
    for number, chk in enumerate(checkers):
        for ts in _states_of(chk):
            person = number, ts.serial
            count = ts.waits  # before `waiting`: of two waits it must not give the later's number
            waiting = ts.waiting
            if (
                waiting is None
                or waiting.served
                or (waiting.op.timeout is not None and not waiting.op.repeat)
            ):
                if _gone(ts):
                    chk.departed(ts)
                else:
                    running[person] = 0 if waiting is not None else ts.ident
                continue
            waits[person] = count
            waiters.add(ts.ident)
            if waiting.op.repeat:
                repeating.add(person)
            if waiting.op.idle:
                idle.add(person)
    awake = frozenset(person for person, ident in running.items() if ident not in waiters)
    return Picture(awake, waits, frozenset(repeating), frozenset(idle))


def _gone(ts: ThreadState) -> bool:
    """A thread we did not start, and which has ended since (`sync.departure` missed it)."""
    thread = ts.thread
    if thread is None:
        return ts.ident != get_ident() and ts.ident not in current_frames()
    if thread is main_thread():
        return False  # it counts as ended while a program ends, and waits for the others
    return not thread.is_alive() and thread.ident is not None


def abort(*checkers: Checker) -> None:
    """Mark the run aborted and release every waiter until nobody waits any more.

    Each waiter raises Unwind; what it runs while unwinding may wait again and is released again.
    """
    for chk in checkers:
        chk.aborted = True
    while True:
        states = [ts for chk in checkers for ts in _states_of(chk)]
        waiting = [w for w in (ts.waiting for ts in states) if w is not None]
        if not waiting:
            return
        for each in waiting:
            try:
                each.raw.release()
            except RuntimeError:
                pass  # somebody else has just released it
        time.sleep(0.001)
