"""What `Snapshot` puts back."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import pytest

from lockcheck.snapshot import Snapshot, UnkeepableError


class Slotted:
    """An object with slots, one of them empty at first."""

    __slots__ = ("later", "now")

    def __init__(self) -> None:
        self.now: object = 1
        self.later: object


class World:
    """One of each thing that can change."""

    def __init__(self) -> None:
        self.list = [1, 2]
        self.table = {"a": 1}
        self.bag = {1, 2}
        self.queue = deque([1, 2])
        self.slotted = Slotted()
        self.lock = threading.Lock()
        self.count, self.counted = counter()

    def seen(self) -> tuple[object, ...]:
        """Everything, in words."""
        slots = {
            name: getattr(self.slotted, name, None)  # one may be empty
            for name in Slotted.__slots__
        }
        plain = {name: repr(value) for name, value in vars(self).items() if name in _PLAIN}
        return plain, slots, self.lock.locked(), self.counted()

    def change(self) -> None:
        """Change everything."""
        self.list.append(3)
        self.table["b"] = 2
        self.bag.clear()
        self.queue.popleft()
        self.slotted.now = 2
        self.slotted.later = 3
        self.lock.acquire()
        self.count()


_PLAIN = ("list", "table", "bag", "queue")


def counter() -> tuple[Callable[[], None], Callable[[], int]]:
    """A variable of a closure."""
    count = 0

    def up() -> None:
        nonlocal count
        count += 1

    return up, lambda: count


def test_everything_that_changed_is_put_back() -> None:
    """Containers, slots that were empty, plain locks, variables of closures; again and again."""
    world = World()
    before = world.seen()
    snapshot = Snapshot([world])
    for _ in range(3):
        world.change()
        assert world.seen() != before
        snapshot.restore()

        assert world.seen() == before


def test_what_the_same_steps_change_is_put_back_again() -> None:
    """The first call finds out what that is; attributes that were added go, too."""
    world = World()
    before = world.seen()
    snapshot = Snapshot([world])
    for _ in range(3):
        snapshot.restore()
        world.change()
        vars(world)["added"] = 1
        snapshot.restore_again()

        assert world.seen() == before
        assert "added" not in vars(world)


def test_an_attribute_that_took_the_place_of_another_goes() -> None:
    """As many attributes as before are not the same ones."""
    world = World()
    snapshot = Snapshot([world])
    vars(world)["other"] = vars(world).pop("table")
    snapshot.restore()

    assert "other" not in vars(world)
    assert world.table == {"a": 1}


def test_what_keeps_state_out_of_sight_is_refused() -> None:
    """A generator's place cannot be put back."""
    with pytest.raises(UnkeepableError):
        Snapshot([[1, 2, 3], (each for each in range(3))])
