"""pytest explores a marked test, replays its token, and looks for races in ordinary data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lockcheck.plugin.test_plugin import run_pytest

TESTS = """
import threading
import pytest

class Counter:
    def __init__(self):
        self.n = 0

def count(lock=None):
    counter = Counter()
    def add():
        if lock is None:
            counter.n += 1
        else:
            with lock:
                counter.n += 1
    threads = [threading.Thread(target=add) for _ in range(2)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert counter.n == 2

@pytest.mark.lockcheck(explore=True, schedules=300, strategy="dpor")
def test_buggy():
    count()

@pytest.mark.lockcheck(explore=True)
def test_right():
    count(threading.Lock())

@pytest.mark.lockcheck(explore=True)
class TestInAClass:
    @pytest.mark.parametrize("times", [1, 2])
    def test_right(self, times, tmp_path):
        assert tmp_path.is_dir()
        count(threading.Lock())

def test_plain():
    count()
"""


@pytest.mark.parametrize("options", [(), ("--lockcheck",)])
def test_a_marked_test_is_explored_and_its_token_replays(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """The buggy one fails and prints its token; the token alone fails it again; others pass."""
    done = run_pytest(tmp_path, TESTS, *options)

    assert "1 failed, 4 passed" in done.stdout, done.stdout + done.stderr
    found = re.search(r"pytest --lockcheck-replay (\S+)", done.stdout)
    assert found is not None
    again = run_pytest(tmp_path, TESTS, *options, "--lockcheck-replay", found.group(1))
    assert "1 failed" in again.stdout, again.stdout + again.stderr
    assert "passed" not in again.stdout
    assert "AssertionError" in again.stdout


def test_a_token_of_another_test_is_a_usage_error(tmp_path: Path) -> None:
    """One line says which test the token is of."""
    done = run_pytest(tmp_path, TESTS)
    found = re.search(r"pytest --lockcheck-replay (\S+)", done.stdout)
    assert found is not None
    other = run_pytest(tmp_path, "def test_x(): pass\n", "--lockcheck-replay", found.group(1))
    bad = run_pytest(tmp_path, TESTS, "--lockcheck-replay", "v1/nonsense")

    assert other.returncode == bad.returncode == 4
    assert "the token is of" in other.stdout + other.stderr
    assert "Traceback" not in other.stderr + bad.stderr


def test_a_mark_with_an_unknown_word_fails_its_test(tmp_path: Path) -> None:
    """A misspelt bound must not look like a bound."""
    text = TESTS.replace("schedules=300", "schedule=300")

    assert "no argument 'schedule'" in run_pytest(tmp_path, text).stdout


RACES = """
import threading
from shop import Shop

def test_races():
    shop = Shop()
    threads = [threading.Thread(target=shop.sell) for _ in range(2)]
    for t in threads: t.start()
    for t in threads: t.join()
    value = shop.sold
    assert value == 3
"""
SHOP = """
class Shop:
    def __init__(self):
        self.sold = 0
    def sell(self):
        self.sold += 1
"""


def test_races_fail_the_test_that_has_them(tmp_path: Path) -> None:
    """The project's own modules are looked at, and assertions are rewritten as ever."""
    (tmp_path / "shop.py").write_text(SHOP)
    plain = run_pytest(tmp_path, RACES)
    found = run_pytest(tmp_path, RACES, "--lockcheck-races")
    right = run_pytest(tmp_path, RACES.replace("== 3", "== 2"), "--lockcheck-races")
    quiet = run_pytest(tmp_path, RACES.replace("== 3", "== 2"), "--lockcheck")

    assert "assert 2 == 3" in plain.stdout
    assert "assert 2 == 3" in found.stdout
    assert "lost update of Shop#1.sold" in found.stdout
    assert "1 failed" in right.stdout
    assert "1 passed" in quiet.stdout


def test_a_race_is_allowed_by_its_mark(tmp_path: Path) -> None:
    """`allow` silences races as it does other findings."""
    (tmp_path / "shop.py").write_text(SHOP)
    text = RACES.replace("== 3", "== 2").replace(
        "def test_races", "import pytest\n@pytest.mark.lockcheck(allow=['race'])\ndef test_races"
    )

    assert "1 passed" in run_pytest(tmp_path, text, "--lockcheck-races").stdout
