"""What interrupts a program, as contexts: signal handlers, the collector; and forks.

* A handler set by `signal.signal` runs in the context "signal" (`signal.getsignal` still shows the
  program's own), and not inside the checker's own steps (`sync.interrupts`).  Handlers set before
  `install()` are wrapped too, when it is called in the main thread.
* What the collector runs is in the context "gc": see `collector`.
* Before a fork, locks held by other threads are reported: nobody releases them in the child.  Locks
  that a hook at the fork takes or makes again (`os.register_at_fork`, logging's) are not.
  A signal that ends a process ends a child from its first instruction on.

* A `__del__` or `weakref.finalize` that runs because the last reference went: see `finalisers`.

Not seen: plain weakref callbacks that run because the last reference went (they look like ordinary
calls at that place), C extensions' own threads and handlers, `signal.set_wakeup_fd`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from lockcheck.core.collecting import PAUSED
from lockcheck.patch import logs
from lockcheck.patch.collector import hook_collector, unhook_collector
from lockcheck.patch.finalisers import hook_finalisers, unhook_finalisers
from lockcheck.patch.state import binding
from lockcheck.sync.frames import leave_out
from lockcheck.sync.interrupts import Deferred

__all__ = ["hook", "unhook"]

_get_ident = threading.get_ident
_signal = signal.signal
_getsignal = signal.getsignal
_sigmask: Any = getattr(signal, "pthread_sigmask", None)  # not on Windows
_register: Any = getattr(os, "register_at_fork", None)  # missing on some systems


class Hooks:
    """What `hook` has done, to be undone."""

    def __init__(self) -> None:
        self.active = False
        self.fork_registered = False
        """Hooks at a fork cannot be taken away again; they look at `active`."""
        self.guarded: list[object] = []
        """Locks that the program's own hooks at a fork take care of."""
        self.masks: dict[int, object] = {}
        """Ident of a thread that forks -> the signal mask that it had."""


_hooks = Hooks()


def hook() -> None:
    """Start reporting contexts and forks to the checker."""
    _hooks.active = True
    hook_collector()
    hook_finalisers()
    signal.signal = _checked_signal
    signal.getsignal = _checked_getsignal
    if _sigmask is not None:
        signal.pthread_sigmask = _checked_sigmask
    _rewrap(_wrapped)
    if _register is None:
        return
    if not _hooks.fork_registered:
        _hooks.fork_registered = True
        _register(
            before=_before_fork,
            after_in_parent=_unblock,
            after_in_child=_after_fork_in_child,
        )
    os.register_at_fork = _checked_register


def unhook() -> None:
    """Stop it."""
    _hooks.active = False
    unhook_finalisers()
    unhook_collector()
    signal.signal = _signal
    signal.getsignal = _getsignal
    if _sigmask is not None:
        signal.pthread_sigmask = _sigmask
    if _register is not None:
        os.register_at_fork = _register
    _hooks.guarded.clear()
    _rewrap(lambda handler: handler)


# -- signals ---------------------------------------------------------------------------------------


class _Handler(Deferred):
    """A handler of the program's, run in the context "signal"."""

    def run(self, number: int, frame: FrameType | None) -> object:
        chk = binding.chk
        interruptions, ts = chk.engine.interruptions, chk.current()
        with chk.context("signal"):
            interruptions.handler_runs(ts, number, now=True)
            try:
                return super().run(number, frame)
            except BaseException as error:
                leave_out(error)
                raise
            finally:
                interruptions.handler_runs(ts, number, now=False)


def _own(handler: object) -> object:
    return handler.own if isinstance(handler, Deferred) else handler


def _wrapped(handler: object) -> Any:  # the signal module's own types
    own = _own(handler)
    if not callable(own) or isinstance(own, signal.Handlers | int):
        return own
    return Deferred(own) if own is signal.default_int_handler else _Handler(own)


def _checked_signal(signalnum: Any, handler: Any) -> Any:  # the same
    return _own(_signal(signalnum, _wrapped(handler)))


def _checked_getsignal(signalnum: Any) -> Any:  # the same
    return _own(_getsignal(signalnum))


def _checked_sigmask(how: object, mask: object) -> Any:  # the same
    """`signal.pthread_sigmask`: the handler of a signal that is blocked does not strike."""
    before = _sigmask(how, mask)
    chk = binding.checker
    if chk is None or not _hooks.active:
        return before
    blocked = map(int, _sigmask(signal.SIG_BLOCK, ()))
    chk.engine.interruptions.block_signals(chk.current(), blocked)
    return before


for _new, _old in ((_checked_signal, _signal), (_checked_getsignal, _getsignal)):
    _new.__name__ = _new.__qualname__ = _old.__name__
    _new.__doc__ = _old.__doc__
    _new.__module__ = "signal"


def _rewrap(wrap: Callable[[Any], Any]) -> None:  # of handlers of any kind
    """Put every handler that is set through `wrap`; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in signal.valid_signals():
        handler = _own(_getsignal(number))
        if _wrapped(handler) is not handler:
            with suppress(ValueError):  # in a sub-interpreter nobody may
                _signal(number, wrap(handler))


# -- forks -----------------------------------------------------------------------------------------


def _before_fork() -> None:
    chk = binding.checker
    if chk is None or not _hooks.active:
        return
    me = chk.current()
    with PAUSED, chk._threads_lock:
        others = [ts for ts in chk.threads.values() if ts is not me and ts.alive]
    guarded = [*_hooks.guarded, *logs.guarded()]
    chk.engine.held_at_fork(me, others, guarded)
    ending = _ending()
    if ending:
        _hooks.masks[_get_ident()] = _sigmask(signal.SIG_BLOCK, ending)


def _after_fork_in_child() -> None:
    if _hooks.active:
        binding.forked()
        for number in _ending():
            _signal(number, signal.SIG_DFL)  # it stood for the parent's report
    _unblock()


def _ending() -> list[int]:
    """Signals whose handlers stand for the default, which is to end the process.

    They are blocked around a fork: one that comes to the child before its hooks have run would be
    thrown away by the interpreter, which takes it for one of the parent's.
    """
    handlers = ((number, _getsignal(number)) for number in signal.valid_signals())
    return [
        number
        for number, handler in handlers
        if isinstance(handler, Deferred) and handler.own is signal.SIG_DFL
    ]


def _unblock() -> None:
    mask = _hooks.masks.pop(_get_ident(), None)
    if mask is not None:
        _sigmask(signal.SIG_SETMASK, mask)


def _checked_register(**functions: object) -> None:
    """`os.register_at_fork`: a lock taken before, or made again in the child, is no hazard."""
    for function in functions.values():
        owner = getattr(function, "__self__", None)  # of any callable
        if owner is not None and getattr(function, "__name__", "") in (  # of any callable
            "acquire",
            "_at_fork_reinit",
        ):
            _hooks.guarded.append(getattr(owner, "lock", owner))  # of any callable
    _register(**functions)
