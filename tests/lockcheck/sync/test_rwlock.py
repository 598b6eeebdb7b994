"""A reader/writer lock whose holder is alone is entered nowhere until somebody else comes."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

import lockcheck
from tests.lockcheck.threads import in_turn, kinds

TIMES = 400
"""Sections of each thread in a test of exclusion."""


@pytest.fixture
def chk() -> lockcheck.Checker:
    return lockcheck.Checker()


def known(lock: lockcheck.RWLock) -> lockcheck.RWLock:
    """Take a lock in every way, twice: from now on each is known to this thread."""
    for _ in range(2):
        with lock.reading():
            pass
        with lock.reading(recursive=False):
            pass
        with lock.writing():
            pass
    return lock


def is_blocked(chk: lockcheck.Checker, name: str) -> bool:
    """Is the thread of that name blocked?"""
    return any(ts.name == name and ts.blocked for ts in tuple(chk.threads.values()))


def elsewhere(body: Callable[[], object]) -> object:
    """What a function returns on another thread."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(body()))
    thread.start()
    thread.join()
    return found[0]


def test_a_reader_that_was_alone_is_counted_with_the_next(chk: lockcheck.Checker) -> None:
    """A writer has to wait for both, in whatever order they leave."""
    lock = known(chk.RWLock("rw"))
    lock.acquire_read()

    assert elsewhere(lambda: lock.acquire_read(blocking=False)) is True
    assert not lock.acquire_write(blocking=False)
    lock.release_read()
    assert lock.locked()
    assert not lock.acquire_write(blocking=False)


WAYS: dict[str, tuple[Callable[..., bool], Callable[[lockcheck.RWLock], None]]] = {
    "read": (lockcheck.RWLock.acquire_read, lockcheck.RWLock.release_read),
    "write": (lockcheck.RWLock.acquire_write, lockcheck.RWLock.release_write),
}


@pytest.mark.parametrize("beside", [False, True], ids=["", "another has come and gone"])
@pytest.mark.parametrize("tries", [False, True], ids=["plainly", "by a try"])
@pytest.mark.parametrize(("mine", "theirs"), [("read", "write"), ("write", "read"), ("write",) * 2])
def test_who_knows_the_way_is_kept_out(
    chk: lockcheck.Checker, mine: str, theirs: str, *, tries: bool, beside: bool
) -> None:
    """However the holder came, and whoever was there with it meanwhile."""
    lock = known(chk.RWLock("rw"))
    take, release = WAYS[mine]
    ready, go, begin = threading.Event(), threading.Event(), threading.Event()
    got: list[str] = []

    def other() -> None:
        known(lock)
        ready.set()
        begin.wait(60)
        if beside and mine == "read":
            with lock.reading():
                pass
        go.set()
        WAYS[theirs][0](lock)
        got.append(theirs)
        WAYS[theirs][1](lock)

    thread = chk.Thread(target=other, name="other")
    thread.start()
    ready.wait(60)
    assert take(lock, not tries)
    begin.set()
    go.wait(60)
    while not got and not is_blocked(chk, "other"):
        pass
    assert got == []
    release(lock)
    thread.join()

    assert got == [theirs]
    assert not lock.locked()


def test_two_readers_who_know_the_way_are_both_counted(chk: lockcheck.Checker) -> None:
    """The one that comes second is alone when the first has left, and is still seen."""
    lock = chk.RWLock("rw")
    go, here, leave = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        go.wait(60)
        known(lock)
        with lock.reading():
            here.set()
            leave.wait(60)

    thread = chk.Thread(target=first)
    thread.start()
    known(lock)  # a thread forgets what it knew when it starts another
    go.set()
    here.wait(60)
    assert lock.acquire_read()
    assert len(lock.holders()) == 2
    leave.set()
    thread.join()

    assert [ts.name for ts in lock.holders()] == [chk.current().name]
    assert elsewhere(lambda: lock.acquire_write(blocking=False)) is False
    lock.release_read()
    assert elsewhere(lambda: lock.acquire_write(blocking=False)) is True


def test_a_writer_alone_keeps_everybody_out(chk: lockcheck.Checker) -> None:
    """And is gone with its release, for whoever looks."""
    lock = known(chk.RWLock("rw"))
    for _ in range(2):
        with lock.writing():
            assert lock.locked()
            assert [ts.name for ts in lock.holders()] == [chk.current().name]
            assert elsewhere(lambda: lock.acquire_read(blocking=False)) is False
            assert elsewhere(lambda: lock.acquire_write(blocking=False)) is False
        assert not lock.locked()
        assert lock.holders() == []


