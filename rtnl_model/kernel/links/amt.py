"""amt: automatic multicast tunnelling on a stream device (drivers/net/amt.c), unconverted.

The device, its socket and its stream device live in one namespace and stay there.  It is an upper
of the stream device and holds it; dellink queues first, then cuts the adjacency and drops the
reference.  On NETDEV_UNREGISTER of the stream device it is deleted without a look at reg_state, so
a move of the stream device deletes it (G.9).

XXX: as in 7.3 that event finds the first amt of a stream device only.  Deleting a stream device
with two of them leaves the second linked, with the kernel's warnings; stress found it, and
7.3-rc7 does it every time: two `type amt … dev dm1`, then `ip link del dm1`.

Left out: tunnels, queries, packets.  No conversion.
"""

from __future__ import annotations

from contextlib import suppress
from errno import EINVAL, ENODEV
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded, own

from ..documents import Fields
from ..errors import KernelError
from ..events import NOTIFY_DONE
from ..netdevice import RTNL_OF_AREA, PrivateArea, UnregHead
from . import LinkDriver

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..netdevice import NetDevice, RefTracker
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import AttrValue, LinkRequest, NewlinkParams

RELAY_HLEN = 50
GATEWAY_HLEN = 30
"""Outer headers by role; what is left of the stream device's MTU."""


class AmtPriv(PrivateArea):
    """struct amt_dev."""

    stream_dev: guarded[NetDevice] = guarded(RTNL_OF_AREA, reads="any")
    """From newlink on."""
    tracker: own[RefTracker | None] = own(default=None)
    """The reference on the stream device, until dellink."""
    parms: guarded[dict[str, AttrValue]] = guarded(RTNL_OF_AREA, reads="any")
    """As asked; from newlink on."""


class Amt(LinkDriver):
    """amt_link_ops, amt_netdev_ops and amt_notifier_block."""

    kind: ClassVar[str] = "amt"
    has_notifier: ClassVar[bool] = True
    sets_mac_address: ClassVar[bool] = False

    def setup(self, dev: NetDevice) -> None:
        """amt_link_setup: an Ethernet device that stays where it is."""
        dev.priv = AmtPriv()
        dev.netns_immutable = True
        dev.needs_free_netdev = True
        self.eth_hw_addr_random(dev)

    def validate(self, req: LinkRequest) -> None:
        """amt_validate.  Raises: KernelError(EINVAL)."""
        if not req.data:
            raise KernelError(EINVAL)
        for key, text in (
            ("dev", "Link attribute must not be empty"),
            ("mode", "Mode must not be empty"),
            ("local", "Local attribute must not be empty"),
        ):
            if key not in req.data:
                raise KernelError(EINVAL, text)
        if req.data["mode"] == "gateway" and "discovery" not in req.data:
            raise KernelError(EINVAL, "Discovery attribute must not be empty")

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """amt_newlink.  Locks: RTNL.  Raises: KernelError."""
        self.k.ASSERT_RTNL()
        net = self.k.dev.dev_net(dev)
        if params.rtnl_newlink_link_net() is not net:
            raise KernelError(EINVAL)
        priv = dev.netdev_priv(AmtPriv)
        priv.parms = dict(params.data)
        stream = self.k.dev.dev_get_by_index(net, int(str(params.data["dev"])))
        if stream is None:
            raise KernelError(ENODEV, "Can't find stream device")
        if stream.type != "ether":
            raise KernelError(EINVAL, "Invalid stream device type")
        priv.stream_dev = stream
        priv.tracker = self.k.dev.netdev_hold(stream, "amt")
        dev.mtu = stream.mtu - (GATEWAY_HLEN if priv.parms["mode"] == "gateway" else RELAY_HLEN)
        dev.max_mtu = dev.mtu
        try:
            self.k.dev.register_netdevice(dev)
            try:
                self.k.dev.netdev_upper_dev_link(stream, dev)
            except KernelError:
                self.k.dev.unregister_netdevice(dev)
                raise
        except KernelError:
            self.k.dev.netdev_put(stream, priv.tracker)
            raise

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """amt_dellink.  Locks: RTNL."""
        with self.k.probe.fn("amt_dellink", dev):
            self.delete(dev, head)

    def delete(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Queue, adjacency, reference; not to be called twice.

        The recorded build has it in line in amt_device_event.
        """
        priv = dev.netdev_priv(AmtPriv)
        self.k.dev.unregister_netdevice_queue(dev, head)
        self.k.dev.netdev_upper_dev_unlink(priv.stream_dev, dev)
        self.k.dev.netdev_put(priv.stream_dev, priv.tracker)

    def ndo_uninit(self, dev: NetDevice) -> None:
        """amt_dev_uninit."""
        with self.k.probe.fn("amt_dev_uninit", dev):
            pass

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """amt_device_event: the stream device goes, or changes its MTU.  Locks: RTNL."""
        if event not in ("UNREGISTER", "CHANGEMTU"):
            return NOTIFY_DONE
        upper = self.amt_lookup_upper_dev(dev)
        if upper is None:
            return NOTIFY_DONE
        with self.k.probe.frame("amt_device_event"):
            if event == "UNREGISTER":
                head = UnregHead(f"amt_device_event:{dev.label}")
                self.delete(upper, head)
                self.k.dev.unregister_netdevice_many(head)
            else:
                gateway = upper.netdev_priv(AmtPriv).parms["mode"] == "gateway"
                with suppress(KernelError):
                    mtu = dev.mtu - (GATEWAY_HLEN if gateway else RELAY_HLEN)
                    self.k.dev.dev_set_mtu(upper, mtu)
        return NOTIFY_DONE

    def amt_lookup_upper_dev(self, dev: NetDevice) -> NetDevice | None:
        """The first amt of dev's namespace whose stream device dev is."""
        for upper in self.k.dev.dev_net(dev).dev_list():
            if upper.rtnl_link_ops is self and upper.netdev_priv(AmtPriv).stream_dev is dev:
                return upper
        return None

    def get_link_net(self, dev: NetDevice) -> Net | None:
        """Its own."""
        return self.k.dev.dev_net(dev)

    def fill_info(self, dev: NetDevice) -> Fields:
        """Mode, the stream device and the local address."""
        priv = dev.netdev_priv(AmtPriv)
        info = {"mode": priv.parms["mode"], "link": priv.stream_dev.name}
        return {**info, "local": priv.parms["local"]}
