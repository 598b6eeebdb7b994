"""A collection is due at each of the next objects, and what it runs wants the locks that are held.

A script, run plainly and under `lockcheck run`.  Between its calls nothing is allocated in plain
Python, so no collection begins there, and no finaliser finds a lock taken: it prints only which
ways of taking locks it went through.  Nothing here knows of lockcheck.

Left out: where `--races` sees a line's data for the first time, it notes that in objects of its
own, in the midst of the program's; so each way is gone once before.
"""

from __future__ import annotations

import _thread
import gc
import threading
from collections.abc import Callable
from typing import Any

AHEAD = range(1, 45)
"""After how many more objects the collection is due."""
ROUNDS = 1_000
"""What another thread counts to while it has a lock, so that it is waited for."""

found_taken: list[str] = []
go, ready, done, end = (_thread.allocate_lock() for _ in range(4))


class Cycle:
    """What only the collector frees: its finaliser takes a lock, as that of a cache may."""

    def __init__(self, lock: Any) -> None:
        self.me, self.lock = self, lock

    def __del__(self) -> None:
        owned = getattr(self.lock, "_is_owned", bool)  # an RLock would let its owner in
        try:
            if not owned() and self.lock.acquire(False):
                self.lock.release()
            else:
                found_taken.append("taken")
        except AttributeError as error:
            found_taken.append(repr(error))


def nested(a: Any, b: Any) -> None:
    a.acquire()
    b.acquire()
    b.release()
    a.release()


def crossed(a: Any, b: Any) -> None:
    a.acquire()
    b.acquire()
    a.release()
    b.release()


def tried(a: Any, b: Any) -> None:
    a.acquire(False)
    b.acquire(False)
    b.release()
    a.release()


def timed(a: Any, b: Any) -> None:
    a.acquire(True, 1)
    b.acquire(True, 1)
    b.release()
    a.release()


def wanted(a: Any, b: Any) -> None:
    a.acquire()
    go.release()
    b.acquire()
    b.release()
    a.release()


def elsewhere(a: Any, b: Any) -> None:
    go.release()
    done.acquire()


def first_there(a: Any, b: Any) -> None:
    """The other thread of `elsewhere`, which `threading` does not know."""
    ready.release()
    go.acquire()
    a.acquire()
    b.acquire()
    b.release()
    a.release()
    done.release()
    end.acquire()
    ready.release()


def has(b: Any) -> None:
    """The other thread of `wanted`, which has `b` for a while."""
    b.acquire()
    ready.release()
    go.acquire()
    for _ in range(ROUNDS):
        pass
    b.release()
    done.acquire()


def due(ahead: int, use: Callable[[Any, Any], None], a: Any, b: Any) -> None:
    """Use the locks, with a collection due so many objects ahead."""
    other = threading.Thread(target=has, args=(b,))
    if use is wanted:
        other.start()
        ready.acquire()
    elif use is elsewhere:
        _thread.start_new_thread(first_there, (a, b))
        ready.acquire()
    Cycle(a), Cycle(b)
    gc.enable()
    gc.set_threshold(gc.get_count()[0] + ahead)
    use(a, b)
    gc.set_threshold(100_000)
    gc.disable()
    if use is wanted:
        done.release()
        other.join()
    elif use is elsewhere:
        end.release()
        ready.acquire()
    gc.collect()


def main() -> None:
    for lock in (go, ready, done, end):
        lock.acquire()
    gc.disable()
    gc.collect()
    gc.freeze()
    makers: tuple[Callable[[], Any], ...] = (threading.Lock, threading.RLock)
    for use in (nested, crossed, tried, timed):
        use(threading.Lock(), threading.RLock())
        use(threading.RLock(), threading.Lock())
    for use in (nested, crossed, tried, timed, wanted, elsewhere):
        for first in makers:
            for second in makers:
                found_taken.clear()
                gc.set_threshold(100_000)
                for ahead in AHEAD:
                    due(ahead, use, first(), second())
                print(use.__name__, makers.index(first), makers.index(second), found_taken)


if __name__ == "__main__":
    main()
