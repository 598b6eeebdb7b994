"""Signal handlers that raise, kept out of the checker's own steps.

`with lock:` on a plain lock is one step of the interpreter: Ctrl-C comes before it or after it, and
after it the lock is given back.  Ours is written in Python, and the interpreter runs handlers
between any two of its calls.  A KeyboardInterrupt in there would leave a lock taken that nobody
knows of; then a program hangs that without us would have ended.

So a `Deferred` handler looks at what it interrupts.  Where we wait, and in everybody else's code,
it runs at once.  Inside a step of ours it runs when the outermost step returns, before the
program's next instruction: the program's frame is traced until then, with `sys.settrace`.  Where a
debugger or a coverage tool needs that hook, a thread sends the signal again a moment later
instead.  (So it is in a weakref callback of the library's, too: the interpreter would print what
it raises there, and go on.)

Left out: exceptions that are set in a thread by other means (`PyThreadState_SetAsyncExc`).
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from lockcheck.sync.frames import leave_out

__all__ = ["Deferred", "deferred_interrupts", "deliver", "termination_as_interrupt"]

OURS = (
    "lockcheck.core.",
    "lockcheck.sync.",
    "lockcheck.patch.collector",
    "lockcheck.patch.finalisers",
    "lockcheck.patch.hooks",
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
"""Handlers that do nothing: their signals are reported through `signal.set_wakeup_fd`, and
sending one again would report it twice."""
MOMENT = 0.0005
"""Seconds until a signal that is sent again comes."""

Own = Callable[[int, FrameType | None], object]

_sleep = time.sleep  # bound at import: an explored program's is logical


class Deferred:
    """A handler that waits until the main thread is out of the checker's steps.

    `own`: the handler proper; may raise.
    """

    def __init__(self, own: Own | signal.Handlers) -> None:
        self.own = own
        self._empty = (
            getattr(own, "__module__", ""),
            getattr(own, "__name__", ""),
        ) in EMPTY  # of any callable
        self._coming: set[int] = set()
        """Signals that will be sent again."""

    def __call__(self, number: int, frame: FrameType | None) -> object:
        ours, program = (False, None) if self._empty else _outermost_step(frame)
        if not ours:
            try:
                return self.run(number, frame)
            except BaseException as error:
                leave_out(error)
                raise
        if number in self._coming or _delivery.has(number):
            return None
        if program is None or not _delivery.arm(self, number, program):
            self._coming.add(number)
            self.send_again(number)
        return None

    def run(self, number: int, frame: FrameType | None) -> object:
        """Call the handler proper."""
        assert callable(self.own)
        try:
            return self.own(number, frame)
        except BaseException as error:
            leave_out(error)
            raise

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


class _Delivery:
    """Runs handlers before a frame's next instruction.  Used by the main thread alone."""

    def __init__(self) -> None:
        self._handlers: dict[int, Deferred] = {}
        self._frame: FrameType | None = None
        self._before: tuple[Any, bool] = (None, False)  # a frame's trace function
        """The frame's own `f_trace` and `f_trace_opcodes`."""

    def has(self, number: int) -> bool:
        """Is this signal under way?"""
        return number in self._handlers

    def arm(self, handler: Deferred, number: int, frame: FrameType) -> bool:
        """Have `handler` run when `frame` goes on; False: somebody else traces."""
        if not self._handlers:
            if sys.gettrace() is not None:
                return False
            self._frame = frame
            self._before = frame.f_trace, frame.f_trace_opcodes
            frame.f_trace_opcodes = True
            frame.f_trace = self._goes_on
            sys.settrace(_trace_nothing)
        self._handlers[number] = handler
        return True

    def run(self) -> None:
        """Run what is under way, now.  Raises: what a handler raises."""
        handlers, frame = self._handlers, self._frame
        if frame is None:
            return
        self._handlers, self._frame = {}, None
        sys.settrace(None)
        frame.f_trace, frame.f_trace_opcodes = self._before
        first, *rest = handlers.items()
        for number, handler in rest:
            handler.send_again(number)
        try:
            first[1].run(first[0], frame)
        except BaseException as error:
            leave_out(error)
            raise

    def _goes_on(self, _frame: FrameType, _event: str, _arg: object) -> None:
        try:
            self.run()
        except BaseException as error:
            leave_out(error)
            raise


def _trace_nothing(_frame: FrameType, _event: str, _arg: object) -> None:
    """New frames are not traced."""


_delivery = _Delivery()


def deliver() -> None:
    """Run the handlers that wait for the end of this step: it is about to block.

    Context: the main thread, at a place that is prepared for an exception.
    """
    _delivery.run()


def _outermost_step(frame: FrameType | None) -> tuple[bool, FrameType | None]:
    """Was a step of ours interrupted that must not end half done?  And whose frame called it?"""
    if frame is not None and _place(frame) in WAITS:
        return False, None
    ours = False
    program = None
    if frame is not None and _place(frame)[0] in SWALLOWING:
        return True, None
    while frame is not None:
        place = _place(frame)
        if place in CALLS_OUT:
            break
        if place[0].startswith(OURS):
            ours, program = True, None
        elif ours and program is None:
            program = frame
        frame = frame.f_back
    return ours, program


def _place(frame: FrameType) -> tuple[str, str]:
    return str(frame.f_globals.get("__name__", "")), frame.f_code.co_name


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, but never inside a step of the checker's.

    For programs that use a `Checker` of their own; `install()` does it for everybody.  Must be
    called in the main thread; elsewhere, and where SIGINT is handled otherwise, it does nothing.
    """
    with _deferred(signal.SIGINT, signal.default_int_handler):
        yield


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """In the body SIGTERM is what Ctrl-C is: work stops, what is done is written, threads end.

    For commands that run for long.  Where SIGTERM is handled already it does nothing.
    """
    with _deferred(signal.SIGTERM, signal.SIG_DFL):
        yield


@contextmanager
def _deferred(number: signal.Signals, only: signal.Handlers | Own) -> Iterator[None]:
    """Handle a signal as Ctrl-C, where its handler is `only`."""
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(number) is not only:
        yield
        return
    handler = Deferred(signal.default_int_handler)
    signal.signal(number, handler)
    try:
        yield
    finally:
        if signal.getsignal(number) is handler:
            signal.signal(number, only)
