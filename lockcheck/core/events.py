"""Events as values: what can be waited for, who waited, who made it happen.

A `Part` is one thing of an object that can be waited for: an event's being set, a queue's room, its
items, the end of a thread.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from lockcheck.core.classes import Key
from lockcheck.core.meetings import Meetings
from lockcheck.core.record import Leased, Witness
from lockcheck.core.report import LockRef, Step
from lockcheck.core.stacks import Stack
from lockcheck.core.vector import Clock, Start

__all__ = ["KEPT", "Join", "Part", "Touch", "Touches", "Waiter", "Waker", "wanted_until"]

KEPT = 8
"""Waiters and wakers remembered of each event."""
MAKERS = 8
"""Threads that make it happen first, at most, that say what comes before whoever has it."""
FREE = 8
"""Wakers remembered that held nothing and had waited for nothing: what they had wanted before
differs, one of them may have wanted nothing, and one may be the waiter itself."""
MAKERS_KEPT = 64
"""Threads remembered that made it happen, the latest."""
ALIKE = 2
"""Wakers remembered that held the same, after the same wait."""


class Touch(NamedTuple):
    """A thread wanted a lock, held on to it or not.  One serves all locks wanted at one place."""

    moment: int
    """The thread's own count of what it let others see (`ThreadState.moment`)."""
    serial: int
    epoch: int
    thread: str
    stack: Stack
    carried: bool = False
    """It held the lock when this segment of its life began, and may not have wanted it since."""

    def ref(self, key: Key) -> LockRef:
        """The lock as reports name it."""
        return LockRef(key.name, key.cls.name, key.mode_name, self.stack)

    def before(self, vc: Clock) -> bool:
        """Is it ordered before whoever knows `vc`, in every schedule?"""
        return self.epoch <= vc.get(self.serial)


Touches = Mapping[Key, Sequence[Touch]]


def wanted_until(moment: int, touches: Touches, vc: Clock) -> Iterator[tuple[Key, Touch]]:
    """Locks wanted up to a moment, but for what was before whoever knows `vc`; once each."""
    for key, times in touches.items():
        for touch in times:
            if touch.moment <= moment and not touch.carried and not touch.before(vc):
                yield key, touch
                break


class Waiter(NamedTuple):
    """A thread that waited for an event while it held something."""

    serial: int
    thread: str
    at: tuple[int, int, Clock]
    """Its serial, epoch and clock."""
    keys: tuple[Key, ...]
    """The locks it held, oldest first."""
    held: tuple[LockRef, ...]
    """The same, as reports name them."""
    leases: tuple[Leased, ...]
    stack: Stack
    generation: int
    waited: tuple[Part, ...]
    """What it had waited for before."""


class Waker(NamedTuple):
    """A thread that made an event happen, and what it needed for that."""

    serial: int
    thread: str
    needs: tuple[Key, ...]
    """The locks it held, oldest first."""
    refs: tuple[LockRef, ...]
    stack: Stack
    generation: int
    after: tuple[Part, int] | None
    """The event (and generation) it had waited for before."""
    touches: Touches
    """Every lock that it ever wanted, those after this moment included."""
    moment: int
    gave_back_under: tuple[Key, ...]
    """Locks it had held since it took what it gives back now (an item of a pool)."""
    owed: bool
    """It gives back what it had to wait for (`Part.owing`)."""
    at: tuple[int, int]
    """Its serial and epoch, when it had made it happen."""

    awaited: tuple[tuple[Part, int], ...]
    """What it had to wait for before, and its turn there (`ThreadState.awaited`)."""
    tried: tuple[Key, ...] = ()
    """What it held that it had only tried to take: it might have gone on without."""

    def before(self, vc: Clock) -> bool:
        """Has it made that happen before whoever knows `vc`, in every schedule?"""
        serial, epoch = self.at
        return epoch <= vc.get(serial)

    def had_before(self, key: Key, vc: Clock) -> bool:
        """Did it take what it holds before whoever knows `vc`, in every schedule?"""
        for touch in reversed(self.touches.get(key, ())):
            if touch.moment <= self.moment and not touch.carried:
                return touch.before(vc)
        return False

    def touched(self, vc: Clock) -> Iterator[tuple[Key, Touch]]:
        """What it wanted before, but for what was before whoever knows `vc`; once each lock."""
        return wanted_until(self.moment, self.touches, vc)


