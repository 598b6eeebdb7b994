"""Counts by name, changed together, and threads that wait until one of them has a value.

A parking lot whose state is known: a change says what it adds and what it found, a wait which count
must have which value.  So a search can work out whether a wait could have gone without a change
(`lockcheck.explore.races`); of a plain parking lot's predicate it knows nothing.

Invariant: `_table` is touched under `_gate` only (by `change`, `peek` and `wait`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from lockcheck.sync.host import Host

__all__ = ["Change", "Counts", "Until"]


class Change:
    """What is added to each count; called by `Parking.change`, once."""

    __slots__ = ("_table", "adds", "found")

    def __init__(self, table: dict[str, int], adds: Mapping[str, int]) -> None:
        self._table = table
        self.adds = adds
        self.found: dict[str, int] = {}
        """What all counts were before."""

    def __call__(self) -> None:
        table = self._table
        self.found = dict(table)
        for name, n in self.adds.items():
            table[name] = table.get(name, 0) + n

    def before(self, name: str | None) -> int:
        """What that count (None: the sum of all) was before."""
        return sum(self.found.values()) if name is None else self.found.get(name, 0)

    def by(self, name: str | None) -> int:
        """What is added to that count (None: to the sum of all)."""
        return sum(self.adds.values()) if name is None else self.adds.get(name, 0)


class Until:
    """A predicate: the count `name` (None: the sum of all) is `value`."""

    __slots__ = ("_table", "name", "value")

    def __init__(self, table: dict[str, int], name: str | None, value: int) -> None:
        self._table = table
        self.name = name
        self.value = value

    def __call__(self) -> bool:
        name, table = self.name, self._table
        return (sum(table.values()) if name is None else table.get(name, 0)) == self.value


class Counts(Parking):
    """Counts by name; one that was never changed is zero."""

    __slots__ = ("_table",)

    def __init__(self, chk: Host, name: str = "counts") -> None:
        super().__init__(chk, name)
        self._table: dict[str, int] = {}

    def add(self, adds: Mapping[str, int], *, why: str = "", part: str | None = "") -> None:
        """Add to several counts at once.  The order of such changes does not matter."""
        change = Change(self._table, adds)
        self.change(change, why=why, part=part, commutes=True, known=change)

    def total(self, name: str | None = None) -> int:
        """What a count is; None: the sum of all."""
        table = self._table
        found: int = self.peek(lambda: sum(table.values()) if name is None else table.get(name, 0))
        return found

    def wait_until(self, value: int, name: str | None = None, *, why: str) -> None:
        """Block until a count (None: the sum of all) has a value.  Raises: Unwind."""
        self.wait(Until(self._table, name, value), why=why)
