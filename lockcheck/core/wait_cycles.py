"""Cycles through waits: a waiter holds what everybody who could wake it needs.

Holds at that moment, took and dropped before, gets only through other locks, or needs for another
event that it waits for first.  The values are in `events`; who waits and wakes is gathered in
`waits`.

Not needed is what came before the waiter in every schedule (start, join, an event's one `set`).
What came before it only in this run, by a queue say, is weaker evidence: `class-only`.  Whoever
gives an item back under the lock that it held when it took it can never keep it from somebody who
waits under that lock: it says nothing.  Nor does whoever had to wait for an item itself and gives
one back: somebody else made the first.

What a joined thread, or a waker, had to wait for before counts as what it had to take: nobody goes
on where whoever makes that happen needs what the waiter holds.  Left out there: a notify, a unit of
several, room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lockcheck.core.classes import READ, WRITE, Key, LockClass
from lockcheck.core.events import KEPT, Join, Part, Touch, Waiter, Waker
from lockcheck.core.gates import gate, surely_same
from lockcheck.core.graph import Graph
from lockcheck.core.joint_waits import Need, can_meet, joint
from lockcheck.core.lock_order import step_of
from lockcheck.core.paths import Walk
from lockcheck.core.record import NO_CONTEXT, Edge, Record, Witness
from lockcheck.core.report import CLASS_ONLY, POSSIBLE, LockRef, Report, Severity, Step
from lockcheck.core.search import Search
from lockcheck.core.wait_reports import EVERYBODY_JOINTLY, free_after_all, wait_cycle

__all__ = ["REMEMBERED", "WaitCycles"]

REMEMBERED = 64
"""Waits called possible that a later waker may speak against."""


Said = tuple[Part, int, int, Key | None]
"""An event, a waiter for it, the generation, and the lock that it holds; None: with others."""
Ident = tuple[str, ...]


class WaitCycles:
    """Looks for cycles through waits.  Locks: the leaf."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._possible: dict[Said, Ident] = {}
        """What was called possible, and as which finding: a later waker may be free."""
        self.joins: list[Join] = []
        """Joins with locks held, the latest few."""

    def judge(self, part: Part, waiter: Waiter) -> Iterator[Report]:
        """Does anything the waiter holds stand in the way of everybody who could wake it?"""
        makers = part.makers_of(waiter.generation)
        wakers = [w for w in makers if w.serial != waiter.serial]
        own = not part.parties and part.is_made_by(waiter.serial, waiter.generation)
        if part.meetings is not None and not part.meetings.varied:
            wakers = [w for w in wakers if w.generation == waiter.generation]
        if part.has_enough_for(waiter):
            return
        over = not part.parties and any(waker.before(waiter.at[2]) for waker in wakers)
        if over and part.once:
            return  # it has happened whenever the waiter comes there
        counted = over or own or (not part.once and part in waiter.waited)
        parties = {waiter.serial, *(w.serial for w in wakers)}
        everyone = 0 < len(parties) <= part.parties
        alone = False
        for key, ref in zip(waiter.keys, waiter.held, strict=True):
            able = [w for w in wakers if key not in w.gave_back_under]
            found = [self._needs(part, w, key, set(), waiter) for w in able]
            needs = [each for each in found if each is not None]
            what = (part, waiter.serial, waiter.generation, key)
            if not needs or (len(needs) < len(found) and not everyone):
                yield from self._now(what, None)
                continue
            weakest = next((n for n in needs if n.severity == CLASS_ONLY), needs[-1])
            shown = needs[-1] if everyone else weakest
            wanted = LockRef(part.name, "event", "wait", waiter.stack)
            wait = Step(waiter.thread, ref, wanted, waiter.held, "wait")
            severity = CLASS_ONLY if counted else shown.severity  # how often decides
            report = wait_cycle([wait, *shown.steps], severity)
            alone = alone or severity == POSSIBLE
            for taken_back in self._now(what, report.ident if severity == POSSIBLE else None):
                if taken_back.ident == report.ident:
                    report.retracts = True  # it says why
                else:
                    yield taken_back
            yield report
        yield from self._judge_joint(part, waiter, wakers, matters=not (alone or counted))

    def _judge_joint(
        self, part: Part, waiter: Waiter, wakers: Sequence[Waker], *, matters: bool
    ) -> Iterator[Report]:
        """Do several locks, of this waiter or of others too, keep away everybody who could wake?"""

        def needs(waker: Waker, key: Key, who: Waiter) -> Need | None:
            return self._needs(part, waker, key, set(), who)

        what = (part, waiter.serial, waiter.generation, None)
        steps = joint(part, waiter, wakers, needs) if matters else None
        if steps is None:
            yield from self._now(what, None)
            return
        report = wait_cycle(steps, POSSIBLE, EVERYBODY_JOINTLY)
        yield from self._now(what, report.ident)
        yield report

    def _now(self, what: Said, ident: Ident | None) -> Iterator[Report]:
        """`what` is possible as the finding `ident` now, or not at all: take back what it was."""
        before = self._possible.pop(what, None)
        if ident is not None:
            self._possible[what] = ident
            if len(self._possible) > REMEMBERED:
                del self._possible[next(iter(self._possible))]
        if before is not None and before != ident and before not in self._possible.values():
            yield free_after_all(before)

    def _needs(
        self, made: Part, waker: Waker, key: Key, seen: set[tuple[str, int]], waiter: Waiter
    ) -> Need | None:
        """How the waker of `made` needs `key`: at once, before, or after another event.

        What is possible goes before what is so by classes only.
        """
        weaker: Need | None = None
        owed = LockRef(made.name, "event", "owed", waker.stack)
        for need, ref in zip(waker.needs, waker.refs, strict=True):
            told = f"{waker.thread} makes it happen only after it got {ref.name}"
            step = Step(waker.thread, owed, ref, waker.refs, told=told)
            direct = self._in_the_way(waiter, key, need, waker.serial)
            found: Need | None = None
            if direct is not None:
                found = Need([step], direct)
            elif need.many and need.base.cls is key.base.cls:
                found = Need([step], CLASS_ONLY)
            elif not waker.had_before(need, waiter.at[2]):
                way = self.behind(waiter, waker.serial, need, key, None, made)
                found = None if way is None else Need([step, *way.steps], way.severity)
            if found is not None and found.severity == POSSIBLE:
                return found
            weaker = weaker or found
        before = self._took_before(made, waker, key, waiter, owed)
        if before is not None and before.severity == POSSIBLE:
            return before
        another = self._after_another(waker, key, seen, waiter, owed)
        if another is None:
            waits = [each for each in waker.awaited if each[0] is not made]
            another = self._after_others(waits, waker.serial, waker.thread, key, seen, waiter, owed)
        return weaker or before or another

    def _took_before(
        self, made: Part, waker: Waker, key: Key, waiter: Waiter, owed: LockRef
    ) -> Need | None:
        """The waker took `key` before and dropped it, or another lock whose holder wants `key`."""
        if key.many:
            return None
        leading: frozenset[LockClass] | None = None
        through: Need | None = None
        for wanted, touch in waker.touched(waiter.at[2]):
            told = f"{touch.thread} takes {wanted.name} before {waker.thread} makes it happen"
            step = Step(touch.thread, owed, touch.ref(wanted), (), told=told)
            direct = self._in_the_way(waiter, key, wanted, waker.serial)
            if direct is not None:
                heard = any(
                    w.serial == waker.serial and w.moment >= touch.moment
                    for part in waiter.waited
                    for w in part.wakers_of(part.generation)
                )
                return Need([step], CLASS_ONLY if heard else direct)
            if through is None:
                if leading is None:
                    held = (each.cls for join in self.joins for each in join.waiter.keys)
                    leading = self._leading_to(key.cls).union(held)
                if wanted.cls in leading:
                    way = self.behind(waiter, waker.serial, wanted, key, touch, made)
                    if way is not None and way.severity == POSSIBLE:
                        through = Need([step, *way.steps], POSSIBLE)
        return through

    def _in_the_way(self, waiter: Waiter, held: Key, wanted: Key, other: int) -> Severity | None:
        """Does the waiter, which holds `held`, keep thread `other` from `wanted`?

        A queued reader waits behind another reader only where a writer comes between.
        """
        if not surely_same(held, wanted) or self._graph.frees(wanted, other, waiter.serial):
            return None
        if held.permits > sum(key.base is held.base for key in waiter.keys):
            return CLASS_ONLY  # it leaves some for the other
        if held.mode == WRITE or wanted.mode == WRITE:
            return POSSIBLE
        if wanted.mode != READ:
            return None
        writers = self._graph.writers(wanted)
        serial, epoch, vc = waiter.at
        for writer in writers:
            ordered = writer.before(vc) or epoch <= writer.vc.get(serial)
            if (
                writer.serial not in (waiter.serial, other)
                and not ordered
                and gate(waiter.keys, writer.rec.before) is None
            ):
                return POSSIBLE
        return CLASS_ONLY if writers else None

    def _leading_to(self, goal: LockClass) -> frozenset[LockClass]:
        """Classes from which dependencies of locks lead to `goal`."""

        def follow(cls: LockClass) -> Iterator[tuple[LockClass, Edge]]:
            yield from self._graph.before(cls).items()

        return frozenset(Walk(goal, follow)) - {goal}

    def _after_another(
        self, waker: Waker, key: Key, seen: set[tuple[str, int]], waiter: Waiter, owed: LockRef
    ) -> Need | None:
        """The waker waits for another event first, and everybody who makes that happen needs `key`.

        An earlier event that the waiter itself made happen is behind it when it waits.
        """
        if waker.after is None or len(seen) > KEPT:
            return None
        part, generation = waker.after
        if (part.name, generation) in seen:
            return None
        seen.add((part.name, generation))
        earlier = part.wakers_of(generation)
        if not earlier or any(w.serial == waiter.serial for w in earlier):
            return None
        hits = [self._needs(part, w, key, seen, waiter) for w in earlier]
        hit = hits[-1]
        if hit is None or any(each is None for each in hits):
            return None
        step = Step(waker.thread, owed, LockRef(part.name, "event", "wait"), op="wait")
        return Need([step, *hit.steps], hit.severity)

    def _after_others(
        self,
        waits: Iterable[tuple[Part, int]],
        serial: int,
        name: str,
        key: Key,
        seen: set[tuple[str, int]],
        waiter: Waiter,
        owed: LockRef,
    ) -> Need | None:
        """A thread had to wait for something that cannot happen as long as `waiter` has `key`.

        Not where the waiter has it already, or makes it happen itself, or comes after it.
        """
        for part, turn in waits:
            if (part.name, turn) in seen or len(seen) > KEPT or part in waiter.waited:
                continue
            seen.add((part.name, turn))
            makers = [w for w in part.makers_of(turn) if w.serial != serial]
            if part.parties:
                found = (self._of_the_round(part, w, turn, key, seen, waiter) for w in makers)
                hits = [hit for hit in found if hit is not None]
            elif part.generation > 1 or any(
                w.serial == waiter.serial or w.before(waiter.at[2]) for w in makers
            ):
                continue
            else:
                needs = [self._needs(part, w, key, seen, waiter) for w in makers]
                hits = [hit for hit in needs if hit is not None and hit.severity == POSSIBLE]
                if len(hits) < len(needs):
                    continue
            if hits:
                told = f"{name} goes on only after {part.name}"
                step = Step(name, owed, LockRef(part.name, "event", "wait"), op="wait", told=told)
                return Need([step, *hits[0].steps], POSSIBLE)
        return None

    def _of_the_round(
        self,
        part: Part,
        waker: Waker,
        turn: int,
        key: Key,
        seen: set[tuple[str, int]],
        waiter: Waiter,
    ) -> Need | None:
        """Does it need `key` to come to a round that this very thread must come to?"""
        meetings = part.meetings
        if meetings is None or meetings.varied or not meetings.regular:
            return None
        if waker.serial == waiter.serial or waker.generation > turn or waker.before(waiter.at[2]):
            return None
        need = self._needs(part, waker, key, seen, waiter)
        return need if need is not None and need.severity == POSSIBLE else None

    # -- through locks -----------------------------------------------------------------------------

    def behind(
        self,
        waiter: Waiter,
        via: int,
        need: Key,
        key: Key,
        touch: Touch | None,
        made: Part | None,
    ) -> Need | None:
        """Does thread `via`, which wants `need`, wait for somebody who wants `key` of the waiter?

        `touch`: when it wanted that; who comes after is no obstacle.  Nor is who has `made` happen
        what `via` is to, before it got there.  `possible` when threads were seen that can all be
        there while the waiter holds its locks.  Of what there is some of from the start those of
        them have none yet that were seen there before they took any.
        """
        joined = self._behind_a_join(waiter, via, need, key, touch) if self.joins else None
        way = self._way_by_locks(need.cls, key.cls) if joined is None else None
        if way is None:
            return joined
        rec = Record(None, None, need, (*waiter.keys, need), 0, NO_CONTEXT)
        wanted = LockRef(need.name, need.cls.name, "wait", waiter.stack)
        witness = Witness(waiter.thread, waiter.at, rec, waiter.stack, waiter.held,
                          wanted, (), waiter.leases)  # fmt: skip
        cycle = Search(self._graph, rec, witness, everywhere=True).run()
        if cycle is None or any(
            p.witness.serial == via
            or (touch is not None and touch.before(p.witness.vc))
            or (made is not None and made.was_made_before(p.witness, waiter.generation))
            for p in cycle[1:]
        ):
            return Need(way, CLASS_ONLY)
        later = [p.witness.serial for p in cycle[1:] if made and made.used_later(p.witness)]
        if later and made is not None and made.has_enough_for(waiter, later):
            return Need(way, CLASS_ONLY)
        return Need([step_of(p.witness, p.at) for p in cycle[1:]], POSSIBLE)

    def _way_by_locks(self, start: LockClass, goal: LockClass) -> list[Step] | None:
        """A holder of `start` wants ... `goal`: a shortest path of dependencies."""

        def follow(cls: LockClass) -> Iterator[tuple[LockClass, Edge]]:
            yield from self._graph.after(cls).items()

        walk = Walk(start, follow)
        if start is goal or goal not in walk:
            return None
        return [step_of(*next(iter(edge.first.values()))) for edge in walk.path(goal)]

    # -- joins -------------------------------------------------------------------------------------

    def join(self, join: Join) -> Iterator[Report]:
        """Does the joined thread want anything that the joiner holds, or that waits for that?"""
        waiter = join.waiter
        end = LockRef(f"end of {join.name}", "thread", "wait", waiter.stack)
        for key, ref in zip(waiter.keys, waiter.held, strict=True):
            if key.many:
                continue
            wait = Step(waiter.thread, ref, end, waiter.held, "wait")
            for wanted, touch in join.touched(waiter.at[2]):
                if self._graph.frees(wanted, touch.serial, waiter.serial):
                    continue
                step = join.step(wanted, touch)
                direct = self._in_the_way(waiter, key, wanted, join.serial)
                if direct is not None:
                    yield wait_cycle([wait, step], direct)
                    continue
                if surely_same(key, wanted):
                    continue  # readers
                way = self.behind(waiter, join.serial, wanted, key, touch, None)
                if way is not None and way.severity == POSSIBLE:
                    yield wait_cycle([wait, step, *way.steps], POSSIBLE)
            yield from self._join_of_a_waiter(join, key, wait)

    def _join_of_a_waiter(self, join: Join, key: Key, wait: Step) -> Iterator[Report]:
        """Does the joined thread wait for something that needs what the joiner holds?"""
        owed = LockRef(f"end of {join.name}", "thread", "owed")
        for each in join.awaited.items():
            need = self._after_others([each], join.serial, join.name, key, set(), join.waiter, owed)
            what = (each[0], join.waiter.serial, -join.serial, key)
            if need is None:
                yield from self._now(what, None)
                continue
            report = wait_cycle([wait, *need.steps], POSSIBLE)
            yield from self._now(what, report.ident)
            yield report

    def _behind_a_join(
        self, waiter: Waiter, via: int, need: Key, key: Key, touch: Touch | None
    ) -> Need | None:
        """Does somebody hold `need` and wait for the end of a thread that wants `key`?"""
        for join in self.joins:
            other = join.waiter
            if other.serial == via or join.serial in (via, waiter.serial):
                continue
            if not can_meet(waiter, other) or (touch is not None and touch.before(other.at[2])):
                continue
            for held, ref in zip(other.keys, other.held, strict=True):
                if self._in_the_way(other, held, need, via) != POSSIBLE:
                    continue
                end = LockRef(f"end of {join.name}", "thread", "wait", other.stack)
                for wanted, later in join.touched(waiter.at[2]):
                    if self._in_the_way(waiter, key, wanted, join.serial) == POSSIBLE:
                        wait = Step(other.thread, ref, end, other.held, "wait")
                        return Need([wait, join.step(wanted, later)], POSSIBLE)
        return None