def test_the_wrong_release_of_who_is_alone_is_reported(chk: lockcheck.Checker) -> None:
    """And the lock is still held as it was."""
    lock = known(chk.RWLock("rw"))
    lock.acquire_read()
    with pytest.raises(RuntimeError):
        lock.release_write()

    assert lock.locked()
    assert elsewhere(lambda: lock.acquire_write(blocking=False)) is False


def test_who_waits_is_served_by_who_was_alone(chk: lockcheck.Checker) -> None:
    """A reader holds it, a writer waits, a queued reader waits behind it; a recursive one does not.

    That the others wait is seen by what they are blocked on, never by the time.
    """
    lock = known(chk.RWLock("rw"))
    order: list[str] = []

    def write() -> None:
        with lock.writing():
            order.append("write")

    def read() -> None:
        with lock.reading(recursive=False):
            order.append("read")

    writer = chk.Thread(target=write, name="writer")
    reader = chk.Thread(target=read, name="reader")
    lock.acquire_read()
    writer.start()
    while not is_blocked(chk, "writer"):
        pass
    reader.start()
    while not is_blocked(chk, "reader"):
        pass
    assert lock.acquire_read()
    lock.release_read()
    order.append("leave")
    lock.release_read()
    writer.join()
    reader.join()

    assert order == ["leave", "write", "read"]


def test_a_stranger_is_served_by_a_writer_who_was_alone(chk: lockcheck.Checker) -> None:
    """It has never taken the lock, so it comes the long way."""
    lock = chk.RWLock("rw")
    go = threading.Event()
    got: list[str] = []

    def read() -> None:
        go.wait(60)
        with lock.reading():
            got.append("read")

    reader = chk.Thread(target=read, name="reader")
    reader.start()
    known(lock)
    lock.acquire_write()
    go.set()
    while not is_blocked(chk, "reader"):
        pass
    assert got == []
    lock.release_write()
    reader.join()

    assert got == ["read"]


def test_readers_and_writers_exclude_each_other(chk: lockcheck.Checker, seed: int) -> None:
    """Four threads in every way, often alone and often not: nobody is ever where it must not be."""
    lock = chk.RWLock("rw")
    inside = {"readers": 0, "writers": 0}
    count = threading.Lock()
    wrong: list[dict[str, int]] = []

    def section(kind: str, chance: random.Random) -> None:
        with count:
            inside[kind] += 1
            if inside["writers"] > 1 or (inside["writers"] and inside["readers"]):
                wrong.append(dict(inside))
        for _ in range(chance.randrange(30)):
            pass
        with count:
            inside[kind] -= 1

    def use(number: int) -> None:
        chance = random.Random(seed + number)
        for _ in range(TIMES):
            if chance.random() < 0.3:
                if lock.acquire_write(blocking=chance.random() < 0.7):
                    section("writers", chance)
                    lock.release_write()
                continue
            recursive = chance.random() < 0.5
            if lock.acquire_read(blocking=chance.random() < 0.7, recursive=recursive):
                section("readers", chance)
                if chance.random() < 0.2 and lock.acquire_read(blocking=False):
                    lock.release_read()
                lock.release_read()

    threads = [chk.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [thread.exception for thread in threads] == [None] * 4
    assert wrong == []
    assert not lock.locked()
    assert lock.holders() == []
    assert chk.reports == []


def test_the_next_time_does_not_go_where_the_last_hold_was_led(chk: lockcheck.Checker) -> None:
    """A lock below went first while it was held: that is so of that hold, and of no other."""
    lock, below = known(chk.RWLock("rw")), chk.Lock("below")
    for _ in range(3):
        below.acquire()
        lock.acquire_read()
        below.release()
        assert chk.current().chain.rec.tainted
        lock.release_read()
        with lock.reading():
            assert not chk.current().chain.rec.tainted


def test_what_is_taken_under_it_is_judged_in_every_segment(chk: lockcheck.Checker) -> None:
    """One ended while it was held; what comes under it afterwards makes the same dependencies."""
    lock, other = known(chk.RWLock("rw")), chk.Lock("other")

    def first() -> None:
        for _ in range(2):
            with lock.reading():
                chk.engine.happens.begin_segment(chk.current())
        with lock.reading(), other:
            pass

    def second() -> None:
        with other, lock.writing():
            pass

    in_turn(chk, first, second)

    assert kinds(chk) == [("circular", "possible")]
