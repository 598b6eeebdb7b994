"""Fingerprints of deadlocks: what is held, by which kind of thread, and the same in every run."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockcheck.cli.function import FunctionSubject
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy

PROGRAM = """\
import threading

import lockcheck


def run(one, other):
    threads = [threading.Thread(target=one), threading.Thread(target=other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Both:
    def __init__(self, read=False):
        self.a, self.b, self.outer = threading.Lock(), threading.Lock(), threading.Lock()

    def forwards(self):
        with self.a:
            with self.b:
                pass

    def backwards(self):
        with self.b:
            with self.a:
                pass

    def caller(self):
        self.backwards()

    def worker(self):
        self.backwards()

    def under_another(self):
        with self.outer:
            self.backwards()


def callers():
    both = Both()
    run(both.forwards, both.caller)


def callers_turned():
    both = Both()
    run(both.caller, both.forwards)


def a_worker():
    both = Both()
    run(both.forwards, both.worker)


def under_another():
    both = Both()

    def caller():
        both.under_another()

    caller.__qualname__ = "Both.caller"
    run(both.forwards, caller)


def shared(recursive):
    chk = lockcheck.Checker()
    a, b = chk.RWLock("a"), chk.Lock("b")

    def first():
        with a.reading() if recursive else a.writing(), b:
            pass

    def second():
        with b, a.writing():
            pass

    threads = [chk.Thread(target=first), chk.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def a_reader():
    shared(True)


def a_writer():
    shared(False)
"""


def fingerprint(path: Path, function: str, seed: int) -> str:
    """Search until the deadlock is found."""
    with FunctionSubject(str(path), function) as subject:
        with Session(subject, limits=Limits(schedules=60, shrink=False)) as session:
            result = session.explore(make_strategy("random", seed))
    (found,) = [f.report for f in result.findings if f.report.kind == "deadlock"]
    return found.fingerprint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "program.py"
    made.write_text(PROGRAM)
    return made


def test_a_deadlock_has_one_fingerprint_whoever_comes_first(path: Path) -> None:
    """Another seed, threads started the other way round, lines moved down: it is the same."""
    once = fingerprint(path, "callers", 1)
    again = fingerprint(path, "callers", 2)
    turned = fingerprint(path, "callers_turned", 3)
    path.write_text("\n\n" + PROGRAM)
    moved = fingerprint(path, "callers", 1)

    assert {once, again, turned, moved} == {once}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("callers", "a_worker", id="the kind of thread"),
        pytest.param("callers", "under_another", id="what else is held"),
        pytest.param("a_writer", "a_reader", id="the mode in which it is held"),
    ],
)
def test_a_deadlock_differs_by_who_holds_what(path: Path, one: str, other: str) -> None:
    """The same two locks, and yet another deadlock."""
    assert fingerprint(path, one, 1) != fingerprint(path, other, 1)