class Join(NamedTuple):
    """A thread waits with locks held for the end of another one, and what that one needed."""

    waiter: Waiter
    serial: int
    name: str
    touches: Touches
    awaited: Mapping[Part, int]

    def touched(self, vc: Clock) -> Iterator[tuple[Key, Touch]]:
        """What the joined thread wanted last, but for what was before whoever knows `vc`."""
        for key, times in self.touches.items():
            for touch in reversed(times):
                if not touch.before(vc):
                    yield key, touch
                    break

    def step(self, wanted: Key, touch: Touch) -> Step:
        """A part of a cycle: that lock is taken before the joined thread ends."""
        owed = LockRef(f"end of {self.name}", "thread", "owed")
        told = f"{touch.thread} takes {wanted.name} before {self.name} ends"
        return Step(touch.thread, owed, touch.ref(wanted), (), told=told)


class Part:
    """One thing of an object that can be waited for: an event, room, an item, an end."""

    __slots__ = (
        "first", "first_use", "free", "generation", "happened", "known", "lacks", "made",
        "meetings", "most", "name", "once", "owing", "parties", "since", "supply", "taken",
        "used", "uses", "waiters", "wakers",
    )  # fmt: skip

    def __init__(
        self, name: str, *, once: bool, parties: int = 0, first: bool = False, supply: int = 0
    ) -> None:
        self.name = name
        self.once = once
        """Happens once a generation (event, end of a thread): events may depend on each other."""
        self.parties = parties
        """Happens only when so many make it happen (a barrier); 0: anybody does."""
        self.lacks = first
        """There is none before somebody makes it happen who has not taken one first."""
        self.owing: set[int] = set()
        """Of such a part: serials of threads that took one, waiting for it as long as that took,
        and have not given one back."""
        self.first: set[int] | None = set() if first else None
        """Who has made it happen, where nobody can have it before one of them did."""
        self.meetings = Meetings(parties) if parties else None
        self.supply = supply
        """How many may have it before anybody makes it happen."""
        self.used: dict[int, int] | None = {} if supply else None
        """Serial of a thread -> how often it had some, less what it gave before; None: not counted
        (any more)."""
        self.most: dict[int, int] = {}
        """The most of that so far."""
        self.since: dict[int, Clock] = {}
        """What each of them knew when it had some for the first time."""
        self.first_use: dict[int, int] = {}
        """Its moment then."""
        self.uses = 0
        """How often anybody had some."""
        self.generation = 1
        self.happened = False
        self.known: Start | None = None
        """What is ordered before whoever has it: an event's one `set`, or, of all who make it
        happen, what they had done before the first time."""
        self.made: dict[int, int] = {}
        """Serial of a thread -> the latest generation that it made happen; the latest few."""
        self.waiters: list[Waiter] = []
        self.wakers: list[Waker] = []
        self.free: dict[int, list[Waker]] = {}
        """Generation (0 where none counts) -> wakers that held nothing and came after no wait."""
        self.taken: dict[int, tuple[Key, ...]] = {}
        """Serial of a thread -> what it held when it took one and had not given it back."""

    def made_first(self, serial: int, known: Clock) -> None:
        """A thread makes it happen for the first time: who has it comes after one of these."""
        if self.first is None:
            return
        self.first.add(serial)
        if len(self.first) > MAKERS:
            self.first = self.known = None
            return
        self.known = (known if self.known is None else self.known[0].common(known), {})

    def may_be_made_by(self, known: Clock) -> None:
        """Somebody makes it happen after another one did: that one may be the first next time."""
        if self.known is not None:
            before, order_of_this_run = self.known
            self.known = (before.common(known), order_of_this_run)

    @property
    def round(self) -> int:
        """The generation, where it distinguishes one event from the next."""
        return self.generation if self.once else 0

    def add(self, waker: Waker, round_: int | None = None) -> None:
        """Remember a waker; of this round where none is given."""
        if waker.needs or waker.after is not None:
            self.wakers.append(waker)
            del self.wakers[:-KEPT]
            return
        self.free.setdefault(self.round if round_ is None else round_, []).append(waker)
        if len(self.free) > KEPT:
            del self.free[min(self.free)]

    def wakers_of(self, generation: int) -> list[Waker]:
        """Everybody who was seen making this generation happen."""
        round_ = generation if self.once else 0
        named = [w for w in self.wakers if not self.once or w.generation == generation]
        return [*named, *self.free.get(round_, ())]

    def makers_of(self, generation: int) -> list[Waker]:
        """Those of them who did not have to wait for it first, to give it back."""
        return [waker for waker in self.wakers_of(generation) if not waker.owed]

    def was_made_before(self, witness: Witness, generation: int) -> bool:
        """Had this thread made it happen when it was seen there?"""
        return any(
            waker.serial == witness.serial and waker.moment < witness.moment
            for waker in self.wakers_of(generation)
        )

    def note_made(self, serial: int) -> None:
        """A thread makes it happen, and not by giving back what it had to wait for."""
        if serial not in self.owing:
            self.made.pop(serial, None)
            self.made[serial] = self.generation
            if len(self.made) > MAKERS_KEPT:  # others may be here, too: no lock is held
                for oldest in list(self.made)[:-MAKERS_KEPT]:
                    self.made.pop(oldest, None)

    def may_come_after(self, part: Part) -> bool:
        """Was somebody seen making it happen after a wait for that part?"""
        wakers = (*self.wakers, *(w for each in self.free.values() for w in each))
        return any(part is before for waker in wakers for before, _ in waker.awaited)

    def is_made_by(self, serial: int, generation: int) -> bool:
        """Has this thread made that generation happen, whether or not it is remembered as waker?"""
        if self.made.get(serial) == (generation if self.once else self.generation):
            return True
        return any(w.serial == serial for w in self.makers_of(generation))

    def is_repeated_by(self, serial: int) -> bool:
        """Did this thread, which needs nothing, make the generation before happen just so?

        Then it is remembered for this one, too, as it was there.
        """
        here = self.free.get(self.round)
        if here is not None and any(waker.serial == serial for waker in here):
            return True
        for waker in self.free.get(self.round - 1, ()):
            if waker.serial == serial:
                self.add(waker, self.round)
                return True
        return False

    def turn(self, serial: int) -> int:
        """The generation, or which of its rounds at a barrier, or uses, a thread has come for."""
        if self.used is not None:
            return self.used.get(serial, 0)
        return self.generation if self.meetings is None else self.meetings.turn(serial)

    def used_later(self, witness: Witness) -> bool:
        """Had this thread none of it yet when it was seen there?"""
        return witness.moment <= self.first_use.get(witness.serial, -1)

    def has_enough_for(self, waiter: Waiter, without: Container[int] = ()) -> bool:
        """Can nobody have taken so much before that the waiter would have to wait?

        `without`: threads that cannot have taken any.
        """
        if self.used is None:
            return False
        mine, epoch, _ = waiter.at
        others = sum(
            times
            for serial, times in self.most.items()
            if serial != waiter.serial
            and serial not in without
            and epoch > self.since[serial].get(mine)
        )
        return others + waiter.generation < self.supply

    def is_new(self, serial: int, needs: tuple[Key, ...], after: tuple[Part, int] | None) -> bool:
        """Does a waker like this add to what is known?"""
        turn = self.turn(serial)
        owed = serial in self.owing
        if self.once and after is not None and after == (self, self.generation):
            return False  # it waited for the very thing: somebody else had made it happen
        if not needs and after is None:
            free = [w for w in self.free.get(self.round, ()) if w.owed == owed]
            return len(free) < FREE and all(w.serial != serial for w in free)
        alike = 0
        for old in self.wakers:
            again = self.once and old.serial == serial and old.generation == self.generation
            if again and all(key in needs for key in old.tried):
                return False  # it had made it happen before
            same = old.generation == turn and old.after == after and old.owed == owed
            if same and old.needs == needs:
                alike += 1
                if old.serial == serial or alike == ALIKE:
                    return False
        return True
