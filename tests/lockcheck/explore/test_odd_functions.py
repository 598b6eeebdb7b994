"""What people hand to an explorer, besides clean examples."""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockcheck.cli.function import FunctionSubject
from lockcheck.explore.in_words import bounds
from lockcheck.explore.result import Limits, Outcome
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy

GATE = "gate of the test that hangs"
FILE = str(Path(__file__).with_name("odd_functions.py"))


def search(function: str, **limits: float) -> Outcome:
    with FunctionSubject(FILE, function) as subject:
        with Session(subject, limits=Limits(schedules=60, **limits)) as session:  # type: ignore[arg-type]
            return session.explore(make_strategy("portfolio", 1))


@pytest.mark.parametrize(
    "function",
    [
        "has_a_daemon",
        "uses_an_executor",
        "uses_a_timer",
        "meets_at_a_barrier",
        "counts_threads",
        "draws_random_numbers",
    ],
)
def test_it_passes_and_leaves_no_thread(function: str) -> None:
    """Empty, timed, daemonic, pooled: no finding, and nothing is left running."""
    before = set(threading.enumerate())
    result = search(function)

    assert (result.outcome, result.findings) == ("passed", [])
    assert set(threading.enumerate()) <= before
    assert threading.current_thread() is threading.main_thread()


@pytest.mark.parametrize(
    "function", ["nothing", "leaves_with_zero", "sleeps_long", "waits_in_time", "never_starts_it"]
)
def test_where_nothing_was_scheduled_nothing_has_passed(function: str) -> None:
    """One thread has one order: the search says so, and is incomplete."""
    result = search(function)

    assert (result.outcome, result.exhausted) == ("incomplete", False)
    assert "nothing was scheduled" in result.reasons[0]


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("raises_at_once", "at once"),
        ("raises_in_a_thread", "in a thread"),
        ("leaves_with_three", "SystemExit: 3"),
    ],
)
def test_an_exception_is_a_finding(function: str, told: str) -> None:
    """Wherever it was raised."""
    result = search(function)

    assert result.outcome == "failed"
    assert told in result.findings[0].report.title


def test_a_spin_is_incomplete() -> None:
    """It reaches the limit of points; that is no pass."""
    result = search("spins", max_points=300)

    assert result.outcome == "incomplete"
    assert "300 points" in " ".join(result.reasons)


def test_a_thread_that_blocks_outside_is_told_with_its_place() -> None:
    """The search ends as hung and says where the thread is."""
    result = search("blocks_outside", hang_after=0.2)

    assert result.outcome == "hung"
    assert "odd_functions.py" in result.reasons[0]


def test_after_a_hang_the_session_goes_on_with_threads_of_its_own() -> None:
    """What hung is left alone: its run is over, and a thread of it that wakes disturbs nobody."""
    with FunctionSubject(FILE, "hangs_where_told") as subject:
        with Session(subject, limits=Limits(schedules=20, hang_after=0.1)) as session:
            strategy = make_strategy("random", 1)
            with blocking_outside() as gate:
                first = session.explore(strategy)
                gate.release()
            second = session.explore(strategy)

    assert (first.outcome, second.outcome) == ("hung", "passed")


def test_an_interrupt_of_a_thread_that_is_silent_is_no_hang() -> None:
    """Nobody waited for it as long as a hang takes: the search was interrupted, and says that."""
    gate = InterruptingGate()
    sys.modules[GATE] = gate  # type: ignore[assignment]  # a place that each schedule can see
    try:
        with FunctionSubject(FILE, "hangs_where_told") as subject:
            with Session(subject, limits=Limits(schedules=20, hang_after=0.2)) as session:
                gate.session = session
                result = session.explore(make_strategy("random", 1))
    finally:
        del sys.modules[GATE]
        gate.lock.release()

    assert (result.outcome, result.interrupted) == ("incomplete", True)
    assert result.reasons == ["interrupted"]


class InterruptingGate:
    """A plain lock that is never free; whoever comes to it interrupts the search."""

    session: Session

    def __init__(self) -> None:
        self.lock = _thread.allocate_lock()
        self.lock.acquire()

    def acquire(self) -> None:
        self.session.interrupt()
        self.lock.acquire()


def test_random_numbers_are_a_bound_of_what_was_tried() -> None:
    """They are the same in every schedule: the words beside "every order" say so, where any were
    drawn.
    """
    with_them = search("draws_random_numbers")
    without = search("meets_at_a_barrier")

    assert "random numbers the same in every schedule" in bounds(with_them)
    assert with_them.to_dict()["random_numbers"] is True
    assert "random" not in bounds(without)


@contextmanager
def blocking_outside() -> Iterator[_thread.LockType]:
    """While it lasts `hangs_where_told` waits for a plain lock that nobody controls."""
    gate = _thread.allocate_lock()
    gate.acquire()
    sys.modules[GATE] = gate  # type: ignore[assignment]  # a place that each schedule can see
    try:
        yield gate
    finally:
        del sys.modules[GATE]
