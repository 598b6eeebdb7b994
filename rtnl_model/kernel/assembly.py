"""Puts a kernel together from a regime: which drivers it can load, and which fixes it has.

`Kernel` itself knows no driver and no fix by name.  Left out: what the caller adds (bugs, drivers
of its own) is only passed on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .fixes import fixes_of
from .kernel import Kernel
from .links.drivers import driver_table
from .regime import REGIMES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lockcheck import Checker

    from .links import LinkDriver
    from .overlay import Composed, Overlay
    from .timing import Timing

__all__ = ["assemble"]


def assemble(
    chk: Checker,
    regime: str = "small",
    *,
    workers: str = "netns",
    cpus: int = 2,
    overlays: Sequence[Overlay] = (),
    without: Collection[str] = (),
    fixes: Collection[str] = (),
    timing: str | Timing = "zero",
    strict: str = "converted",
    drivers: Sequence[type[LinkDriver]] = (),
    kinds: Sequence[str] | None = None,
    composed: Composed | None = None,
) -> Kernel:
    """A kernel that is not running yet; what is not listed here is as `Kernel` has it.

    Args:
        chk: the checker that makes every primitive and collects every finding.
        regime: global, small, pernet or naive.
        workers, cpus, overlays, timing, strict, kinds, composed: passed on.
        without: ids of the regime's own fixes to leave out (`--bug G.n` in `pernet`).
        fixes: ids of fixes to add where the regime has none (`--fix G.n` in `small`).
        drivers: classes of the caller's own; they add to the regime's drivers, or replace there.
    """
    table = driver_table(has_rtnl=REGIMES[regime].has_rtnl)
    table.update({driver.kind or driver.module: driver for driver in drivers})
    return Kernel(
        chk,
        regime,
        workers=workers,
        cpus=cpus,
        fixes=fixes_of(regime, fixes, without),
        without=without,
        overlays=overlays,
        timing=timing,
        strict=strict,
        drivers=table,
        kinds=kinds,
        composed=composed,
    )
