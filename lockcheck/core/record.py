"""The parts of the dependency graph: records of chains, edges between classes, witnesses.

A `Record` is one distinct sequence of held locks (with modes) plus the newest acquire, in one
context state; it knows its threads (`witnesses`) up to a number, and all its edges: from *every*
held lock to the new one, not only from the nearest as in lockdep.

An `Edge` joins two classes with a set of kinds: the held side exclusive or shared, the wanted side
recursive reader or not (ER EN SR SN).  It lists the records that made it.

A record is saturated when `SATURATED` mutually unordered threads were seen on it, or when it has no
edge at all: then one more thread adds nothing, and the transition may be taken by anybody without
asking.  (Two would do for cycles of two; a cycle of n needs n distinct threads.)
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from typing import Protocol

from lockcheck.core.classes import NOTHING, RECURSIVE_READ, WRITE, Key, LockClass
from lockcheck.core.report import LockRef
from lockcheck.core.stacks import EMPTY, Stack
from lockcheck.core.vector import Clock

__all__ = [
    "NO_CONTEXT", "Context", "Edge", "Leased", "Marks", "Record", "Witness", "blocks", "kind_of",
]  # fmt: skip

Context = tuple[tuple[str, ...], frozenset[str]]
"""(contexts active, contexts disabled)."""

NO_CONTEXT: Context = ((), frozenset())

NONE: frozenset[LockClass] = frozenset()
SATURATED = 4
"""Mutually unordered threads after which a record needs no more; one more than all permits of a
semaphore that is held."""
WITNESSES = 12
"""Witnesses kept of a record, at least: the first and the latest half of them."""
INSTANCES_TOLD = 64
"""Witnesses kept of a record whose keys do not say which lock it is: each names the locks."""
SIGHTINGS = 256
"""Times that such a record is looked at; afterwards any instance may have been there."""

Instance = Key | weakref.ref[object]  # of a lock; the interpreter keeps one reference object a lock
"""Which lock it is: a key of its own, or a weak reference where the key is shared."""

# Kinds of an edge, as bits.
ER = 1
EN = 2
SR = 4
SN = 8
KIND_NAMES = {ER: "ER", EN: "EN", SR: "SR", SN: "SN"}


def kind_of(held: int, wanted: int) -> int:
    """Kind of the edge from a lock held in one mode to one wanted in another."""
    if held == WRITE:
        return ER if wanted == RECURSIVE_READ else EN
    return SR if wanted == RECURSIVE_READ else SN


def blocks(held: int, wanted: int) -> bool:
    """Can a holder in mode `held` keep away one who wants it in mode `wanted`?"""
    return held == WRITE or wanted != RECURSIVE_READ


class Leased(Protocol):
    """A lock that somebody else holds around the whole of a thread (`leases`)."""

    @property
    def key(self) -> Key: ...

    @property
    def serial(self) -> int: ...

    def valid(self) -> bool:
        """Did its holder keep it, as far as can be seen?"""
        ...


class Witness:
    """One thread, in one segment of its life, seen on a record."""

    __slots__ = (
        "epoch", "held", "instances", "leases", "marks", "moment", "rec", "serial", "stack",
        "thread", "vc", "wanted",
    )  # fmt: skip

    def __init__(
        self,
        thread: str,
        at: tuple[int, int, Clock],
        rec: Record,
        stack: Stack,
        held: tuple[LockRef, ...],
        wanted: LockRef,
        marks: Marks,
        leases: tuple[Leased, ...],
        instances: tuple[Instance, ...] = (),
        moment: int = 0,
    ) -> None:
        self.thread = thread
        self.serial, self.epoch, self.vc = at
        self.rec = rec
        self.stack = stack
        """Where the new lock was wanted."""
        self.held = held
        """What was held, oldest first, with where it was taken."""
        self.wanted = wanted
        self.marks = marks
        """What the thread had done under each prefix of its chain (`replay`)."""
        self.leases = leases
        self.instances = instances
        """Which locks were held and, last, wanted; empty where the record's keys say so."""
        self.moment = moment
        """The thread's count of what it had made happen (`ThreadState.moment`)."""

    def instance(self, at: int) -> Instance | None:
        """Which lock stands at a position of the record; None: it may be any of its key."""
        key = self.rec.held[at]
        if not key.many:
            return key.base
        return None if self.rec.blurred or not self.instances else self.instances[at]

    def before(self, vc: Clock) -> bool:
        """Is it ordered before whoever knows `vc`, in every schedule?"""
        return self.epoch <= vc.get(self.serial)

    def ordered(self, other: Witness) -> bool:
        """Does start/join order put one wholly before the other?"""
        return self.before(other.vc) or other.before(self.vc)


