"""One table of waits: how long the kernel sleeps, and where.

`idle` is a host with Linux 6.18, such that a veth pair holds RTNL for 0.32 ms to come
and 0.50 ms to go and the shared rcu_barrier takes 17 ms: these alone give the host's measured
throughput within 20 percent (`benchmarks/host_curve.py`).  `busy` is from the commit messages that
report it: 60 ms under RTNL for the two grace periods, up to 50 ms for the backlog flush.  `zero` is
for tests and for every explored run: no wait costs anything but its scheduling point, and the
rebroadcast of a waiting device comes after a few milliseconds instead of a second.

`quick` is for scripts that a person runs: the barrier outside RTNL is long enough for the works to
get their turn, as in a kernel, and a stuck wait shows within half a second.

Left out: CPU time of notifiers and of sysfs removal is one figure each, not per notifier.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TIMINGS", "Timing"]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    name: str
    synchronize_net: float
    """Expedited grace period, under RTNL."""
    synchronize_rcu_expedited: float
    flush_all_backlogs: float
    """Under RTNL."""
    rcu_barrier: float
    """In netdev_run_todo, no lock held, shared by concurrent callers."""
    notifiers: float
    """The chain of one NETDEV_UNREGISTER, CPU time under RTNL."""
    sysfs: float
    """Removal of kobject and sysfs, under RTNL."""
    register: float
    """CPU time of a registration, under RTNL."""
    wait_refs_rebroadcast: float
    """netdev_wait_allrefs_any sends NETDEV_UNREGISTER again after this."""
    unregister_timeout: float
    """netdev_unregister_timeout_secs: "waiting for … to become free"."""
    lock_retry: float
    """rtnl_lock_unregistering_all and restart_syscall: pause before the next try."""
    user_space: float = 0.0
    """Between two requests of one process.  A kernel's mutexes serve who came first, so whoever
    waits for RTNL meanwhile is ahead of the second request; here the pause lets them be."""


TIMINGS: dict[str, Timing] = {
    t.name: t
    for t in (
        Timing("zero", 0, 0, 0, 0, 0, 0, 0, 0.004, 0.04, 0.001),
        Timing("quick", 0, 0, 0, 0.006, 0, 0, 0, 0.1, 0.25, 0.001, 0.005),
        Timing("idle", 17e-5, 3e-4, 0, 0.017, 3e-5, 5e-5, 16e-5, 1.0, 10.0, 0.001),
        Timing("busy", 0.03, 0.03, 0.02, 0.04, 0.001, 0.002, 0.0005, 1.0, 10.0, 0.001),
    )
}
"""Settings by name."""
