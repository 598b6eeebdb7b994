"""The kernel and the conductor of a stress run, from what the call asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lockcheck.conduct import PerturbedConductor

from .fault import faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lockcheck import Checker
    from rtnl_model.kernel.kernel import Kernel
    from rtnl_model.kernel.overlay import Layer

    from .model_run import ModelSetting
    from .stress import StressOptions

__all__ = ["conductor_of", "stress_kernel"]


@dataclass(frozen=True, slots=True)
class Faulty:
    """The overlay of --fault."""

    id: str = "fault"
    classes: Mapping[str, Layer] = field(default_factory=dict)


def stress_kernel(chk: Checker, setting: ModelSetting, options: StressOptions) -> Kernel:
    """A kernel with the call's bugs, and with faults where they are asked for."""
    if not options.fault:
        return setting.kernel(chk)
    return setting.kernel(chk, overlays=(Faulty(classes=faults(options.seed, options.fault)),))


def conductor_of(seed: int) -> PerturbedConductor:
    """Seeded delays."""
    return PerturbedConductor(seed)
