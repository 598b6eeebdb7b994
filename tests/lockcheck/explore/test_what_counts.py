"""What of a search is a finding: nothing that was given up, refused, or cannot be shown again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockcheck.cli import main
from lockcheck.cli.function import FunctionSubject
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy
from lockcheck.sync.plain import PlainThread
from tests.lockcheck.explore.unsteady_functions import FLAG

FILE = str(Path(__file__).with_name("unsteady_functions.py"))


def test_what_a_run_does_after_it_was_given_up_is_no_finding() -> None:
    """Redundant runs end while locks are held; how they unwind says nothing about the program."""
    with FunctionSubject(FILE, "holds_while_it_tries") as subject:
        with Session(subject, limits=Limits(schedules=150, shrink=False)) as session:
            result = session.explore(make_strategy("dpor", 1))

    assert result.coverage.redundant > 0, "no run was given up"
    assert [finding.report.title for finding in result.findings] == []


def test_a_finding_that_its_schedule_does_not_show_again_does_not_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is listed as unconfirmed, without a token, and the search has passed."""
    monkeypatch.setenv(FLAG, "1")
    words = ["--strategy", "random", "--schedules", "5", "--jobs", "1", "--seed", "3"]
    status = main(["explore", f"{FILE}::fails_once", "--json", *words])
    document = json.loads(capsys.readouterr().out)
    (finding,) = document["findings"]

    assert (status, document["outcome"]) == (0, "passed")
    assert (finding["kind"], finding["counts"], finding["replay"]) == ("unconfirmed", False, "")


@pytest.mark.parametrize(("words", "status"), [((), 0), (("--check-determinism",), 4)])
def test_a_function_that_is_not_deterministic_is_reported_when_that_is_checked(
    words: tuple[str, ...],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every second schedule differs: a repeated one shows it, and the search has diverged."""
    monkeypatch.delenv(FLAG, raising=False)
    monkeypatch.setenv("LOCKCHECK_JOBS", "1")
    given = ["--strategy", "random", "--schedules", "20", "--seed", "3", *words]
    got = main(["explore", f"{FILE}::takes_turns", "--json", *given])
    document = json.loads(capsys.readouterr().out)

    assert (got, document["outcome"]) == (status, "diverged" if words else "passed")
    assert bool(document["reasons"]) is bool(words)


@pytest.mark.parametrize("strategy", ["dpor", "dfs"])
def test_an_exhaustive_search_says_nothing_of_a_function_that_is_not_deterministic(
    strategy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That every order was tried rests on it that a schedule can be repeated: it looks, unasked."""
    monkeypatch.delenv(FLAG, raising=False)
    words = ["--strategy", strategy, "--schedules", "200", "--jobs", "1", "--json"]
    status = main(["explore", f"{FILE}::takes_turns", *words])
    document = json.loads(capsys.readouterr().out)

    assert (status, document["outcome"], document["exhausted"]) == (4, "diverged", False)
    assert "not deterministic" in document["reasons"][0]


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("given", [0, 2])
def test_a_refused_thread_is_the_fault_of_the_system(
    given: int, jobs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever thread it is: one line, status 2, and no finding."""
    refuse_threads(monkeypatch, after=given)
    words = ["--strategy", "random", "--schedules", "4", "--jobs", jobs]
    status = main(["explore", f"{FILE}::holds_while_it_tries", *words])
    out, err = capsys.readouterr()
    said = [line for line in err.splitlines() if not line.startswith("seed ")]

    assert (status, out) == (2, "")
    assert len(said) == 1, err
    assert "the system refused thread" in said[0]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_handler_that_cannot_be_set_is_no_finding(
    jobs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plain Python would set it: the function runs in the main thread there."""
    status = main(["explore", f"{FILE}::sets_a_handler", "--jobs", jobs])
    out, err = capsys.readouterr()
    said = [line for line in err.splitlines() if not line.startswith("seed ")]

    assert (status, out) == (2, "")
    assert len(said) == 1, err
    assert "sets a signal's handler" in said[0]


def refuse_threads(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Let a pool start so many threads and no more."""

    class Refused(PlainThread):
        def start(self) -> None:
            if int(self.name.rpartition(" ")[2]) > after:
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr("lockcheck.conduct.pool.PlainThread", Refused)
