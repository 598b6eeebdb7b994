"""Races on shared fields: what is ordered, what is not."""

from __future__ import annotations

from typing import Any

from lockcheck.core import clocks
from lockcheck.core.engine import Engine
from lockcheck.core.held import ThreadState
from tests.lockcheck.core.stub import Threads


class Cell:
    """A shared field as the detector sees it."""

    def __init__(self, name: str = "account.balance") -> None:
        self.name = name
        self.race: Any = None


class Sync:
    """Anything that carries order."""

    clock: Any = None


def engine_and_threads(number: int = 2) -> tuple[Engine, Threads, list[ThreadState]]:
    engine = Engine()
    threads = Threads(engine)
    return engine, threads, [threads.new(f"T{i}") for i in range(1, number + 1)]


def test_two_unordered_writes_race() -> None:
    """Both stacks, both threads."""
    engine, _, (one, two) = engine_and_threads()
    cell = Cell()
    engine.access(one, cell, write=True)
    engine.access(two, cell, write=True)

    (report,) = engine.reports
    assert report.kind == "race"
    assert set(report.threads) == {"T1", "T2"}
    assert len(report.stacks) == 2


def test_reads_do_not_race_with_reads() -> None:
    """Any number of readers."""
    engine, _, threads = engine_and_threads(3)
    cell = Cell()
    for thread in threads:
        engine.access(thread, cell, write=False)

    assert engine.reports == []


def test_a_write_after_unordered_reads_races_with_one_of_them() -> None:
    """The reads are a clock as long as they are unordered."""
    engine, _, (one, two, three) = engine_and_threads(3)
    cell = Cell()
    engine.access(one, cell, write=False)
    engine.access(two, cell, write=False)
    engine.access(three, cell, write=True)

    assert [r.kind for r in engine.reports] == ["race"]


def test_release_and_acquire_order_accesses() -> None:
    """A lock, an event, an atomic exchange: all carry what was done before."""
    engine, _, (one, two) = engine_and_threads()
    cell, lock = Cell(), Sync()
    engine.access(one, cell, write=True)
    engine.happens.release(one, lock)
    engine.happens.acquire(two, lock)
    engine.access(two, cell, write=True)

    assert engine.reports == []


def test_what_comes_after_the_release_is_not_ordered() -> None:
    """The release carries only what was before it."""
    engine, _, (one, two) = engine_and_threads()
    cell, lock = Cell(), Sync()
    engine.happens.release(one, lock)
    engine.access(one, cell, write=True)
    engine.happens.acquire(two, lock)
    engine.access(two, cell, write=False)

    assert [r.kind for r in engine.reports] == ["race"]


def test_start_and_join_order_accesses() -> None:
    """A starter's writes are before its thread's, those before its joiner's."""
    engine, states, (main,) = engine_and_threads(1)
    cell = Cell()
    engine.access(main, cell, write=True)
    child = states.new("child", main)
    engine.access(child, cell, write=True)
    engine.thread_end(child)
    engine.happens.learn(main, clocks.of_end(child))
    engine.access(main, cell, write=True)

    assert engine.reports == []


def test_the_starter_races_with_its_running_thread() -> None:
    """Between start and join both run."""
    engine, states, (main,) = engine_and_threads(1)
    cell = Cell()
    child = states.new("child", main)
    engine.access(main, cell, write=True)
    engine.access(child, cell, write=False)

    assert [r.kind for r in engine.reports] == ["race"]


def test_a_slot_is_reused_only_by_who_knows_its_end() -> None:
    """Clocks stay small in a program that starts and joins, and no order is invented."""
    engine, states, (main, other) = engine_and_threads(2)
    for i in range(50):
        child = states.new(f"child{i}", main)
        engine.thread_end(child)
        engine.happens.learn(main, clocks.of_end(child))
    stranger = states.new("stranger", other)

    assert len(main.hb) <= 3
    assert stranger.slot not in main.hb


def test_the_same_race_is_told_once() -> None:
    """Field and functions name it, not the threads."""
    engine, _, threads = engine_and_threads(4)
    cell = Cell()
    for thread in threads * 3:
        engine.access(thread, cell, write=True)

    assert len(engine.reports) == 1
