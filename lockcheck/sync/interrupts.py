"""Signal handlers that raise, kept out of the checker's own steps.

`with lock:` on a plain lock is one step of the interpreter: Ctrl-C comes before it or after it, and
after it the lock is given back.  Ours is written in Python, and the interpreter runs handlers
between any two of its calls.  A KeyboardInterrupt in there would leave a lock taken that nobody
knows of; then a program hangs that without us would have ended.

So a `Deferred` handler looks at what it interrupts.  Inside a step of ours it only has its signal
sent again a moment later; where we wait, and in everybody else's code, it runs.  (Not in a weakref
callback of the library's either: the interpreter would print what it raises there, and go on.)

Left out: exceptions that are set in a thread by other means (`PyThreadState_SetAsyncExc`).
"""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["Deferred", "deferred_interrupts"]

OURS = (
    "lockcheck.core.",
    "lockcheck.sync.",
    "lockcheck.patch.collector",
    "lockcheck.patch.finalisers",
    "lockcheck.patch.queues",
)
"""Modules whose functions are steps that must end."""
SWALLOWING = ("_weakrefset", "weakref")
"""The library's own weakref callbacks: what is raised right there the interpreter only prints, and
a Ctrl-C would be lost."""
WAITS = frozenset({("lockcheck.sync.blocking", "take")})
"""Functions that do nothing but block, and are prepared for an exception."""
CALLS_OUT = frozenset(
    {
        ("lockcheck.checker", "deliver"),
        ("lockcheck.sync.barrier", "_act"),
        ("lockcheck.sync.condition", "wait_for"),
        ("lockcheck.patch.hooks", "run"),
        ("lockcheck.sync.interrupts", "run"),
        ("lockcheck.sync.thread", "run"),
    }
)
"""Functions that call the program's own, and are prepared for whatever that raises."""
EMPTY = frozenset({("asyncio.unix_events", "_sighandler_noop")})
"""Handlers that do nothing: their signals are told through `signal.set_wakeup_fd`, and sending one
again would tell it twice."""
MOMENT = 0.0005
"""Seconds until the signal comes again."""

Own = Callable[[int, FrameType | None], Any]

_sleep = time.sleep  # bound at import: an explored program's is logical


class Deferred:
    """A handler that waits until the main thread is out of the checker's steps.

    `own`: the handler proper; may raise.
    """

    def __init__(self, own: Own) -> None:
        self.own = own
        self._empty = (getattr(own, "__module__", ""), getattr(own, "__name__", "")) in EMPTY
        self._coming: set[int] = set()
        """Signals that will be sent again."""

    def __call__(self, number: int, frame: FrameType | None) -> Any:
        if self._empty or not _in_our_steps(frame):
            return self.run(number, frame)
        if number not in self._coming:
            self._coming.add(number)
            self.send_again(number)
        return None

    def run(self, number: int, frame: FrameType | None) -> Any:
        """Call the handler proper."""
        return self.own(number, frame)

    def send_again(self, number: int) -> None:
        """Have a thread send the signal in a moment."""
        _thread.start_new_thread(self.again, (number,))

    def again(self, number: int) -> None:
        """Send the signal, after a moment; on a thread of its own."""
        _sleep(MOMENT)
        self._coming.discard(number)
        if not callable(signal.getsignal(number)):
            return  # nobody wants it any more, and the default might be death
        main = threading.main_thread().ident
        if main is not None and hasattr(signal, "pthread_kill"):
            signal.pthread_kill(main, number)  # a real one: it wakes who waits
        else:
            _thread.interrupt_main(signal.Signals(number))


def _in_our_steps(frame: FrameType | None) -> bool:
    """Was a step of ours interrupted that must not end half done?"""
    if frame is not None and _place(frame) in WAITS:
        return False
    if frame is not None and _place(frame)[0] in SWALLOWING:
        return True
    while frame is not None:
        place = _place(frame)
        if place in CALLS_OUT:
            return False
        if place[0].startswith(OURS):
            return True
        frame = frame.f_back
    return False


def _place(frame: FrameType) -> tuple[str, str]:
    return str(frame.f_globals.get("__name__", "")), frame.f_code.co_name


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, but never inside a step of the checker's.

    For programs that use a `Checker` of their own; `install()` does it for everybody.  Must be
    called in the main thread; elsewhere, and where SIGINT is handled otherwise, it does nothing.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    handler = Deferred(signal.default_int_handler)
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)
