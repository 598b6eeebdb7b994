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

from lockcheck.face import loader as _loader

if TYPE_CHECKING:
    from lockcheck.checker import Checker, Violation
    from lockcheck.core.classes import INSTANCES
    from lockcheck.core.findings import CountingRule, known_as, root_causes, with_causes
    from lockcheck.core.report import SEVERITIES, Report, counts
    from lockcheck.patch import install, uninstall
    from lockcheck.seam import Choice, Conductor, Kind, Op, Unwind
    from lockcheck.snapshot import Snapshot, UnkeepableError
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
        Shared,
        Thread,
        constant,
        guarded,
        looking,
        own,
        peek,
        shared,
    )
    from lockcheck.sync.recorder import Recorder

__all__ = [
    "INSTANCES",
    "SEVERITIES",
    "Barrier",
    "BoundedSemaphore",
    "Checker",
    "Choice",
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
    "Recorder",
    "Report",
    "Semaphore",
    "Shared",
    "Snapshot",
    "Thread",
    "UnkeepableError",
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
    "with_causes",
]

__version__ = "0.2.0"

__getattr__ = _loader(
    __name__,
    {
        "checker": ["Checker", "Violation"],
        "core.classes": ["INSTANCES"],
        "core.findings": ["CountingRule", "known_as", "root_causes", "with_causes"],
        "core.report": ["SEVERITIES", "Report", "counts"],
        "patch": ["install", "uninstall"],
        "seam": ["Choice", "Conductor", "Kind", "Op", "Unwind"],
        "snapshot": ["Snapshot", "UnkeepableError"],
        "sync": [
            "Barrier",
            "BoundedSemaphore",
            "Condition",
            "Event",
            "Lock",
            "Queue",
            "RLock",
            "RWLock",
            "Semaphore",
            "Shared",
            "Thread",
            "constant",
            "guarded",
            "looking",
            "own",
            "peek",
            "shared",
        ],
        "sync.recorder": ["Recorder"],
    },
)


def __dir__() -> list[str]:
    return [*__all__, "__version__", "__doc__", "__all__", "__file__", "__name__", "__path__"]
