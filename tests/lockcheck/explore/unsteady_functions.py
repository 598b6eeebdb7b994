"""Functions that are not the same in every schedule, or whose runs are often given up."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

FLAG = "LOCKCHECK_TEST_UNSTEADY"
"""A variable of the environment: it outlives a schedule, and nothing controls it."""


def fails_once() -> None:
    """Raise in the first schedule only, or once only."""
    lock = threading.Lock()

    def body() -> None:
        with lock:
            if os.environ.pop(FLAG, None) is not None:
                raise LookupError("this once")

    _run(body, body)


def takes_turns() -> None:
    """Every second schedule has one more operation."""
    lock = threading.Lock()
    more = os.environ.pop(FLAG, None) is None
    if more:
        os.environ[FLAG] = "1"

    def body() -> None:
        with lock:
            pass
        if more:
            with lock:
                pass

    _run(body, body)


def holds_while_it_tries() -> None:
    """Threads that hold a lock of their own while they look at the others' locks."""
    first, second, third = threading.Lock(), threading.Lock(), threading.Lock()

    def body(mine: threading.Lock, *others: threading.Lock) -> None:
        with mine:
            for other in others:
                if other.acquire(blocking=False):
                    other.release()

    _run(
        lambda: body(first, second, third),
        lambda: body(second, third, first),
        lambda: body(third, first, second),
    )


def _run(*bodies: Callable[[], None]) -> None:
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def sets_a_handler() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=threading.Lock)
    thread.start()
    thread.join()
