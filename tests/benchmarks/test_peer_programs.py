"""The programs that tools are compared on: every fault is found and replayed, no twin fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peer_programs import BUGGY, RIGHT, TWINS
from lockcheck.cli.function import FunctionSubject
from lockcheck.explore.result import Limits, Outcome
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy
from lockcheck.explore.token import Token

FILE = str(Path(__file__).parents[2] / "benchmarks" / "peer_programs.py")


def explored(function: str, strategy: str, limits: Limits) -> Outcome:
    subject = FunctionSubject(FILE, function)
    with subject, Session(subject, limits=limits) as session:
        return session.explore(make_strategy(strategy, 1))


def test_there_are_eighteen_faults_each_with_a_twin_and_six_right_programs() -> None:
    """The programs are those that the comparison is about."""
    assert (len(BUGGY), len(TWINS), len(RIGHT)) == (18, 18, 6)


@pytest.mark.parametrize("function", BUGGY)
def test_a_fault_is_found_and_replayed(function: str) -> None:
    """Some schedule shows it, and the token shows it again."""
    found = explored(function, "portfolio", Limits(schedules=500, findings=1))

    assert found.outcome == "failed"
    finding = next(each for each in found.findings if each.counts)
    token = Token.parse(str(finding.token))
    subject = FunctionSubject.of_token(token.subject)
    with subject, Session(subject) as session:
        again = session.replay(token)

    assert again.divergence == ""
    # A cycle of locks may be confirmed by a schedule that ends in the deadlock itself.
    same = [r for r in again.reports if r.fingerprint == finding.report.fingerprint]
    assert same or "deadlock" in [report.kind for report in again.reports]


@pytest.mark.parametrize("function", [*TWINS, *RIGHT])
def test_a_right_program_passes_every_order(function: str) -> None:
    """Nothing is found in any order, and every order was tried."""
    found = explored(function, "dpor", Limits(schedules=5_000))

    assert (found.outcome, found.exhausted) == ("passed", True)
