"""Which classes can be on a cycle at all: an incremental topological order of groups of classes.

Pearce and Kelly's algorithm ("A dynamic topological sort algorithm for directed acyclic graphs",
JEA 2006), extended by merging: an edge that closes a cycle joins everything on that cycle into one
group.  A new edge that agrees with the order costs a comparison, and only edges inside a group
need a search for cycles, so the usual case (no inversion anywhere) stays cheap however large the
graph grows.

Invariant: for every edge between two groups, `from.ord < to.ord`; classes are in the same group
exactly when they are on a common cycle (reader strength ignored).
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from lockcheck.core.classes import LockClass

_by_ord = attrgetter("ord")


class Group:
    """Classes on common cycles; one class alone, usually."""

    __slots__ = ("into", "members", "ord", "out")

    def __init__(self, ord_: int, member: LockClass) -> None:
        self.ord = ord_
        self.members: list[LockClass] = [member]
        self.out: set[Group] = set()
        self.into: set[Group] = set()


class Order:
    """The order of all groups.  Locks: the engine's."""

    def __init__(self) -> None:
        self._groups: dict[LockClass, Group] = {}
        self.searched = 0
        """Groups visited by reordering so far; statistics."""

    def group(self, cls: LockClass) -> Group:
        """Return the group of a class, made on first use."""
        found = self._groups.get(cls)
        if found is None:
            found = self._groups[cls] = Group(len(self._groups), cls)
        return found

    def together(self, one: LockClass, other: LockClass) -> bool:
        """Are the two on a common cycle, or the same?"""
        if one is other:
            return True
        group = self._groups.get(one)
        return group is not None and group is self._groups.get(other)

    def add(self, source: LockClass, target: LockClass) -> bool:
        """Add an edge; True when both ends are on a common cycle now."""
        u = self.group(source)
        v = self.group(target)
        if u is v:
            return True
        if v in u.out:
            return False
        if u.ord > v.ord:
            forward = self._reach(v, u.ord, forward=True)
            backward = self._reach(u, v.ord, forward=False)
            if u in forward:
                self._merge(forward, backward)
                return True
            self._place([*sorted(backward, key=_by_ord), *sorted(forward, key=_by_ord)])
        u.out.add(v)
        v.into.add(u)
        return False

    def _reach(self, start: Group, limit: int, *, forward: bool) -> set[Group]:
        """Groups reachable from `start` whose order does not lie beyond `limit`."""
        found = {start}
        todo = [start]
        while todo:
            node = todo.pop()
            self.searched += 1
            for other in node.out if forward else node.into:
                inside = other.ord <= limit if forward else other.ord >= limit
                if inside and other not in found:
                    found.add(other)
                    todo.append(other)
        return found

    def _place(self, groups: list[Group]) -> None:
        """Give these groups their own order numbers again, in this order."""
        for group, ord_ in zip(groups, sorted(g.ord for g in groups), strict=True):
            group.ord = ord_

    def _merge(self, forward: set[Group], backward: set[Group]) -> None:
        """Join what lies on the new cycle into one group between the rest of both sides."""
        cycle = sorted(forward & backward, key=_by_ord)
        keep = cycle[0]
        before = sorted(backward - forward, key=_by_ord)
        after = sorted(forward - backward, key=_by_ord)
        numbers = sorted(g.ord for g in forward | backward)
        for group, ord_ in zip(before, numbers, strict=False):
            group.ord = ord_
        keep.ord = numbers[len(before)]
        for group, ord_ in zip(after, numbers[len(numbers) - len(after) :], strict=True):
            group.ord = ord_
        self._absorb(keep, cycle[1:])

    def _absorb(self, keep: Group, others: Iterable[Group]) -> None:
        gone = set(others)
        for group in gone:
            keep.members += group.members
            for member in group.members:
                self._groups[member] = keep
            for other in group.out:
                other.into.discard(group)
                if other is not keep and other not in gone:
                    other.into.add(keep)
                    keep.out.add(other)
            for other in group.into:
                other.out.discard(group)
                if other is not keep and other not in gone:
                    other.out.add(keep)
                    keep.into.add(other)
        keep.out -= gone
        keep.into -= gone
        keep.members.sort(key=lambda cls: cls.serial)
