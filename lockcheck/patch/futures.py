"""`concurrent.futures` under `install()`: a task is a work, `result()` flushes it.

As the kernel's work queues: a running task holds the pseudo-lock of its function, and waiting for
a future without a time limit syncs it; so `result()` under a lock that the task's function once
took is reported without having hung.  What came before a submit is ordered before the task, all
of the task before what its result makes go on.

A result that is there already may be luck, so it is judged all the same, unless the thread had to
know: `done()` said so, `wait()` or `as_completed()` looked, a callback runs, the pool is shut down.
A task that waits for another of its own function is judged only where the pool has one worker: then
it waits for itself.  Left out: process pools (another process), pools of interpreters (3.14; a task
is copied there, so it must stay what it is); the waiting of `as_completed` and `wait` themselves
(their Event is seen).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future, _base, thread
from typing import Any

from lockcheck.core import clocks
from lockcheck.core.vector import Start
from lockcheck.patch.state import binding
from lockcheck.sync.frames import leave_out
from lockcheck.sync.lockmap import LockMap

__all__ = ["patch_futures", "unpatch_futures"]

_PLAIN: dict[tuple[Any, str], Any] = {  # methods of the library's classes
    (thread.ThreadPoolExecutor, "submit"): thread.ThreadPoolExecutor.submit,
    (Future, "result"): Future.result,
    (Future, "exception"): Future.exception,
    (Future, "done"): Future.done,
    (Future, "add_done_callback"): Future.add_done_callback,
    (_base._AcquireFutures, "__enter__"): _base._AcquireFutures.__enter__,
}


class _Task:
    """What the checker knows of one submitted call."""

    __slots__ = ("after", "before", "looked", "map", "single")

    def __init__(self, map_: LockMap, before: Start, *, single: bool) -> None:
        self.map = map_
        self.before = before
        """What its submitter had done."""
        self.after: Start | None = None
        """What it had done when it ended."""
        self.single = single
        """Its pool has one worker."""
        self.looked = False
        """Somebody asked whether it is done: to find it so is no luck."""


def _map_of(fn: object) -> LockMap:
    """The pseudo-lock of a function, one for each checker."""
    chk = binding.chk
    called = getattr(fn, "__qualname__", type(fn).__qualname__)  # a partial has no name
    name = f"work {called}"
    maps: dict[str, LockMap] = chk.__dict__.setdefault("_task_maps", {})
    found = maps.get(name)
    if found is None:
        found = maps.setdefault(name, LockMap(chk, chk.lock_key(name, name, kind="map")))
    return found


def _runs_elsewhere(pool: object) -> bool:
    """Does it run its tasks in other interpreters?  Only who has imported that can have one."""
    module = sys.modules.get("concurrent.futures.interpreter")
    return module is not None and isinstance(pool, module.InterpreterPoolExecutor)


def _submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:  # the library's signature
    if _runs_elsewhere(self):
        return _PLAIN[thread.ThreadPoolExecutor, "submit"](self, fn, *args, **kwargs)
    chk = binding.chk
    before = chk.happens.fork(chk.current())
    task = _Task(_map_of(fn), before, single=self._max_workers == 1)

    def run(*args: object, **kwargs: object) -> object:
        happens = task.map.chk.happens
        ts = task.map.chk.current()
        happens.learn(ts, task.before)
        try:
            with task.map:
                return fn(*args, **kwargs)
        except BaseException as error:
            leave_out(error)
            raise
        finally:
            task.after = happens.fork(ts)

    future = _PLAIN[thread.ThreadPoolExecutor, "submit"](self, run, *args, **kwargs)
    future._lockcheck = task
    return future


def _waits(future: object, timeout: float | None) -> None:
    """Judge a wait for a future, unless the thread had to know that there is none."""
    task: _Task | None = getattr(future, "_lockcheck", None)  # ours, put there
    if task is None or timeout is not None:
        return
    ts = task.map.chk.current()
    if _is_done(future) and (task.looked or task.after is None or clocks.knows(ts, task.after)):
        return
    if task.single or ts.find(task.map) is None:
        task.map.sync()


def _is_done(future: object) -> bool:
    return bool(_PLAIN[Future, "done"](future))


def _look(future: object) -> None:
    task: _Task | None = getattr(future, "_lockcheck", None)  # ours, put there
    if task is not None:
        task.looked = True


def _done(self: object) -> bool:
    done = _is_done(self)
    if done:
        _look(self)
    return done


def _add_done_callback(self: object, fn: Callable[[Any], object]) -> None:  # as there
    def called(future: object) -> object:
        _look(future)
        try:
            return fn(future)
        except BaseException as error:
            leave_out(error)
            raise

    _PLAIN[Future, "add_done_callback"](self, called)


def _enter(self: Any) -> object:  # the library's own class
    """What `wait` and `as_completed` begin with: they look at all of their futures."""
    for future in self.futures:
        _look(future)
    return _PLAIN[_base._AcquireFutures, "__enter__"](self)


def _went_on(future: object) -> None:
    task: _Task | None = getattr(future, "_lockcheck", None)  # ours, put there
    if task is not None and task.after is not None:
        chk = task.map.chk
        chk.happens.learn(chk.current(), task.after)


def _result(self: object, timeout: float | None = None) -> object:
    _waits(self, timeout)
    try:
        return _PLAIN[Future, "result"](self, timeout)
    except BaseException as error:
        leave_out(error)
        raise
    finally:
        _went_on(self)


def _exception(self: object, timeout: float | None = None) -> object:
    _waits(self, timeout)
    try:
        return _PLAIN[Future, "exception"](self, timeout)
    except BaseException as error:
        leave_out(error)
        raise
    finally:
        _went_on(self)


_OURS: dict[tuple[object, str], object] = {
    (thread.ThreadPoolExecutor, "submit"): _submit,
    (Future, "result"): _result,
    (Future, "exception"): _exception,
    (Future, "done"): _done,
    (Future, "add_done_callback"): _add_done_callback,
    (_base._AcquireFutures, "__enter__"): _enter,
}


def patch_futures() -> None:
    """Put the checked methods in."""
    for (owner, name), ours in _OURS.items():
        setattr(owner, name, ours)


def unpatch_futures() -> None:
    """Take them out again."""
    for (owner, name), plain in _PLAIN.items():
        setattr(owner, name, plain)
