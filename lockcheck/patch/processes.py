"""`multiprocessing`'s Lock and RLock, as far as this process uses them.

Such a lock excludes threads, too, and its order with `threading`'s locks matters as much; so one is
a lock class by the place where it is made, and taking it is judged and published like any other.
Condition, Event and Queue are built of these.  It may also be held by another process, of which
nothing is known: then nobody here is said to hold it, and no wait for it counts as stuck.

Left out: Semaphore and BoundedSemaphore, which are counted as not checked; what a spawned process
does with a lock that it was sent.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from lockcheck.core.held import WRITE, Hold
from lockcheck.core.sites import allocation
from lockcheck.patch.foreign import note_foreign
from lockcheck.patch.state import binding
from lockcheck.seam import Kind, Op
from lockcheck.sync.blocking import block

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.core.classes import Key, LockClass
    from lockcheck.core.held import ThreadState

__all__ = ["patch_processes", "unpatch_processes"]

_NAME = "multiprocessing.synchronize"
_MAKERS = (_NAME, "multiprocessing.context")
SLICE = 0.05
"""Seconds between looks for an aborted run: no other process is made to release what it holds."""


class _SemLock(Protocol):
    """The interpreter's own semaphore."""

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool: ...
    def release(self) -> None: ...
    def _is_mine(self) -> bool: ...
    def _is_zero(self) -> bool: ...
    def _count(self) -> int: ...


class _Raw:
    """A semaphore as `sync.blocking` wants it."""

    __slots__ = ("_chk", "_sem")

    def __init__(self, chk: Checker, sem: _SemLock) -> None:
        self._chk = chk
        self._sem = sem

    def acquire(self, _blocking: bool = True, timeout: float = -1) -> bool:
        left = timeout
        while not self._chk.aborted:
            piece = SLICE if left < 0 else min(SLICE, left)
            if self._sem.acquire(True, piece):
                return True
            if left >= 0:
                left -= piece
                if left <= 0:
                    break
        return False

    def release(self) -> None:
        """Nothing: who waits looks for itself."""

    def locked(self) -> bool:
        return self._sem._is_zero()


class _Checked:
    """What the graph knows of one lock, and the two methods that a program calls."""

    __slots__ = ("__weakref__", "_pid", "_reentrant", "_sem", "_ts", "chk", "key", "raw")

    def __init__(self, chk: Checker, key: Key, sem: _SemLock, *, reentrant: bool) -> None:
        self.chk = chk
        self.key = key
        self.raw = _Raw(chk, sem)
        self._sem = sem
        self._reentrant = reentrant
        self._ts: ThreadState | None = None
        self._pid = 0

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def cls(self) -> LockClass:
        return self.key.cls

    @property
    def ts(self) -> ThreadState | None:
        """Who holds it, if that is a thread of this process."""
        return self._ts if self._pid == os.getpid() else None

    @ts.setter
    def ts(self, ts: ThreadState | None) -> None:
        self._ts = ts
        self._pid = os.getpid()

    @property
    def class_name(self) -> str:
        return self.cls.name

    def holders(self) -> Sequence[ThreadState]:
        """Who of this process holds it."""
        owner = self.ts
        held = owner is not None and self.really_held() and owner.find(self) is not None
        return (owner,) if owner is not None and held else ()

    def owned_by(self, ts: ThreadState | None) -> None:
        """`ts` has taken it; None: it was released."""
        self.ts = ts

    def really_held(self) -> bool:
        """Is it locked, whatever the held stacks say?"""
        return self._sem._is_zero()

    def own_references(self, ts: ThreadState) -> int:
        """So few that it never looks forgotten: another process may give it back."""
        return -1_000

    def ready(self, _op: Op) -> bool:
        """May it be taken now?  (`lockcheck.seam.SyncObject`)"""
        return not self._sem._is_zero()

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """As multiprocessing's."""
        if self._reentrant and self._sem._is_mine():
            return self._sem.acquire(block, timeout)
        if not self._sem.acquire(False):
            if not block or (timeout is not None and timeout <= 0):
                return self._sem.acquire(block, timeout)
            if not self._contended(timeout):
                return False
        chk = self.chk
        hold = Hold(self, WRITE)
        tried = not block or timeout is not None
        try:
            chk.engine.push(chk.current(), hold, trylock=tried)
        except BaseException:
            self._sem.release()
            raise
        return True

    def _contended(self, timeout: float | None) -> bool:
        chk = self.chk
        ts = chk.current()
        op = Op(Kind.ACQUIRE, self, timeout=timeout)
        hold = Hold(self, WRITE)
        engine = chk.engine
        engine.prepare(hold, trylock=timeout is not None)
        engine.before_block(ts, hold, op)
        got = False
        began = chk.now()
        try:
            got = block(chk, ts, op, self.raw, -1 if timeout is None else timeout)
        finally:
            engine.after_block(ts, self, got, chk.now() - began)
        return got

    def release(self) -> None:
        """As multiprocessing's."""
        if self._reentrant and self._sem._is_mine() and self._sem._count() > 1:
            self._sem.release()
            return
        ts = self.chk.current()
        if ts.find(self) is not None:
            self.chk.engine.release(ts, self)
            self.owned_by(None)
        self._sem.release()  # by another process or thread: its business


def _site(frame: FrameType | None) -> str:
    """Name the place that wanted the lock, below multiprocessing's own makers."""
    while frame is not None and frame.f_globals.get("__name__") in _MAKERS:
        frame = frame.f_back
    return "multiprocessing" if frame is None else allocation(frame)[0]


class _Patched:
    """What was changed, to be undone."""

    def __init__(self) -> None:
        self.active = False
        self.module: Any = None
        self.plain: dict[str, Any] = {}


_now = _Patched()


def _make_methods(self: object) -> None:
    """Stands for `SemLock._make_methods`, which gives a lock its `acquire` and `release`."""
    _now.plain["_make_methods"](self)
    if not _now.active:
        return
    module = _now.module
    if not isinstance(self, (module.Lock, module.RLock)):
        note_foreign("multiprocessing")
        return
    chk = binding.chk
    key = chk.lock_key(_site(sys._getframe(1)), kind="lock")
    reentrant = isinstance(self, module.RLock)
    checked = _Checked(chk, key, self._semlock, reentrant=reentrant)
    self.acquire, self.release = checked.acquire, checked.release


def _enter(self: Any) -> Any:
    return self.acquire()


def _exit(self: Any, *_exc: object) -> Any:
    return self.release()


def _patch(module: ModuleType) -> None:
    if _now.plain:
        return
    cls: object = vars(module)["SemLock"]
    ours = {"_make_methods": _make_methods, "__enter__": _enter, "__exit__": _exit}
    _now.module = module
    _now.plain = {name: cls.__dict__[name] for name in ours}
    for name, function in ours.items():
        setattr(cls, name, function)


class _Loader:
    """Loads the module as its own loader does, then changes it."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._own.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        self._own.exec_module(module)
        if _now.active:
            _patch(module)


class _Finder:
    """Waits on `sys.meta_path` for the one module, for most programs never import it."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _NAME:
            return None
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
    module = sys.modules.get(_NAME)
    if module is not None:
        _patch(module)
    else:
        sys.meta_path.insert(0, _finder)


def unpatch_processes() -> None:
    """Put multiprocessing's own back; locks that were made meanwhile go on being checked."""
    _now.active = False
    _stop_waiting()
    if _now.plain:
        for name, plain in _now.plain.items():
            if name == "_make_methods":
                setattr(_now.module.SemLock, name, plain)
