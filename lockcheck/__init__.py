"""lockcheck: lockdep, wait/event dependencies, race detection and schedule exploration for Python.

    chk = lockcheck.Checker()
    a, b = chk.Lock("a"), chk.Lock("b")
    with a:
        with b: ...
    with b:
        with a: ...        # another thread could meet this one half-way
    print(chk.reports[0])

`lockcheck.install()` puts the same primitives in the place of `threading`'s for a whole program.
`lockcheck.Lock`, `.RLock`, `.RWLock` … are the types of what a checker's methods make, for
annotations; a checker makes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockcheck.checker import Checker, Violation
    from lockcheck.core.findings import CountingRule, known_as, root_causes
    from lockcheck.core.report import SEVERITIES, Report, counts
    from lockcheck.patch import install, uninstall
    from lockcheck.seam import Conductor, Kind, Op, Unwind
    from lockcheck.sync import (
        Barrier,
        BoundedSemaphore,
        Condition,
        Event,
        Lock,
        Queue,
        RLock,
        RWLock,
        Semaphore,
        Thread,
    )
    from lockcheck.sync.guarded import constant, guarded, looking, own, peek
    from lockcheck.sync.shared import Shared, shared

__all__ = [
    "SEVERITIES",
    "Barrier",
    "BoundedSemaphore",
    "Checker",
    "Condition",
    "Conductor",
    "CountingRule",
    "Event",
    "Kind",
    "Lock",
    "Op",
    "Queue",
    "RLock",
    "RWLock",
    "Report",
    "Semaphore",
    "Shared",
    "Thread",
    "Unwind",
    "Violation",
    "constant",
    "counts",
    "guarded",
    "install",
    "known_as",
    "looking",
    "own",
    "peek",
    "root_causes",
    "shared",
    "uninstall",
]

__version__ = "0.2.0"


_HOMES = {
    "Barrier": "lockcheck.sync",
    "BoundedSemaphore": "lockcheck.sync",
    "Checker": "lockcheck.checker",
    "Condition": "lockcheck.sync",
    "Conductor": "lockcheck.seam",
    "CountingRule": "lockcheck.core.findings",
    "Event": "lockcheck.sync",
    "Kind": "lockcheck.seam",
    "Lock": "lockcheck.sync",
    "Op": "lockcheck.seam",
    "Queue": "lockcheck.sync",
    "RLock": "lockcheck.sync",
    "RWLock": "lockcheck.sync",
    "Report": "lockcheck.core.report",
    "Semaphore": "lockcheck.sync",
    "SEVERITIES": "lockcheck.core.report",
    "Shared": "lockcheck.sync",
    "Thread": "lockcheck.sync",
    "Unwind": "lockcheck.seam",
    "Violation": "lockcheck.checker",
    "constant": "lockcheck.sync",
    "counts": "lockcheck.core.report",
    "guarded": "lockcheck.sync",
    "install": "lockcheck.patch",
    "known_as": "lockcheck.core.findings",
    "looking": "lockcheck.sync",
    "own": "lockcheck.sync",
    "peek": "lockcheck.sync",
    "root_causes": "lockcheck.core.findings",
    "shared": "lockcheck.sync",
    "uninstall": "lockcheck.patch",
}


def __getattr__(name: str) -> object:
    """Load a name when it is asked for: the pytest plugin costs nobody who does not use it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'lockcheck' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__", "__doc__", "__all__", "__file__", "__name__", "__path__"]
