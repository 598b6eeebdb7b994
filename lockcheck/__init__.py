"""lockcheck: lockdep, wait/event dependencies, race detection and schedule exploration for Python.

    chk = lockcheck.Checker()
    a, b = chk.Lock("a"), chk.Lock("b")
    with a:
        with b: ...
    with b:
        with a: ...        # another thread could meet this one half-way
    print(chk.reports[0])

`lockcheck.install()` puts the same primitives in the place of `threading`'s for a whole program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.checker import Checker
from lockcheck.core.report import Report
from lockcheck.seam import Conductor, Kind, Op, Unwind
from lockcheck.sync import Shared, shared

if TYPE_CHECKING:
    from lockcheck.patch import install, uninstall

__all__ = [
    "Checker",
    "Conductor",
    "Kind",
    "Op",
    "Report",
    "Shared",
    "Unwind",
    "install",
    "shared",
    "uninstall",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load `install` and `uninstall` when they are asked for: most users never do."""
    if name in ("install", "uninstall"):
        from lockcheck import patch

        return getattr(patch, name)
    raise AttributeError(f"module 'lockcheck' has no attribute {name!r}")
