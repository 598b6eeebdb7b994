"""A plain lock released by a thread that did not take it: it is an event, too.

Whoever waits for it under a lock that everybody who releases it so needs is not woken.

A thread that had the lock when another one released it may release it all the same, without
knowing: then it has released what a third one has.  Who does so is seen only afterwards, when that
one finds its lock free; such a lock gets free in ways that are not known, and nothing is said.

Left out: more releases, and more waits, than are remembered.  Locks: the leaf.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lockcheck.core.classes import Key
from lockcheck.core.events import KEPT, Touches, wanted_until
from lockcheck.core.gates import surely_same
from lockcheck.core.graph import Graph
from lockcheck.core.record import Witness
from lockcheck.core.report import POSSIBLE, LockRef, Report, Step
from lockcheck.core.vector import NOTHING_KNOWN, Clock
from lockcheck.core.wait_cycles import REMEMBERED
from lockcheck.core.wait_reports import free_after_all, wait_cycle

__all__ = ["ForeignReleases", "Releaser"]


class Releaser(NamedTuple):
    """A thread that released a lock which another one had taken, and what it held then."""

    serial: int
    thread: str
    keys: tuple[Key, ...]
    refs: tuple[LockRef, ...]
    at: tuple[int, int, Clock]
    """Its serial, epoch and clock."""
    touches: Touches
    moment: int

    def needs(self, key: Key, vc: Clock) -> bool:
        """Does it hold `key`, or has it wanted that before, not before whoever knows `vc`?"""
        before = wanted_until(self.moment, self.touches, vc)
        return key in self.keys or any(wanted is key for wanted, _ in before)

    def needed(self) -> Iterator[tuple[Key, LockRef, tuple[LockRef, ...]]]:
        """What it holds and what it wanted before, as reports name it, and what it held then."""
        for key, ref in zip(self.keys, self.refs, strict=True):
            yield key, ref, self.refs
        for key, touch in wanted_until(self.moment, self.touches, NOTHING_KNOWN):
            if key not in self.keys:
                yield key, touch.ref(key), ()

    def ordered(self, witness: Witness) -> bool:
        """Is one of the two before the other in every schedule?"""
        serial, epoch, vc = self.at
        return epoch <= witness.vc.get(serial) or witness.before(vc)


class ForeignReleases:
    """Looks for waits that only such a release ends."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._releasers: dict[Key, list[Releaser]] = {}
        """Lock -> those that released it for its holder, the latest few."""
        self._owners: dict[Key, set[int]] = {}
        """Lock -> threads that others released it for, and that could go on then."""
        self._awaited: dict[Key, list[tuple[Witness, Key, tuple[str, ...]]]] = {}
        """Such a lock -> waiter, what it held, ident, of what was called possible."""
        self._lost: set[tuple[Key, int]] = set()
        """Such a lock, and a thread that it was released for, and that has neither taken it since
        nor released it itself."""
        self._losses: dict[Key, int] = {}
        """How often that was looked at."""
        self._unseen: set[Key] = set()
        """Such a lock that was released by somebody who was not seen."""

    def judge(self, by: Releaser, lock: LockRef, owed: Key, free: int) -> Iterator[Report]:
        """A thread releases a lock that another one took: who waits for that, out of its reach?

        `free`: the thread that had taken it and goes on (-1: it waits for it).  Who alone ever had
        it does not wait for itself.
        """
        yield from self.releases(by, owed)
        owners = self._owners.setdefault(owed, set())
        if len(owners) < KEPT:
            owners.add(free)
        losses = self._losses[owed] = self._losses.get(owed, 0) + 1
        if losses <= KEPT:
            self._lost.add((owed, free))
        for key, ref, held in by.needed():
            edge = self._graph.after(key.cls).get(owed.cls) if key.base is not owed.base else None
            for rec, index in () if edge is None else edge.records:
                if not surely_same(rec.held[index], key) or not surely_same(rec.held[-1], owed):
                    continue
                told = f"{by.thread} releases {lock.name} only after it got {ref.name}"
                waking = Step(by.thread, lock, ref, held, told=told)
                for witness in rec.witnesses:
                    if owners != {witness.serial} and self._is_kept_away(witness, by, owed, key):
                        yield self._possible(witness, index, waking, owed, key)

    def has_lost(self, serial: int, owed: Key) -> bool:
        """Had this thread the lock when another one released it?"""
        return (owed, serial) in self._lost

    def wants(self, witness: Witness) -> Iterator[Report]:
        """A thread takes a lock that others released before: another time it may have to wait."""
        rec = witness.rec
        owed = rec.held[-1].base
        known = self._releasers.get(owed)
        owners = self._owners.get(owed)
        if (
            known
            and owners
            and (owners != {witness.serial} or (owed, witness.serial) in self._lost)
        ):
            by = known[-1]
            for key, ref, held in by.needed():
                for index, mine in enumerate(rec.before):
                    if surely_same(mine, key) and self._is_kept_away(witness, by, owed, key):
                        told = f"{by.thread} releases {owed.name} only after it got {ref.name}"
                        lock = LockRef(owed.name, owed.cls.name, "owed")
                        waking = Step(by.thread, lock, ref, held, told=told)
                        yield self._possible(witness, index, waking, owed, key)
        self._lost.discard((owed, witness.serial))

    def _possible(self, witness: Witness, index: int, waking: Step, owed: Key, key: Key) -> Report:
        report = wait_cycle([_waiting(witness, index), waking], POSSIBLE)
        said = self._awaited.setdefault(owed, [])
        said.append((witness, key, report.ident))
        del said[:-REMEMBERED]
        return report

    def _is_kept_away(self, witness: Witness, by: Releaser, owed: Key, key: Key) -> bool:
        """Does this one, who waits for `owed` with `key` held, keep away all who release it?"""
        known = self._releasers[owed]
        if owed in self._unseen:
            return False
        return not by.ordered(witness) and all(
            w.serial != witness.serial and w.needs(key, witness.vc) for w in known
        )

    def released_unseen(self, owed: Key) -> Iterator[Report]:
        """Somebody has released it unseen: take back what was said of who waits for it."""
        if len(self._unseen) < REMEMBERED:
            self._unseen.add(owed)
        for _witness, _key, ident in self._awaited.pop(owed, ()):
            yield free_after_all(ident)

    def releases(self, by: Releaser, owed: Key) -> Iterator[Report]:
        """A thread releases a lock that it did not take; take back what that speaks against."""
        self._lost.discard((owed, by.serial))
        known = self._releasers.setdefault(owed, [])
        known.append(by)
        del known[:-KEPT]
        self._graph.note_freed(owed, by.serial, by.keys)
        for witness, key, ident in self._awaited.get(owed, ()):
            if by.serial == witness.serial or not by.needs(key, witness.vc):
                yield free_after_all(ident)


def _waiting(witness: Witness, index: int) -> Step:
    return Step(witness.thread, witness.held[index], witness.wanted, witness.held)
