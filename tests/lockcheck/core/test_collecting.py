"""Pauses of the collector end as they began, whoever else pauses it meanwhile."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from lockcheck.core import collecting

THREADS = 4
TURNS = 2000


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The collector is on before and as it was afterwards; threads change places often."""
    was, interval = collecting.isenabled(), sys.getswitchinterval()
    collecting.enable()
    collecting.unsaid()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
    (collecting.enable if was else collecting.disable)()
    collecting.unsaid()


def pausing() -> None:
    for _ in range(TURNS):
        collecting.pause()
        collecting.resume()


def all_run(*bodies: Callable[[], None]) -> None:
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("wanted", [True, False])
def test_pauses_of_many_threads_leave_the_collector_as_the_program_wants_it(wanted: bool) -> None:
    """Nobody takes another thread's pause for the wish of the program."""
    for _ in range(3):
        (gc.enable if wanted else gc.disable)()  # as a program without install() does
        all_run(*[pausing] * THREADS)

        assert gc.isenabled() is wanted
        assert collecting.isenabled() is wanted


@pytest.mark.parametrize("paused", [True, False])
def test_a_pause_that_ends_while_another_begins_is_no_wish_of_the_program(
    monkeypatch: pytest.MonkeyPatch, paused: bool
) -> None:
    """One thread sees the collector off, then the other thread, whose pause that was, ends it."""
    inside, go, over = threading.Event(), threading.Event(), threading.Event()

    def other() -> None:
        if paused:
            collecting.pause()
        inside.set()
        go.wait(30)
        if not paused:
            collecting.pause()
        collecting.resume()
        over.set()

    def isenabled() -> bool:
        seen = gc.isenabled()
        if threading.current_thread() is thread:
            return seen
        go.set()
        over.wait(30)
        return seen

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(30)
    with monkeypatch.context() as patched:
        patched.setattr(collecting, "_isenabled", isenabled)
        collecting.pause()
        go.set()
        thread.join()
    collecting.resume()

    assert gc.isenabled()


def test_what_the_program_wants_during_pauses_holds_after_them() -> None:
    """Switched off and on through us while others pause: the last word counts."""
    seen = []

    def wishing() -> None:
        for turn in range(TURNS):
            on = bool(turn % 2)
            (collecting.enable if on else collecting.disable)()
            if collecting.isenabled() is not on:
                seen.append(turn)

    all_run(wishing, *[pausing] * (THREADS - 1))

    assert seen == []
    assert gc.isenabled()


def test_a_pause_inside_a_pause_ends_with_the_outer_one() -> None:
    """The program does not see a pause; it gets the answer that it wants."""
    with collecting.PAUSED:
        with collecting.PAUSED:
            pass
        assert not gc.isenabled()
        assert collecting.isenabled()
    assert gc.isenabled()
