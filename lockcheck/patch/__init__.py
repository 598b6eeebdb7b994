"""`install()`: `lockcheck`'s primitives in the place of `threading`'s and `queue`'s.

Replaced are the names in the two modules, in every loaded module that imported them by name
(`from threading import Lock`), and logging's own module lock and handlers' locks, which are made
before anybody could install anything.  Other locks made earlier stay what they are and keep
working, unchecked.

`multiprocessing`'s Lock and RLock are checked within this process (`processes`).

Not seen: `_thread.allocate_lock` and `multiprocessing`'s semaphores, which are counted (`foreign`);
locks inside C extensions; default arguments and class attributes that were bound to
`threading.Lock` before.
"""

from __future__ import annotations

import _queue
import queue
import sys
import threading
from types import ModuleType
from typing import Any

from lockcheck.checker import Checker
from lockcheck.patch import logs
from lockcheck.patch.foreign import count_foreign, stop_counting
from lockcheck.patch.futures import patch_futures, unpatch_futures
from lockcheck.patch.hooks import hook, unhook
from lockcheck.patch.processes import patch_processes, unpatch_processes
from lockcheck.patch.queues import QUEUES
from lockcheck.patch.standins import STANDINS
from lockcheck.patch.state import binding
from lockcheck.patch.thread_lists import hide_threads, show_threads
from lockcheck.patch.threads import patch_threads, unpatch_threads
from lockcheck.sync.shared import default as shared_default

__all__ = ["install", "installed", "rebind", "uninstall"]

_ORIGINAL: dict[ModuleType, dict[str, object]] = {
    threading: {name: getattr(threading, name) for name in STANDINS},  # names of ours
    queue: {name: getattr(queue, name) for name in QUEUES},  # names of ours
    _queue: {"SimpleQueue": queue.SimpleQueue},
}
_STANDIN: dict[ModuleType, dict[str, type]] = {
    threading: STANDINS, queue: QUEUES, _queue: QUEUES,
}  # fmt: skip
_LEFT_ALONE = ("_thread", "_threading_local", "threading", "queue", "_queue", "lockcheck")
"""Modules whose own names stay: they are the ground the stand-ins stand on."""
_BY_NAME_ONLY = frozenset({"allocate_lock", "_allocate_lock", "LockType", "_CRLock"})


class _Installed:
    def __init__(self) -> None:
        self.places: list[tuple[dict[str, object], str, object]] = []
        """(namespace, name, original) of every replaced name."""
        self.active = False


_now = _Installed()


def install(checker: Checker | None = None) -> Checker:
    """Put checked primitives in the place of threading's, for the whole process.

    Args:
        checker: bind them to this one; default: a new `Checker()`.

    Returns the checker.  Raises: RuntimeError when another one is installed.
    """
    if _now.active:
        if checker is not None and checker is not binding.checker:
            raise RuntimeError("lockcheck is installed already; uninstall() it first")
        return binding.chk
    binding.checker = checker if checker is not None else Checker()
    shared_default.checker = binding.checker
    for module, names in _ORIGINAL.items():
        for name, original in names.items():
            _replace(module.__dict__, name, original, _STANDIN[module][name])
    _replace_imported()
    patch_threads()
    hide_threads()
    patch_futures()
    patch_processes()
    count_foreign()
    hook()
    logs.cover(binding.checker)
    binding.checker.main_only = ("signal",)
    binding.checker.current()  # the installing thread is one of the program's
    _now.active = True
    return binding.checker


def uninstall() -> None:
    """Put everything back; objects that were made meanwhile go on being checked."""
    if not _now.active:
        return
    _now.active = False
    shared_default.checker = None
    logs.uncover()
    unhook()
    stop_counting()
    unpatch_processes()
    unpatch_futures()
    show_threads()
    unpatch_threads()
    for namespace, name, original in reversed(_now.places):
        namespace[name] = original
    _now.places.clear()
    _restore_imported()


def installed() -> Checker | None:
    """Return the checker that is installed, if any."""
    return binding.checker if _now.active else None


def rebind(checker: Checker) -> None:
    """Make what is created from now on belong to `checker` (one per explored schedule)."""
    assert _now.active, "nothing is installed"
    binding.checker = checker
    shared_default.checker = checker
    binding.renumber()


def _replace(namespace: dict[str, object], name: str, original: object, new: object) -> None:
    _now.places.append((namespace, name, original))
    namespace[name] = new


def _swap(
    table: dict[Any, Any],  # any values
) -> list[tuple[dict[str, Any], str, Any, Any]]:  # any values
    """Places in loaded modules whose value is a key of `table`: (namespace, name, old, new)."""
    found = []
    for module_name, module in list(sys.modules.items()):
        if module_name.split(".")[0] in _LEFT_ALONE or not isinstance(module, ModuleType):
            continue
        namespace = module.__dict__
        for name, value in list(namespace.items()):
            if name in _BY_NAME_ONLY or not callable(value):
                continue
            try:
                new = table.get(value)
            except TypeError:  # unhashable
                continue
            if new is not None:
                found.append((namespace, name, value, new))
    return found


def _replace_imported() -> None:
    table = {
        original: _STANDIN[module][name]
        for module, names in _ORIGINAL.items()
        for name, original in names.items()
    }
    for namespace, name, old, new in _swap(table):
        _replace(namespace, name, old, new)


def _restore_imported() -> None:
    """Modules loaded while installed, that imported a stand-in by name."""
    table = {
        _STANDIN[module][name]: original
        for module, names in _ORIGINAL.items()
        for name, original in names.items()
    }
    for namespace, name, _old, new in _swap(table):
        namespace[name] = new
