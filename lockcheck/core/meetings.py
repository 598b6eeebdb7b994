"""Barriers: what a round puts in order, and who may be left over.

A barrier that only as many threads use as it has parties meets them all in every round of every
schedule.  What each did before a round is then before what every other does after it: that order is
as good as a join's, and is used for all verdicts.

Where more threads use it, who meets whom differs from run to run, and somebody may be left for whom
no thread comes.  A run that went well shows how often each thread arrives; `left_over` looks for an
order of the same arrivals in which fewer threads than a round needs are left.  An arrival holds
locks and took others on the way there; who stands at the barrier keeps them from the others.

Left out: a barrier that breaks or is reset; more than `ARRIVALS` arrivals.  What a thread learns of
others between two arrivals does not count where it may have learned it at this very barrier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, Protocol

from lockcheck.core.classes import Key
from lockcheck.core.gates import gate
from lockcheck.core.record import blocks
from lockcheck.core.report import LockRef
from lockcheck.core.stacks import Stack
from lockcheck.core.vector import NOTHING_KNOWN, Clock, Start

__all__ = ["ARRIVALS", "EAGER", "Arrival", "Meetings"]

ARRIVALS = 24
"""Arrivals at one barrier that are remembered; with more nobody is called left over, and what a
thread holds and takes in later rounds makes no cycle of waits."""
EAGER = 8
"""Rounds of a thread after which all that it does is judged again; later ones only put in order
what it does for the first time."""
STATES = 4000
"""States of a barrier tried before giving up."""


class User(Protocol):
    """A thread, as far as it matters whether it may come again."""

    @property
    def serial(self) -> int: ...

    @property
    def alive(self) -> bool: ...


class Wanted(Protocol):
    """When a thread wanted a lock (`events.Touch`)."""

    @property
    def moment(self) -> int: ...

    def before(self, vc: Clock) -> bool: ...


class Arrival(NamedTuple):
    """A thread came to the barrier."""

    user: User
    thread: str
    at: tuple[int, int, Clock]
    """Its serial, epoch and clock."""
    keys: tuple[Key, ...]
    """The locks it held, oldest first."""
    refs: tuple[LockRef, ...]
    on_the_way: tuple[Key, ...]
    """Locks that it wanted since its arrival before, held on to or not (`Meetings.way`)."""
    stack: Stack
    moment: int
    """The thread's count (`ThreadState.moment`) when it came."""
    alone: bool
    """It had waited for nothing else that would order it."""

    @property
    def serial(self) -> int:
        return self.user.serial

    def after(self, other: Arrival) -> bool:
        """Is it ordered after the other in every schedule?"""
        serial, epoch, _ = other.at
        return epoch <= self.at[2].get(serial)

    def comes_after(self, touch: Wanted) -> bool:
        """Was that lock wanted before this arrival, in every schedule?"""
        serial, epoch, vc = self.at
        return touch.before(vc.after(serial, epoch))

    def kept_away(self, others: Sequence[Arrival]) -> bool:
        """Do some of these, who stand at the barrier, hold what it needs to get there?"""
        return any(
            held.base is wanted.base and blocks(held.mode, wanted.mode)
            for other in others
            for held in other.keys
            for wanted in (*self.keys, *self.on_the_way)
        )


Plan = dict[int, list[Arrival]]
"""Serial of a thread -> its arrivals in order."""
State = tuple[int, ...]
"""How many arrivals of each thread are over."""


