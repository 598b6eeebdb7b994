"""Five classic bugs are found, shrunk and replayed; their repaired twins are exhausted clean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockcheck.cli import main
from lockcheck.cli.function import FunctionSubject
from lockcheck.explore.result import Limits, Outcome
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy
from lockcheck.explore.token import Token

FILE = str(Path(__file__).with_name("classic_bugs.py"))
BUGS = {
    "lost_update": "race",
    "lost_wakeup": "deadlock",
    "abba": "deadlock",
    "check_then_act": "exception",
    "no_loop": "exception",
}
TWINS = ("no_lost_update", "no_lost_wakeup", "no_abba", "no_check_then_act", "with_loop")


def search(function: str, strategy: str, schedules: int, seed: int = 7) -> Outcome:
    with FunctionSubject(FILE, function) as subject:
        with Session(subject, limits=Limits(schedules=schedules)) as session:
            return session.explore(make_strategy(strategy, seed))


@pytest.mark.apart
@pytest.mark.parametrize("strategy", ["random", "pct", "pos", "dfs", "dpor", "portfolio"])
@pytest.mark.parametrize("function", BUGS)
def test_every_strategy_finds_every_bug(function: str, strategy: str) -> None:
    """Within three hundred schedules, seed fixed."""
    result = search(function, strategy, 300)

    assert result.outcome == "failed"
    assert BUGS[function] in {finding.report.kind for finding in result.findings}


@pytest.mark.parametrize("function", TWINS)
def test_a_repaired_twin_is_exhausted_clean(function: str) -> None:
    """DPOR tries every order of it and finds nothing."""
    result = search(function, "dpor", 3000)

    assert (result.outcome, result.exhausted, result.findings) == ("passed", True, [])


@pytest.mark.parametrize("function", BUGS)
def test_a_found_bug_is_shrunk_and_replays(
    function: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """`explore --json` gives a token of few switches; `replay` shows the bug again."""
    monkeypatch.chdir(tmp_path)

    status = main(["explore", "--seed", "3", "--json", f"{FILE}::{function}"])
    document = json.loads(capsys.readouterr().out)
    finding = next(f for f in document["findings"] if f["kind"] == BUGS[function])

    assert status == 1
    assert (document["schema"], document["outcome"]) == ("lockcheck/explore/1", "failed")
    assert finding["switches"] <= 3
    for _ in range(5):
        assert main(["replay", "--json", finding["replay"], "--trust"]) == 1
        again = json.loads(capsys.readouterr().out)

        assert again["diverged"] == ""
        assert finding["fingerprint"] in {each["fingerprint"] for each in again["findings"]}


def test_a_replay_of_changed_code_diverges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operation other than the recorded one is reported with its step; the status is 4."""
    file = tmp_path / "bank.py"
    text = Path(FILE).read_text()
    file.write_text(text)
    main(["explore", "--seed", "3", "--json", f"{file}::abba"])
    token = json.loads(capsys.readouterr().out)["findings"][0]["replay"]
    file.write_text(text.replace("with b:\n            with a:", "with a:\n            with b:"))

    status = main(["replay", token, str(file)])

    assert status == 4
    assert "diverged" in capsys.readouterr().out


def test_the_output_says_whose_data_were_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody must take silence about data that were not looked at for a proof."""
    main(["explore", "--seed", "3", "--schedules", "5", f"{FILE}::no_abba"])
    seen = capsys.readouterr().out
    main(["explore", "--seed", "3", "--schedules", "5", "--no-data", f"{FILE}::no_abba"])
    unseen = capsys.readouterr().out

    assert "globals and variables of classic_bugs.py" in seen
    assert "ordinary data were not looked at" in unseen


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["explore", "nowhere.py::f"], "nowhere.py"),
        (["explore", FILE], "FILE::FUNCTION"),
        (["explore", f"{FILE}::nothing"], "no function 'nothing'"),
        (["explore", "--strategy", "dpor", "--preemptions", "2", f"{FILE}::abba"], "dfs only"),
        (["explore", "--shard", "9/4", f"{FILE}::abba"], "shard"),
        (["replay", "v1/0x2/abc/00000000"], "checksum"),
        (["replay", "nonsense"], "token"),
    ],
)
def test_a_wrong_call_is_one_line_and_status_2(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Never a traceback."""
    status = main(words)
    error = capsys.readouterr().err

    assert status == 2
    assert told in error
    assert len(error.strip().splitlines()) == 1


def test_an_exhaustive_search_that_was_stopped_is_incomplete() -> None:
    """A limit never looks like a pass."""
    result = search("with_loop", "dpor", 2)

    assert (result.outcome, result.exhausted) == ("incomplete", False)
    assert result.reasons


def test_dfs_reports_the_bound_it_finished() -> None:
    """Crossed locks need one preemption: bound 0 is clean, bound 1 deadlocks."""
    kinds = []
    for bound in (0, 1):
        with FunctionSubject(FILE, "abba") as subject:
            with Session(subject, limits=Limits(schedules=500)) as session:
                result = session.explore(make_strategy("dfs", 1, preemptions=bound))
        kinds.append({finding.report.kind for finding in result.findings})
        assert result.details["preemptions_exhausted"] == bound

    assert "deadlock" not in kinds[0]
    assert "deadlock" in kinds[1]


def test_a_search_is_the_same_again_with_the_same_seed() -> None:
    """Same orders, same tokens."""
    tokens = []
    for _ in range(2):
        result = search("no_loop", "portfolio", 60, seed=11)
        tokens.append([str(finding.token) for finding in result.findings])

    assert tokens[0] == tokens[1]
    assert all(Token.parse(token) for token in tokens[0])
