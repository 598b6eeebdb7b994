"""`guarded()`: the guard is held at every access, whatever the guard and the attribute are."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import lockcheck
from lockcheck.cli import main
from tests.lockcheck.threads import in_turn


class Account:
    """What the tests share."""

    n = lockcheck.guarded[int]("lock")
    both = lockcheck.guarded[int]("lock", "other")
    items = lockcheck.guarded[list[int]]("lock")
    table = lockcheck.guarded[dict[str, int]]("lock")
    names = lockcheck.guarded[set[str]]("lock")
    state = lockcheck.guarded[int]("lock", reads="once")
    handler = lockcheck.guarded[str]("lock", reads=lambda self: self.reading)
    mine = lockcheck.guarded[int](lambda self: self.bank)
    kind = lockcheck.constant[str]()
    cursor = lockcheck.own[int]()
    flags = lockcheck.guarded[int]("lock", default=7)

    def __init__(self, chk: lockcheck.Checker) -> None:
        self.chk = chk
        self.name = "account"
        self.lock = chk.Lock("account")
        self.other = chk.Lock("other")
        self.bank: object = chk.Lock("bank")
        self.reading = False
        self.n = self.both = self.state = self.mine = self.cursor = 0
        self.n += 1  # nobody else knows the object yet
        self.items = [1, 2]
        self.table = {"a": 1}
        self.names = {"x"}
        self.handler = ""
        self.kind = "giro"
        self.build()

    def build(self) -> None:
        """Called by the constructor, so it needs no lock there."""
        self.items.append(3)


@pytest.fixture
def chk() -> lockcheck.Checker:
    return lockcheck.Checker()


def titles(chk: lockcheck.Checker) -> list[str]:
    return [report.title for report in chk.reports]


def set_n(account: Account) -> None:
    account.n = 2


ACCESSES: dict[str, Callable[[Account], object]] = {
    "read": lambda a: a.n,
    "write": set_n,
    "len": lambda a: len(a.items),
    "walk": lambda a: list(a.items),
    "contains": lambda a: 1 in a.items,
    "truth": lambda a: bool(a.items),
    "append": lambda a: a.items.append(1),
    "remove": lambda a: a.items.remove(1),
    "sort": lambda a: a.items.sort(),
    "item": lambda a: a.items[0],
    "get": lambda a: a.table.get("a"),
    "key": lambda a: a.table.setdefault("b", 1),
    "pop": lambda a: a.table.pop("a"),
    "values": lambda a: list(a.table.values()),
    "add": lambda a: a.names.add("y"),
    "discard": lambda a: a.names.discard("y"),
    "sorted": lambda a: sorted(a.names),
    "default": lambda a: a.flags,
}


@pytest.mark.parametrize("how", ACCESSES)
def test_every_access_needs_the_lock(chk: lockcheck.Checker, how: str) -> None:
    """With the lock nothing is reported; without it one finding names field, guard and function."""
    account = Account(chk)
    with account.lock:
        ACCESSES[how](account)
    assert titles(chk) == []

    ACCESSES[how](Account(chk))

    assert len(chk.reports) == 1
    report = chk.reports[0]
    assert (report.kind, report.severity) == ("assertion", "certain")
    assert report.title.startswith("Account.")
    assert "without Account.lock held" in report.title


def test_another_instances_lock_does_not_guard(chk: lockcheck.Checker) -> None:
    """Holding the lock of another object of the class is not holding this one's."""
    one, other = Account(chk), Account(chk)

    with other.lock:
        one.n += 1

    assert len(titles(chk)) == 2


def test_writers_hold_both_and_readers_either(chk: lockcheck.Checker) -> None:
    """With two locks declared, one is enough to read and not to write."""
    account = Account(chk)
    with account.other:
        assert account.both == 0
    with account.lock, account.other:
        account.both = 1
    assert titles(chk) == []

    with account.lock:
        account.both = 2

    assert "written without Account.lock and Account.other" in titles(chk)[0]


def test_a_function_says_which_lock_it_is(chk: lockcheck.Checker) -> None:
    """The guard is resolved at each access: it may change, and None asks for nothing."""
    account = Account(chk)
    with account.bank:
        account.mine = 1
    account.bank = None
    account.mine = 2
    assert titles(chk) == []
    account.bank = chk.Lock("another bank")

    account.mine = 3

    assert "another bank" in titles(chk)[0]


