"""`multiprocessing`'s locks, semaphores and queues, as far as this process uses them.

Each gets methods that judge and publish what is done with it (`process_locks`).  Condition, Event,
Barrier and Queue are built of these by multiprocessing itself; here stands which part of them is
what, and the one wait that no semaphore shows: that of `Queue.get` for the pipe.

Left out: `SimpleQueue.get`, connections, and whatever else waits for a pipe.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import update_wrapper
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any

from lockcheck.core.sites import allocation
from lockcheck.patch.process_locks import Arrivals, ProcessLock, ProcessUnits, Signal, sharing
from lockcheck.patch.state import binding

__all__ = ["patch_processes", "unpatch_processes"]

_Barrier = threading.Barrier
_register: Any = getattr(os, "register_at_fork", None)  # missing on some systems
Theirs = Any  # an object of multiprocessing: its stubs hide what is touched here

_NAME = "multiprocessing.synchronize"
_QUEUES = "multiprocessing.queues"
_MAKERS = (_NAME, "multiprocessing.context")
_PARTS = {
    "_wait_semaphore": "a notify of",
    "_woken_count": "the waiters to wake of",
    "_sem": "room in",
}
"""Attribute that a semaphore of multiprocessing's own is assigned to -> what a wait for it is."""
_QUIET = frozenset({"_woken_count", "_sleeping_count"})
"""Whoever waits for these waits for one who is on its way: it has given up the lock before."""


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _site(frame: FrameType | None) -> str:
    """Name the place that wanted a lock, below multiprocessing's own makers: its class."""
    while frame is not None and _module(frame) in _MAKERS:
        frame = frame.f_back
    return "multiprocessing" if frame is None else allocation(frame)[0]


def _whole(frame: FrameType | None) -> tuple[str, str]:
    """Name what the program made that has a semaphore inside; and which part of it this is."""
    part = ""
    while frame is not None and _module(frame).partition(".")[0] == "multiprocessing":
        name = allocation(frame)[0].rpartition(".")[2]
        part = name if not part and (name in _PARTS or name in _QUIET) else part
        frame = frame.f_back
    return ("multiprocessing" if frame is None else allocation(frame)[0]), part


class _Patched:
    """What was changed, to be undone."""

    def __init__(self) -> None:
        self.active = False
        self.module: Theirs = None
        self.plain: dict[str, Theirs] = {}
        self.notify: Theirs = None
        self.queues: Theirs = None
        self.put: Theirs = None
        self.get: Theirs = None
        self.reset: Theirs = None
        self.fork_registered = False


_now = _Patched()


def _make_methods(self: Theirs) -> None:
    """Stands for `SemLock._make_methods`, which gives a lock its `acquire` and `release`."""
    _now.plain["_make_methods"](self)
    if not _now.active:
        return
    made = _checked(self, received=sys._getframe(1).f_code.co_name == "__setstate__")
    self.acquire, self.release = made.acquire, made.release


def _checked(self: Theirs, *, received: bool) -> ProcessLock | Signal:
    """What stands behind a new lock or semaphore."""
    module, sem, chk = _now.module, self._semlock, binding.chk
    if isinstance(self, (module.Lock, module.RLock)):
        reentrant = isinstance(self, module.RLock)
        key = chk.lock_key(_site(sys._getframe(2)), kind="lock")
        return ProcessLock(chk, key, sem, reentrant=reentrant, received=received)
    units = _units(self)
    whole, part = _whole(sys._getframe(2))
    if part in _PARTS or part in _QUIET or not units:
        whole = whole if part in _QUIET else binding.numbered(whole)
        why = f"{_PARTS.get(part, 'a unit of')} {whole}"
        return Signal(chk, why, sem, received=received, quiet=part in _QUIET)
    key = chk.lock_key(_site(sys._getframe(2)), kind="semaphore", permits=units)
    return ProcessUnits(chk, key, sem, received=received)


def _units(self: Theirs) -> int:
    """How many units a semaphore has; 1 where the system cannot say."""
    try:
        return int(self._semlock._get_value())
    except NotImplementedError:
        return 0 if self._semlock._is_zero() else 1


def _enter(self: Theirs) -> Theirs:
    return self.acquire()


def _exit(self: Theirs, *_exc: object) -> Theirs:
    return self.release()


def _getstate(self: Theirs) -> Theirs:
    """An object is sent to another process."""
    sharing.happened()
    return _now.plain["__getstate__"](self)