class Edge:
    """One class was held while the other was wanted."""

    __slots__ = ("count", "first", "kinds", "records", "source", "target")

    def __init__(self, source: LockClass, target: LockClass) -> None:
        self.source = source
        self.target = target
        self.kinds = 0
        self.first: dict[int, tuple[Witness, int]] = {}
        """kind -> (first witness, position of the held lock)."""
        self.records: list[tuple[Record, int]] = []
        """Records that make it, each with the position of the held lock."""
        self.count = 0
        """Witnesses so far."""

    @property
    def saturated(self) -> bool:
        return any(rec.saturated for rec, _ in self.records)


class Record:
    """A held sequence and the acquire that made it, as all threads share it."""

    __slots__ = (
        "_bases", "blurred", "children", "context", "edges", "held", "key", "parent", "saturated",
        "serial", "shared", "sightings", "tainted", "token", "uses", "witnesses",
    )  # fmt: skip

    def __init__(
        self,
        parent: Record | None,
        token: Hashable,
        key: Key | None,
        held: tuple[Key, ...],
        serial: int,
        context: Context,
    ) -> None:
        self.parent = parent
        self.token = token
        self.key = key
        """The lock acquired by this step; None for the root and for a release out of order."""
        self.held = held
        """Keys held after it, oldest first."""
        self._bases: frozenset[LockClass] | None = None
        self.shared: frozenset[LockClass] = NONE
        """Classes held whose keys do not say which lock it is."""
        if any(k.many for k in held):
            self.shared = frozenset(k.cls.base for k in held if k.many)
        self.serial = serial
        self.context = context
        self.children: dict[Hashable, Record] = NOTHING
        self.edges: tuple[tuple[Edge, int], ...] = ()
        self.witnesses: tuple[Witness, ...] = ()
        self.uses = 0
        self.sightings = 0
        """Times that it was looked at, where its keys do not say which locks they are."""
        self.blurred = False
        """Instances were here that no witness names."""
        self.saturated = False
        self.tainted: bool = parent is not None and parent.tainted
        """Something was released out of order on the way here."""

    @property
    def before(self) -> tuple[Key, ...]:
        """Keys held when the new lock was wanted."""
        return self.held[:-1]

    def dropped_at(self) -> int:
        """Position of what this release out of order let go; -1 when it is no such release."""
        token = self.token
        return token[1] if self.key is None and isinstance(token, tuple) else -1

    @property
    def enough(self) -> int:
        """Mutually unordered threads after which nothing can be added."""
        return max(SATURATED, *(key.permits + 1 for key in self.held)) if self.held else SATURATED

    def holds(self, base: LockClass) -> bool:
        """Is a lock of that class held?"""
        if len(self.held) == 1:
            return self.held[0].cls.base is base
        if self._bases is None:
            self._bases = frozenset(key.cls.base for key in self.held)
        return base in self._bases

    def grow(self, token: Hashable, child: Record) -> None:
        """Add a child."""
        if self.children is NOTHING:
            self.children = {}
        self.children[token] = child

    def stack_of(self, serial: int) -> Stack:
        """Where that thread (or else the first one) took the newest lock."""
        for witness in self.witnesses:
            if witness.serial == serial:
                return witness.stack
        return self.witnesses[0].stack if self.witnesses else EMPTY

    def __repr__(self) -> str:
        return " -> ".join(f"{k.name}({k.mode_name})" for k in self.held) or "nothing"


Marks = tuple[tuple[Record, tuple[Hashable, ...]], ...]
"""From a chain down to the root: each record, and the transitions the thread had made from it."""


def unordered_threads(witnesses: tuple[Witness, ...]) -> int:
    """Size of a set of distinct threads among these, mutually unordered (greedy)."""
    chosen: list[Witness] = []
    for witness in reversed(witnesses):
        if all(witness.serial != w.serial and not witness.ordered(w) for w in chosen):
            chosen.append(witness)
    return len(chosen)
