"""Races of one finished run: pairs of conflicting operations whose other order was not tried.

Vector clocks give happens-before: program order, spawn before begin, and conflicting operations in
the order they went.  For each operation (and for what each thread still stood before when the run
ended) the earlier conflicting operations that are not in its past are races, the latest first; one
that is ordered behind a race already found is no race of its own.  For each race (e, f) the order
"what went after e without depending on it, then f" must be tried before e, unless one of its
*initials* is: a choice that begins it in some sequence of what does not conflict.

Blocking makes "could f have gone before e?" a question.  Where f was already pending before e, the
node there knows exactly who was enabled; a wait for a count knows the counts; elsewhere the answer
is "perhaps", which costs redundant runs and loses none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lockcheck.conduct.rounds import BOUND, VAIN
from lockcheck.conduct.task import is_silent
from lockcheck.explore.conflict import COUNT, WRITE, Footprint, footprint, may_race
from lockcheck.explore.node import Node, Wish
from lockcheck.explore.reversal import Event, Initials
from lockcheck.seam import Choice, Kind, Op, SyncObject, never
from lockcheck.sync.counts import Change, Until

if TYPE_CHECKING:
    from lockcheck.conduct.controlled import ControlledConductor
    from lockcheck.conduct.task import Task

__all__ = ["find"]


_CHANGES: Final = (Kind.REF_INC, Kind.REF_DEC, Kind.RMW)
"""Operations of a count that note what it was before."""
_ADDS: Final = {Kind.REF_INC: 1, Kind.REF_DEC: -1}
"""What they add; by how much an RMW changes it depends on what it finds."""


class _Object:
    """One object's accesses so far, and what they know."""

    __slots__ = ("accesses", "clocks")

    def __init__(self) -> None:
        self.accesses: list[tuple[Event, int]] = []
        self.clocks: dict[int, list[int]] = {}
        """By mode: the join of the clocks of all accesses of that mode."""


def find(conductor: ControlledConductor, stack: list[Node], first: int) -> int:
    """Add to the wishes of `stack`'s nodes what the run just ended asks for.

    `first`: number of the first event that earlier runs on this path have not seen.
    Returns how many races were found.
    """
    return _Analysis(conductor, stack).run(first)


