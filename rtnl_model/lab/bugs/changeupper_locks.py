"""ipvlan's notifier takes its mutex for the very events that its own unlink sends: hazard 13."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.ipvlan import Ipvlan

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.netdevice import NetDevice
    from rtnl_model.kernel.notifier import NotifierInfo

__all__ = ["ENTRY"]


class NoEarlyReturn(Ipvlan):
    """Without the return at the top of ipvlan_device_event."""

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """(PRE)CHANGEUPPER like any other event."""
        if event not in ("PRECHANGEUPPER", "CHANGEUPPER"):
            return int(super().netdev_event(event, dev, info))
        port = self.ipvlan_port_get(dev)
        if port is None:
            return 0
        with self.k.probe.frame("ipvlan_device_event"), port.pnodes_lock:
            pass
        self.put_event_port(port)
        return 0


ENTRY = Entry(
    id="changeupper-locks",
    title="ipvlan's notifier locks the port's list on CHANGEUPPER, which its own unlink sends"
    " under it",
    kind="hazard",
    what="The early return for (PRE)CHANGEUPPER is missing.",
    interleaving="any deletion of an upper",
    symptom="the deleting thread waits for itself, with RTNL held",
    source="hazard 13; reading of drivers/net/ipvlan",
    scenario="""
ip netns add left
ip -n left link add low0 type dummy
ip -n left link add upp0 link low0 type ipvlan mode l2
ip -n left link del upp0
""",
    expected=(Expected("recursive", ""), Expected("deadlock", ""), Expected("hang", "")),
    classes={"links.ipvlan": NoEarlyReturn},
)
