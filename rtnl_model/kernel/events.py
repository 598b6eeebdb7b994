"""NETDEV_* event words, notifier return codes, and the rtnetlink notifications a listener sees.

`RtnlEvents` mirrors rtmsg_ifinfo_build_skb and rtmsg_ifinfo_send: one record in the golden `events`
shape, in the global order in which they were broadcast.  The recordings' listener sits in the
initial namespace and hears every namespace that has an nsid there: so `lo`'s own NEWLINK (made
before the namespace has one) and everything inside a dying namespace are not in `log`, though every
one is a `rtmsg_ifinfo_build_skb` line of the trace.

Left out: message bodies beyond what the recordings kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .documents import Fields
    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import NetDevice

NOTIFY_DONE = 0
NOTIFY_OK = 1
NOTIFY_STOP_MASK = 0x8000

ALL = 0xFFFFFFFF
"""ifi_change of a device that appears or goes."""


def notifier_from_errno(errno: int) -> int:
    """NOTIFY_BAD with an errno in it; stops the chain."""
    return NOTIFY_STOP_MASK | (NOTIFY_OK + errno) if errno else NOTIFY_OK


def notifier_to_errno(ret: int) -> int:
    """The errno of a chain's result, 0 for none."""
    ret &= ~NOTIFY_STOP_MASK
    return ret - NOTIFY_OK if ret > NOTIFY_OK else 0


class RtnlEvents:
    """RTM_NEWLINK and RTM_DELLINK notifications."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.log: list[Fields] = []
        """What the listener in the initial namespace heard; appended by every thread."""
        self.enabled = True
        """Keep `log`; a run without end that nobody reads it from turns it off."""
        self.listeners: list[Callable[[Fields], None]] = []

    def rtmsg_ifinfo(
        self,
        ev: str,
        dev: NetDevice,
        change: int,
        *,
        new_net: Net | None = None,
        new_ifindex: int = 0,
        portid: int = 0,
    ) -> None:
        """rtmsg_ifinfo_event: build and send one, of a registered device only."""
        if not self.k.dev.dev_is_registered(dev):
            return
        self.rtmsg_ifinfo_send(
            self.rtmsg_ifinfo_build_skb(
                ev, dev, change, new_net=new_net, new_ifindex=new_ifindex, portid=portid
            )
        )

    def rtmsg_ifinfo_build_skb(
        self,
        ev: str,
        dev: NetDevice,
        change: int,
        *,
        new_net: Net | None = None,
        new_ifindex: int = 0,
        portid: int = 0,
        family: int = 0,
    ) -> Fields:
        """Fill a message from the device as it is now.

        Allocates nsids for the namespaces that it names, as rtnl_fill_link_netnsid does.
        """
        if self.k.probe.enabled:
            self.k.probe.note("rtmsg_ifinfo_build_skb", dev, type=ev, change=hex(change))
        net = self.k.dev.dev_net(dev)
        msg: Fields = {"ns": net.name, "ev": ev, "ifname": dev.name, "ifindex": dev.ifindex}
        msg["_net"] = net
        if dev.kind:
            msg["kind"] = dev.kind
        msg["up"] = dev.up
        msg["change"] = "all" if change == ALL else change
        if family:
            msg["family"] = family
        self._fill_link(msg, dev, net)
        if new_net is not None:
            msg["new_nsid"] = self.k.net_namespace.peernet2id_alloc(net, new_net)
            msg["new_ifindex"] = new_ifindex
        master = self.k.dev_links.netdev_master_upper_dev_get(dev)
        if master is not None:
            msg["master"] = master.ifindex
        msg["by_request"] = bool(portid)
        return msg

    def _fill_link(self, msg: Fields, dev: NetDevice, net: Net) -> None:
        ops = dev.rtnl_link_ops
        if ops is None:
            return
        iflink = ops.get_iflink(dev)
        if iflink is not None and iflink != dev.ifindex:
            msg["link"] = iflink
        link_net = ops.get_link_net(dev)
        if link_net is not None and link_net is not net:
            if iflink is not None:
                msg["link"] = iflink
            msg["link_nsid"] = self.k.net_namespace.peernet2id_alloc(net, link_net)

    def rtmsg_ifinfo_send(self, msg: Fields) -> None:
        """Broadcast a message built before."""
        net: Net = msg.pop("_net")
        if not net.observed:
            return
        if self.enabled:
            self.log.append(msg)
        for listener in self.listeners:
            listener(msg)