class _Analysis:
    def __init__(self, conductor: ControlledConductor, stack: list[Node]) -> None:
        self._conductor = conductor
        self._width = len(conductor.tasks)
        self._node_at = {node.event: node for node in stack if not node.chosen.of_program}
        self._objects: dict[object, _Object] = {}
        self._by_thread: list[list[Event]] = [[] for _ in range(self._width)]
        self._clocks: list[list[int]] = [[0] * self._width for _ in range(self._width)]
        self._races = 0
        self._foots: dict[int, Footprint] = {}
        """By number of the event: what it touches."""

    def run(self, first: int) -> int:
        jumps = self._conductor.jumps
        tasks = self._conductor.tasks
        for number, (choice, op) in enumerate(self._conductor.events):
            if choice.of_program:
                continue
            if number in jumps:
                if number >= first:
                    self._look_at_all(jumps[number])
                self._join_all()
            thread = choice.thread
            if op.kind is Kind.BEGIN:
                self._begin(tasks[thread])
            self._step(number, choice, op, races=number >= first and number not in jumps)
        self._look_at_all(self._conductor.pending)
        return self._races

    def _look_at_all(self, stood: list[tuple[Choice, Op]]) -> None:
        """Everybody is blocked, or sleeps: what they stand before lost its races."""
        for choice, op in stood:
            self._look(choice, op, footprint(choice, op))
            if op.timeout is not None and op.rounds != VAIN:
                fires = Choice.fire(choice.thread)
                self._look(fires, op, footprint(fires, op))

    def _join_all(self) -> None:
        """Time jumped: everybody was blocked, so everything before is before everything after."""
        top = [max(column) for column in zip(*self._clocks, strict=True)]
        self._clocks = [list(top) for _ in self._clocks]

    def _begin(self, task: Task) -> None:
        if task.parent is None:
            return
        spawner = self._by_thread[task.parent.index]
        known = [event for event in spawner if event.number < task.born]
        if known:
            _join(self._clocks[task.index], known[-1].clock)

    def _step(self, number: int, choice: Choice, op: Op, *, races: bool) -> None:
        thread = choice.thread
        touched = self._foots[number] = footprint(choice, op)
        if races and touched and not (choice.fires and op.rounds == VAIN):
            self._look(choice, op, touched)
        if races and op.timeout is not None and (choice.fires or op.rounds != VAIN):
            # Of the operation and its timer only one is enabled at a time: the other one lost the
            # races of its own.
            rest = Choice.go(thread) if choice.fires else Choice.fire(thread)
            self._look(rest, op, footprint(rest, op))
        clock = list(self._clocks[thread])
        for obj, mode in touched:
            known = self._objects.get(obj)
            if known is not None:
                for other, theirs in known.clocks.items():
                    if other != mode or mode == WRITE:
                        _join(clock, theirs)
        seq = len(self._by_thread[thread]) + 1
        clock[thread] = seq
        event = Event(number, thread, seq, op, clock)
        self._by_thread[thread].append(event)
        self._clocks[thread] = clock
        for obj, mode in touched:
            known = self._objects.get(obj)
            if known is None:
                known = self._objects[obj] = _Object()
            known.accesses.append((event, mode))
            sum_ = known.clocks.get(mode)
            if sum_ is None:
                known.clocks[mode] = list(clock)
            else:
                _join(sum_, clock)

    def _look(self, choice: Choice, op: Op, touched: Footprint) -> None:
        """Find the races of a thread's next operation with what went before."""
        thread = choice.thread
        seen = list(self._clocks[thread])
        for obj, mode in touched:
            known = self._objects.get(obj)
            if known is None:
                continue
            for event, theirs in reversed(known.accesses):
                if theirs == mode != WRITE or event.thread == thread:
                    continue
                if event.seq <= seen[event.thread]:
                    if theirs == WRITE and event.seq <= self._clocks[thread][event.thread]:
                        break  # everything before a known write is known
                    continue
                if not may_race(event.op, choice, op):
                    continue
                if self._reverse(event, choice, op, touched):
                    _join(seen, event.clock)

    def _reverse(self, event: Event, choice: Choice, op: Op, touched: Footprint) -> bool:
        """Make sure that the other order of a race is tried; True when it surely exists."""
        thread = choice.thread
        node = self._node_at.get(event.number)
        mine = self._by_thread[thread]
        pending = not mine or mine[-1].number < event.number
        if node is None:
            return False
        sure = not choice.fires and self._surely(event, op)
        if not choice.fires and not self._may_reach(event, thread, op):
            return False
        if choice.fires and not pending and self._is_spent(event, op):
            self._conductor.forbid()
            return False
        if pending:
            could_go = choice in node.enabled
            # What commutes with the event stays, and may be what the operation needs.
            counts = op.kind is Kind.WAIT_REFS or any(
                mode == COUNT for _, mode in (*touched, *self._foots[event.number])
            )
            if not could_go and not counts:
                return False
            sure = could_go
        self._races += 1
        self._demand(node, event, choice, touched)
        return sure

    def _is_spent(self, event: Event, op: Op) -> bool:
        """Would the timer of `op` be one too many in the place of `event`?

        It would be early there: time does not jump between two operations that race.
        """
        if op.repeat:
            return op.rounds == BOUND
        bound, early = self._conductor.early_timers, self._conductor.early
        if bound is None or op.aux is never or len(early) < bound:
            return False
        stays = {each.number for each in self._stays(event)}
        return sum(1 for number in early if number < event.number or number in stays) >= bound

    def _may_reach(self, event: Event, thread: int, op: Op) -> bool:
        """Can `op`, should it wait for a count, go by what stays when `event` is put off?"""
        if op.kind is Kind.WAIT_REFS:
            refs, value = op.aux
            return any(self._may_become(ref, None, value, event, thread) for ref in refs)
        until = op.aux
        if op.kind is Kind.WAIT and isinstance(until, Until):
            return self._may_become(op.obj, until.name, until.value, event, thread)
        return True

    def _may_become(
        self, obj: SyncObject, name: str | None, value: int, event: Event, thread: int
    ) -> bool:
        """Can a count reach `value` for `thread`, by what stays when `event` is put off?

        What comes before the wait in every order has been counted by then; of the rest each
        thread's changes up to any of them.
        """
        known = self._objects.get(obj)
        past = self._clocks[thread]
        base: int | None = None
        """The count before `event`: what the first change from there on found."""
        surely = 0
        sums: dict[int, tuple[int, int, int]] = {}
        """By thread: the sum of its changes, and what it may least and most be on the way."""
        for other, _mode in known.accesses if known is not None else ():
            if other.number < event.number:
                continue
            changed = _change(other.op, name)
            if changed is None:
                continue
            found, added = changed
            if found is None:
                return True
            base = found if base is None else base
            if other is event or other.clock[event.thread] >= event.seq:
                continue
            if added is None:
                return True
            if other.seq <= past[other.thread]:
                surely += added
                continue
            total, low, high = sums.get(other.thread, (0, 0, 0))
            total += added
            sums[other.thread] = (total, min(low, total), max(high, total))
        if base is None:
            return True
        low = sum(each[1] for each in sums.values())
        high = sum(each[2] for each in sums.values())
        return low <= value - base - surely <= high

    def _surely(self, event: Event, op: Op) -> bool:
        """Is `op` certain to be enabled where `event` was?"""
        if op.kind is Kind.ACQUIRE:
            return event.op.kind is Kind.ACQUIRE
        return op.kind not in (Kind.READ_ACQUIRE, Kind.WAIT, Kind.WAIT_REFS)

    def _demand(self, node: Node, event: Event, choice: Choice, touched: Footprint) -> None:
        """Have the other order tried from `node` on, unless it is, or it cannot begin there."""
        stays = self._stays(event)
        initials = Initials(self, stays, choice, touched)
        if any(node.is_asked(each) and initials.has(each) for each in node.enabled):
            return
        order = self._order(stays, choice)
        if order[0] in node.enabled:
            among = frozenset(each for each in node.enabled if initials.has(each))
            node.wishes[order[0]] = Wish(tuple(order[1:]), among)

    def _order(self, stays: list[Event], last: Choice) -> list[Choice]:
        """The order that must be tried; silent operations go by themselves."""
        observed = self._conductor.observed
        events = self._conductor.events
        order: list[Choice] = []
        for each in stays:
            choice, op = events[each.number]
            if not is_silent(op, observed):
                order.append(choice)
            for following, _op in events[each.number + 1 :]:
                if not following.of_program:
                    break
                order.append(following)
        order.append(last)
        return order

    def _stays(self, event: Event) -> list[Event]:
        """What went after `event` without depending on it, in the order it went."""
        stays: list[Event] = []
        for thread, events in enumerate(self._by_thread):
            if thread == event.thread:
                continue
            for each in events[_index_after(events, event.number) :]:
                if each.clock[event.thread] >= event.seq:
                    break  # and so is all that this thread did later
                stays.append(each)
        stays.sort(key=_number_of)
        return stays

    def choice_of(self, event: Event) -> Choice:
        """The choice that made an event."""
        return self._conductor.events[event.number][0]

    def foot_of(self, event: Event) -> Footprint:
        """What an event touched."""
        return self._foots[event.number]


def _change(op: Op, name: str | None) -> tuple[int | None, int | None] | None:
    """What a change of a count found, and what it added (None: unknown); None: no change."""
    if op.kind in _CHANGES:
        return op.aux, _ADDS.get(op.kind)
    if op.kind is Kind.WAKE:
        known = op.aux
        return (known.before(name), known.by(name)) if isinstance(known, Change) else (None, None)
    return None


def _number_of(event: Event) -> int:
    return event.number


def _index_after(events: list[Event], number: int) -> int:
    low, high = 0, len(events)
    while low < high:
        middle = (low + high) // 2
        if events[middle].number <= number:
            low = middle + 1
        else:
            high = middle
    return low


def _join(into: list[int], other: list[int]) -> None:
    for i, value in enumerate(other):
        if value > into[i]:
            into[i] = value
