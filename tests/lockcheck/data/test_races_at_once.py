"""Accesses of two threads at the same moment are judged as they would be one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

import pytest

import lockcheck
from lockcheck.patch.data.fields import Field
from lockcheck.patch.data.narrative import rows_of
from lockcheck.patch.data.places import Variable
from lockcheck.patch.data.races import Races

P = ParamSpec("P")
R = TypeVar("R")
WAIT = 20.0
"""Seconds after which a thread of ours that does not come is a failed test."""


class Meeting(Generic[P, R]):
    """Stops each of two calls of a function until both are in it; the first then goes first."""

    def __init__(self, inner: Callable[P, R]) -> None:
        self._inner = inner
        self._calls = 0
        self.first_in = threading.Event()
        self.both_in = threading.Event()
        self.first_out = threading.Event()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        self._calls += 1
        number = self._calls
        if number == 1:
            self.first_in.set()
            assert self.both_in.wait(WAIT), "no second report was written meanwhile"
        elif number == 2:
            self.both_in.set()
            assert self.first_out.wait(WAIT), "the first report was not filed"
        return self._inner(*args, **kwargs)


@pytest.fixture
def watch() -> tuple[lockcheck.Checker, Races]:
    chk = lockcheck.Checker(races=True)
    return chk, Races(chk)


def test_two_reports_of_one_race_at_once_leave_the_stronger_one(
    watch: tuple[lockcheck.Checker, Races], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread files "check, then act" while another files the lost update: it is certain."""
    chk, races = watch
    meeting = Meeting(rows_of)
    monkeypatch.setattr("lockcheck.patch.data.races.rows_of", meeting)
    n = Variable("program.py", "n")
    both_read = threading.Barrier(2)

    def weaker() -> None:
        races.variable_read(n)
        both_read.wait(WAIT)
        races.variable_augment(n, 0)  # the other has read it, and not yet written
        meeting.first_out.set()

    def stronger() -> None:
        races.variable_read(n)
        both_read.wait(WAIT)
        assert meeting.first_in.wait(WAIT)  # the other's write is known, and not yet filed
        races.variable_augment(n, 0)

    threads = [chk.Thread(target=body) for body in (weaker, stronger)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert meeting.both_in.is_set()
    assert [report.severity for report in chk.reports] == ["certain"]
    assert chk.reports[0].title.startswith("lost update of program.n")


def test_two_first_looks_at_a_global_find_the_same_field() -> None:
    """Whoever comes second gets the field that the other has just made."""
    n = Variable("program.py", "n")
    first = n.enter(Field("program.n", "global program.n"))
    second = n.enter(Field("program.n", "global program.n"))

    assert first is second is n.field
    n.forget()
    assert n.field is None
