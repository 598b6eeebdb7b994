"""A predicted cycle becomes certain with a schedule, or the finding says for how long it tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockcheck.cli.function import FunctionSubject
from lockcheck.core.findings import root_causes
from lockcheck.explore.in_words import in_a_word
from lockcheck.explore.result import Finding, Limits
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy

FILE = str(Path(__file__).with_name("own_programs.py"))


def predicted(function: str, schedules: int) -> tuple[Finding, Session]:
    """The cycle, found in few schedules, none of which deadlocks.

    No time passes, so that schedules alone limit the search, on whatever machine.
    """
    with FunctionSubject(FILE, function) as subject:
        limits = Limits(schedules=schedules)
        with Session(subject, limits=limits, clock=lambda: 0.0) as session:
            result = session.explore(make_strategy("random", 3))
            (found,) = [f for f in result.findings if f.report.kind == "circular"]
            if found.token is not None:
                replayed = session.replay(found.token)
                found.output = ", ".join(report.kind for report in replayed.reports)
            return found, session


def test_a_rare_deadlock_is_brought_about() -> None:
    """Two random schedules do not meet it; led to where the threads cross it happens."""
    found, _ = predicted("rarely_crossed", 2)

    assert found.report.severity == "certain"
    assert "confirmed" in found.note
    assert "deadlock" in found.output


def test_a_cycle_that_cannot_close_stays_possible() -> None:
    """A flag keeps the threads apart: it says how often it tried."""
    found, _ = predicted("kept_apart", 40)

    assert found.report.severity == "possible"
    assert "not confirmed: 200 schedules" in found.note


@pytest.mark.parametrize("function", ["waits_under_the_wakers_lock", "one_too_many_at_a_barrier"])
def test_a_deadlock_and_the_wait_cycle_that_foretold_it_are_one_cause(function: str) -> None:
    """What happened leads; the prediction is certain by the same schedule, of the same cause."""
    with FunctionSubject(FILE, function) as subject:
        with Session(subject, limits=Limits(schedules=200)) as session:
            result = session.explore(make_strategy("portfolio", 3))

    findings = result.to_dict()["findings"]
    (cause,) = root_causes(findings)

    assert cause.lead["kind"] == "deadlock"
    assert [each["kind"] for each in cause.parts] == ["wait-cycle"]
    assert {each["severity"] for each in findings} == {"certain"}
    assert {each["cause"] for each in findings} == {cause.lead["fingerprint"]}
    assert in_a_word(result) == ("found", cause.lead["title"])