class Meetings:
    """What is known of one barrier.  Locks: the engine's leaf."""

    __slots__ = ("_coming", "_count", "_turns", "arrivals", "countable", "known", "parties",
                 "regular")  # fmt: skip

    def __init__(self, parties: int) -> None:
        self.parties = parties
        self.regular = True
        """It never broke."""
        self.countable = True
        """Every arrival is remembered."""
        self.arrivals: list[Arrival] = []
        self._turns: dict[int, int] = {}
        """Serial of a thread -> how often it came."""
        self._coming = NOTHING_KNOWN
        """What those had done who have come for the round that fills."""
        self._count = 0
        """How many that are."""
        self.known: Start | None = None
        """What is ordered before whoever leaves; None: who meets whom differs."""

    def orders(self, serial: int, known: Start) -> None:
        """A thread comes, having done so much.  Called before it really comes.

        Where all rounds meet the same threads, no thread comes for a round before all have left the
        one before, so what is `known` changes only when nobody needs it any more.
        """
        self._turns[serial] = self._turns.get(serial, 0) + 1
        if len(self._turns) > self.parties:
            self.known = None
        else:
            self._coming = self._coming.merged(known[0])
            self._count += 1
            if self._count == self.parties:
                self.known = self._coming, {}
                self._count = 0
        if not self.regular:
            self.known = None

    def arrives(self, arrival: Arrival, known: Start) -> None:
        """As `orders`, and remember it."""
        self.orders(arrival.serial, known)
        first = next((each for each in self.arrivals if each.serial == arrival.serial), arrival)
        serial, epoch, _ = arrival.at  # what it knows by this barrier is not so in every schedule
        self.arrivals.append(arrival._replace(at=(serial, epoch, first.at[2])))
        if len(self.arrivals) > ARRIVALS:
            self.countable = False
            self.arrivals.clear()

    def way(
        self, serial: int, vc: Clock, touched: Mapping[Key, Sequence[Wanted]]
    ) -> tuple[Key, ...]:
        """Locks that a thread which comes now has wanted since it came before.

        What a thread wanted that it has joined counts, too; but not what that one wanted before an
        arrival of its own: that arrival is over before this one can be.
        """
        mine = [arrival for arrival in self.arrivals if arrival.serial == serial]
        since = mine[-1].moment if mine else 0
        known = mine[0].at[2] if mine else vc
        over = [a for a in self.arrivals if a.serial != serial and a.at[1] <= known.get(a.at[0])]
        return tuple(
            key
            for key, times in touched.items()
            if any(t.moment >= since and not any(a.comes_after(t) for a in over) for t in times)
        )

    def broke(self) -> None:
        """It broke or was reset: nothing is concluded from here on."""
        self.regular = self.countable = False
        self.known = None
        self.arrivals.clear()

    def turn(self, serial: int) -> int:
        """Which of its rounds a thread has come for."""
        return self._turns.get(serial, 0)

    @property
    def matters(self) -> bool:
        """Is anything concluded from who comes?"""
        return self.countable or (self.regular and len(self._turns) <= self.parties)

    @property
    def varied(self) -> bool:
        """May who meets whom differ?"""
        return self.countable and len(self._turns) > self.parties

    def is_over(self, reader: User) -> bool:
        """Will nobody come any more, as far as `reader` knows, who ends or looks at the result?"""
        return not any(a.user.alive and a.user is not reader for a in self.arrivals)

    def left_over(self) -> list[Arrival] | None:
        """Arrivals that no other thread meets, in some order of all of them; None without."""
        plan: Plan = {}
        for arrival in self.arrivals:
            plan.setdefault(arrival.serial, []).append(arrival)
        threads = list(plan.values())
        start = (0,) * len(threads)
        seen = {start}
        todo = [start]
        while todo:
            state = todo.pop()
            nexts = [code[at] for code, at in zip(threads, state, strict=True) if at < len(code)]
            ready = [each for each in nexts if _may_come(each, threads, state)]
            free = [each for each in ready if not _is_kept_out(each, threads, state)]
            stuck = self._stuck(nexts, ready, free)
            if stuck:
                return stuck
            for met in self._rounds(free):
                serials = {each.serial for each in met}
                after = tuple(
                    at + (code[0].serial in serials)
                    for code, at in zip(threads, state, strict=True)
                )
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
            if len(seen) > STATES:
                return None
        return None

    def _rounds(self, ready: Sequence[Arrival]) -> Iterator[tuple[Arrival, ...]]:
        for met in combinations(ready, self.parties):
            if all(gate(a.keys, b.keys) is None for a, b in combinations(met, 2)):
                yield met

    def _stuck(
        self, nexts: Sequence[Arrival], ready: Sequence[Arrival], free: Sequence[Arrival]
    ) -> list[Arrival] | None:
        """Some who stand at the barrier, too few for a round, and keep all others away."""
        for count in range(1, min(self.parties - 1, len(free)) + 1):
            for there in combinations(free, count):
                if any(gate(a.keys, b.keys) is not None for a, b in combinations(there, 2)):
                    continue
                if all(
                    each in there or each not in ready or each.kept_away(there) for each in nexts
                ):
                    return list(there)
        return None


def _may_come(arrival: Arrival, threads: Sequence[list[Arrival]], state: State) -> bool:
    """Is everything over that comes before it in every schedule?"""
    return not any(
        arrival.after(other)
        for code, at in zip(threads, state, strict=True)
        for other in code[at:]
        if other is not arrival and other.serial != arrival.serial
    )


def _is_kept_out(arrival: Arrival, threads: Sequence[list[Arrival]], state: State) -> bool:
    """Does another thread hold what it needs from one arrival to its next, as far as that shows?"""
    for code, at in zip(threads, state, strict=True):
        if 0 < at < len(code) and code[0].serial != arrival.serial:
            before = {key.base for key in code[at - 1].keys}
            kept = [key.base for key in code[at].keys if key.base in before]
            if any(key.base in kept for key in (*arrival.keys, *arrival.on_the_way)):
                return True
    return False
