"""The engine: all that one checker knows, put together; threads, shared fields and annotations.

Its rooms: `acquire` (what a thread takes), `release` (what it holds no longer), `waiting` (waits
that are not for a lock), `interruptions` (signal handlers, collections), `happens` (what comes
before what) and `ledger` (the findings).  They share one internal lock, a leaf.

A detector (`lock_order`, `contexts`, `waits`, `races`, `rules`, `freed`, `stuck`) takes typed state
and returns reports; it knows neither the engine nor another detector.  `Ledger.judge` is the one
ritual around all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from lockcheck.core import chains, clocks, leases, rules
from lockcheck.core.acquire import Acquires
from lockcheck.core.classes import Classes, Compare, Key
from lockcheck.core.collecting import PAUSED
from lockcheck.core.contexts import Contexts
from lockcheck.core.graph import Graph
from lockcheck.core.happens import HappensBefore
from lockcheck.core.held import (
    CheckedLock,
    Floor,
    Hold,
    ThreadState,
    refs,
)
from lockcheck.core.interruptions import Interruptions
from lockcheck.core.leaf import Leaf
from lockcheck.core.ledger import Host, Ledger
from lockcheck.core.races import Access, Field, Races
from lockcheck.core.record import Leased
from lockcheck.core.release import Releases
from lockcheck.core.report import Report, fingerprint
from lockcheck.core.stacks import EMPTY, Stack, Stacks
from lockcheck.core.vector import NOTHING_KNOWN, Slots, Start
from lockcheck.core.waiting import Waiting

__all__ = ["Engine", "Started"]


class Started(Protocol):
    """A thread as `spawn`, `thread_begin` and `joined` know it."""

    parent_clock: tuple[Start, tuple[Leased, ...]] | None
    """What its starter handed over."""
    state: ThreadState | None
    """From its first operation on."""
    origin: Stack
    """Where it was started; kept when the order of accesses is."""

    @property
    def runs(self) -> str:
        """Name of the function that it runs."""
        ...


class Engine:
    """All that one checker knows."""

    def __init__(self, host: Host | None = None) -> None:
        self.leaf = Leaf()
        self.classes = Classes(host)
        self.graph = Graph(self.leaf)
        self.contexts = Contexts(self.graph)
        self.races = Races()
        self.slots = Slots()
        stacks = Stacks()
        self.capture = stacks.capture
        self.ledger = Ledger(self.leaf, host, self.classes)
        self.happens = HappensBefore(self.leaf, self.graph, wanted=host is None or host.observed)
        self.waiting = Waiting(self.leaf, self.graph, self.happens, self.ledger, stacks)
        self.interruptions = Interruptions(self.leaf, self.graph, self.contexts, self.ledger)
        self.releases = Releases(
            self.leaf, self.graph, self.happens, self.ledger, self.waiting.waits, stacks
        )
        self.acquires = Acquires(
            self.leaf, self.classes, self.graph, self.contexts, self.happens, self.ledger,
            self.waiting, self.releases, stacks,
        )  # fmt: skip
        self._cookie = 0

    @property
    def reports(self) -> list[Report]:
        """Findings in the order in which they were filed."""
        return self.ledger.reports

    # -- findings ------------------------------------------------------------------------------

    def user_report(
        self,
        ts: ThreadState,
        kind: str,
        title: str,
        fields: dict[str, Any],  # a report's own, or data
    ) -> Report | None:
        """File a finding of the user's; unknown fields go to `data`.

        `reporter`: the file that reports, whose own frames say nothing of what it found.
        """
        reporter = fields.pop("reporter", "")
        known = Report.__dataclass_fields__.keys() & fields.keys()
        report = Report(
            kind,
            fields.get("severity", "certain"),
            title,
            **{name: fields[name] for name in fields if name in known and name != "severity"},
        )
        report.data.update((name, fields[name]) for name in fields if name not in known)
        stack = self.capture().above(reporter)
        report.held = report.held or refs(ts)
        report.threads = report.threads or (ts.name,)
        report.stacks = report.stacks or (("here", ts.name, stack),)
        report.fingerprint = report.fingerprint or fingerprint(kind, (title, stack.function))
        return self.ledger.report(ts, report)

    # -- locks and threads -----------------------------------------------------------------------

    def lock_key(
        self,
        name: str | None,
        instance: str | None = None,
        *,
        cmp: Compare | None = None,
        kind: str = "lock",
        permits: int = 1,
        depth: int = 1,
    ) -> Key:
        """Key for a new lock of class `name`; the class is the allocation site when None.

        `permits`: how many may hold it at once.  `depth` is how many frames above this one the lock
        is made.
        """
        name, site = self.classes.named(name, depth + 1)
        with PAUSED, self.leaf:
            return self.classes.instance(
                name, site, instance=instance, cmp=cmp, kind=kind, permits=permits
            )

    def thread_begin(self, ts: ThreadState, started: Started | None = None) -> None:
        """First operation of a thread; `started` if it was announced by `spawn`."""
        given = None if started is None else started.parent_clock
        (vc, hb), ts.leases = given if given is not None else ((NOTHING_KNOWN, {}), ())
        ts.origin = EMPTY if started is None or given is None else started.origin
        ts.runs = "" if started is None else started.runs
        with PAUSED, self.leaf:
            ts.slot, time = self.slots.take(vc)
            ts.vc = vc
            ts.hb = dict(hb)
            ts.now = ts.hb[ts.slot] = time
            ts.overlay = {}
            chains.rechain(self.graph, ts)

    def spawn(self, ts: ThreadState, thread: Started) -> None:
        """`ts` starts `thread`: what it did so far is ordered before all of the thread."""
        chains.materialise(ts)  # a lease is of one acquire
        thread.parent_clock = (self.happens.fork(ts), leases.granted(ts))
        if self.happens.wanted:
            thread.origin = self.capture()

    def joined(self, ts: ThreadState, thread: Started, *, sure: bool = True) -> None:
        """`ts` saw `thread` end: all of the thread is ordered before what follows.

        Not `sure`: after a time it would have gone on without, so nothing depends on that end.
        """
        ended = thread.state
        if ended is None:
            return
        for lease in ended.leases:
            if lease.serial == ts.serial and isinstance(lease, leases.Lease):
                lease.joined()
        if sure and not ts.tracing:
            stack = self.capture() if ts.holds else EMPTY
            self.ledger.judge(ts, lambda: self.waiting.waits.joined(ts, ended, stack))
        self.happens.learn(ts, clocks.of_end(ended))

    def thread_end(self, ts: ThreadState) -> None:
        """Last operation of a thread: it must hold nothing."""
        ts.alive = False
        self.releases.settle(ts)
        self.releases.sweep_own(ts, "when the thread ended", EMPTY)
        self.ledger.judge(ts, lambda: rules.held_at_exit(ts))
        self.ledger.judge(ts, lambda: self.waiting.waits.thread_end(ts))
        self.ledger.judge(ts, lambda: self.waiting.waits.left_over(ts))
        with PAUSED, self.leaf:
            self.slots.give(ts.slot, ts.hb.get(ts.slot, 0), ts.serial, ts.epoch)
        left = chains.materialise(ts)
        ts.top = ts.floor if not ts.contexts else Floor(None, None, None)
        ts.contexts = ()
        self.happens.begin_segment(ts)
        for hold in reversed(left):  # still locked, by a thread that is no more: not free
            hold.prev = ts.top
            ts.top = hold

    def access(self, ts: ThreadState, cell: Field, *, write: bool) -> None:
        """An access to a shared field."""
        if ts.tracing or self.races.seen(cell, ts, write=write):
            return
        now = Access(ts, self.capture(), refs(ts))

        def detect() -> list[Report]:
            found = self.races.access(ts, cell, now, write=write)
            return [] if found is None else [found]

        self.ledger.judge(ts, detect)

    # -- annotations ---------------------------------------------------------------------------

    def pin(self, ts: ThreadState, lock: CheckedLock) -> int:
        """Forbid releasing `lock`; returns the cookie for `unpin`."""
        if ts.find(lock) is None:
            stack = self.capture()
            self.ledger.judge(ts, lambda: [rules.pinned_free(ts, lock, stack)])
            return 0
        chains.materialise(ts)  # so that its release takes the slow path, which looks at pins
        with self.leaf:
            self._cookie += 1
            cookie = self._cookie
        hold = ts.find(lock)
        hold.pins += cookie
        hold.bare = False
        return cookie

    def unpin(self, ts: ThreadState, lock: CheckedLock, cookie: int) -> None:
        """Take one pin away; the cookie must be that of its `pin`."""
        hold = ts.find(lock)
        if isinstance(hold, Hold) and hold.pins >= cookie > 0:
            hold.pins -= cookie
            return
        stack = self.capture()
        self.ledger.judge(ts, lambda: [rules.wrong_cookie(ts, lock, stack)])

    def assertion(self, ts: ThreadState, lock: CheckedLock, *, held: bool) -> None:
        """An assert_held (or assert_not_held) failed."""
        stack = self.capture()
        self.ledger.judge(ts, lambda: [rules.assertion(ts, lock, stack, held=held)])

    def held_at_fork(
        self, ts: ThreadState, others: Sequence[ThreadState], guarded: Sequence[object] = ()
    ) -> None:
        """The process forks: report what `others` hold, but for `guarded` locks."""
        stack = self.capture()
        self.ledger.judge(ts, lambda: rules.held_at_fork(ts, others, guarded, stack))
