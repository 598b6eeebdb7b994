"""`lockcheck explore` and `replay` as a user calls them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FILE = str(Path(__file__).with_name("own_programs.py"))


def lockcheck(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lockcheck", *words],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def explored(function: str, *words: str) -> tuple[int, dict[str, Any]]:
    done = lockcheck("explore", f"{FILE}::{function}", "--json", "--seed", "5", *words)
    document: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, document


def without_time(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "seconds"}


@pytest.mark.parametrize(
    ("function", "strategy", "schedules"),
    [("prints", "portfolio", "60"), ("long", "random", "40"), ("long", "dpor", "60"),
     ("long", "dfs", "40"), ("own_checker", "pct", "30")],
)  # fmt: skip
def test_the_number_of_processes_changes_nothing(
    function: str, strategy: str, schedules: str
) -> None:
    """One, two and three processes give the same document, findings and tokens included."""
    words = ("--strategy", strategy, "--schedules", schedules)
    one = explored(function, *words, "--jobs", "1")
    others = [explored(function, *words, "--jobs", jobs) for jobs in ("2", "3")]

    for status, document in others:
        assert (status, without_time(document)) == (one[0], without_time(one[1]))


def test_a_checker_of_the_functions_own_is_explored() -> None:
    """Its locks are scheduled and its deadlock is found; a replay shows it again."""
    status, document = explored("own_checker", "--strategy", "dpor", "--jobs", "1")
    found = {finding["kind"]: finding for finding in document["findings"]}

    assert (status, document["outcome"], document["exhausted"]) == (1, "failed", True)
    assert found["deadlock"]["severity"] == "certain"

    token = found["deadlock"]["replay"]
    refused = lockcheck("replay", token)
    assert refused.returncode == 2
    assert "--trust" in refused.stderr

    assert lockcheck("replay", token, "--trust").returncode == 1
    assert lockcheck("replay", token, FILE).returncode == 1


def test_what_a_program_prints_belongs_to_the_reported_schedule() -> None:
    """The document is the only thing on stdout; the finding has what its schedule printed."""
    status, document = explored("prints", "--strategy", "dpor", "--jobs", "1")
    (finding,) = document["findings"]

    assert status == 1
    assert finding["output"] == "it was bob\nit was ann\n"


def test_a_timer_belongs_to_a_thread_and_a_place() -> None:
    """Two sleeps end in either order, and one waiter may be late twice, within the bound."""
    crossed, document = explored("behind_sleeps", "--strategy", "dpor", "--jobs", "1")
    late, _ = explored("twice_too_late", "--strategy", "dpor", "--jobs", "1")
    bounded, few = explored(
        "twice_too_late", "--strategy", "dpor", "--early-timers", "1", "--jobs", "1"
    )

    assert crossed == 1
    assert "deadlock" in {finding["kind"] for finding in document["findings"]}
    assert late == 1
    assert (bounded, few["exhausted"], few["early_timers"]) == (0, False, 1)


def test_a_wait_that_repeats_itself_is_exhausted_where_its_rounds_change_nothing() -> None:
    """A round that wakes somebody is a change; as many as the bound allows are not every order."""
    _, quiet = explored("waits_again_and_again", "--strategy", "dpor", "--jobs", "1")
    _, loud = explored("rings_again_and_again", "--strategy", "dpor", "--jobs", "1")

    assert (quiet["outcome"], quiet["exhausted"], quiet["reasons"]) == ("passed", True, [])
    assert (loud["outcome"], loud["exhausted"], len(loud["reasons"])) == ("passed", False, 1)
    assert loud["reasons"][0].startswith("not every order: the bound of 2 early timers")


@pytest.mark.parametrize("function", ["takes_results_as_they_come", "orders_by_address"])
def test_what_depends_on_addresses_is_the_same_in_every_schedule(function: str) -> None:
    """Sets of futures, threads and the program's objects, and `id`: the search is whole."""
    status, document = explored(function, "--strategy", "dpor", "--jobs", "1")

    assert (status, document["outcome"], document["exhausted"]) == (0, "passed", True)


@pytest.mark.parametrize("function", ["walks_a_set_of_names", "crosses_in_a_pool"])
def test_a_token_replays_in_any_process(function: str) -> None:
    """Each process would draw hashes of its own, and number the threads of its pools on."""
    status, document = explored(function, "--strategy", "dpor", "--jobs", "1")
    token = next(f["replay"] for f in document["findings"] if f["kind"] == "deadlock")

    assert status == 1
    assert [lockcheck("replay", token, FILE).returncode for _ in range(3)] == [1] * 3


def test_determinism_can_be_checked() -> None:
    """A deterministic program passes it."""
    status, document = explored(
        "long", "--strategy", "random", "--schedules", "40", "--check-determinism", "--jobs", "1"
    )

    assert (status, document["outcome"]) == (0, "passed")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_ends_it_and_what_was_done_is_told(jobs: str) -> None:
    """Status 130, one document, no traceback, no process left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lockcheck", "explore", f"{FILE}::long", "--strategy", "dfs",
         "--jobs", jobs],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    seed = process.stderr.readline()  # printed when the search begins
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=240)

    assert seed.startswith("seed ")
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "incomplete" in out
    assert "  interrupted" in out
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
