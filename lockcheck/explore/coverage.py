"""What a search has seen: schedules, distinct orders, distinct final states, and how much is left.

An order is named by a number that equivalent schedules share: per object the sequence of operations
that touched it (which one of which thread), where accesses that commute count as one unordered
step.  Given the program, that determines the order.  What an object is called has no part in it:
one that the program did not name is called after the thread that came to it first.

What a search learns to look at while it runs (a field that two threads touch) makes more operations
points, and the same order gets another number: orders are counted by what was looked at, and their
number is the most that one such look has seen.  The Good-Turing estimate f1 / n (orders seen once,
by schedules) is the chance that the next schedule shows a new order.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.explore.conflict import WRITE, footprint

__all__ = ["Coverage", "Row", "look_of", "order_of"]

_MASK: Final = (1 << 61) - 1
_ODD: Final = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class Row:
    """One schedule that was run to its end."""

    run: int
    order: int
    state: str
    points: int
    switches: int
    look: int = 0
    """What was looked at (`look_of`): only orders of one look are told apart."""


class Coverage:
    """Counts of one search."""

    def __init__(self) -> None:
        self.schedules = 0
        self.redundant = 0
        """Runs given up because an equivalent one was known; not counted as schedules."""
        self._orders: dict[int, Counter[int]] = {}
        """By look."""
        self.states: Counter[str] = Counter()
        self.points: list[int] = []
        self.switches: list[int] = []

    def add(self, row: Row) -> None:
        """Count one finished schedule."""
        self.schedules += 1
        self._orders.setdefault(row.look, Counter())[row.order] += 1
        self.states[row.state] += 1
        if len(self.points) < 100_000:
            self.points.append(row.points)
            self.switches.append(row.switches)

    @property
    def orders(self) -> Counter[int]:
        """Schedules by order, of the look that has seen most; of two such, the later one's."""
        best: Counter[int] = Counter()
        for orders in self._orders.values():
            if len(orders) >= len(best):
                best = orders
        return best

    def unseen(self) -> float:
        """Chance that the next schedule shows a new order (Good-Turing)."""
        orders = self.orders
        if not orders:
            return 1.0
        return sum(1 for count in orders.values() if count == 1) / orders.total()

    def hashes(self) -> dict[str, dict[str, int]]:
        """Orders and states by name, for merging."""
        return {
            "order_hashes": {f"{order:x}": count for order, count in self.orders.items()},
            "state_hashes": {
                f"{zlib.crc32(state.encode('utf-8', 'surrogatepass')):08x}": count
                for state, count in self.states.items()
            },
        }

    def to_dict(self) -> dict[str, object]:
        """Numbers for the result document."""
        return {
            "schedules": self.schedules,
            "redundant": self.redundant,
            "orders": len(self.orders),
            "states": len(self.states),
            "unseen": round(self.unseen(), 6),
            "points": _spread(self.points),
            "switches": _spread(self.switches),
        }


def look_of(observed: Collection[str]) -> int:
    """Name what a run looks at: classes whose releases are points, fields that are shared."""
    names = "\0".join(sorted(observed))
    return zlib.crc32(names.encode("utf-8", "surrogatepass"))


def order_of(conductor: ControlledConductor) -> int:
    """Name the order of the run that `conductor` has just finished."""
    objects: dict[object, list[int]] = {}
    threads = [task.key for task in conductor.tasks]
    own = list(threads)
    """By thread: what it chose, and which of its operations timed out."""
    ids = list(threads)
    """By thread: a number for its present operation, the same in all equivalent schedules."""
    last = 0
    for choice, op in conductor.events:
        if choice.of_program:
            own[last] = (own[last] * _ODD + choice) & _MASK
            continue
        last = choice.thread
        if op.timeout is not None:
            own[last] = (own[last] * _ODD + 2 + choice.fires) & _MASK
        event = ids[last] = (ids[last] * _ODD + 1) & _MASK
        for obj, mode in footprint(choice, op):
            entry = objects.get(obj)
            if entry is None:
                entry = objects[obj] = [0, mode, 0]
            if entry[1] != mode or mode == WRITE:
                entry[0] = ((entry[0] ^ entry[2]) * _ODD + mode) & _MASK
                entry[1] = mode
                entry[2] = 0
            entry[2] += event
    total = 0
    for entry in objects.values():
        value = ((entry[0] ^ entry[2]) * _ODD) & _MASK
        total += value ^ (value >> 29)
    for i, value in enumerate(own):
        total += ((value ^ threads[i]) * _ODD) & _MASK
    return total & _MASK


def _spread(values: list[int]) -> list[int]:
    """Return minimum, median, maximum."""
    if not values:
        return [0, 0, 0]
    ordered = sorted(values)
    return [ordered[0], ordered[len(ordered) // 2], ordered[-1]]