def test_read_once_needs_the_lock_to_write_only(chk: lockcheck.Checker) -> None:
    """READ_ONCE: anybody reads, writers hold the lock."""
    account = Account(chk)
    assert account.state == 0
    with account.lock:
        account.state = 1
    assert titles(chk) == []

    account.state = 2

    assert "state is written" in titles(chk)[0]


def test_rcu_readers_stand_in_a_read_side(chk: lockcheck.Checker) -> None:
    """Readers hold the writers' lock or are in a read-side section; else it is a finding."""
    account = Account(chk)
    with account.lock:
        assert account.handler == ""
    account.reading = True
    assert account.handler == ""
    account.reading = False
    assert titles(chk) == []

    assert account.handler == ""

    assert "handler is read" in titles(chk)[0]


def test_a_constant_stays_once_another_thread_has_seen_it(chk: lockcheck.Checker) -> None:
    """Its maker may change it until then; afterwards nobody may."""
    account = Account(chk)
    account.kind = "savings"
    assert titles(chk) == []
    in_turn(chk, lambda: account.kind, lambda: setattr(account, "kind", "none"))

    assert any("kind is written" in title for title in titles(chk))


@pytest.mark.parametrize("kind", ["RLock", "RWLock", "Condition"])
def test_any_kind_of_lock_guards(chk: lockcheck.Checker, kind: str) -> None:
    """Re-entrant locks, readers and writers, conditions: held is held."""
    account = Account(chk)
    made = {
        "RLock": lambda: chk.RLock("r"),
        "RWLock": lambda: chk.RWLock("w"),
        "Condition": lambda: chk.Condition(name="c"),
    }[kind]()
    account.lock = made  # type: ignore[assignment]
    hold = made.writing if kind == "RWLock" else lambda: made
    with hold():  # type: ignore[attr-defined]
        account.n += 1
    assert titles(chk) == []

    account.n += 1

    assert len(titles(chk)) == 2


def test_a_reader_may_read_and_not_write(chk: lockcheck.Checker) -> None:
    """Under a reader/writer lock taken for reading, a write is a finding."""
    account = Account(chk)
    rw = chk.RWLock("w")
    account.lock = rw  # type: ignore[assignment]
    with rw.reading():
        assert account.n == 1
        assert titles(chk) == []

        account.n = 5

    assert len(titles(chk)) == 1


def test_a_list_taken_out_of_its_field_is_an_ordinary_one(chk: lockcheck.Checker) -> None:
    """Splice it under the lock, then work on it without: it is the taker's own."""
    account = Account(chk)
    with account.lock:
        taken = account.items
        account.items = []

    taken.append(9)

    assert taken == [1, 2, 3, 9]
    assert titles(chk) == []


def test_copies_and_pickles_are_ordinary(chk: lockcheck.Checker) -> None:
    """A copy of a guarded container holds the same and checks nothing."""
    account = Account(chk)
    with account.lock:
        copies = [copy.copy(account.items), copy.deepcopy(account.items), account.items[:]]
        copies.append(pickle.loads(pickle.dumps(account.items)))

    for one in copies:
        one.append(4)

    assert copies == [[1, 2, 3, 4]] * 4
    assert {type(one) for one in copies} == {list}
    assert titles(chk) == []


def test_looking_is_no_access(chk: lockcheck.Checker) -> None:
    """A listing reads what it likes, by `looking` or `peek`."""
    account = Account(chk)

    with lockcheck.looking(chk):
        assert account.n == 1
        assert list(account.items) == [1, 2, 3]
    assert lockcheck.peek(account, "n") == 1

    assert titles(chk) == []


def test_one_finding_for_each_function(chk: lockcheck.Checker) -> None:
    """A loop that forgets the lock a hundred times is one mistake."""
    account = Account(chk)
    for _ in range(100):
        set_n(account)

    assert len(chk.reports) == 1


def test_without_a_checker_it_is_an_attribute() -> None:
    """A program that nobody checks uses plain threading locks and pays with nothing but time."""

    class Plain:
        n = lockcheck.guarded[int]("lock")

        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.n = 0

    plain = Plain()
    plain.n += 1

    assert plain.n == 1


