"""Races of one finished run: pairs of conflicting operations whose other order was not tried.

Vector clocks give happens-before: program order, spawn before begin, and conflicting operations in
the order they went.  For each operation (and for what each thread still stood before when the run
ended) the earlier conflicting operations that are not in its past are races, the latest first; one
that is ordered behind a race already found is no race of its own.  For each race (e, f) the
sequence "what went after e without depending on it, then f" begins with one of its *initials*;
unless one of them is in the backtrack or sleep set before e, one is added there.

Blocking makes "could f have gone before e?" a question.  Where f was already pending before e, the
node there knows exactly who was enabled; elsewhere the answer is "perhaps", which costs redundant
runs and loses none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.explore.conflict import COUNT, WRITE, Footprint, footprint, may_race
from lockcheck.seam import Choice, Kind, Op

if TYPE_CHECKING:
    from lockcheck.conduct.controlled import ControlledConductor
    from lockcheck.conduct.task import Task
    from lockcheck.explore.node import Node

__all__ = ["find"]


class _Event:
    __slots__ = ("clock", "number", "op", "seq", "thread")

    def __init__(self, number: int, thread: int, seq: int, op: Op, clock: list[int]) -> None:
        self.number = number
        self.thread = thread
        self.seq = seq
        self.op = op
        self.clock = clock


class _Object:
    """One object's accesses so far, and what they know."""

    __slots__ = ("accesses", "clocks")

    def __init__(self) -> None:
        self.accesses: list[tuple[_Event, int]] = []
        self.clocks: dict[int, list[int]] = {}
        """By mode: the join of the clocks of all accesses of that mode."""


def find(conductor: ControlledConductor, stack: list[Node], first: int) -> int:
    """Add to the backtrack sets of `stack` what the run just ended asks for.

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
        self._by_thread: list[list[_Event]] = [[] for _ in range(self._width)]
        self._clocks: list[list[int]] = [[0] * self._width for _ in range(self._width)]
        self._races = 0

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
            if op.timeout is not None:
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
        touched = footprint(choice, op)
        if races and touched:
            self._look(choice, op, touched)
        if races and op.timeout is not None:
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
        event = _Event(number, thread, seq, op, clock)
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

    def _reverse(self, event: _Event, choice: Choice, op: Op, touched: Footprint) -> bool:
        """Make sure that the other order of a race is tried; True when it surely exists."""
        thread = choice.thread
        node = self._node_at.get(event.number)
        mine = self._by_thread[thread]
        pending = not mine or mine[-1].number < event.number
        if node is None:
            return False
        sure = not choice.fires and self._surely(event, op)
        if pending:
            could_go = choice in node.enabled
            counts = op.kind is Kind.WAIT_REFS or any(mode == COUNT for _, mode in touched)
            if not could_go and not (counts and self._may_reach(node, event, op)):
                return False
            sure = could_go
        self._races += 1
        self._demand(node, event, choice, touched)
        return sure

    def _may_reach(self, node: Node, event: _Event, op: Op) -> bool:
        """Can a count reach what `op` waits for, by what stays when `event` is put off?"""
        if op.kind is not Kind.WAIT_REFS:
            return True
        refs, value = op.aux
        for ref in refs:
            low = high = node.counts.get(ref.name, value)
            known = self._objects.get(ref)
            for other, _mode in reversed(known.accesses if known is not None else ()):
                if other.number <= event.number:
                    break
                if other.thread == event.thread or other.clock[event.thread] >= event.seq:
                    continue
                high += other.op.kind is not Kind.REF_DEC
                low -= other.op.kind is not Kind.REF_INC
            if low <= value <= high:
                return True
        return False

    def _surely(self, event: _Event, op: Op) -> bool:
        """Is `op` certain to be enabled where `event` was?"""
        if op.kind is Kind.ACQUIRE:
            return event.op.kind is Kind.ACQUIRE
        return op.kind not in (Kind.READ_ACQUIRE, Kind.WAIT, Kind.WAIT_REFS)

    def _demand(self, node: Node, event: _Event, choice: Choice, touched: Footprint) -> None:
        """Have an initial of the other order tried at `node`, unless one is or need not be."""
        thread = choice.thread
        heads = self._heads(event)
        initials = [head for head in heads if self._is_initial(head, heads)]
        threads = {head.thread for head in initials}
        if all(head.thread != thread for head in heads) and self._goes_first(
            event, thread, touched
        ):
            threads.add(thread)
        if threads & node.backtrack:
            return
        if any(self._conductor.events[head.number][0] in node.sleep for head in initials):
            return
        enabled = {each.thread for each in node.enabled}
        able = threads & enabled
        if not able:
            return
        if thread in able and choice in node.sleep:
            return
        node.backtrack.add(thread if thread in able else min(able))

    def _heads(self, event: _Event) -> list[_Event]:
        """Return each thread's first operation after `event` that does not depend on it."""
        heads = []
        for events in self._by_thread:
            after = _first_after(events, event.number)
            if after is None or after.thread == event.thread:
                continue
            if after.clock[event.thread] < event.seq:
                heads.append(after)
        return heads

    def _is_initial(self, head: _Event, heads: list[_Event]) -> bool:
        return all(other is head or head.clock[other.thread] < other.seq for other in heads)

    def _goes_first(self, event: _Event, thread: int, touched: Footprint) -> bool:
        """Does nothing that stays after `event` conflict with the racing operation itself?"""
        for obj, mode in touched:
            known = self._objects.get(obj)
            if known is None:
                continue
            for other, theirs in reversed(known.accesses):
                if other.number <= event.number:
                    break
                if theirs == mode != WRITE or other.thread == thread:
                    continue
                if other.thread != event.thread and other.clock[event.thread] < event.seq:
                    return False
        return True


def _first_after(events: list[_Event], number: int) -> _Event | None:
    """Return the first of a thread's events after event `number` (they are in order)."""
    low, high = 0, len(events)
    while low < high:
        middle = (low + high) // 2
        if events[middle].number <= number:
            low = middle + 1
        else:
            high = middle
    return events[low] if low < len(events) else None


def _join(into: list[int], other: list[int]) -> None:
    for i, value in enumerate(other):
        if value > into[i]:
            into[i] = value
