"""The search for cycles: first for participants that can really meet, then for classes.

`Search` walks over *participants*: a thread that was seen holding some locks and wanting one.  Each
next participant must hold what the one before wants (the same instance, in a mode that blocks), be
another thread, not be ordered with the others by start/join, and share no lock with any of them
that they do not both read (gates, pairwise).  It deepens step by step, so what it finds is a
shortest one.  A queued reader is kept away by a reader only when a writer waits in between; that
writer is a participant too.

`strong` and `class_cycle` are lockdep's search over classes, with states (class, arrived by
recursive readers only) instead of classes, so that a class reached weakly first is visited again
when it is reached strongly, which lockdep does not do.

Left out: nothing on purpose, but `STEPS` bounds the first search; when it ends early the finding
stays `class-only` and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from lockcheck.core.classes import READ, WRITE, Key, LockClass
from lockcheck.core.gates import excludes, gate, same_lock
from lockcheck.core.graph import Graph
from lockcheck.core.leases import keys_against
from lockcheck.core.paths import Walk
from lockcheck.core.record import EN, ER, SN, SR, Edge, Record, Witness, blocks
from lockcheck.core.replay import meets

__all__ = [
    "WAITS_AS_WRITER", "Dependency", "Follow", "Participant", "Search", "State",
    "avoided_by_trying", "class_cycle", "compatible", "strong", "why_not",
]  # fmt: skip

LENGTH = 8
"""Longest cycle of participants looked for."""
STEPS = 3000
"""Participants tried in one search."""

WAITS_AS_WRITER = -2
"""Position of the held lock of a participant that only waits as a writer."""


class Participant(NamedTuple):
    """A thread at a point: it holds `rec.before` and wants `rec.key`."""

    rec: Record
    witness: Witness
    at: int
    """Position of the lock it holds that the one before it wants."""

    @property
    def wanted(self) -> Key:
        assert self.rec.key is not None
        return self.rec.key

    @property
    def held(self) -> tuple[Key, ...]:
        return self.rec.before

    def apart(self, other: Participant) -> Key | None:
        """A lock that keeps the two apart, held by them or around them."""
        mine, theirs = self.witness, other.witness
        if mine.instances and theirs.instances:
            for at, a in enumerate(self.held):
                for there, b in enumerate(other.held):
                    lock = mine.instance(at) if a.many else None
                    if lock is not None and lock is theirs.instance(there) and excludes(a, b):
                        return a
        if not mine.leases and not theirs.leases:
            return gate(self.held, other.held)
        return gate(
            (*self.held, *keys_against(mine.leases, theirs.serial, theirs.leases)),
            (*other.held, *keys_against(theirs.leases, mine.serial, mine.leases)),
        )


def may_meet(one: Participant, other: Participant) -> bool:
    """Can what `one` wants be what `other` holds?  Their classes do, as far as the keys can show.

    Where one of them may be any instance of a class that nests in itself (futures, in the order of
    their ids), any two such nestings would make a cycle; there only names count.
    """
    wanted = one.wanted
    held = other.rec.held[other.at]
    if not wanted.many and not held.many:
        return True
    first = one.witness.instance(len(one.rec.held) - 1)
    second = other.witness.instance(other.at)
    if first is not None and second is not None:
        return first is second
    cls = held.base.cls
    if other.wanted.base.cls is not cls and all(key.base.cls is not cls for key in one.held):
        return True
    name = one.witness.wanted.name
    refs = other.witness.held
    return other.at < len(refs) and refs[other.at].name == name and not name.endswith("#*")


Path = tuple[Participant, ...]


class Search:
    """One search for participants, beginning with what one thread just did.

    Every participant's want must be blocked by what the others hold: by one of them for a lock, by
    holders of all its permits for a semaphore.  `everywhere`: look at edges that are on no cycle of
    the graph too, for the first participant is not in it.
    """

    def __init__(
        self, graph: Graph, rec: Record, witness: Witness, *, everywhere: bool = False
    ) -> None:
        self.graph = graph
        self.start = Participant(rec, witness, -1)
        self.everywhere = everywhere
        self.steps = 0
        self.exhausted = True
        """False: the search was cut short."""

    def run(self) -> list[Participant] | None:
        """Return a shortest cycle of participants that can meet, or None."""
        self.graph.stats["searches"] += 1
        longest = LENGTH + max(key.permits for key in self.start.rec.held) - 1
        for length in range(2, longest + 1):
            self._deeper = False
            found = self._extend((self.start,), (self.start,), length)
            if found is not None or not self._deeper or self.steps >= STEPS:
                break
        self.graph.stats["search_steps"] += self.steps
        self.exhausted = self.steps < STEPS
        return found

    def _extend(
        self, path: Path, unblocked: Path, length: int, after: int = 0
    ) -> list[Participant] | None:
        """Add holders of what the first of the `unblocked` wants, until nobody can go.

        `after`: so many holders were tried already where this one is added to another of the same
        semaphore: the order in which they are added does not matter.
        """
        who = unblocked[0]
        holders: Iterable[Participant] = self._next(who)
        if who.wanted.permits > 1:
            holders = tuple(holders)
            needed = _at_least(who.wanted, path, holders)
            if needed is None:
                return None
            if len(path) + needed > length:
                self._deeper = True
                return None
        for number, nxt in enumerate(holders):
            if number < after:
                continue
            self.steps += 1
            if self.steps >= STEPS:
                return None
            if not self._fits(path, nxt):
                continue
            longer = (*path, nxt)
            left = unblocked[1:] if self._exhausted(who, longer) else unblocked
            if not self._blocked(nxt, longer):
                left = (*left, nxt)
            if not left:
                found = self._close(longer)
            elif len(longer) < length:
                found = self._extend(longer, left, length, number + 1 if left[0] is who else 0)
            else:
                self._deeper = True
                continue
            if found is not None:
                return found
        return None

    @staticmethod
    def _exhausted(who: Participant, path: Path) -> bool:
        """Are no permits of what `who` wants left?  A lock has one, and somebody holds it."""
        wanted = who.wanted
        taken = sum(held.base is wanted.base for p in path for held in p.held)
        return wanted.permits == 1 or taken >= wanted.permits

    def _blocked(self, who: Participant, path: Path) -> bool:
        """Is the newest participant blocked already?  By the first: that closes the cycle."""
        if who.wanted.permits > 1:
            return self._exhausted(who, path)
        counting = any(p.wanted.permits > 1 for p in path)
        return any(self._held_by(p, who) for p in (path[:-1] if counting else path[:1]))

    def _held_by(self, holder: Participant, who: Participant) -> list[int]:
        """Positions of what `holder` holds and `who` wants."""
        wanted = who.wanted
        return [
            index
            for index, held in enumerate(holder.held)
            if same_lock(wanted, held)
            and blocks(held.mode, wanted.mode)
            and not (wanted.mode == READ and held.mode != WRITE)  # only with a writer in between
            and may_meet(who, holder._replace(at=index))
            and not self._frees(who, holder)
        ]

    def _frees(self, who: Participant, holder: Participant) -> bool:
        """Does `who` itself release what it wants, where the holder cannot take it again?

        A lock released by a thread that did not take it is free; who takes it only under a lock
        that this thread held then and still holds does not have it when this thread wants it.
        """
        under = self.graph.freed_under(who.wanted, who.witness.serial)
        kept = [key.base for key in who.held if key.base in under]
        return bool(kept) and any(
            rec.key is not None
            and rec.key.base is who.wanted.base
            and any(key.base in kept for key in rec.before)
            for rec, _ in holder.witness.marks
        )

    def _close(self, path: Path) -> list[Participant] | None:
        """The cycle, with what the first of them holds; None when they cannot get there."""
        for who in reversed(path[1:]):
            for index in self._held_by(path[0], who):
                cycle = [path[0]._replace(at=index), *path[1:]]
                if meets(cycle):
                    return cycle
        return None

    def _next(self, last: Participant) -> Iterator[Participant]:
        """Participants that hold what `last` wants."""
        wanted = last.wanted
        for edge in self.graph.holders(wanted.base.cls):
            if not (self.everywhere or self.graph.cyclic(edge)):
                continue
            for rec, index in edge.records:
                held = rec.held[index]
                if not same_lock(wanted, held) or not blocks(held.mode, wanted.mode):
                    continue
                if wanted.mode == READ and held.mode != WRITE:
                    continue  # only with a writer in between
                for witness in rec.witnesses:
                    found = Participant(rec, witness, index)
                    if may_meet(last, found) and not self._frees(last, found):
                        yield found
        if wanted.mode == READ:
            for witness in self.graph.writers(wanted):
                yield Participant(witness.rec, witness, WAITS_AS_WRITER)

    def _fits(self, path: Path, nxt: Participant) -> bool:
        if nxt.at == WAITS_AS_WRITER and path[-1].at == WAITS_AS_WRITER:
            return False
        return all(compatible(other, nxt) for other in path) and _enough_permits((*path, nxt))


def _at_least(wanted: Key, path: Path, holders: Sequence[Participant]) -> int | None:
    """How many more holders it takes, at least, until no permits are left; None: too many."""
    left = wanted.permits - sum(_units(wanted, each) for each in path)
    there = {each.witness.serial for each in path}
    most: dict[int, int] = {}
    for holder in holders:
        serial = holder.witness.serial
        if serial not in there:
            most[serial] = max(most.get(serial, 0), _units(wanted, holder))
    if sum(most.values()) < left:
        return None
    return max(1, -(-left // max(most.values(), default=1)))


def _units(wanted: Key, holder: Participant) -> int:
    return sum(held.base is wanted.base for held in holder.held)


def _enough_permits(path: Path) -> bool:
    """Are there as many permits of each semaphore as the newest participant and the others hold?"""
    for key in set(path[-1].held):
        if key.permits > 1:
            held = sum(other.base is key.base for p in path for other in p.held)
            if held > key.permits:
                return False
    return True


def compatible(one: Participant, other: Participant) -> bool:
    """Can the two be where they are at the same time?"""
    return (
        one.witness.serial != other.witness.serial
        and not one.witness.ordered(other.witness)
        and one.apart(other) is None
    )


State = tuple[LockClass, bool]
"""(class, was it reached by a recursive reader only): what may follow depends on both."""
Dependency = tuple[Edge, int]
"""An edge, and the one of its kinds that is meant."""


Follow = Callable[[State], Iterable[tuple[State, Dependency]]]
"""What `Walk` asks: where the dependencies that leave a state lead."""


def strong(graph: Graph, only: Callable[[Edge], bool]) -> Follow:
    """What `Walk` follows: the dependencies that leave a state, among the edges that `only` admits.

    A path is strong when no edge that wants recursively (xR) is followed by one that holds shared
    (Sx): a recursive reader does not wait for another reader.
    """

    def follow(state: State) -> Iterator[tuple[State, Dependency]]:
        cls, only_recursive = state
        for target, edge in graph.after(cls).items():
            if not only(edge):
                continue
            for kind in (ER, EN, SR, SN):
                if edge.kinds & kind and not (only_recursive and kind & (SR | SN)):
                    yield (target, bool(kind & (ER | SR))), (edge, kind)

    return follow


def class_cycle(graph: Graph, edge: Edge, kind: int) -> list[Dependency] | None:
    """A shortest strong cycle of classes through `edge` taken as `kind`."""
    graph.stats["class_searches"] += 1
    if edge.source is edge.target:
        return None  # the rule about two locks of one class reports it
    walk = Walk(
        (edge.target, bool(kind & (ER | SR))),
        strong(graph, lambda step: step is not edge and graph.cyclic(step)),
    )
    for state in walk:
        cls, recursive = state
        if cls is edge.source and not (recursive and kind & (SR | SN)):
            return [(edge, kind), *walk.path(state)]
    return None


def avoided_by_trying(cycle: list[tuple[Witness, int]]) -> bool:
    """Did a thread of the cycle only try, under what it holds, a lock that another one holds?"""
    return any(
        key.trylock and gate((key,), other.rec.before) is not None
        for witness, index in cycle
        for key in witness.rec.before[index + 1 :]
        for other, _ in cycle
        if other is not witness
    )


def why_not(cycle: list[tuple[Witness, int]], *, exhausted: bool) -> str:
    """Say why a cycle of classes cannot be closed by what was seen: (witness, held index)."""
    witnesses = [w for w, _ in cycle]
    if len({w.serial for w in witnesses}) == 1 and len(witnesses) > 1:
        return "one thread did all of it"
    for position, (witness, index) in enumerate(cycle):
        before, _ = cycle[position - 1]
        wanted = before.rec.key
        held = witness.rec.held[index]
        met = Participant(before.rec, before, 0), Participant(witness.rec, witness, index)
        if wanted is not None and index >= 0 and not (same_lock(wanted, held) and may_meet(*met)):
            return (
                f"the instances seen so far cannot meet: {wanted.name} is wanted, "
                f"{held.name} is held"
            )
    for i, one in enumerate(witnesses):
        for other in witnesses[i + 1 :]:
            if one.ordered(other):
                return (
                    f"{one.thread} and {other.thread} run one after the other in every run: "
                    "start and join order them, or what they wait for does"
                )
            guard = Participant(one.rec, one, 0).apart(Participant(other.rec, other, 0))
            if guard is not None:
                return (
                    f"{guard.name} is held on both sides and keeps {one.thread} and "
                    f"{other.thread} apart"
                )
    if len({w.serial for w in witnesses}) < len(witnesses):
        return "fewer threads did it than the cycle has participants"
    if not exhausted:
        return "the search for threads that can meet was cut short"
    if any(key.permits > 1 for w in witnesses for key in w.rec.held):
        return (
            "a semaphore has more permits than threads were seen that can hold one at the same time"
        )
    if any(w.rec.key is not None and w.rec.key.mode == READ for w in witnesses):
        return "a queued reader waits only for a writer, and none was seen that could come between"
    return "locks taken earlier keep these threads apart"
