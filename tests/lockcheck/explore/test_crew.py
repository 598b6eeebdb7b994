"""A search on several processes begins in whatever process asks for it."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockcheck.cli.function import FunctionSubject
from lockcheck.explore.crew import run_search
from lockcheck.explore.result import Limits, Outcome
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy

FILE = str(Path(__file__).with_name("classic_bugs.py"))
LIMITS = Limits(schedules=12, shrink=False)


@contextmanager
def opened(_place: int | None) -> Iterator[Session]:
    with FunctionSubject(FILE, "with_loop") as subject, Session(subject, limits=LIMITS) as session:
        yield session


@contextmanager
def another_thread() -> Iterator[None]:
    """A thread that runs meanwhile."""
    over = threading.Event()
    begun = threading.Event()

    def hold() -> None:
        begun.set()
        over.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()


def forks_as_later(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count forks; where the interpreter does not warn of threads yet, do so as 3.12 does."""
    forked: list[int] = []
    real = os.fork

    def fork() -> int:
        pid = real()
        if pid:
            forked.append(pid)
        if pid and sys.version_info < (3, 12) and threading.active_count() > 1:
            words = f"This process (pid={os.getpid()}) is multi-threaded, use of fork() may lead to"
            warnings.warn(f"{words} deadlocks in the child.", DeprecationWarning, stacklevel=2)
        return pid

    monkeypatch.setattr(os, "fork", fork)
    return forked


def search(jobs: int) -> Outcome:
    return run_search(opened, lambda: make_strategy("random", 5), LIMITS, jobs=jobs)


@pytest.mark.apart
@pytest.mark.skipif(not hasattr(os, "fork"), reason="without fork a search has one process")
def test_workers_are_forked_beside_a_running_thread() -> None:
    """Nobody is warned of that, and the search is still that of one process."""
    alone = search(jobs=1)
    with pytest.MonkeyPatch.context() as patched, another_thread():
        forked = forks_as_later(patched)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            joint = search(jobs=2)

    assert len(forked) == 2
    assert [str(each.message) for each in warned] == []
    assert joint.outcome == alone.outcome == "passed"
    assert joint.coverage.orders == alone.coverage.orders
