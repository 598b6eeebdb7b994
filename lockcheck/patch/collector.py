"""The cycle collector, as a context: what it runs may interrupt any code at all.

While it runs, what it calls (`__del__` of objects in cycles, weakref callbacks, `weakref.finalize`)
is in the context "gc"; not when the program has switched it off and calls `gc.collect()` itself, at
a place of its choice.

The program's own `gc.callbacks` belong to it as well, those called before ours at the start and
after ours at the end too: each is put into a wrapper where it stands in the list, one that is equal
to it, so that the program finds and removes it as ever.  One that is put before ours is known from
its second collection on.
"""

from __future__ import annotations

import _thread
import gc
import threading
from collections.abc import Callable
from typing import Any

from lockcheck.core import collecting
from lockcheck.patch.state import binding
from lockcheck.sync.plain import is_machinery

__all__ = ["hook_collector", "unhook_collector"]

_PLAIN = gc.enable, gc.disable, gc.isenabled

Callback = Callable[[Any, dict[str, int]], object]  # as the gc module calls it


class _Collecting:
    """In which threads a collection runs that the checker knows of."""

    def __init__(self) -> None:
        self.threads: set[int] = set()


_collecting = _Collecting()


class _Called:
    """A callback of the program's, run in the context "gc"."""

    def __init__(self, own: Callback) -> None:
        self.own = own

    def __call__(self, phase: object, info: dict[str, int]) -> object:
        entered = _enter()
        try:
            return self.own(phase, info)
        finally:
            if entered:
                _leave()

    def __eq__(self, other: object) -> bool:
        return bool(self.own == (other.own if isinstance(other, _Called) else other))

    def __hash__(self) -> int:
        return hash(self.own)


def hook_collector() -> None:
    """Start reporting collections to the checker."""
    gc.enable, gc.disable, gc.isenabled = (
        collecting.enable, collecting.disable, collecting.isenabled,
    )  # fmt: skip
    gc.callbacks.insert(0, _collector)  # first: what is appended later is wrapped before it runs
    _wrap_others()


def unhook_collector() -> None:
    """Stop it."""
    gc.enable, gc.disable, gc.isenabled = _PLAIN
    collecting.unsaid()
    if _collector in gc.callbacks:
        gc.callbacks.remove(_collector)
    for index, callback in enumerate(gc.callbacks):
        if isinstance(callback, _Called):
            gc.callbacks[index] = callback.own


def _wrap_others() -> None:
    """In place: the interpreter is walking the list."""
    for index, callback in enumerate(gc.callbacks):
        if callback is not _collector and not isinstance(callback, _Called):
            gc.callbacks[index] = _Called(callback)


def _collector(phase: str, _info: dict[str, int]) -> None:
    me = _thread.get_ident()
    if phase == "start":
        _wrap_others()
        if _enter():
            _collecting.threads.add(me)
    elif me in _collecting.threads:
        _collecting.threads.discard(me)
        _leave()


def _state() -> Any:  # of this thread, on any checker
    """The thread's state, if it is one of the program's that the checker knows already."""
    chk = binding.checker
    if chk is None:
        return None
    ident = _thread.get_ident()
    if ident not in threading._active or is_machinery(ident):  # type: ignore[attr-defined]  # private
        return None  # it would become known to the checker by our asking
    return getattr(chk.tls, "t", None)  # None: a thread that is just being made known


def _enter() -> bool:
    """The collector strikes, unless that is known."""
    ts = _state() if gc.isenabled() else None
    if ts is None or ts.tracing or "gc" in ts.contexts:
        return False  # inside the engine itself: what runs is let through unjudged
    binding.chk.engine.interruptions.enter(ts, "gc")
    return True


def _leave() -> None:
    ts = _state()
    if ts is not None and "gc" in ts.contexts:
        binding.chk.engine.interruptions.leave(ts, "gc")
