"""bareudp's dellink does not ask whether the backend's exit took the device: hazard 6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.bareudp import Bareudp

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from rtnl_model.kernel.links.backend import BackendList
    from rtnl_model.kernel.netdevice import NetDevice, UnregHead

__all__ = ["ENTRY"]


class NoFlag(Bareudp):
    """list_del without the test of the node that list_del_init leaves."""

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Queue dev, whoever else did."""
        with self.k.probe.fn("bareudp_dellink", dev):
            data = self.backend(dev)
            with data.lock:
                self.delete(data, dev, self.k.dev.dev_net(dev), head)

    def list_del_init(self, data: BackendList, dev: NetDevice) -> None:
        """Unlink, as often as asked."""
        if dev in data.dev_list:
            data.dev_list.remove(dev)


ENTRY = Entry(
    id="tunnel-twice",
    title="bareudp: the backend's exit and the device's own deletion both queue the device",
    kind="known",
    what="dellink does not test whether the device is still on the backend's list.",
    interleaving="the backend's namespace dies; the device is deleted before its work came to it",
    symptom="list corruption, BUG on reg_state",
    source="CVE-2025-21865 (gtp), 4ccacf86491d; hazard 6",
    real_kernel="7.3-rc7 as it is, without the override: not seen in 116 rounds on 4 CPUs (a"
    " kernel without a detector of use after free)",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add tun0 netns right type bareudp dstport 6635 ethertype mpls_uc
ip netns del left & ip -n right link del tun0 & wait
""",
    expected=(
        Expected("warn", "queue"),
        Expected("invariant", "queue"),
        Expected("invariant", "twice"),
        Expected("warn", "list"),
    ),
    setting=Setting(regime="pernet"),
    classes={"links.bareudp": NoFlag},
    search="explore",
    rounds=600,
)
