"""Functions that share plain data, some of them wrongly: subjects for the explorer's tests."""

from __future__ import annotations

import threading
from collections.abc import Callable


def together(*bodies: Callable[[], object]) -> None:
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Counter:
    total = 0

    def __init__(self) -> None:
        self.n = 0
        self.items: list[int] = []
        self.by_name: dict[str, int] = {"a": 0}

    def increment(self) -> None:
        self.n += 1

    def increment_item(self) -> None:
        self.by_name["a"] += 1

    def increment_nested(self) -> None:
        self.by_name["a".lower()] = self.by_name.get("a".lower(), 0) + 1

    def increment_class(self) -> None:
        Counter.total += 1


def attribute() -> None:
    counter = Counter()
    together(counter.increment, counter.increment)
    assert counter.n == 2


def unnoticed() -> int:
    """Nothing asserts; one of the updates is lost all the same."""
    counter = Counter()
    together(counter.increment, counter.increment)
    return counter.n


def grown_in_place() -> None:
    """`+=` on a list extends it in one step, and names it as before."""
    counter = Counter()
    found: list[int] = []

    def body() -> None:
        nonlocal found
        counter.items += [1]
        found += [1]

    together(body, body)


def attribute_under_a_lock() -> None:
    counter = Counter()
    lock = threading.Lock()

    def body() -> None:
        with lock:
            counter.increment()

    together(body, body, body)
    assert counter.n == 3


def item() -> None:
    counter = Counter()
    together(counter.increment_item, counter.increment_item)
    assert counter.by_name["a"] == 2


def item_by_call() -> None:
    counter = Counter()
    together(counter.increment_nested, counter.increment_nested)
    assert counter.by_name["a"] == 2


def class_attribute() -> None:
    counter = Counter()
    together(counter.increment_class, counter.increment_class)
    assert counter.total == 2


tally = 0


def global_name() -> None:
    def body() -> None:
        global tally
        tally += 1

    together(body, body)
    assert tally == 2


def closure_variable() -> None:
    n = 0

    def body() -> None:
        nonlocal n
        n += 1

    together(body, body)
    assert n == 2


def list_item() -> None:
    counts = [0, 0]

    def body() -> None:
        counts[-1] += 1

    together(body, body)
    assert counts == [0, 2]


def set_check_then_act() -> None:
    seen: set[str] = set()
    made: list[str] = []

    def body() -> None:
        if "key" not in seen:
            seen.add("key")
            made.append("key")

    together(body, body)
    assert made == ["key"]


def dict_iteration() -> None:
    names = {1: "a", 2: "b"}

    def body() -> None:
        names[3] = "c"

    def reader() -> None:
        for _name in names.values():
            pass

    together(body, reader)


def reflection() -> None:
    counter = Counter()

    def body() -> None:
        setattr(counter, "n", getattr(counter, "n") + 1)  # noqa: B009, B010  (that is the subject)

    together(body, body)
    assert counter.n == 2


def one_step_each() -> None:
    """What Python makes one step stays one step: nothing is wrong here."""
    names: dict[str, int] = {}
    made: list[int] = []

    def body() -> None:
        names.setdefault("a", 0)
        made.append(len("x"))
        names["b"] = 1

    together(body, body)
    assert len(made) == 2
    assert names == {"a": 0, "b": 1}


def keys_of_their_own() -> None:
    """Writes of different keys may go in any order."""
    found: dict[str, int] = {"a": 0, "b": 0}

    def one() -> None:
        found["a"] += 1

    def other() -> None:
        found["b"] += 1

    together(one, other)
    assert found == {"a": 1, "b": 1}
