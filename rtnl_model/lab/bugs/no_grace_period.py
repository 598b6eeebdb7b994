"""A device is freed without a grace period after it was unlisted: hazard 25."""

from __future__ import annotations

from rtnl_model.kernel.rcu import Rcu

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]


class NoGracePeriod(Rcu):
    """synchronize_net returns at once."""

    def wait_for_readers(self) -> None:
        """Whoever is inside is not waited for."""


ENTRY = Entry(
    id="no-grace-period",
    title="nobody waits for those who looked a device up before it was unlisted",
    kind="hazard",
    what="unregister_netdevice_many_notify goes on without synchronize_net.",
    interleaving="T1 creates a queue and finds the netkit by its index; T2 unlists, unregisters and"
    " frees it; T1 takes its reference",
    symptom="use after free",
    source="hazard 25; the grace periods of net/core/dev.c",
    scenario="""
ip netns add left
ip netns add right
ip link add card0 type phys driver carddrv queues 4
ip -n left link add pod0 numrxqueues 4 type netkit mode l3 peer name pod1 numrxqueues 4 netns right
lease card0 queue 1 to right/pod1 || true & ip -n left link del pod0 & wait
""",
    expected=(Expected("invariant", "free"),),
    setting=Setting(),
    classes={"rcu": NoGracePeriod},
    search="explore",
    rounds=400,
)
