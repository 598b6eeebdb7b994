"""Can threads that released out of order really be at their points together?

With nested (last in, first out) locking, pairwise disjoint held sets are enough: either the
threads can all get there, or some other deadlock stops them on the way (Kahlon, Ivancic and Gupta,
"Reasoning about threads communicating via locks", CAV 2005).  Hand-over-hand locking breaks that:
a lock held on the way and dropped early is a gate that no held set shows.

So when a participant's chain has a release out of order, its way from holding nothing is
reconstructed from the trie of chains it had walked, and a small search over the product of
those ways decides.  What a thread did under a prefix at any time before counts as done
again on the way: more than it needs, so a `possible` stays true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.core.classes import RECURSIVE_READ, WRITE, Key

if TYPE_CHECKING:
    from lockcheck.core.graph import Record

STATES = 20_000
"""States tried before giving up (then the cycle counts as possible)."""
WAY = 200
"""Longest way reconstructed."""

Step = tuple[bool, Key]
"""(acquire?, key)."""


def meets(cycle: list[Any]) -> bool:
    """Can all participants of `cycle` stand at their points at once?"""
    if not any(p.rec.tainted for p in cycle):
        return True
    ways = [way_to(p.rec, p.witness.marks) for p in cycle]
    return reachable(ways)


def way_to(rec: Record, marks: Any) -> list[Step]:
    """Operations from holding nothing to the moment before `rec`'s acquire."""
    path: list[Record] = []
    node: Record | None = rec
    while node is not None:
        path.append(node)
        node = node.parent
    path.reverse()
    steps: list[Step] = []
    held: tuple[Key, ...] = ()
    for at, here in enumerate(path[:-1]):
        steps += _change(held, here)
        held = here.held
        follower = path[at + 1]
        known = marks.get(here) if marks else None
        for number, child in enumerate(here.children.values()):
            if known is not None and number >= known:
                break
            if child is not follower and len(steps) < WAY:
                steps += _section(child, here.held, 0)
    return steps


def _change(held: tuple[Key, ...], here: Record) -> list[Step]:
    if here.key is not None:
        return [] if here.key.trylock else [(True, here.key)]
    return [(False, key) for key in held if key not in here.held][:1]


def _section(child: Record, base: tuple[Key, ...], depth: int) -> list[Step]:
    """Everything ever done under `child`, back to holding `base`."""
    steps = _change(child.parent.held if child.parent else (), child)
    if depth < 6:
        for grandchild in child.children.values():
            steps += _section(grandchild, child.held, depth + 1)
            if len(steps) > WAY:
                break
    after = list(child.held)
    for key in reversed(after):
        if key not in base:
            steps.append((False, key))
    if child.key is None:  # what was dropped out of order is taken again for the next section
        steps += [(True, key) for key in base if key not in child.held]
    return steps


def reachable(ways: list[list[Step]]) -> bool:
    """Can every thread be at the end of its way at once?  A search over positions."""
    ends = tuple(len(way) for way in ways)
    start = tuple(0 for _ in ways)
    seen = {start}
    todo = [start]
    while todo:
        state = todo.pop()
        if state == ends:
            return True
        if len(seen) > STATES:
            return True
        for who, at in enumerate(state):
            if at == ends[who]:
                continue
            acquire, key = ways[who][at]
            if acquire and not _free(ways, state, who, key):
                continue
            after = (*state[:who], at + 1, *state[who + 1 :])
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return False


def _free(ways: list[list[Step]], state: tuple[int, ...], who: int, key: Key) -> bool:
    for other, way in enumerate(ways):
        if other == who:
            continue
        for mode in holds(way, state[other], key):
            if mode == WRITE or key.mode != RECURSIVE_READ and key.mode == WRITE:
                return False
    return True


def holds(way: list[Step], at: int, key: Key) -> list[int]:
    """Modes in which a thread holds the lock of `key` after `at` steps of its way."""
    modes: list[int] = []
    for acquire, other in way[:at]:
        if other.base is key.base and not key.many:
            if acquire:
                modes.append(other.mode)
            elif modes:
                modes.pop()
    return modes
