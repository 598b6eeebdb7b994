"""A plain lock released by a thread that did not take it: it is an event, too.

Whoever waits for it under a lock that everybody who releases it so needs is not woken.

Left out: more releases, and more waits, than are remembered.  Locks: the leaf.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lockcheck.core.classes import Key
from lockcheck.core.events import KEPT
from lockcheck.core.gates import surely_same
from lockcheck.core.graph import Graph
from lockcheck.core.record import Witness
from lockcheck.core.report import POSSIBLE, LockRef, Report, Step
from lockcheck.core.vector import Clock
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
    """Its slot, epoch and clock."""

    def ordered(self, witness: Witness) -> bool:
        """Is one of the two before the other in every schedule?"""
        slot, epoch, vc = self.at
        return epoch <= witness.vc.get(slot, 0) or witness.before(vc)


class ForeignReleases:
    """Looks for waits that only such a release ends."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._releasers: dict[Key, list[Releaser]] = {}
        """Lock -> those that released it for its holder, the latest few."""
        self._owners: dict[Key, set[int]] = {}
        """Lock -> threads that others released it for, and that could go on then."""
        self._awaited: dict[Key, list[tuple[int, Key, tuple[str, ...]]]] = {}
        """Such a lock -> waiter, what it held, ident, of what was called possible."""

    def judge(self, by: Releaser, lock: LockRef, owed: Key, free: int) -> Iterator[Report]:
        """A thread releases a lock that another one took: who waits for that, out of its reach?

        `free`: the thread that had taken it and goes on (-1: it waits for it).  Who alone ever had
        it does not wait for itself.
        """
        yield from self.releases(by, owed)
        known = self._releasers[owed]
        owners = self._owners.setdefault(owed, set())
        if len(owners) < KEPT:
            owners.add(free)
        for key, ref in zip(by.keys, by.refs, strict=True):
            if any(key not in other.keys for other in known):
                continue
            edge = self._graph.after(key.cls).get(owed.cls)
            for rec, index in () if edge is None else edge.records:
                held, wanted = rec.held[index], rec.held[-1]
                if not surely_same(held, key) or not surely_same(wanted, owed):
                    continue
                told = f"{by.thread} releases {lock.name} only after it got {ref.name}"
                for witness in rec.witnesses:
                    if owners == {witness.serial} or by.ordered(witness):
                        continue
                    if any(witness.serial == other.serial for other in known):
                        continue
                    waking = Step(by.thread, lock, ref, by.refs, told=told)
                    report = wait_cycle([_waiting(witness, index), waking], POSSIBLE)
                    said = self._awaited.setdefault(owed, [])
                    said.append((witness.serial, key, report.ident))
                    del said[:-REMEMBERED]
                    yield report

    def releases(self, by: Releaser, owed: Key) -> Iterator[Report]:
        """A thread releases a lock that it did not take; take back what that speaks against."""
        known = self._releasers.setdefault(owed, [])
        known.append(by)
        del known[:-KEPT]
        self._graph.note_freed(owed, by.serial, by.keys)
        for serial, key, ident in self._awaited.get(owed, ()):
            if by.serial == serial or key not in by.keys:
                yield free_after_all(ident)


def _waiting(witness: Witness, index: int) -> Step:
    return Step(witness.thread, witness.held[index], witness.wanted, witness.held)
