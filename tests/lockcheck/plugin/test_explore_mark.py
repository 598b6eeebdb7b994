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
import _thread, threading
from shop import Shop

turn = _thread.allocate_lock()  # nobody checks it, but no update is lost without a GIL, either

def test_races():
    shop = Shop()
    def sell():
        with turn: shop.sell()
    threads = [threading.Thread(target=sell) for _ in range(2)]
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
    right = run_pytest(tmp_path, RACES.replace("== 3", "in (1, 2)"), "--lockcheck-races")
    quiet = run_pytest(tmp_path, RACES.replace("== 3", "in (1, 2)"), "--lockcheck")

    assert re.search("assert [12] == 3", plain.stdout)  # an update may really be lost
    assert re.search("assert [12] == 3", found.stdout)
    assert "lost update of Shop#1.sold" in found.stdout
    assert "1 failed" in right.stdout
    assert "1 passed" in quiet.stdout


def test_a_race_is_allowed_by_its_mark(tmp_path: Path) -> None:
    """`allow` silences races as it does other findings."""
    (tmp_path / "shop.py").write_text(SHOP)
    text = RACES.replace("== 3", "in (1, 2)").replace(
        "def test_races", "import pytest\n@pytest.mark.lockcheck(allow=['race'])\ndef test_races"
    )

    assert "1 passed" in run_pytest(tmp_path, text, "--lockcheck-races").stdout


IN_A_PACKAGE = """
import threading
import pytest
from .shop import Shop

def test_kept_apart():
    assert Shop().sold == 0

@pytest.mark.lockcheck(explore=True, strategy="dpor")
def test_sold():
    shop = Shop()
    threads = [threading.Thread(target=shop.sell) for _ in range(2)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert shop.sold == 2

def test_classes_are_back():
    assert isinstance(Shop(), __import__("suite.shop").shop.Shop)
"""


def test_the_modules_of_the_tests_package_are_seen(tmp_path: Path) -> None:
    """A lost update in a module that pytest has imported before is found, and stays apart."""
    package = tmp_path / "suite"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "shop.py").write_text(SHOP)
    (package / "test_shop.py").write_text(IN_A_PACKAGE)

    done = run_pytest(tmp_path, "", "suite")

    assert "1 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert "shop.py, test_shop.py" in done.stdout
    assert re.search(r"self\.sold \+= 1 +\[write\]", done.stdout)


NAMED = """
import threading
import pytest
from shop import Shop

@pytest.mark.lockcheck(explore=True, strategy="dpor"DATA)
def test_sold():
    shop = Shop()
    threads = [threading.Thread(target=shop.sell) for _ in range(2)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert shop.sold == 2
"""


def test_a_package_elsewhere_is_seen_when_it_is_named(tmp_path: Path) -> None:
    """`data=` widens what is looked at; without it such a module's data are no points."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "shop.py").write_text(SHOP)
    (tmp_path / "tests").mkdir()
    path = "pythonpath=lib"

    def outcome(data: str) -> str:
        (tmp_path / "tests" / "test_named.py").write_text(NAMED.replace("DATA", data))
        return run_pytest(tmp_path, "", "-o", path, "tests").stdout

    assert "1 passed" in outcome("")
    assert "1 failed" in outcome(", data='shop'")


FIELDS = """
import threading
import lockcheck

class Account:
    FIELD
    def __init__(self):
        self.lock = threading.Lock()
        self.balance = 0

def pay_with(account):
    with account.lock:
        account.balance += 1

def pay_without(account):
    account.balance += 1

def run(*bodies):
    account = Account()
    threads = [threading.Thread(target=each, args=(account,)) for each in bodies]
    for t in threads: t.start()
    for t in threads: t.join()

def test_right():
    run(pay_with, pay_with)

def test_wrong():
    run(pay_with, pay_without)
"""


@pytest.mark.parametrize(
    "field", ["balance = lockcheck.shared()", 'balance = lockcheck.guarded("lock")']
)
def test_declared_fields_are_checked_in_tests(tmp_path: Path, field: str) -> None:
    """`shared()` and `guarded()` need `--lockcheck` alone: the wrong test fails, the right not."""
    done = run_pytest(tmp_path, FIELDS.replace("FIELD", field), "--lockcheck")

    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "FAILED test_it.py::test_wrong" in done.stdout
    assert "Account.balance" in done.stdout


WORDS = """
import threading
import pytest

def count(times, lock):
    found = [0]
    def add():
        for _ in range(times):
            with lock():
                found[0] += 1
    threads = [threading.Thread(target=add) for _ in range(3)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert found[0] == 3 * times

class NoLock:
    def __enter__(self): pass
    def __exit__(self, *_): pass

LOCK = threading.Lock()

@pytest.mark.lockcheck(explore=True, strategy="dpor")
def test_found():
    count(1, NoLock)

@pytest.mark.lockcheck(explore=True, strategy="dpor")
def test_held():
    count(1, lambda: LOCK)

@pytest.mark.lockcheck(explore=True, strategy="random", schedules=3)
def test_inconclusive():
    count(4, lambda: LOCK)
"""


def test_each_explored_test_ends_with_one_of_three_words(tmp_path: Path) -> None:
    """Found names the finding; held what was looked at and the bounds; else inconclusive, why."""
    done = run_pytest(tmp_path, WORDS, "-rA")
    words = re.findall(r"^(found|held|inconclusive): (.+)$", done.stdout, re.MULTILINE)
    said: dict[str, str] = dict(words)

    assert said.keys() == {"found", "held", "inconclusive"}, done.stdout
    assert "AssertionError" in said["found"]
    assert "every order was tried, in 6 schedules" in said["held"]
    assert "early" in said["held"]
    assert "3 schedules passed" in said["inconclusive"]
    assert "data looked at: attributes, items, globals and variables of test_it.py" in done.stdout
