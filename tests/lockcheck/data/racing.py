"""A program that races in several ways, and does some things that look like it and are none.

racing.py SCENARIO
"""

from __future__ import annotations

import collections
import os
import queue
import sys
import threading
from collections.abc import Callable


class Board:
    """What the threads share."""

    def __init__(self) -> None:
        self.n = 0
        self.owner = ""
        self.ready = False
        self.config: dict[str, int] | None = None
        self.names = {"a": 1}
        self.lines: list[int] = []
        self.cache: dict[str, object] = {}


board = Board()
total = 0


def together(*bodies: Callable[[], object]) -> None:
    """Run them in threads that nothing orders."""
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_turn(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Run the first to its end, then the second; a pipe sees to that, which no checker looks at."""
    hears, says = os.pipe()

    def before() -> None:
        first()
        os.write(says, b".")

    def after() -> None:
        os.read(hears, 1)
        second()

    together(before, after)


def lost_update() -> None:
    def add() -> None:
        board.n += 1

    together(add, add)


def lost_update_of_a_global() -> None:
    def add() -> None:
        global total
        total += 1

    together(add, add)


def lost_update_of_an_item() -> None:
    def add() -> None:
        board.names["a"] += 1

    together(add, add)


def lost_update_of_a_variable() -> None:
    n = 0

    def add() -> None:
        nonlocal n
        n += 1

    together(add, add)


def iteration() -> None:
    def reader() -> None:
        for _name in board.names:
            pass

    def writer() -> None:
        board.names["b"] = 2

    in_turn(reader, writer)  # at once, the reader may end with a RuntimeError


def check_then_act() -> None:
    def get() -> None:
        if board.cache.get("x") is None:
            board.cache["x"] = object()

    together(get, get)


def two_writers() -> None:
    def one() -> None:
        board.owner = "one"

    def other() -> None:
        board.owner = "other"

    together(one, other)


def polled() -> None:
    def writer() -> None:
        for step in range(3):
            board.n = step

    together(lambda: board.n, writer)


def published_once() -> None:
    def writer() -> None:
        board.config = {"a": 1}

    together(lambda: board.config, writer)


def flag() -> None:
    def up() -> None:
        board.ready = True

    together(up, lambda: board.ready, up)


def counter_of_one() -> None:
    def count() -> None:
        for _ in range(3):
            board.n += 1

    together(count, lambda: board.n)


def appends() -> None:
    together(lambda: board.lines.append(1), lambda: board.lines.append(2))


def locked() -> None:
    lock = threading.Lock()

    def add() -> None:
        for _ in range(3):
            with lock:
                board.n += 1
                board.names["a"] += 1
                for _name in board.names:
                    pass

    together(add, add)


def handed_over() -> None:
    box: queue.Queue[Board] = queue.Queue()
    done = threading.Event()

    def maker() -> None:
        made = Board()
        made.n += 1
        box.put(made)
        board.owner = "maker"
        done.set()

    def user() -> None:
        got = box.get()
        got.n += 1
        done.wait()
        board.owner = "user"

    together(maker, user)


def own_objects() -> None:
    def work() -> None:
        mine = Board()
        for step in range(5):
            mine.n += 1
            mine.lines.append(step)
            mine.names[str(step)] = step

    together(work, work)


def grown_in_place() -> None:
    """`+=` of a list is one step of the list's, and loses nothing."""

    def grow() -> None:
        board.lines += [1]

    together(grow, grow)


def behind_the_lock() -> None:
    """A counter under a lock for many epochs; then somebody does not take it."""
    lock = threading.Lock()

    def count() -> None:
        for _ in range(50):
            with lock:
                board.n += 1

    def reset() -> None:
        board.n = 0

    together(count, count, reset)


def read_behind_the_lock() -> None:
    """Read under a lock for many epochs, and before the writer has taken it."""
    lock = threading.Lock()

    def look() -> None:
        for _ in range(50):
            with lock:
                board.n  # noqa: B018

    def write() -> None:
        for step in range(3):
            board.n = step

    together(look, write)


def two_ways_in() -> None:
    """One place that is reached from two callers in turn, under a lock; then without it."""
    lock = threading.Lock()

    def step() -> None:
        board.n += 1

    def by_day() -> None:
        with lock:
            step()

    def by_night() -> None:
        with lock:
            step()

    def both() -> None:
        for _ in range(20):
            by_day()
            by_night()

    together(both, lambda: step())


class Guarded(dict[str, int]):
    """A dict that takes a lock of its own in each of its operations."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def __setitem__(self, key: str, value: int) -> None:
        with self.lock:
            super().__setitem__(key, value)

    def __getitem__(self, key: str) -> int:
        with self.lock:
            return super().__getitem__(key)

    def __len__(self) -> int:
        with self.lock:
            return super().__len__()


def locked_inside() -> None:
    """The locks are in the container's own methods, not at its users'."""
    found = Guarded()

    def use() -> None:
        found["a"] = 1
        assert found["a"] == 1
        assert len(found) == 1

    together(use, use)


def asked_of_a_defaultdict() -> None:
    """`in` adds no key, so two askers are readers."""
    found: collections.defaultdict[str, int] = collections.defaultdict(int)

    def ask() -> None:
        assert "a" not in found

    together(ask, ask)


def thread_local() -> None:
    local = threading.local()

    def work() -> None:
        local.n = 0
        local.n += 1

    together(work, work)


def keys_of_their_own() -> None:
    def one() -> None:
        board.names["one"] = 1

    def other() -> None:
        board.names["other"] = 2

    together(one, other)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
