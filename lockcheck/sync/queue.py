"""`queue.Queue` and its kin on a parking lot, with the standard library's storage methods.

A `put` is ordered before the `get` that returns the item; `join` waits for `task_done`.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lockcheck.seam import Kind
from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from lockcheck.sync.host import Host

__all__ = ["LifoQueue", "PriorityQueue", "Queue", "SimpleQueue"]


class Queue(Parking):
    """As `queue.Queue`."""

    lacking = ("item",)
    raises = True
    _storage: type[queue.Queue[Any]] = queue.Queue  # the program's items

    def __init__(self, chk: Host, maxsize: int = 0, name: str = "queue") -> None:
        super().__init__(chk, name)
        self.maxsize = maxsize
        self._store = self._storage(maxsize)  # only its _put/_get/_qsize are used, under _gate
        self._counted = True
        """Does the engine still count who had room?"""
        self.unfinished_tasks = 0

    def supply(self, part: str) -> int:
        """As many as there is room for may put before anybody gets."""
        return self.maxsize if part == "room" else 0

    def qsize(self) -> int:
        self.chk.point(Kind.PROBE, self)
        return self._store._qsize()

    def empty(self) -> bool:
        self.chk.point(Kind.PROBE, self)
        return self._is_empty()

    def full(self) -> bool:
        self.chk.point(Kind.PROBE, self)
        return self._is_full()

    def _is_empty(self) -> bool:
        return not self._store._qsize()

    def _is_full(self) -> bool:
        return 0 < self.maxsize <= self._store._qsize()

    def put(self, item: object, block: bool = True, timeout: float | None = None) -> None:
        """Add an item; wait for room where it is bounded.  Raises: queue.Full, Unwind."""
        if self.maxsize <= 0:
            self.change(lambda: self._add(item), why="put", part="item")
            return
        if not block:
            room = self.change(
                lambda: not self._is_full() and self._add(item), why="put", part="item"
            )
            if not room:
                raise queue.Full
            if self._counted:
                self._counted = self.chk.waiting.used(self.chk.current(), self, "room")
            return
        if timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        got = self._await(
            lambda: not self._is_full(),
            lambda: self._add(item),
            f"room in {self.name}",
            timeout,
            "room",
        )
        if got is None:
            raise queue.Full
        ts = self.chk.current()
        if self._counted:
            self._counted = self.chk.waiting.used(ts, self, "room")
        self.chk.waiting.wake(ts, self, "item")

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # the program's item
        """Remove and return an item; wait for one.  Raises: queue.Empty, Unwind."""
        if not block:
            box = self.change(
                lambda: None if self._is_empty() else self._remove(), why="get", part="room"
            )
            if box is not None and self.dep is not None and "item" in self.dep:
                self.chk.waiting.took(self.chk.current(), self, "item", sure=False)
        else:
            if timeout is not None and timeout < 0:
                raise ValueError("'timeout' must be a non-negative number")
            box = self._await(
                lambda: not self._is_empty(),
                self._remove,
                f"an item in {self.name}",
                timeout,
                "item",
            )
            if box is not None and self.maxsize > 0:
                ts = self.chk.current()
                if self._counted and timeout is None:
                    self.chk.waiting.freed(ts, self, "room")
                self.chk.waiting.wake(ts, self, "room")
        if box is None:
            raise queue.Empty
        return box[0]

    def put_nowait(self, item: object) -> None:
        self.put(item, block=False)

    def get_nowait(self) -> Any:  # the program's item
        return self.get(block=False)

    def task_done(self) -> None:
        """Note that one gotten item was worked off.  Raises: ValueError when too often."""
        self.change(self._finish, why="task done", part="done")

    def join(self) -> None:
        """Block until every item was worked off."""
        self._await(
            lambda: self.unfinished_tasks == 0,
            None,
            f"the items of {self.name} to be done",
            None,
            "done",
        )

    def _await(
        self,
        ready: Callable[[], bool],
        take: Callable[[], object] | None,
        why: str,
        timeout: float | None,
        part: str,
    ) -> object:
        """Wait; and what was taken makes room for, or feeds, the others."""

        def take_and_feed() -> object:
            return take() if take is not None else True

        got = self.wait(
            ready,
            take_and_feed,
            why=why,
            timeout=timeout,
            timer=f"{self.name}.wait",
            part=part,
        )
        if got is not None and take is not None:
            with self._gate:
                self._hand_over()
        return got

    def _add(self, item: object) -> bool:
        self._store._put(item)
        self.unfinished_tasks += 1
        return True

    def _remove(self) -> tuple[object]:
        return (self._store._get(),)

    def _finish(self) -> None:
        if self.unfinished_tasks <= 0:
            raise ValueError("task_done() called too many times")
        self.unfinished_tasks -= 1


class LifoQueue(Queue):
    """As `queue.LifoQueue`."""

    _storage = queue.LifoQueue


class PriorityQueue(Queue):
    """As `queue.PriorityQueue`."""

    _storage = queue.PriorityQueue


class SimpleQueue(Queue):
    """As `queue.SimpleQueue`: unbounded, without task tracking."""

    def __init__(self, chk: Host, name: str = "simple queue") -> None:
        super().__init__(chk, 0, name)
