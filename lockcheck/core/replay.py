"""Can threads that released out of order really be at their points together?

With nested (last in, first out) locking, pairwise disjoint held sets are enough: either the
threads can all get there, or some other deadlock stops them on the way (Kahlon, Ivancic and Gupta,
"Reasoning about threads communicating via locks", CAV 2005).  Hand-over-hand locking breaks that:
a lock held on the way and dropped early is a gate that no held set shows.

So when a participant's chain has a release out of order, everybody's way from holding nothing is
reconstructed, and a small search over the product of those ways decides.  What a thread had done
under each prefix of its chain (`marks`), with all that anybody ever did inside that, counts as done
again on the way: more than it needs, so a `possible` stays true.  Ways too long to decide are not
called possible.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

from lockcheck.core.classes import WRITE, Key
from lockcheck.core.record import Marks, Record, Witness
from lockcheck.core.views import Chain

STATES = 20_000
"""States tried before giving up."""
WAY = 300
"""Longest way reconstructed."""
DEPTH = 8
"""Deepest section looked into."""

Step = tuple[bool, Key]
"""(acquire?, key)."""


class Place(Protocol):
    """A participant: a thread seen at the end of a chain."""

    @property
    def rec(self) -> Record: ...

    @property
    def witness(self) -> Witness: ...


class WayTooLongError(Exception):
    """A way has more steps than are worth trying."""


def marks(chain: Chain) -> Marks:
    """Note what a thread did under each prefix of its chain."""
    found: list[tuple[Record, tuple[Hashable, ...]]] = []
    view: Chain | None = chain
    while view is not None:
        found.append((view.rec, view.done()))
        view = view.came or view.parent
    return tuple(found)


def meets(cycle: Sequence[Place]) -> bool:
    """Can all participants of `cycle` stand at their points at once?"""
    if not any(p.rec.tainted for p in cycle):
        return True
    try:
        ways = [way_to(p.witness.marks) for p in cycle]
    except WayTooLongError:
        return False
    return reachable(ways)


def way_to(noted: Marks) -> list[Step]:
    """Operations from holding nothing to the end of a chain.

    What leads on may have been done before, too: its lock is taken next anyway, and its own
    sections are reported at its own place.
    """
    steps: list[Step] = []
    for at in range(len(noted) - 2, -1, -1):  # what was done at the root was over before
        rec, tokens = noted[at]
        steps += _arrive(rec)
        follower = noted[at - 1][0] if at else None
        for token in tokens:
            child = rec.children.get(token)
            if child is not None and child is not follower and child.key is not None:
                _visit(child, len(rec.held), steps, 1)
        if len(steps) > WAY:
            raise WayTooLongError
    return steps


def _arrive(rec: Record) -> list[Step]:
    """The operation that leads to a record from the one before."""
    if rec.key is not None:
        return [(True, rec.key)]
    before = rec.parent.held if rec.parent is not None else ()
    after = list(rec.held)
    for key in before:
        if after and after[0] is key:
            after.pop(0)
        else:
            return [(False, key)]
    return []


def _visit(rec: Record, base: int, steps: list[Step], depth: int) -> None:
    """Take a record's lock, do everything under it, drop it; again for each way it ended.

    All of it comes back to the first `base` locks: what dropped one of these was another hold.
    """
    if depth > DEPTH or len(steps) > WAY:
        raise WayTooLongError
    assert rec.key is not None
    steps.append((True, rec.key))
    children = tuple(rec.children.values())
    for child in children:
        if child.key is not None:
            _visit(child, base, steps, depth + 1)
    steps.append((False, rec.key))
    for child in children:
        if child.dropped_at() >= base:
            steps.append((True, rec.key))
            _after_drop(child, rec.key, base, steps, depth)


def _after_drop(rec: Record, newest: Key, base: int, steps: list[Step], depth: int) -> None:
    """Drop out of order, do what followed, drop the rest and take back what lies below."""
    if depth > DEPTH or len(steps) > WAY:
        raise WayTooLongError
    dropped = _arrive(rec)
    steps += dropped
    for child in tuple(rec.children.values()):
        if child.key is not None:
            _visit(child, base, steps, depth + 1)
        elif child.dropped_at() >= base:
            raise WayTooLongError  # several in one visit: not worth the care
    if newest in rec.held:
        steps.append((False, newest))
    if dropped and dropped[0][1] is not newest:
        steps.append((True, dropped[0][1]))


def reachable(ways: list[list[Step]]) -> bool:
    """Can every thread be at the end of its way at once?  A search over positions."""
    ends = tuple(len(way) for way in ways)
    held = [_holds(way) for way in ways]
    start = tuple(0 for _ in ways)
    seen = {start}
    todo = [start]
    while todo:
        state = todo.pop()
        if state == ends:
            return True
        if len(seen) > STATES:
            return False
        for who, at in enumerate(state):
            if at == ends[who]:
                continue
            acquire, key = ways[who][at]
            if acquire and not _free(held, state, who, key):
                continue
            after = (*state[:who], at + 1, *state[who + 1 :])
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return False


def _holds(way: list[Step]) -> list[tuple[Key, ...]]:
    """What is held before each step of a way, and at its end."""
    now: list[Key] = []
    found: list[tuple[Key, ...]] = [()]
    for acquire, key in way:
        if acquire:
            now.append(key)
        else:
            for at in range(len(now) - 1, -1, -1):
                if now[at].base is key.base:
                    del now[at]
                    break
        found.append(tuple(now))
    return found


def _free(held: list[list[tuple[Key, ...]]], state: tuple[int, ...], who: int, key: Key) -> bool:
    if key.many:
        return True
    taken = [
        mine
        for other, position in enumerate(state)
        for mine in held[other][position]
        if mine.base is key.base and (other != who or key.permits > 1)
    ]
    if key.permits > 1:
        return len(taken) < key.permits
    return not any(mine.mode == WRITE or key.mode == WRITE for mine in taken)
