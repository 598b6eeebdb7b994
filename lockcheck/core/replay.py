"""Can threads that released out of order really be at their points together?

With nested (last in, first out) locking, pairwise disjoint held sets are enough: either the
threads can all get there, or some other deadlock stops them on the way (Kahlon, Ivancic and Gupta,
"Reasoning about threads communicating via locks", CAV 2005).  Hand-over-hand locking breaks that:
a lock held on the way and dropped early is a gate that no held set shows.

So when a participant's chain has a release out of order, everybody's way from holding nothing is
reconstructed from the thread's own trie of chains, and a small search over the product of
those ways decides.  What a thread ever did under a prefix counts as done again on the way: more
than it needs, so a `possible` stays true.  Ways too long to decide are not called possible.
"""

from __future__ import annotations

from typing import Any

from lockcheck.core.classes import READ, WRITE, Key
from lockcheck.core.held import Chain

STATES = 20_000
"""States tried before giving up."""
WAY = 300
"""Longest way reconstructed."""
DEPTH = 8
"""Deepest section looked into."""

Step = tuple[bool, Key]
"""(acquire?, key)."""


class WayTooLongError(Exception):
    """A way has more steps than are worth trying."""


def meets(cycle: list[Any]) -> bool:
    """Can all participants of `cycle` stand at their points at once?"""
    if not any(p.rec.tainted for p in cycle):
        return True
    try:
        ways = [way_to(p.witness.chain, p.witness.marks) for p in cycle]
    except WayTooLongError:
        return False
    return reachable(ways)


def way_to(chain: Chain, marks: tuple[int, ...]) -> list[Step]:
    """Operations from holding nothing to `chain`; `marks`: how far each view had grown then.

    `marks` goes from the chain down to the root, and beyond a view to its earlier ones.
    """
    views = trail(chain)
    steps: list[Step] = []
    for at in range(len(views) - 2, -1, -1):  # the root's own sections were over before
        view = views[at]
        if view.key is not None:
            steps.append((True, _key(view)))
        else:
            steps += _dropped(view)
        _sections(view, marks[at], views[at - 1] if at else None, steps)
        if len(steps) > WAY:
            raise WayTooLongError
    return steps


def trail(chain: Chain) -> list[Chain]:
    """Views from `chain` down to the root, through releases out of order."""
    found = [chain]
    while found[-1].came is not None or found[-1].parent is not None:
        last = found[-1]
        before = last.came if last.came is not None else last.parent
        assert before is not None
        found.append(before)
    return found


def _key(view: Chain) -> Key:
    assert view.rec.key is not None
    return view.rec.key


def _dropped(view: Chain) -> list[Step]:
    """The release out of order that made this view."""
    before = view.came
    if before is None:
        return []
    after = list(view.rec.held)
    for key in before.rec.held:
        if after and after[0] is key:
            after.pop(0)
        else:
            return [(False, key)]
    return []


def _sections(view: Chain, count: int, follower: Chain | None, steps: list[Step]) -> None:
    """Everything that was done under a view, each time back to what it holds.

    What leads on (`follower`) may have been done before, too: its lock is taken next anyway, and
    its own sections are told at its own place.
    """
    if view.earlier is not None:
        _sections(view.earlier, len(view.earlier.next), None, steps)
    for number, child in enumerate(view.next.values()):
        if number >= count:
            break
        if child.came is None and child is not follower:
            _visit(child, steps, 1)


def _visit(view: Chain, steps: list[Step], depth: int) -> None:
    """Take the view's lock, do everything under it, drop it; again for each way it ended."""
    if depth > DEPTH or len(steps) > WAY:
        raise WayTooLongError
    steps.append((True, _key(view)))
    for child in tuple(view.next.values()):
        if child.came is None:
            _visit(child, steps, depth + 1)
    steps.append((False, _key(view)))
    for child in tuple(view.next.values()):
        if child.came is not None:
            steps.append((True, _key(view)))
            _after_drop(child, steps, depth)


def _after_drop(view: Chain, steps: list[Step], depth: int) -> None:
    """Drop out of order, do what followed, drop the rest and take back what lies below."""
    if depth > DEPTH or len(steps) > WAY:
        raise WayTooLongError
    dropped = _dropped(view)
    steps += dropped
    for child in tuple(view.next.values()):
        if child.came is None:
            _visit(child, steps, depth + 1)
        else:
            raise WayTooLongError  # several in one visit: not worth the care
    came = view.came
    assert came is not None
    newest = _key(came)
    if newest in view.rec.held:
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
    for other, position in enumerate(state):
        if other == who:
            continue
        for mine in held[other][position]:
            same = mine.base is key.base and not key.many
            if same and (mine.mode == WRITE or key.mode == WRITE):
                return False
    return True


__all__ = ["READ", "WayTooLongError", "meets", "reachable", "trail", "way_to"]
