"""Who runs next: free (the operating system), perturbed (it, with seeded delays), controlled.

The face of this package for those outside is what stands in `__all__`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.face import loader

if TYPE_CHECKING:
    from lockcheck.conduct.baton import make_baton
    from lockcheck.conduct.controlled import ControlledConductor
    from lockcheck.conduct.deadlock import explain_stuck
    from lockcheck.conduct.perturbed import PerturbedConductor
    from lockcheck.conduct.pool import Pool, ThreadRefusedError
    from lockcheck.conduct.stuck import EARLY_TIMERS
    from lockcheck.conduct.task import Standing
    from lockcheck.conduct.verdict import DEADLOCK, END, HUNG, POINTS
    from lockcheck.conduct.watchdog import Watchdog, abort

__all__ = [
    "DEADLOCK",
    "EARLY_TIMERS",
    "END",
    "HUNG",
    "POINTS",
    "ControlledConductor",
    "PerturbedConductor",
    "Pool",
    "Standing",
    "ThreadRefusedError",
    "Watchdog",
    "abort",
    "explain_stuck",
    "make_baton",
]

__getattr__ = loader(
    __name__,
    {
        "baton": ["make_baton"],
        "controlled": ["ControlledConductor"],
        "deadlock": ["explain_stuck"],
        "perturbed": ["PerturbedConductor"],
        "pool": ["Pool", "ThreadRefusedError"],
        "stuck": ["EARLY_TIMERS"],
        "task": ["Standing"],
        "verdict": ["DEADLOCK", "END", "HUNG", "POINTS"],
        "watchdog": ["Watchdog", "abort"],
    },
)
