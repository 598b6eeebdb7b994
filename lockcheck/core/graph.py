"""The dependency graph: records of chains, edges between classes, and who was seen doing what.

A `Record` is one distinct sequence of held locks (with modes) plus the newest acquire, in one
context state; it knows all its threads (`witnesses`) up to a number, and all its edges: from
*every* held lock to the new one, not only from the nearest (the hole H1 of lockdep, facts 1.4).

An `Edge` joins two classes with a set of kinds: the held side exclusive or shared, the wanted side
recursive reader or not (ER EN SR SN).  It lists the records that made it.

A record is saturated when `SATURATED` mutually unordered threads were seen on it, or when it has no
edge at all: then one more thread tells nothing new, and the transition may be taken by anybody
without asking.  (Two would do for cycles of two; a cycle of n needs n distinct threads.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.core.classes import NOTHING, RECURSIVE_READ, WRITE, Key, LockClass
from lockcheck.core.held import ThreadState
from lockcheck.core.order import Order
from lockcheck.core.replay import marks
from lockcheck.core.report import LockRef
from lockcheck.core.stacks import EMPTY, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

NONE: frozenset[LockClass] = frozenset()
SATURATED = 4
"""Mutually unordered threads after which a record needs no more."""
WITNESSES = 12
"""Witnesses kept of a record: the first and the latest half of them."""

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


class Witness:
    """One thread, in one segment of its life, seen on a record."""

    __slots__ = (
        "epoch", "held", "leases", "marks", "rec", "serial", "slot", "stack", "thread",
        "vc", "wanted",
    )  # fmt: skip

    def __init__(self, ts: ThreadState, rec: Record, stack: Stack) -> None:
        self.serial = ts.serial
        self.thread = ts.name
        self.slot = ts.slot
        self.epoch = ts.epoch
        self.vc = ts.vc
        self.rec = rec
        self.stack = stack
        """Where the new lock was wanted."""
        self.held: tuple[LockRef, ...] = ()
        """What was held, oldest first, with where it was taken."""
        self.wanted = LockRef("?", "?")
        self.marks = marks(ts.chain)
        """What the thread had done under each prefix (`replay`)."""
        self.leases = ts.leases

    def ordered(self, other: Witness) -> bool:
        """Does start/join order put one wholly before the other?"""
        return self.epoch <= other.vc.get(self.slot, 0) or other.epoch <= self.vc.get(other.slot, 0)


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
        "_bases", "children", "context", "edges", "held", "key", "parent", "saturated", "serial",
        "shared", "tainted", "token", "uses", "witnesses",
    )  # fmt: skip

    def __init__(
        self,
        parent: Record | None,
        token: Any,
        key: Key | None,
        held: tuple[Key, ...],
        serial: int,
        context: Any,
    ) -> None:
        self.parent = parent
        self.token = token
        self.key = key
        """The lock acquired by this step; None for the root and for a release out of order."""
        self.held = held
        """Keys held after it, oldest first."""
        self._bases: frozenset[LockClass] | None = None
        self.shared: frozenset[LockClass] = NONE
        """Classes held whose keys do not tell which lock it is."""
        if any(k.many for k in held):
            self.shared = frozenset(k.cls.base for k in held if k.many)
        self.serial = serial
        self.context = context
        """(contexts active, contexts disabled)."""
        self.children: dict[Any, Record] = NOTHING
        self.edges: tuple[tuple[Edge, int], ...] = ()
        self.witnesses: tuple[Witness, ...] = ()
        self.uses = 0
        self.saturated = False
        self.tainted: bool = parent is not None and parent.tainted
        """Something was released out of order on the way here."""

    @property
    def before(self) -> tuple[Key, ...]:
        """Keys held when the new lock was wanted."""
        return self.held[:-1]

    def holds(self, base: LockClass) -> bool:
        """Is a lock of that class held?"""
        if len(self.held) == 1:
            return self.held[0].cls.base is base
        if self._bases is None:
            self._bases = frozenset(key.cls.base for key in self.held)
        return base in self._bases

    def grow(self, token: Any, child: Record) -> None:
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


class Graph:
    """All records and edges.  Locks: the engine's, throughout."""

    def __init__(self) -> None:
        self.order = Order()
        self.roots: dict[Any, Record] = {}
        self.edges: dict[tuple[LockClass, LockClass], Edge] = {}
        self.records = 0
        self.depth_max = 0
        self.stats = {"chain_misses": 0, "searches": 0, "search_steps": 0, "class_searches": 0}

    def root(self, context: Any) -> Record:
        """The record of holding nothing in a context state."""
        found = self.roots.get(context)
        if found is None:
            found = self.roots[context] = Record(None, None, None, (), 0, context)
            found.saturated = True
        return found

    def child(self, parent: Record, token: Any, key: Key, *, edges: bool) -> Record:
        """The record of acquiring `key` on top of `parent`; makes it and its edges."""
        found = parent.children.get(token)
        if found is not None:
            return found
        self.records += 1
        held = (*parent.held, key)
        self.depth_max = max(self.depth_max, len(held))
        found = Record(parent, token, key, held, self.records, parent.context)
        if edges:
            self._link(found, key)
        queues = key.cls.base.kind == "rwlock" and key.mode == WRITE and not key.trylock
        if not found.edges and not queues:
            found.saturated = not found.tainted
        parent.grow(token, found)
        return found

    def dropped(self, parent: Record, index: int, token: Any) -> Record:
        """The record after releasing position `index` of `parent` out of order."""
        found = parent.children.get(token)
        if found is None:
            self.records += 1
            held = parent.held[:index] + parent.held[index + 1 :]
            found = Record(parent, token, None, held, self.records, parent.context)
            found.tainted = True
            parent.grow(token, found)
        return found

    def _link(self, rec: Record, key: Key) -> None:
        target = key.cls
        if target.base.novalidate:
            return
        for index, held in enumerate(rec.before):
            source = held.cls
            if source.base.novalidate:
                continue
            pair = (source, target)
            edge = self.edges.get(pair)
            if edge is None:
                edge = self.edges[pair] = Edge(source, target)
                source.edges_out = source.edges_out or {}
                source.edges_out[target] = edge
                target.edges_in = target.edges_in or {}
                target.edges_in[source] = edge
            edge.records.append((rec, index))
            rec.edges = (*rec.edges, (edge, index))
            if source.base is not target.base:
                self.order.add(source.base, target.base)

    def note(self, rec: Record, witness: Witness) -> list[tuple[Edge, int, bool]]:
        """Add a witness; returns its edges as (edge, held position, is the kind new)."""
        rec.uses += 1
        mine = rec.witnesses
        if len(mine) >= WITNESSES:
            mine = mine[: WITNESSES // 2] + mine[WITNESSES // 2 + 1 :]
        rec.witnesses = mine = (*mine, witness)
        found = []
        assert rec.key is not None
        for edge, index in rec.edges:
            kind = kind_of(rec.held[index].mode, rec.key.mode)
            new = not edge.kinds & kind
            if new:
                edge.kinds |= kind
                edge.first[kind] = (witness, index)
            edge.count += 1
            found.append((edge, index, new))
        if not rec.tainted and unordered_threads(mine) >= SATURATED:
            rec.saturated = True
        return found

    def cyclic(self, edge: Edge) -> bool:
        """May the edge lie on a cycle at all?"""
        source = edge.source.base
        target = edge.target.base
        return source is target or (source.group is not None and source.group is target.group)

    def holders(self, base: LockClass) -> Iterator[Edge]:
        """Edges that leave a class, in whatever subclass."""
        yield from base.edges_out.values()
        for cls in base.subs.values():
            yield from cls.edges_out.values()


def unordered_threads(witnesses: tuple[Witness, ...]) -> int:
    """Size of a set of distinct threads among these, mutually unordered (greedy)."""
    chosen: list[Witness] = []
    for witness in reversed(witnesses):
        if all(witness.serial != w.serial and not witness.ordered(w) for w in chosen):
            chosen.append(witness)
    return len(chosen)
