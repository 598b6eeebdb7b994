"""Waits that are not for a lock, and who ends them: events, queues, joins, flushes, counts.

After DEPT ("[W]ait depends on [E]vent"): a thread that holds X and waits for event E makes X depend
on E; a thread that must have Y to make E happen makes E depend on Y.  A cycle through both kinds
is a `wait-cycle`.  What crossrelease died of is avoided:

* identity is the object and its generation (each `set` after a `clear` is a new event);
* E depends on Y only when *everybody* who was seen making this E happen held Y;
* pseudo-locks never keep the waker away (a work may complete what an earlier run waits for);
* a wait with a time limit, or of an idle service, is no dependency.

A join depends on every lock that the thread ever wanted, and so does what a thread makes happen on
every lock that it wanted before.  Threads that are stuck already are found by `stuck`.  Left out:
how often something happened; of a thread that makes it happen again and again the first time
counts.

Context: what looks at a `ThreadState` runs in its thread; what yields runs under the leaf.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from lockcheck.core.chains import add_touch, note_touched
from lockcheck.core.classes import WRITE, Key, LockClass
from lockcheck.core.event_rings import ring
from lockcheck.core.events import KEPT, Join, Part, Touch, Waiter, Waker
from lockcheck.core.foreign_releases import ForeignReleases, Releaser
from lockcheck.core.graph import Graph
from lockcheck.core.held import CheckedLock, ThreadState, ref_of
from lockcheck.core.meetings import ARRIVALS, Arrival
from lockcheck.core.record import Witness
from lockcheck.core.report import LockRef, Report
from lockcheck.core.stacks import Stack
from lockcheck.core.vector import Start, Times
from lockcheck.core.wait_cycles import WaitCycles
from lockcheck.core.wait_reports import left_over

__all__ = ["Event", "Waits", "needed"]

AGAIN = 8
"""Events and joins that are looked at again when the graph of locks has grown."""
USES = 16
"""Uses of a supply that are counted by thread, after as many as there were at first."""
EDGES = 5_000
"""Dependencies listed between lock classes and what is waited for, each thing by its own name."""
ALIKE = 2
"""Waiters, and wakers, kept that differ in nothing but the thread (one may be the other side)."""


class Event(Protocol):
    """What can be waited for: it keeps its parts for us in `dep`."""

    dep: dict[str, Part] | None
    clock: Times | None

    @property
    def name(self) -> str: ...

    @property
    def once(self) -> bool:
        """Does it happen once a generation (event, end of a thread)?"""
        ...

    @property
    def parties(self) -> int:
        """Of how many threads does it need each one (a barrier)?  0: anybody makes it happen."""
        ...

    @property
    def lacking(self) -> tuple[str, ...]:
        """Parts of which there is nothing until somebody makes it happen (an item)."""
        ...

    @property
    def raises(self) -> bool:
        """Does who lacks it in the end get an exception, so that what follows is not run?"""
        ...

    def supply(self, part: str) -> int:
        """How many may have a part before anybody makes it happen (room); 0: it is not known."""
        ...


class Waits:
    """The wait/event dependencies."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._cycles = WaitCycles(graph)
        self._foreign = ForeignReleases(graph)
        self._parts: dict[Part, None] = {}
        """Those that somebody waited for with locks held, the latest few."""
        self._varied: dict[Part, None] = {}
        """Barriers that more threads use than they have parties."""
        self.edges: dict[tuple[str, str, str], int] = {}
        """(from, to, "holds" | "needs") -> how often; for the graph, as many as are kept."""
        self.edges_forgotten = 0
        """How often there was one more."""

    @staticmethod
    def part(obj: Event, name: str) -> Part:
        """The part of an object, made on first use.  Locks: the leaf when it may be new."""
        if obj.dep is None:
            obj.dep = {}
        found = obj.dep.get(name)
        if found is None:
            label = obj.name if not name else f"{obj.name} ({name})"
            part = Part(
                label,
                once=obj.once,
                parties=obj.parties,
                first=name in obj.lacking,
                supply=obj.supply(name),
            )
            found = obj.dep.setdefault(name, part)
        return found

    # -- waiting -----------------------------------------------------------------------------------

    @staticmethod
    def is_new_wait(ts: ThreadState, part: Part) -> bool:
        """Was no such wait seen before?"""
        keys = needed(ts)
        turn = part.turn(ts.serial)
        if not keys or turn > ARRIVALS:
            return False
        if part.once and part.is_made_by(ts.serial, part.generation):
            return False
        if part.once and part.generation == 1 and part in ts.waited:
            return False  # it has had it, and that stays so
        alike = 0
        for old in part.waiters:
            if old.keys == keys and old.generation == turn:
                alike += 1
                if old.serial == ts.serial or alike == ALIKE:
                    return False
        return True

    def wait(self, ts: ThreadState, part: Part, stack: Stack) -> Iterator[Report]:
        """`ts` is about to wait for `part` with locks held."""
        waiter = _waiter(ts, stack, part.turn(ts.serial))
        part.waiters.append(waiter)
        del part.waiters[:-KEPT]
        self._parts[part] = None
        if len(self._parts) > AGAIN:
            del self._parts[next(iter(self._parts))]
        for ref in waiter.held:
            self._edge(ref.cls, part.name, "holds")
        yield from self._cycles.judge(part, waiter)

    # -- waking ------------------------------------------------------------------------------------

    @staticmethod
    def is_new_wake(ts: ThreadState, part: Part) -> bool:
        """Was nobody seen making it happen in this way?"""
        keys = needed(ts) if ts.holds else ()
        if part.turn(ts.serial) > ARRIVALS:
            return False
        return part.is_new(ts.serial, keys, ts.last_wait)

    def wake(self, ts: ThreadState, part: Part, stack: Stack) -> Iterator[Report]:
        """`ts` makes `part` happen, and needed for that what it holds or waited for before."""
        keys, refs = _holding(ts)
        note_touched(ts)
        waker = Waker(
            ts.serial, ts.name, keys, refs, stack, part.turn(ts.serial), ts.last_wait, ts.touched,
            ts.moment, part.taken.get(ts.serial, ()), ts.serial in part.owing,
            (ts.serial, ts.epoch), tuple(ts.awaited.items()), _tried(ts),
        )  # fmt: skip
        ts.moment += 1
        part.add(waker)
        for ref in refs:
            self._edge(part.name, ref.cls, "needs")
        for waiter in tuple(part.waiters):
            yield from self._cycles.judge(part, waiter)
        if waker.after is not None:
            yield from ring(part, waker)
        for other in self._parts:
            if other is not part and other.may_come_after(part):
                for waiter in other.waiters:
                    yield from self._cycles.judge(other, waiter)
        for join in self._cycles.joins:
            if part in join.awaited:
                yield from self._cycles.join(join)

    @staticmethod
    def took(ts: ThreadState, part: Part, *, sure: bool) -> None:
        """The wait for `part` is over: what is ordered by that, and what it may give back."""
        if part not in ts.waited:
            ts.waited = (*ts.waited[1 - KEPT :], part)
        if not part.once:
            part.taken[ts.serial] = needed(ts) if ts.holds else ()
        if part.lacks and sure:
            part.owing.add(ts.serial)
        first = part.lacks or (part.once and part.generation == 1)
        if sure and first and not part.is_made_by(ts.serial, part.generation):
            Waits.had(ts, part, part.round)

    @staticmethod
    def had(ts: ThreadState, part: Part, turn: int) -> None:
        """Whatever `ts` does next, and its end, comes after that part has happened."""
        ts.awaited[part] = turn
        if len(ts.awaited) > KEPT:
            del ts.awaited[next(iter(ts.awaited))]

    @staticmethod
    def gave(ts: ThreadState, part: Part) -> None:
        """What it took it has given back."""
        part.taken.pop(ts.serial, None)
        part.owing.discard(ts.serial)

    @staticmethod
    def cleared(part: Part) -> None:
        """The event can happen again: a new generation."""
        if part.happened:
            part.generation += 1
            part.happened = False

    def arrives(self, ts: ThreadState, part: Part, known: Start, stack: Stack) -> None:
        """`ts` is about to come to a barrier, having done so much."""
        meetings = part.meetings
        assert meetings is not None
        if not meetings.countable:
            meetings.orders(ts.serial, known)
            return
        way = meetings.way(ts.serial, ts.vc, ts.touched)
        ts.moment += 1
        keys, refs = _holding(ts)
        alone = all(other is part or other.once for other in ts.waited)
        at = (ts.serial, ts.epoch - 1, ts.vc)  # what comes next is not ordered before anybody
        meetings.arrives(Arrival(ts, ts.name, at, keys, refs, way, stack, ts.moment, alone), known)
        if meetings.varied:
            self._varied[part] = None

    def left_over(self, ts: ThreadState) -> Iterator[Report]:
        """`ts` ends, or looks at the result: may somebody be left over at a barrier?"""
        for part in self._varied:
            if part.meetings is not None and part.meetings.is_over(ts):
                yield from left_over(part)

    def used(self, ts: ThreadState, part: Part) -> Iterator[Report]:
        """`ts` has some of what there was at first: others, or it itself, may have to wait."""
        if part.used is None:
            return
        now = part.used[ts.serial] = part.used.get(ts.serial, 0) + 1
        part.most[ts.serial] = max(now, part.most.get(ts.serial, 0))
        if ts.serial not in part.since:
            part.since[ts.serial] = ts.vc
            part.first_use[ts.serial] = ts.moment
            ts.moment += 1
        part.uses += 1
        if part.uses > part.supply + USES:
            part.used = None
        elif sum(part.most.values()) < part.supply:
            return
        for waiter in tuple(part.waiters):
            yield from self._cycles.judge(part, waiter)

    @staticmethod
    def freed(ts: ThreadState, part: Part) -> None:
        """`ts` gives back some of what there was at first, before it has some again."""
        if part.used is not None:
            part.used[ts.serial] = part.used.get(ts.serial, 0) - 1

    def again(self) -> Iterator[Report]:
        """A new kind of dependency between locks: it may lie between a waiter and its waker."""
        for part in self._parts:
            for waiter in part.waiters:
                yield from self._cycles.judge(part, waiter)
        for join in self._cycles.joins:
            yield from self._cycles.join(join)

    # -- joins, foreign releases, flushes ----------------------------------------------------------

    @staticmethod
    def will_join(ts: ThreadState, other: ThreadState, stack: Stack) -> None:
        """`ts` waits for the end of `other` with locks held: judged when that thread has ended."""
        other.joiners.append(_waiter(ts, stack, 0))

    def thread_end(self, ts: ThreadState) -> Iterator[Report]:
        """A thread ends: judge those who wait for that."""
        note_touched(ts)
        for waiter in ts.joiners:
            yield from self._join(waiter, ts)
        ts.joiners.clear()

    def joined(self, ts: ThreadState, other: ThreadState, stack: Stack) -> Iterator[Report]:
        """`ts` saw `other` end: its end depends on whatever that one wanted."""
        alike: dict[Touch, tuple[Touch]] = {}
        for key, touches in other.touched.items():
            last = touches[-1]
            touch = alike.get(last)
            if touch is None:
                touch = alike[last] = (last._replace(moment=ts.moment),)
            add_touch(ts, key, touch)
        for part, turn in other.awaited.items():
            self.had(ts, part, turn)
        if ts.holds:
            yield from self._join(_waiter(ts, stack, 0), other)

    def _join(self, waiter: Waiter, other: ThreadState) -> Iterator[Report]:
        for ref in waiter.held:
            self._edge(ref.cls, f"end of {other.name}", "holds")
        join = Join(waiter, other.serial, other.name, other.touched, other.awaited)
        if waiter.keys:
            self._cycles.joins = [*self._cycles.joins[1 - AGAIN :], join]
        yield from self._cycles.join(join)

    def released_by_other(
        self, ts: ThreadState, owner: ThreadState, lock: CheckedLock, stack: Stack, *, sure: bool
    ) -> Iterator[Report]:
        """A plain lock that `owner` took is released by `ts`: it is an event, too.

        `sure`: `owner` has it then in every schedule.
        """
        by = _releaser(ts, lock)
        if sure and lock.key.base not in ts.touched:
            self._graph.note_frees(lock.key, ts.serial, owner.serial)
        for ref in by.refs:
            self._edge(lock.name, ref.cls, "needs")
        free = -1 if owner.blocked_on is lock else owner.serial
        owed = LockRef(lock.name, lock.key.cls.name, "owed", stack)
        yield from self._foreign.judge(by, owed, lock.key, free)

    def has_lost(self, ts: ThreadState, key: Key) -> bool:
        """Had it this lock when another thread released it?"""
        return self._foreign.has_lost(ts.serial, key.base)

    def wants(self, witness: Witness) -> Iterator[Report]:
        """A thread is about to take a lock that others than its holder have released."""
        yield from self._foreign.wants(witness)

    def released_unseen(self, lock: CheckedLock) -> Iterator[Report]:
        """A plain lock was released by a thread that took it for its own: nobody knows by whom."""
        yield from self._foreign.released_unseen(lock.key.base)

    def released_free(self, ts: ThreadState, lock: CheckedLock) -> Iterator[Report]:
        """A plain lock is released that nobody had taken: another time somebody may have."""
        yield from self._foreign.releases(_releaser(ts, lock), lock.key)

    def synced(self, ts: ThreadState, name: str) -> None:
        """A flush: judged as an acquire of the map already; shown in the graph."""
        for entry in ts.held():
            self._edge(entry.key.cls.name, name, "holds")

    def _edge(self, source: str, target: str, kind: str) -> None:
        ident = (source, target, kind)
        if ident in self.edges or len(self.edges) < EDGES:
            self.edges[ident] = self.edges.get(ident, 0) + 1
        else:
            self.edges_forgotten += 1


