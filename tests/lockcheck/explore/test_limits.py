"""When a search ends."""

from __future__ import annotations

from pathlib import Path

from lockcheck.cli.function import FunctionSubject
from lockcheck.explore.result import Limits, Outcome
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy

FILE = str(Path(__file__).with_name("odd_functions.py"))
SCHEDULES = 40


def search(title: str) -> Outcome:
    """Until a finding with that in its title."""
    limits = Limits(schedules=SCHEDULES, until=lambda report: title in report.title)
    with (
        FunctionSubject(FILE, "raises_at_once") as subject,
        Session(subject, limits=limits) as session,
    ):
        return session.explore(make_strategy("random", 1))


def test_it_ends_with_the_finding_that_was_looked_for() -> None:
    """The first schedule shows it, and no other is run."""
    result = search("at once")

    assert result.coverage.schedules == 1
    assert len(result.findings) == 1


def test_a_finding_that_was_not_looked_for_does_not_end_it() -> None:
    """All schedules are run."""
    result = search("something else")

    assert result.coverage.schedules == SCHEDULES
    assert len(result.findings) == 1
