"""`run --races`: unordered accesses to plain data, judged by what they can do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return lockcheck("run", *words)


def lockcheck(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lockcheck", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def races(scenario: str, tmp_path: Path) -> list[tuple[str, str]]:
    """Severity and first words of every race of a scenario."""
    out = tmp_path / "report"
    done = run("--races", "--report", str(out), str(FOLDER / "racing.py"), scenario)
    assert "Traceback" not in done.stderr
    document = json.loads((out / "findings.json").read_text())
    findings = document["findings"] if isinstance(document, dict) else document
    return [
        (f["severity"], f["title"].partition(" of ")[0].partition(" on ")[0])
        for f in findings
        if f["kind"] == "race"
    ]


@pytest.mark.parametrize(
    ("scenario", "severity", "words"),
    [
        ("lost_update", "certain", "lost update"),
        ("lost_update_of_a_global", "certain", "lost update"),
        ("lost_update_of_an_item", "certain", "lost update"),
        ("lost_update_of_a_variable", "certain", "lost update"),
        ("behind_the_lock", "certain", "lost update"),
        ("read_behind_the_lock", "possible", "unordered read and write"),
        ("two_ways_in", "certain", "lost update"),
        ("iteration", "certain", "change during iteration over"),
        ("check_then_act", "possible", "check, then act"),
        ("two_writers", "possible", "unordered writes"),
        ("polled", "possible", "unordered read and write"),
        ("published_once", "class-only", "unordered read"),
        ("flag", "class-only", "unordered access"),
        ("counter_of_one", "class-only", "unordered look at the counter"),
        ("appends", "class-only", "unordered single steps"),
        ("grown_in_place", "class-only", "unordered single steps"),
    ],
)
def test_a_race_is_judged_by_what_it_can_do(
    scenario: str, severity: str, words: str, tmp_path: Path
) -> None:
    """Lost updates and changed loops are certain; harmless patterns are listed only."""
    found = races(scenario, tmp_path)

    assert severity in [each[0] for each in found]
    assert any(each[1].startswith(words) for each in found if each[0] == severity), found
    if severity == "class-only":
        assert {each[0] for each in found} == {"class-only"}


@pytest.mark.parametrize(
    "scenario",
    [
        "locked",
        "handed_over",
        "own_objects",
        "thread_local",
        "keys_of_their_own",
        "locked_inside",
        "asked_of_a_defaultdict",
    ],
)
def test_ordered_accesses_are_no_race(scenario: str, tmp_path: Path) -> None:
    """Locks, queues, events and joins order accesses; keys and objects of one's own need none."""
    assert races(scenario, tmp_path) == []


def test_a_race_reads_as_a_narrative() -> None:
    """Each access has a line with its thread, place, source text, kind and what was held."""
    done = run("--races", str(FOLDER / "racing.py"), "lost_update")

    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "board.n += 1" in line]
    assert len(lines) == 2
    for line in lines:
        assert "racing.py:" in line
        assert "[read, then write]" in line
        assert "held nothing" in line


def test_a_place_with_two_callers_is_shown_with_the_one_that_held_the_lock(tmp_path: Path) -> None:
    """A place that was passed many times is shown with a caller, and with what that one held."""
    out = tmp_path / "report"
    run("--races", "--report", str(out), str(FOLDER / "racing.py"), "two_ways_in")
    findings = json.loads((out / "findings.json").read_text())["findings"]
    found = next(f for f in findings if "lost update" in f["title"])

    callers = set()
    for stack, access in zip(reversed(found["stacks"]), found["data"]["accesses"], strict=True):
        names = [frame["function"].rpartition(".")[2] for frame in stack["frames"]]
        assert names[0] == "step"
        callers.add((names[1], bool(access["held"])))
    assert callers & {("by_day", True), ("by_night", True)}
    assert ("<lambda>", False) in callers


def test_a_race_says_what_to_explore_and_that_shows_the_order() -> None:
    """The command in the report finds the race under control, with its order and a token."""
    done = run("--races", str(FOLDER / "racing.py"), "lost_update")
    found = re.search(r"lockcheck (explore \S+::lost_update)$", done.stderr, re.MULTILINE)
    assert found is not None, done.stderr

    again = lockcheck(*found.group(1).split())

    assert again.returncode == 1
    assert "lost update of Board#1.n" in again.stdout
    assert "the order that shows it:" in again.stdout
    assert "lockcheck replay " in again.stdout


def test_races_are_known_to_a_baseline(tmp_path: Path) -> None:
    """A race that is written into a baseline does not count again."""
    known = tmp_path / "known.json"
    program = (str(FOLDER / "racing.py"), "lost_update")
    first = run("--races", "--write-baseline", str(known), *program)
    again = run("--races", "--baseline", str(known), *program)

    assert (first.returncode, again.returncode) == (1, 0)


def test_without_the_option_no_data_are_looked_at() -> None:
    """A plain run says nothing about data."""
    assert run(str(FOLDER / "racing.py"), "lost_update").returncode == 0


DECLARED = """import threading
from lockcheck import shared
class Account:
    balance = shared()
    def __init__(self):
        self.balance = 0
account = Account()
def pay():
    account.balance += 1
threads = [threading.Thread(target=pay) for _ in range(2)]
for t in threads: t.start()
for t in threads: t.join()
"""


def test_a_declared_field_is_checked_without_the_option(tmp_path: Path) -> None:
    """Two unlocked threads on a `shared()` field are no clean run."""
    program = tmp_path / "account.py"
    program.write_text(DECLARED)

    done = run(str(program))

    assert done.returncode == 1
    assert "data race on Account.balance" in done.stderr


GUARDED = """import threading
from lockcheck import guarded
class Account:
    balance = guarded("lock")
    def __init__(self):
        self.lock = threading.Lock()
        self.balance = 0
account = Account()
def pay():
    with account.lock:
        account.balance += 1
def peek():
    return account.balance
threads = [threading.Thread(target=f) for f in (pay, PEEK)]
for t in threads: t.start()
for t in threads: t.join()
"""


@pytest.mark.parametrize("options", [(), ("--races",)])
def test_a_guarded_field_is_checked_in_a_run(options: tuple[str, ...], tmp_path: Path) -> None:
    """An access without the guard counts, with and without the option; under it, none does."""
    program = tmp_path / "account.py"
    program.write_text(GUARDED.replace("PEEK", "peek"))
    wrong = run(*options, str(program))
    program.write_text(GUARDED.replace("PEEK", "pay"))
    right = run(*options, str(program))

    assert (wrong.returncode, right.returncode) == (1, 0), wrong.stderr + right.stderr
    assert "Account.balance" in wrong.stderr
