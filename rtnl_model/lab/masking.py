"""Which locks exclude nobody whom another lock has not excluded already: decided by what was run.

A mutant without such a lock behaves as the kernel does, so nothing can notice it.  Two cases:

* *none*: whenever a script came by the place, the expression there was no lock (a device that is
  not ops-locked, an instance lock that the caller has).
* *covered*: whenever any thread took one of the locks that this place takes, anywhere in the
  script, it held one other lock, the same one each time.  In `small` that is mostly `rtnl_mutex`.

Both say what was seen in the schedules that were run, not what can be.  Locks are told apart by
class and name; two devices of one name are one here, which can only make less of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

from lockcheck import Checker, Lock

__all__ = ["LockFacts", "PlaceLocks", "covered_by"]


@dataclass(frozen=True, slots=True)
class PlaceLocks:
    """What one script shows of one `with lock`."""

    taken: bool
    """Was there ever a lock?"""
    covers: frozenset[str]
    """Classes of the locks that cover it; of a place that takes several, those of each."""
    uncovered: bool
    """Is one of its locks covered by none?"""


@dataclass(slots=True)
class LockFacts:
    """What one script shows, as it runs."""

    outer: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    """A lock -> the locks held whenever it was taken."""
    places: dict[str, set[str]] = field(default_factory=dict)
    """A place -> the locks that it took."""

    def clear(self) -> None:
        """The next script."""
        self.outer.clear()
        self.places.clear()

    def taken(self, chk: Checker, lock: Lock) -> None:
        """A thread is about to take it."""
        held = frozenset(
            (entry.lock.class_name, str(entry.lock.name))
            for entry in chk.current().stack()
            if isinstance(entry.lock, Lock)  # others are shared, or no exclusion at all
        )
        name = named(lock)
        before = self.outer.get(name)
        self.outer[name] = held if before is None else before & held

    def at(self, place: str, manager: object) -> None:
        """A thread comes by the place, where this is what its `with` is about to enter."""
        found = self.places.setdefault(place, set())
        if not isinstance(manager, nullcontext):
            found.add(named(manager))

    def result(self) -> dict[str, PlaceLocks]:
        """Of every place that was reached."""
        found: dict[str, PlaceLocks] = {}
        for place, locks in self.places.items():
            covers = [self.outer.get(lock, frozenset()) for lock in locks]
            found[place] = PlaceLocks(
                taken=bool(locks),
                covers=frozenset(cls for each in covers for cls, _name in each),
                uncovered=not all(covers),
            )
        return found


def named(lock: object) -> str:
    """Class and name; of what is no mutex (one side of a read-write lock) a name of its own."""
    return f"{lock.class_name} {lock.name}" if isinstance(lock, Lock) else f"{lock!r}"


def covered_by(place: str, scripts: Iterable[Mapping[str, PlaceLocks]]) -> tuple[str, str]:
    """(Sort, reason) why nothing can notice that a place takes no lock; empty: there is none.

    Args:
        place: the mutant's name.
        scripts: what each script shows.
    """
    seen = [found[place] for found in scripts if place in found]
    if not seen:
        return "", ""
    taken = [each for each in seen if each.taken]
    if not taken:
        return "equivalent", f"in {len(seen)} scripts that come by it there was no lock to take"
    if any(each.uncovered for each in taken):
        return "", ""
    classes = sorted(frozenset().union(*(each.covers for each in taken)))
    said = ["RTNL"] if "rtnl_mutex" in classes else classes
    return "masked", (
        f"in {len(taken)} scripts that come by it whoever takes its lock, here or elsewhere, holds"
        f" {' or '.join(said)}"
    )
