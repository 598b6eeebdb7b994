"""bareudp's device goes, its entry on the backend's list stays: hazard 7."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.backend import BackendPriv
from rtnl_model.kernel.links.bareudp import Bareudp

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.links.backend import BackendList
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class StayOnTheList(Bareudp):
    """dellink queues the device and forgets where it is listed."""

    def list_del_init(self, data: BackendList, dev: NetDevice) -> None:
        """Only the mark is cleared."""
        dev.netdev_priv(BackendPriv).listed = False


ENTRY = Entry(
    id="stale-list-entry",
    title="bareudp: a deleted device stays on the list of the namespace that holds its socket",
    kind="known",
    what="The list of the backend namespace keeps a device that its own namespace freed.",
    interleaving="a device's namespace dies; later a device is made with the same backend",
    symptom="use after free in the walk of the list",
    source="CVE-2025-21858 (geneve), 9593172d93b9; hazard 7",
    real_kernel="7.3-rc7 as it is, without the override: not seen in 79 rounds on 4 CPUs (a kernel"
    " without a detector of use after free)",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add tun0 netns right type bareudp dstport 6635 ethertype mpls_uc
ip -n right link del tun0
ip -n left link add tun1 type bareudp dstport 6636 ethertype mpls_uc
""",
    expected=(Expected("invariant", "freed"), Expected("invariant", "list")),
    classes={"links.bareudp": StayOnTheList},
)