def _waiter(ts: ThreadState, stack: Stack, generation: int) -> Waiter:
    keys, held = _holding(ts)
    at = (ts.serial, ts.epoch, ts.vc)
    return Waiter(ts.serial, ts.name, at, keys, held, ts.leases, stack, generation, ts.waited)


def _releaser(ts: ThreadState, lock: CheckedLock) -> Releaser:
    """A thread that releases a lock; one that has taken it itself needed the others for that."""
    keys, refs = _holding(ts)
    note_touched(ts)
    ts.moment += 1
    at = (ts.serial, ts.epoch, ts.vc)
    touched = {} if lock.key.base in ts.touched else ts.touched
    return Releaser(ts.serial, ts.name, keys, refs, at, touched, ts.moment - 1)


def _holding(ts: ThreadState) -> tuple[tuple[Key, ...], tuple[LockRef, ...]]:
    """Keys and references of the real locks a thread holds, oldest first."""
    entries = [e for e in ts.stack() if _matters(e.key.cls.base)]
    return tuple(_plain(e.key) for e in entries), tuple(ref_of(e) for e in entries)


def needed(ts: ThreadState) -> tuple[Key, ...]:
    """Keys of the real locks a thread holds, oldest first."""
    keys = [_plain(e.key) for e in ts.held() if _matters(e.key.cls.base)]
    keys.reverse()
    return tuple(keys)


def _tried(ts: ThreadState) -> tuple[Key, ...]:
    """Which of them it has only tried to take."""
    if not ts.holds:
        return ()
    return tuple(_plain(e.key) for e in ts.held() if e.key.trylock)


def _plain(key: Key) -> Key:
    """The key without subclass and try; that a reader holds it matters."""
    return key.base if key.mode == WRITE else key


def _matters(cls: LockClass) -> bool:
    return cls.kind != "map" and not cls.waits_allowed
