"""A long run stays flat: what is known well enough is not remembered again, and is still judged."""

from __future__ import annotations

import gc
import random
import threading
import tracemalloc
from collections.abc import Callable

import pytest

import lockcheck
from lockcheck.core import acquire, graph, waits
from lockcheck.core.record import SATURATED
from lockcheck.core.views import Chain

CLASSES = ("a", "b", "c", "d")
INSTANCES = 8
Locks = list[list[lockcheck.Lock]]


def views(root: Chain) -> list[Chain]:
    """Every view below a root."""
    below = list(root.next.values())
    return [*below, *(view for each in below for view in views(each))]


def made(chk: lockcheck.Checker) -> Locks:
    return [[chk.Lock(name) for _ in range(INSTANCES)] for name in CLASSES]


def nested(locks: Locks, chance: random.Random, times: int) -> None:
    """Take some locks in the order of their classes, any instance of each."""
    for _ in range(times):
        taken = [chance.choice(group) for group in locks if chance.random() < 0.7]
        for lock in taken:
            lock.acquire()
        for lock in reversed(taken):
            lock.release()


def in_thread(body: Callable[[], object]) -> None:
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()


def witnesses(chk: lockcheck.Checker) -> int:
    return sum(len(rec.witnesses) for rec in chk.engine.graph.every_record())


def bytes_needed(body: Callable[[], object]) -> int:
    """Bytes that `body` takes and keeps.

    What earlier tests left is collected first: a free-threaded interpreter notes each piece of it
    in memory of its own before it gives it back, and a collection in `body` would count that.
    """
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        body()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


def test_locks_taken_alone_have_no_record() -> None:
    """A record is made when a lock first nests; the graph lists the sequence all the same."""
    chk = lockcheck.Checker()
    locks = [chk.Lock("alone") for _ in range(20)]

    def use() -> None:
        for lock in locks:
            with lock:
                pass

    use()
    in_thread(use)

    assert chk.engine.graph.records == 0
    listed = [
        [row["instance"] for row in each["classes"]] for each in chk.graph.to_dict()["chains"]
    ]
    assert [[lock.name] for lock in locks] == listed

    with locks[3], chk.Lock("inner"):
        pass

    assert chk.engine.graph.records == 2
    assert len(chk.graph.chains) == len(locks) + 1
    assert len({chain.serial for chain in chk.graph.chains}) == len(locks) + 1


def test_a_lock_taken_alone_costs_few_bytes() -> None:
    """Under 400 bytes for the first time a thread takes it: a view, and that it was touched."""
    chk = lockcheck.Checker()
    locks = [chk.Lock(f"class {number % 10}") for number in range(600)]

    def first_time() -> None:
        for lock in locks:
            with lock:
                pass
        chk.engine.happens.begin_segment(chk.current())

    assert bytes_needed(first_time) / len(locks) < 400


def test_many_locks_of_many_classes_cost_few_bytes() -> None:
    """Under 250 bytes a lock, the real one and all of its class counted, each taken once."""
    chk = lockcheck.Checker()
    classes = 60
    names = [f"class {number}" for number in range(classes)]
    locks: list[lockcheck.Lock | None] = [None] * (100 * classes)
    with chk.Lock("warm"):
        pass

    def whole_life() -> None:
        for number in range(len(locks)):
            locks[number] = chk.Lock(names[number % classes])
        for lock in locks:
            assert lock is not None
            with lock:
                pass

    assert bytes_needed(whole_life) / len(locks) < 250


def test_garbage_of_others_is_not_counted() -> None:
    """What was left before, and is collected meanwhile, needs no bytes of those measured."""
    others: list[dict[str, object]] = []
    in_thread(lambda: others.extend({} for _ in range(20_000)))
    gc.disable()
    try:
        for each in others:
            each["itself"] = each
        del each
        others.clear()
    finally:
        gc.enable()

    assert bytes_needed(lambda: None) < 20_000


