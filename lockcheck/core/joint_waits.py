"""Waiters that keep everybody away together, though none of them does alone.

One waits for an event with lock A held, another one with B; whoever makes it happen needs A or B.
Or one waiter holds both.  Each waker is kept away by some lock of some waiter, so nobody comes.

The waiters must be able to stand there at once (no gate, no order between them), and how often it
happened must not matter: none of them has had it before, or made it happen.

Left out: what there is some of from the start (room), barriers, whose rounds `meetings` looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from lockcheck.core.classes import Key
from lockcheck.core.events import Part, Waiter, Waker
from lockcheck.core.gates import gate
from lockcheck.core.report import POSSIBLE, LockRef, Severity, Step

__all__ = ["Need", "Needs", "can_meet", "joint"]


class Need(NamedTuple):
    """How a waker needs a lock that the waiter holds."""

    steps: list[Step]
    severity: Severity


Needs = Callable[[Waker, Key, Waiter], Need | None]
"""How a waker needs a lock of a waiter's, if it does."""


class Kept(NamedTuple):
    """A waker is kept away by a lock of a waiter's."""

    waiter: Waiter
    ref: LockRef
    need: Need


def joint(part: Part, waiter: Waiter, wakers: Sequence[Waker], needs: Needs) -> list[Step] | None:
    """The cycle through `waiter`, and the others who keep all wakers away with it; None: none."""
    if part.supply or part.parties or len(wakers) < 2:
        return None
    if any(not (w.needs or w.touches or w.awaited) and w.after is None for w in wakers):
        return None
    group = [waiter]
    kept: list[Kept] = []
    for waker in wakers:
        found = _kept(waker, group, needs) or _kept(waker, _others(part, group), needs)
        if found is None:
            return None
        kept.append(found)
        if all(found.waiter is not each for each in group):
            group.append(found.waiter)
    if len({(each.waiter.serial, each.ref.name) for each in kept}) < 2:
        return None
    return _steps(part, waiter, kept)


def _others(part: Part, group: Sequence[Waiter]) -> list[Waiter]:
    """Waiters for the same that can stand there together with those of the group."""
    made = {waker.serial for waker in part.makers_of(group[0].generation)}
    return [
        other
        for other in part.waiters
        if other.generation == group[0].generation
        and other.serial not in made
        and part not in other.waited
        and all(can_meet(other, each) for each in group)
    ]


def can_meet(one: Waiter, other: Waiter) -> bool:
    """Can the two wait at the same time, each with what it holds?"""
    serial, epoch, vc = one.at
    another, then, known = other.at
    return (
        one.serial != other.serial
        and not epoch <= known.get(serial)
        and not then <= vc.get(another)
        and gate(one.keys, other.keys) is None
    )


def _kept(waker: Waker, waiters: Sequence[Waiter], needs: Needs) -> Kept | None:
    for waiter in waiters:
        if waiter.serial == waker.serial:
            continue
        for key, ref in zip(waiter.keys, waiter.held, strict=True):
            need = None if key in waker.gave_back_under else needs(waker, key, waiter)
            if need is not None and need.severity == POSSIBLE:
                return Kept(waiter, ref, need)
    return None


def _steps(part: Part, first: Waiter, kept: Sequence[Kept]) -> list[Step]:
    """The cycle: each waits for what one owes that is kept away by the next."""
    last = {(each.waiter.serial, each.ref.name): each for each in kept}
    rows = sorted(last.values(), key=lambda each: each.waiter is not first)
    steps: list[Step] = []
    for at, each in enumerate(rows):
        waiter, following = each.waiter, rows[(at + 1) % len(rows)]
        wanted = LockRef(part.name, "event", "wait", waiter.stack)
        steps.append(Step(waiter.thread, each.ref, wanted, waiter.held, "wait"))
        steps += following.need.steps
    return steps