def test_install_is_enough() -> None:
    """Under `install()` the object's own threading.Lock is a checked one: no `chk` is needed."""
    chk = lockcheck.Checker()
    lockcheck.install(chk)
    try:

        class Plain:
            n = lockcheck.guarded[int]("lock")

            def __init__(self) -> None:
                self.lock = threading.Lock()
                self.n = 0

        plain = Plain()
        with plain.lock:
            plain.n += 1
        assert chk.reports == []
        plain.n += 1
    finally:
        lockcheck.uninstall()

    assert [r.kind for r in chk.reports] == ["assertion", "assertion"]


def test_two_instances_of_one_lock_are_a_race() -> None:
    """A resolver that picks a wrong lock: both hold one, nothing orders them."""
    chk = lockcheck.Checker(races=True)
    account = Account(chk)
    locks = [chk.Lock("left"), chk.Lock("right")]

    def use(number: int) -> None:
        with locks[number]:
            account.bank = locks[number]
            account.mine += 1

    in_turn(chk, lambda: use(0), lambda: use(1))

    found = [r for r in chk.reports if r.kind == "race"]
    assert len(found) == 1
    assert "under right" in found[0].title
    assert "by t0 under left#0 before" in found[0].title


def test_a_handed_over_object_may_change_its_lock() -> None:
    """An object that moves from one lock to another, in order, is no race."""
    chk = lockcheck.Checker(races=True)
    account = Account(chk)
    locks = [chk.Lock("left"), chk.Lock("right")]
    account.bank = locks[0]

    def left() -> None:
        with locks[0]:
            account.mine += 1
            with locks[1]:
                account.bank = locks[1]

    def right() -> None:
        with locks[1]:
            account.mine += 1

    in_turn(chk, left, right)

    assert titles(chk) == []


def test_ones_own_field_is_handed_over_in_order() -> None:
    """`own()`: two threads without an order between them are a race, with a lock they are not."""
    chk = lockcheck.Checker(races=True)
    account = Account(chk)

    def locked() -> None:
        with account.lock:
            account.cursor += 1

    in_turn(chk, locked, locked)
    assert titles(chk) == []

    in_turn(chk, lambda: setattr(account, "cursor", 1), lambda: setattr(account, "cursor", 2))

    assert [r.kind for r in chk.reports] == ["race"]


def test_wrong_declarations_say_what_is_expected() -> None:
    """No guard, a number, slots: one clear line each."""
    with pytest.raises(TypeError, match=r"wants the names of the object's locks"):
        lockcheck.guarded[int]()
    with pytest.raises(TypeError, match=r"got 3"):
        lockcheck.guarded[int](3)  # type: ignore[arg-type]
    with pytest.raises((TypeError, RuntimeError), match=r"guarded|__set_name__"):
        type("Slotted", (), {"__slots__": ("lock",), "n": lockcheck.guarded[int]("lock")})


LOST = """
import threading
import lockcheck

class Account:
    n = lockcheck.guarded("lock")
    def __init__(self):
        self.lock = threading.Lock()
        self.n = 0

def bank(forgets):
    account = Account()
    def pay():
        with account.lock:
            account.n += 1
    def cash():
        if forgets:
            account.n += 1
        else:
            pay()
    threads = [threading.Thread(target=each) for each in (pay, cash)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with account.lock:
        assert account.n == 2, "an update was lost"

def careful():
    bank(False)

def careless():
    bank(True)
"""


@pytest.mark.parametrize("strategy", ["dpor", "random"])
def test_a_field_with_a_race_becomes_a_point(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], strategy: str
) -> None:
    """Forgetting the lock is reported, and then the lost update behind it is found, too."""
    file = tmp_path / "bank.py"
    file.write_text(LOST)
    how = ["--strategy", strategy, "--schedules", "60", "--seed", "1"]

    assert main(["explore", *how, f"{file}::careful"]) == 0
    calm = capsys.readouterr().out
    assert main(["explore", *how, f"{file}::careless"]) == 1
    found = capsys.readouterr().out

    assert "without" not in calm
    assert "Account.n is written without Account.lock held" in found
    assert "an update was lost" in found
