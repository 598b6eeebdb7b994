"""The dependency graph: every record and edge, and who wrote where.

`Engine.graph` is this; `Checker.graph` is its view for people and files (`describe.GraphView`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, TypeVar

from lockcheck.core.classes import NOTHING, WRITE, Key, LockClass
from lockcheck.core.collecting import PAUSED
from lockcheck.core.leaf import Leaf
from lockcheck.core.order import Order
from lockcheck.core.record import (
    INSTANCES_TOLD,
    NO_CONTEXT,
    WITNESSES,
    Context,
    Edge,
    Record,
    Witness,
    kind_of,
    unordered_threads,
)

__all__ = ["Graph", "Ground"]

V = TypeVar("V", bound=Hashable)

RECORDS = 30_000
"""Records after which a chain is forgotten again whose dependencies are known well enough."""
WELL_KNOWN = 64
"""Records of a dependency that are well enough."""
WITNESSES_IN_ALL = 20_000
"""Witnesses of all records together after which a record that has enough of them keeps no more."""
ONES = 4_000
"""Values remembered to be shared, and as many that were used before these."""
FREED = 64
"""Releases kept, of one lock, by threads that had not taken it."""
WRITERS = 8
"""Witnesses kept of writers of one lock, for queued readers."""


class Ground(Record):
    """Holding nothing, in no context: most locks are never more than taken on top of this."""

    __slots__ = ("graph",)

    def __init__(self, graph: Graph) -> None:
        super().__init__(None, None, None, (), 0, NO_CONTEXT)
        self.graph = graph


class Graph:
    """All records and edges.  Locks: the engine's leaf, throughout.

    Of a lock that is taken while nothing else is held, and under which nothing is, there is nothing
    to know: no edge, no witness.  One bit of its class says that it was (`alone`), and its record
    is made when something asks for it.
    """

    def __init__(self, leaf: Leaf | None = None) -> None:
        self._leaf = Leaf() if leaf is None else leaf
        self._alone: dict[LockClass, int] = {}
        """Bits by serial number of the instance."""
        self.order = Order()
        self.roots: dict[Context, Record] = {}
        self.edges: dict[tuple[LockClass, LockClass], Edge] = {}
        self._out: dict[LockClass, dict[LockClass, Edge]] = {}
        self._into: dict[LockClass, dict[LockClass, Edge]] = {}
        self._writers: dict[Key, tuple[Witness, ...]] = {}
        self._freed: dict[Key, set[tuple[int, Key]]] = {}
        """Lock -> (serial of a thread that released it and had not taken it, what that held)."""
        self._frees: set[tuple[Key, int, int]] = set()
        """(lock, a thread that releases it before it wants it, the thread that has it then)."""
        self.records = 0
        self._ones: dict[Any, Any] = {}  # of values of any kind; `one` says which
        self._older_ones: dict[Any, Any] = {}  # likewise
        self.witnesses = 0
        """Of all records."""
        self.depth_max = 0
        self.stats = {"chain_misses": 0, "searches": 0, "search_steps": 0, "class_searches": 0}
        self.stats["chains_forgotten"] = 0

    # -- records -------------------------------------------------------------------------------

    def root(self, context: Context) -> Record:
        """The record of holding nothing in a context state."""
        found = self.roots.get(context)
        if found is None:
            ground = context == NO_CONTEXT
            found = Ground(self) if ground else Record(None, None, None, (), 0, context)
            found.saturated = True
            self.roots[context] = found
        return found

    def may_be_alone(self, parent: Record, token: Hashable, key: Key) -> bool:
        """Can the record of taking `key` wait until something asks for it?"""
        return (
            token is key
            and type(key) is Key
            and key.serial >= 0
            and key.cls.kind != "rwlock"
            and type(parent) is Ground
        )

    def is_alone(self, parent: Record, key: Key) -> bool:
        """Was `key` taken on top of `parent` before, and nothing more?"""
        return (
            type(parent) is Ground
            and type(key) is Key
            and key.serial >= 0
            and bool(self._alone.get(key.cls, 0) >> key.serial & 1)
        )

    def leave_alone(self, key: Key) -> None:
        """Note that `key` was taken while nothing was held."""
        bit = 1 << key.serial
        known = self._alone.get(key.cls, 0)
        if not known & bit:
            self._alone[key.cls] = known | bit
            self.depth_max = max(self.depth_max, 1)

    def child(self, parent: Record, token: Hashable, key: Key, *, edges: bool) -> Record:
        """The record of acquiring `key` on top of `parent`; makes it and its edges.

        As lockdep has room for so many chains, there is a bound; past it a new dependency is still
        judged, and what only joins known ones in another way is not remembered.
        """
        with PAUSED, self._leaf:  # of a lock alone it may be asked for at any time
            found = parent.children.get(token)
            return self._made(parent, token, key, edges=edges) if found is None else found

    def _made(self, parent: Record, token: Hashable, key: Key, *, edges: bool) -> Record:
        held = (*parent.held, key)
        if self.is_alone(parent, key):
            self._alone[key.cls] ^= 1 << key.serial
        if self.records >= RECORDS and edges and self._adds_nothing(held):
            self.stats["chains_forgotten"] += 1
            found = Record(parent, token, key, held, 0, parent.context)
            found.saturated = True
            return found
        self.records += 1
        self.depth_max = max(self.depth_max, len(held))
        found = Record(parent, token, key, held, self.records, parent.context)
        if edges:
            self._link(found, key)
        queues = key.cls.base.kind == "rwlock" and key.mode == WRITE and not key.trylock
        if not found.edges and not queues:
            found.saturated = not found.tainted
        parent.grow(token, found)
        return found

    def _adds_nothing(self, held: tuple[Key, ...]) -> bool:
        """Is each dependency of a chain known, of this kind, from many other chains?"""
        key = held[-1]
        if len(held) == 1 or (key.cls.base.kind == "rwlock" and key.mode == WRITE):
            return False
        for below in held[:-1]:
            edge = self.edges.get((below.cls, key.cls))
            if edge is None or len(edge.records) < WELL_KNOWN:
                return False
            if not edge.kinds & kind_of(below.mode, key.mode):
                return False
        return True

    def dropped(self, parent: Record, index: int, token: Hashable) -> Record:
        """The record after releasing position `index` of `parent` out of order."""
        found = parent.children.get(token)
        if found is None:
            self.records += 1
            held = parent.held[:index] + parent.held[index + 1 :]
            found = Record(parent, token, None, held, self.records, parent.context)
            found.tainted = True
            parent.grow(token, found)
        return found

    def every_record(self) -> list[Record]:
        """All records but the roots, in order of creation."""
        found: list[Record] = []
        todo = list(self.roots.values())
        while todo:
            rec = todo.pop()
            if rec.parent is not None:
                found.append(rec)
            todo.extend(rec.children.values())
        found.sort(key=lambda rec: rec.serial)
        return [*found, *self._every_alone()]

    def _every_alone(self) -> Iterator[Record]:
        """Records of locks held alone, as they would be made."""
        number = self.records
        for cls, bits in tuple(self._alone.items()):
            for serial in range(bits.bit_length()):
                if bits >> serial & 1:
                    number += 1
                    key = Key(cls, serial)
                    found = Record(self.roots[NO_CONTEXT], key, key, (key,), number, NO_CONTEXT)
                    found.saturated = True
                    yield found

    def one(self, value: V) -> V:
        """Return the one object kept of those that are equal to `value`, while it is remembered.

        Most of what witnesses say was said by others, in other segments of the same threads.  What
        is used again stays, or each would have copies of what all have said for long.
        """
        found: V | None = self._ones.get(value)
        if found is None:
            found = self._older_ones.get(value, value)
            if len(self._ones) >= ONES:
                self._older_ones, self._ones = self._ones, {}
            self._ones[found] = found
        return found

    # -- edges ---------------------------------------------------------------------------------

    def _link(self, rec: Record, key: Key) -> None:
        target = key.cls
        for index, held in enumerate(rec.before):
            source = held.cls
            pair = (source, target)
            edge = self.edges.get(pair)
            if edge is None:
                edge = self.edges[pair] = Edge(source, target)
                self._out.setdefault(source, {})[target] = edge
                self._into.setdefault(target, {})[source] = edge
            edge.records.append((rec, index))
            rec.edges = (*rec.edges, (edge, index))
            if source.base is not target.base:
                self.order.add(source.base, target.base)

    def after(self, cls: LockClass) -> Mapping[LockClass, Edge]:
        """Edges that leave a class, by their target."""
        found: Mapping[LockClass, Edge] = self._out.get(cls, NOTHING)
        return found

    def before(self, cls: LockClass) -> Mapping[LockClass, Edge]:
        """Edges that lead to a class, by their source."""
        found: Mapping[LockClass, Edge] = self._into.get(cls, NOTHING)
        return found

    def holders(self, base: LockClass) -> Iterator[Edge]:
        """Edges that leave a class, in whatever subclass."""
        yield from self.after(base).values()
        for cls in base.subs.values():
            yield from self.after(cls).values()

    def cyclic(self, edge: Edge) -> bool:
        """May the edge lie on a cycle at all?"""
        return self.order.together(edge.source.base, edge.target.base)

    # -- witnesses -----------------------------------------------------------------------------

    def note(self, rec: Record, witness: Witness) -> list[tuple[Edge, int, bool]]:
        """Add a witness; returns its edges as (edge, held position, is the kind new)."""
        rec.uses += 1
        mine = rec.witnesses
        kept = INSTANCES_TOLD if rec.shared else max(WITNESSES, 2 * rec.enough)
        if rec.blurred:
            kept = max(WITNESSES, 2 * rec.enough)
        if self.witnesses >= WITNESSES_IN_ALL:
            kept = rec.enough
        self.witnesses += 1 - len(mine)
        if len(mine) >= kept:
            first = kept // 2
            mine = mine[:first] + mine[first + 1 - kept :]
            rec.blurred = True
        self.witnesses += len(mine)
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
        exact = not rec.shared or rec.blurred
        if exact and not rec.tainted and unordered_threads(mine) >= rec.enough:
            rec.saturated = True
        return found

    def note_writer(self, key: Key, witness: Witness) -> None:
        """Remember a blocking write acquire: a queued reader may wait behind it."""
        known = self._writers.get(key.base, ())
        self._writers[key.base] = (*known[1 - WRITERS :], witness)

    def note_freed(self, key: Key, serial: int, held: tuple[Key, ...]) -> None:
        """A thread releases a lock that it did not take."""
        known = self._freed.setdefault(key.base, set())
        if len(known) < FREED:
            known.update((serial, each.base) for each in held)

    def freed_under(self, key: Key, serial: int) -> list[Key]:
        """What a thread held when it released a lock that it had not taken."""
        return [held for by, held in self._freed.get(key.base, ()) if by == serial]

    def note_frees(self, key: Key, serial: int, owner: int) -> None:
        """A thread releases, and has never wanted, what `owner` has then in every schedule."""
        if len(self._frees) < FREED:
            self._frees.add((key.base, serial, owner))

    def frees(self, key: Key, serial: int, owner: int) -> bool:
        """Does a thread release that lock of `owner` before it wants it?"""
        return (key.base, serial, owner) in self._frees

    def writers(self, key: Key) -> tuple[Witness, ...]:
        """Threads that were seen wanting the lock for writing."""
        return self._writers.get(key.base, ())
