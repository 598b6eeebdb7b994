"""How a lock operation is timed, and what it is compared with.

CPU time of the calling thread per operation, the empty loop's cost removed; every subject gets one
short sample in turn, many rounds, so that what disturbs the machine disturbs all alike; a ratio is
taken round by round and only then the median.  Standard library only: the peers' worker uses it in
environments where nothing else is installed.
"""

from __future__ import annotations

import _thread
import gc
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BareLock", "Subject", "collector_off", "measure", "one_sample", "with_loop"]

Loop = Callable[[Any, int], None]


CONTENDERS = 4

_PlainThread = threading.Thread


class BareLock:
    """The least a lock written in Python can do: one attribute, four methods."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        return self._lock.acquire(blocking, timeout)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        self._lock.release()


class Subject:
    """Something to time: an object, the loop that works on it, and what is held meanwhile."""

    def __init__(
        self, name: str, target: Any, loop: Loop | None = None, held: Sequence[Any] = ()
    ) -> None:
        self.name = name
        self.target = target
        self.loop = loop or with_loop
        self.held = held


def with_loop(lock: Any, count: int) -> None:
    """`with lock: pass`."""
    for _ in repeat(None, count):
        with lock:
            pass


def pair_loop(lock: Any, count: int) -> None:
    """acquire and release by name: for locks that are no context managers."""
    for _ in repeat(None, count):
        lock.acquire()
        lock.release()


def notify_loop(condition: Any, count: int) -> None:
    """`with condition: condition.notify()`, nobody waiting."""
    for _ in repeat(None, count):
        with condition:
            condition.notify()


def event_loop(event: Any, count: int) -> None:
    """`set`, `wait` (which need not wait) and `clear`."""
    for _ in repeat(None, count):
        event.set()
        event.wait()
        event.clear()


def queue_loop(queue: Any, count: int) -> None:
    """`put` and `get` by one thread."""
    for _ in repeat(None, count):
        queue.put(None)
        queue.get()


def contended_loop(lock: Any, count: int) -> None:
    """One lock and four threads: CPU time of all of them is what counts."""
    share = count // CONTENDERS

    def body() -> None:
        for _ in repeat(None, share):
            with lock:
                pass

    threads = [_PlainThread(target=body) for _ in range(CONTENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def read_loop(lock: Any, count: int) -> None:
    """Read side of a reader/writer lock."""
    for _ in repeat(None, count):
        lock.acquire_read()
        lock.release_read()


def write_loop(lock: Any, count: int) -> None:
    """Write side of a reader/writer lock."""
    for _ in repeat(None, count):
        lock.acquire_write()
        lock.release_write()


def empty_loop(_target: Any, count: int) -> None:
    for _ in repeat(None, count):
        pass


def one_sample(subject: Subject, count: int) -> float:
    """Nanoseconds an operation, the loop's own cost included."""
    for lock in subject.held:
        lock.acquire()
    try:
        loop, target = subject.loop, subject.target
        clock = time.process_time_ns if loop is contended_loop else time.thread_time_ns
        loop(target, 50)
        begin = clock()
        loop(target, count)
        return (clock() - begin) / count
    finally:
        for lock in reversed(subject.held):
            lock.release()


def measure(
    subjects: Sequence[Subject],
    *,
    rounds: int,
    count: int,
    progress: Callable[[str], None] = lambda _text: None,
) -> dict[str, list[float]]:
    """Time every subject in every round; nanoseconds an operation, loop removed, by name."""
    nothing = Subject("empty loop", None, empty_loop)
    found: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    with collector_off():
        for turn in range(rounds):
            progress(f"round {turn + 1} of {rounds}")
            loop_cost = one_sample(nothing, count)
            for subject in subjects:
                found[subject.name].append(one_sample(subject, count) - loop_cost)
    return found


@contextmanager
def collector_off() -> Iterator[None]:
    """Collect garbage now and not while something is timed."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
