"""Locks without a name are named by what they are assigned to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

import lockcheck


@pytest.fixture(autouse=True)
def chk() -> Iterator[lockcheck.Checker]:
    made = lockcheck.Checker()
    lockcheck.install(made)
    yield made
    lockcheck.uninstall()


def names(*locks: Any) -> list[str]:
    """The class names, without module and function."""
    return [lock.cls.name.rpartition(".")[2] for lock in locks]


def pair(*locks: Any) -> tuple[Any, ...]:
    return locks


class Base:
    def __init__(self) -> None:
        self.inner = self.make()

    def make(self) -> Any:
        return threading.Lock()


def test_each_target_of_an_unpacking_has_its_name() -> None:
    """Two, three and four on one line, variables and attributes."""
    a, b = threading.Lock(), threading.Lock()
    c, d, e = threading.Lock(), threading.RLock(), threading.Lock()
    f, g, h, i = threading.Lock(), threading.RLock(), threading.Lock(), threading.Lock()
    base = Base()
    base.p, base.q = threading.Lock(), threading.Lock()  # type: ignore[attr-defined]

    assert names(a, b, c, d, e, f, g, h, i) == list("abcdefghi")
    assert names(base.p, base.q) == ["p", "q"]  # type: ignore[attr-defined]


def test_a_factory_does_not_merge_its_locks() -> None:
    """A frame that only returns the lock is passed by."""
    other = Base().make()

    assert names(Base().inner, other) == ["inner", "other"]


def test_an_argument_goes_by_what_the_call_is_assigned_to() -> None:
    """The first keeps the name, the second gets another."""
    both = pair(threading.Lock(), threading.Lock())

    assert names(*both) == ["both", "both~2"]


def test_a_dataclass_field_is_named_by_its_class() -> None:
    """Its __init__ is code from a string; two classes' fields are two lock classes."""

    @dataclass
    class Account:
        lock: Any = field(default_factory=threading.Lock)

    @dataclass
    class Bank:
        lock: Any = field(default_factory=threading.Lock)

    account, bank = Account(), Bank()

    assert "Account.lock" in account.lock.cls.name
    assert "Bank.lock" in bank.lock.cls.name


def test_locks_of_one_comprehension_are_one_class() -> None:
    """As in the kernel: initialised in a loop, one class."""
    locks = [threading.Lock() for _ in range(3)]

    assert len({lock.cls for lock in locks}) == 1  # type: ignore[attr-defined]
    assert len({lock.name for lock in locks}) == 3  # type: ignore[attr-defined]