def _notify(self: Theirs, n: int = 1) -> None:
    """Whoever notifies makes it happen, also where nobody waits yet."""
    signal = getattr(self._wait_semaphore.acquire, "__self__", None)  # of any callable
    if isinstance(signal, Signal) and self._lock._semlock._is_mine():
        signal.wakes()
    _now.notify(self, n)


def _patch(module: ModuleType) -> None:
    cls: object = vars(module)["SemLock"]
    ours = {
        "_make_methods": _make_methods,
        "__enter__": _enter,
        "__exit__": _exit,
        "__getstate__": _getstate,
    }
    if not _now.plain:
        _now.module = module
        _now.plain = {name: cls.__dict__[name] for name in ours}
        _now.notify = module.Condition.notify
    for name, function in ours.items():
        setattr(cls, name, function)
    module.Condition.notify = update_wrapper(_notify, _now.notify)


# -- queues ----------------------------------------------------------------------------------------


def _put(self: Theirs, obj: object, block: bool = True, timeout: float | None = None) -> Theirs:
    arrivals = _arrivals(self)
    if arrivals is not None and not self._closed:
        arrivals.wakes()
    return _now.put(self, obj, block, timeout)


def _get(self: Theirs, block: bool = True, timeout: float | None = None) -> Theirs:
    arrivals = _arrivals(self) if block and timeout is None else None
    if arrivals is not None and not self._closed:
        arrivals.wait(arrivals.is_free)
    return _now.get(self, block, timeout)


def _arrivals(queue: Theirs) -> Arrivals | None:
    """What stands behind the items of a queue; None of one made before, or received."""
    found: Arrivals | None = queue.__dict__.get("_lockcheck_arrivals")
    return found if _now.active else None


def _reset(self: Theirs, after_fork: bool = False) -> None:
    """Stands for `Queue._reset`, which every queue is made with, and made again in a child."""
    _now.reset(self, after_fork)
    if _now.active and not after_fork and sys._getframe(1).f_code.co_name == "__init__":
        name = binding.numbered(_whole(sys._getframe(1))[0])
        self._lockcheck_arrivals = Arrivals(binding.chk, f"an item in {name}", self._poll)


def _patch_queues(module: ModuleType) -> None:
    cls: Theirs = vars(module)["Queue"]
    if _now.queues is None:
        _now.queues = cls
        _now.put, _now.get, _now.reset = cls.put, cls.get, cls._reset
    cls.put = update_wrapper(_put, _now.put)
    cls.get = update_wrapper(_get, _now.get)
    cls._reset = update_wrapper(_reset, _now.reset)


@contextmanager
def _plain_barrier() -> Iterator[None]:
    """`threading.Barrier` is its own again: a subclass that keeps the state elsewhere needs it."""
    now = threading.Barrier
    threading.Barrier = _Barrier  # type: ignore[misc]  # install() does that
    try:
        yield
    finally:
        threading.Barrier = now  # type: ignore[misc]  # install() does that


class _Loader:
    """Loads the module as its own loader does, then changes it."""

    def __init__(self, own: Theirs) -> None:
        self._own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._own.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        with _plain_barrier():
            self._own.exec_module(module)
        if _now.active:
            _PATCHES[module.__name__](module)


_PATCHES = {_NAME: _patch, _QUEUES: _patch_queues}


class _Finder:
    """Waits on `sys.meta_path` for the two modules, for most programs never import them."""

    def __init__(self) -> None:
        self.awaited: set[str] = set()

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self.awaited:
            return None
        self.awaited.discard(name)
        if not self.awaited:
            _stop_waiting()
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment]  # as one, it is enough
        return spec


_finder = _Finder()


def _stop_waiting() -> None:
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


def patch_processes() -> None:
    """Check what is made from now on."""
    _now.active = True
    if not _now.fork_registered and hasattr(os, "register_at_fork"):
        _now.fork_registered = True  # such a hook cannot be taken away again
        os.register_at_fork(after_in_parent=sharing.happened, after_in_child=sharing.happened)
    _finder.awaited.clear()
    for name, patch in _PATCHES.items():
        module = sys.modules.get(name)
        if module is not None:
            patch(module)
        else:
            _finder.awaited.add(name)
    if _finder.awaited:
        sys.meta_path.insert(0, _finder)


def unpatch_processes() -> None:
    """Put multiprocessing's own back; objects that were made meanwhile go on being checked."""
    _now.active = False
    _stop_waiting()
    if _now.plain:
        for name in ("_make_methods", "__getstate__"):
            setattr(_now.module.SemLock, name, _now.plain[name])
        _now.module.Condition.notify = _now.notify
    if _now.queues is not None:
        cls = _now.queues
        cls.put, cls.get, cls._reset = _now.put, _now.get, _now.reset
