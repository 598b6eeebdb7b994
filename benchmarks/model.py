"""Kernels for benchmarks: a regime, a setting of waits, a factor that stretches them.

The checker runs with all its verdicts but without race detection, the probes are off.  `no-lock` is
the benchmarks' own regime (`no_lock.py`).
"""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from benchmarks.no_lock import NoLockRegime, NoRtnl
from benchmarks.watch import WatchedChecker
from rtnl_model.kernel.assembly import assemble
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.kernel.links.bareudp import Bareudp
from rtnl_model.kernel.links.dummy import Dummy
from rtnl_model.kernel.links.ipvlan import Ipvlan
from rtnl_model.kernel.links.loopback import Loopback
from rtnl_model.kernel.links.veth import Veth
from rtnl_model.kernel.overlay import Fix, Instead, Overlay
from rtnl_model.kernel.timing import TIMINGS, Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["NO_LOCK", "REGIMES", "booted", "end_waits", "stretched", "warm"]

NO_LOCK = "no-lock"
REGIMES = ("global", "small", "pernet", NO_LOCK)
"""What the benchmarks compare, in the order of the tables."""

WARM_SECONDS = 0.3
WARM_ROUNDS = 48
"""Rounds of the first requester by each of two threads, unless time is up."""
WARM_ALL = 2
"""Rounds of every requester."""

DRIVERS = (Loopback, Dummy, Veth, Bareudp, Ipvlan)


def stretched(setting: str, factor: float) -> Timing:
    """The table of waits `setting`, every length times `factor`."""
    table = TIMINGS[setting]
    lengths: dict[str, Any] = {
        f.name: getattr(table, f.name) * factor
        for f in fields(table)
        if isinstance(getattr(table, f.name), int | float)
    }
    return replace(table, **lengths)


@contextmanager
def booted(
    regime: str, timing: Timing, *, overlays: Sequence[Overlay] = (), probes: bool = False
) -> Iterator[Kernel]:
    """A running kernel; quiet and shut down at the end.

    Raises: AssertionError when the model found something: a benchmark of a wrong run says nothing.
    """
    layers = list(overlays)
    if regime == NO_LOCK:
        layers.append(
            Fix(
                NO_LOCK,
                "no RTNL at all",
                __doc__ or "",
                {"regime": Instead(NoLockRegime), "rtnl": NoRtnl},
            )
        )
    chk = WatchedChecker()
    name = "pernet" if regime == NO_LOCK else regime
    k = assemble(chk, name, timing=timing, overlays=layers, drivers=DRIVERS)
    k.probe.enabled = probes
    k.start()
    try:
        yield k
        k.quiesce()
    finally:
        gc.unfreeze()
        k.shutdown()
    known = [r for r in chk.reports if regime != NO_LOCK]
    assert not known, f"{regime}: the model reported {known[0].title}"


def warm(k: Kernel, rounds: Sequence[Callable[[], None]], timing: Timing) -> None:
    """Make the ways of the rounds known to the checker, then let the waits begin.

    The checker looks closely at the first instances of a lock class, and at an order until two
    unordered threads have shown it; what it does then is no part of a round.
    """
    k.timing = TIMINGS["zero"]

    def body() -> None:
        limit = time.perf_counter() + WARM_SECONDS
        for turn in range(WARM_ROUNDS):
            for round_ in rounds if turn < WARM_ALL else rounds[:1]:
                round_()
            if time.perf_counter() > limit and turn >= WARM_ALL:
                return

    threads = [k.chk.Thread(target=body, name=f"warm {i}") for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    k.quiesce()
    k.timing = timing
    gc.collect()
    gc.freeze()  # what set-up made stays: no part of a round to walk it again and again


def end_waits(k: Kernel) -> None:
    """From here on nothing waits any more: what is under way ends soon."""
    k.timing = TIMINGS["zero"]
