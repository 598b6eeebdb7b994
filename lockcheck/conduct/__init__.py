"""Who runs next: free (the operating system), perturbed (it, with seeded delays), controlled.

The face of this package for those outside is what stands in `__all__`; a name is loaded when it is
asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockcheck.conduct.baton import make_baton
    from lockcheck.conduct.controlled import ControlledConductor
    from lockcheck.conduct.deadlock import explain as explain_stuck
    from lockcheck.conduct.perturbed import PerturbedConductor
    from lockcheck.conduct.pool import Pool
    from lockcheck.conduct.verdict import DEADLOCK, END, HUNG, POINTS
    from lockcheck.conduct.watchdog import Watchdog, abort

__all__ = [
    "DEADLOCK",
    "END",
    "HUNG",
    "POINTS",
    "ControlledConductor",
    "PerturbedConductor",
    "Pool",
    "Watchdog",
    "abort",
    "explain_stuck",
    "make_baton",
]

_ALIASES = {"explain_stuck": "explain"}
_HOMES = {
    "ControlledConductor": "lockcheck.conduct.controlled",
    "DEADLOCK": "lockcheck.conduct.verdict",
    "END": "lockcheck.conduct.verdict",
    "HUNG": "lockcheck.conduct.verdict",
    "POINTS": "lockcheck.conduct.verdict",
    "PerturbedConductor": "lockcheck.conduct.perturbed",
    "Pool": "lockcheck.conduct.pool",
    "Watchdog": "lockcheck.conduct.watchdog",
    "abort": "lockcheck.conduct.watchdog",
    "explain_stuck": "lockcheck.conduct.deadlock",
    "make_baton": "lockcheck.conduct.baton",
}


def __getattr__(name: str) -> object:
    """Load a name of the face when it is asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'lockcheck.conduct' has no attribute {name!r}")
    value: object = getattr(import_module(home), _ALIASES.get(name, name))
    globals()[name] = value
    return value
