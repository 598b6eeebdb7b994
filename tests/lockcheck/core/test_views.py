"""Locks that a thread first takes at one place share a view, and nobody can tell by a verdict."""

from __future__ import annotations

import random
import threading
from _thread import allocate_lock  # hands the turn on, unseen
from collections.abc import Callable
from typing import NamedTuple

import pytest

import lockcheck
from lockcheck.core import views
from lockcheck.core.classes import Key
from lockcheck.core.document import Json

SEED = 20261122
CLASSES = 4
LOCKS = 12
THREADS = 3
Section = list[int]
"""Locks that are taken in each other, outermost first; -1: an event is set, -2: waited for."""


class Said(NamedTuple):
    """What a checker knows after a run."""

    reports: list[list[str]]
    edges: list[Json]
    chains: list[Json]


def take(lock: lockcheck.Lock) -> None:
    """The one place at which the locks of these tests are taken alone."""
    with lock:
        pass


def drawn(chance: random.Random) -> list[tuple[int, Section]]:
    """(thread, what it does at its turn), in the order of the turns."""
    found: list[tuple[int, Section]] = []
    for _ in range(60):
        who = chance.randrange(THREADS)
        what = chance.random()
        if what < 0.1:
            found.append((who, [-1]))
        elif what < 0.15:
            found.append((who, [-2]))
        else:
            depth = 1 if what < 0.6 else chance.randint(2, 3)
            section = chance.sample(range(LOCKS), depth)
            found.append((who, [*section, -1] if chance.random() < 0.1 else section))
    return found


def nested(locks: list[lockcheck.Lock], event: lockcheck.Event, section: Section) -> None:
    if not section:
        return
    first, *rest = section
    if first == -1:
        event.set()
    elif first == -2:
        if event.is_set():
            event.wait()
            event.clear()
    elif not rest:
        take(locks[first])
    else:
        with locks[first]:
            nested(locks, event, rest)


def played(program: list[tuple[int, Section]]) -> Said:
    """Run it, a turn after the other, by threads that nothing orders."""
    chk = lockcheck.Checker()
    locks = [chk.Lock(f"class {number % CLASSES}") for number in range(LOCKS)]
    event = chk.Event()
    wrong: list[Exception] = []
    gates = [allocate_lock() for _ in range(THREADS)]
    done = allocate_lock()
    for gate in (*gates, done):
        gate.acquire()

    def body(me: int) -> None:
        for who, section in program:
            if who == me:
                gates[me].acquire()
                try:
                    nested(locks, event, section)
                except Exception as error:  # the others are to have their turns
                    wrong.append(error)
                done.release()

    threads = [threading.Thread(target=body, args=(me,), name=f"t{me}") for me in range(THREADS)]
    for thread in threads:
        thread.start()
    for who, _ in program:
        gates[who].release()
        done.acquire()
    for thread in threads:
        thread.join()

    assert not wrong
    graph = chk.graph.to_dict()
    for edge in graph["edges"]:
        del edge["witnesses"]  # with them where a lock was taken: a view says where it was made
    reports = [[r.severity, r.fingerprint, r.title, r.reason] for r in chk.reports]
    return Said(reports, graph["edges"], graph["chains"])


def run_at_once(*bodies: Callable[[], None]) -> None:
    """Run each in a thread of its own, one after the other; the checker sees no order in that."""
    gates = [allocate_lock() for _ in (*bodies, None)]
    for gate in gates:
        gate.acquire()

    def turn(number: int) -> None:
        gates[number].acquire()
        try:
            bodies[number]()
        finally:
            gates[number + 1].release()

    threads = [threading.Thread(target=turn, args=(number,)) for number in range(len(bodies))]
    for thread in threads:
        thread.start()
    gates[0].release()
    gates[-1].acquire()
    for thread in threads:
        thread.join()


def test_a_shared_view_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same reports, dependencies and chains as where each lock has a view of its own."""
    chance = random.Random(SEED)
    shared: list[Key] = []
    add = views.Place.add

    def counted(place: views.Place, key: Key) -> bool:
        shared.append(key)
        return add(place, key)

    monkeypatch.setattr(views.Place, "add", counted)
    found = 0
    for number in range(20):
        program = drawn(chance)
        said = played(program)
        found += len(said.reports)
        with monkeypatch.context() as patched:
            patched.setattr(views, "PLACES", 0)
            alone = played(program)

        assert said == alone, f"program {number} of seed {SEED}: {program}"

    assert len(shared) > 100
    assert found > 50


def test_what_shares_a_view_is_told_apart_when_it_nests() -> None:
    """Of twelve locks of one place only that one has the dependency which was really held."""
    chk = lockcheck.Checker()
    locks = [chk.Lock("many") for _ in range(LOCKS)]
    inner = chk.Lock("inner")

    def use() -> None:
        for lock in locks:
            take(lock)
        with locks[3], inner:
            pass
        for lock in locks:
            take(lock)

    def cross() -> None:
        with inner, locks[5]:
            pass

    def meet() -> None:
        with inner, locks[3]:
            pass

    run_at_once(use, cross)

    assert [report.severity for report in chk.reports] == ["class-only"]

    run_at_once(meet)

    assert [report.severity for report in chk.reports] == ["possible"]