def test_chains_past_the_bound_are_judged_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their number stays, and a dependency that was never seen closes its cycle all the same."""
    monkeypatch.setattr(graph, "RECORDS", 200)
    monkeypatch.setattr(graph, "WELL_KNOWN", 5)
    chk = lockcheck.Checker()
    locks = made(chk)
    nested(locks, random.Random(1), 100)
    before = chk.engine.graph.records
    in_thread(lambda: nested(locks, random.Random(2), 1000))

    stats = chk.graph.to_dict()["statistics"]
    assert before < chk.engine.graph.records < 400
    assert stats["chains_forgotten"] > 100
    assert chk.reports == []

    late = chk.Lock("late")

    def crossing() -> None:
        with late, locks[0][3]:
            pass

    with locks[3][3], late:
        pass
    in_thread(crossing)
    assert [report.kind for report in chk.reports] == ["circular"]


def test_witnesses_past_the_bound_take_the_place_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record keeps as many as can decide something."""
    monkeypatch.setattr(graph, "WITNESSES_IN_ALL", 100)
    chk = lockcheck.Checker()
    locks = [chk.Lock(name) for name in CLASSES]
    for _ in range(40):
        in_thread(lambda: [nested([[lock] for lock in locks], random.Random(1), 20)])
    known = chk.engine.graph

    assert known.witnesses == witnesses(chk)
    assert known.witnesses <= 100 + SATURATED * known.records
    assert witnesses(chk) > known.records


def test_one_thread_remembers_so_many_transitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has forgotten it learns again, in the middle of a section, too."""
    monkeypatch.setattr(acquire, "VIEWS", 50)
    chk = lockcheck.Checker()
    locks = made(chk)
    with locks[0][0]:
        nested(locks[1:], random.Random(3), 500)
        held = [entry.name for entry in chk.held()]
    roots = chk.current().overlay.values()

    assert held == ["a#0"]
    assert sum(len(views(root)) for root in roots) <= 60
    assert chk.reports == []
    assert not chk.held()


def test_so_many_waits_are_listed_and_the_others_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each by its own name; how often a listed one was there is counted on."""
    monkeypatch.setattr(waits, "EDGES", 10)
    chk = lockcheck.Checker()
    lock = chk.Lock("lock")
    for number in [*range(25), 3]:
        event = chk.Event(f"event {number}")
        with lock:
            event.set()
    document = chk.graph.to_dict()

    assert len(document["waits"]) == 10
    assert [row["count"] for row in document["waits"] if row["from"] == "event 3"] == [2]
    assert document["statistics"]["wait_dependencies_forgotten"] == 15


def test_a_lock_remembers_its_way_and_not_its_segment() -> None:
    """Each was last taken in another segment; what else was done there is forgotten."""
    chk = lockcheck.Checker()
    outer = [chk.Lock(f"outer {number}") for number in range(10)]
    inner = [chk.Lock(f"inner {number}") for number in range(10)]
    for first in outer:
        for second in inner:
            with first, second:
                pass
        chk.engine.happens.begin_segment(chk.current())

    assert [lock.chain is not None for lock in outer] == [True] * 10
    assert [len(views(lock.chain)) for lock in outer if lock.chain is not None] == [0] * 10


def test_a_lock_held_through_many_segments_remembers_the_last() -> None:
    """What was done under it in the segment before still counts, and no view of it is kept."""
    chk = lockcheck.Checker()
    held = chk.Lock("held")
    inner = [chk.Lock(f"inner {number}") for number in range(10)]
    with held:
        for lock in inner:
            with lock:
                pass
            chk.engine.happens.begin_segment(chk.current())
        chain = chk.current().chain

        assert [lock.key for lock in inner[-1:]] == list(chain.done())

    assert [each for each in gc.get_referents(chain) if isinstance(each, Chain)] == [chain.parent]


def test_many_threads_make_one_thing_happen_at_once() -> None:
    """More of them than are remembered, and none meets a list that another one shortens."""
    chk = lockcheck.Checker()
    counts = chk.Counts("counts")
    failed: list[BaseException] = []

    def changes() -> None:
        try:
            for _ in range(100):
                counts.add({"each": 1})
        except BaseException as error:
            failed.append(error)

    for _ in range(20):
        threads = [chk.Thread(target=changes) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failed == []
    assert counts.total() == 20 * 8 * 100
