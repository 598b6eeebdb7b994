"""Locks that a thread holds across a hand-over, and what follows once another thread takes them.

A start, the one `set` of an event, an arrival at a barrier: each puts what a thread did before it
what another one does after it, in every schedule.  A lock that the first one took before the
hand-over, and still holds, is taken by the other one only after the first has released it.  So all
that the first did up to that release is before what the other does from then on, too.

Left out: who only tries (it may go on without the lock); locks that do not exclude (readers among
themselves, several permits, maps) or whose key may be any instance; locks released by a thread that
did not take them.
"""

from __future__ import annotations

from typing import NamedTuple

from lockcheck.core import chains
from lockcheck.core.classes import Key
from lockcheck.core.clocks import knows
from lockcheck.core.gates import excludes
from lockcheck.core.held import Entry, Hold, ThreadState
from lockcheck.core.vector import Start

__all__ = ["Carried"]

LOCKS = 256
"""Locks remembered that were held across a hand-over."""
EACH = 8
"""Such holds remembered of each."""


class Released(NamedTuple):
    """A hold across a hand-over that is over."""

    key: Key
    serial: int
    since: int
    """The epoch of its thread in which the lock was taken."""
    given: Start
    """What its thread had done when it released the lock."""


class Carried:
    """Such holds of all threads of one checker.  Locks: written under the engine's leaf."""

    def __init__(self) -> None:
        self._released: dict[Key, tuple[Released, ...]] = {}

    @staticmethod
    def note(ts: ThreadState) -> None:
        """A segment of `ts` ends with a hand-over: what it holds, it holds across that."""
        if not any(_counts(entry) and not _since(entry) for entry in ts.held()):
            return
        for hold in chains.materialise(ts):
            if hold.ts is ts and _counts(hold) and not hold.since:
                hold.since = ts.epoch
                hold.bare = False

    def released(self, ts: ThreadState, hold: Hold, given: Start) -> None:
        """`ts` is about to release a lock that it held across a hand-over."""
        lock = hold.key.base
        known = self._released.get(lock, ())
        over = Released(hold.key, ts.serial, hold.since, given)
        self._released[lock] = (*known[1 - EACH :], over)
        if len(self._released) > LOCKS:
            del self._released[next(iter(self._released))]

    def before(self, ts: ThreadState, key: Key) -> Start | None:
        """What must be over now that `ts` has taken `key`; None where that is nothing new."""
        if key.trylock:
            return None
        for over in self._released.get(key.base, ()):
            if (
                over.since <= ts.vc.get(over.serial)
                and excludes(over.key, key)
                and not knows(ts, over.given)
            ):
                return over.given
        return None


def _counts(entry: Entry) -> bool:
    key: Key = entry.key
    return key.permits == 1 and not key.many and key.cls.base.kind != "map"


def _since(entry: Entry) -> int:
    return entry.since if isinstance(entry, Hold) else 0
