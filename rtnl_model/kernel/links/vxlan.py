"""vxlan: Ethernet in UDP, perhaps over a given lower (drivers/net/vxlan/vxlan_core.c), unconverted.

A tunnel and a stacked device at once: its entry is on the list of its backend namespace, and where
a lower was given it is that device's upper.  On NETDEV_UNREGISTER of any device the list of *that
device's namespace* is searched for the ifindex asked for, wherever the vxlan lives, and without a
look at reg_state: a mere move of the lower deletes the vxlan (G.9).

Left out: the forwarding table, VNI filters, changing a device, multicast groups but their rule.
"""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EEXIST, EINVAL, ENODEV, ERANGE
from ipaddress import ip_address
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..documents import Fields
from ..errors import KernelError
from ..events import NOTIFY_DONE
from ..netdevice import RTNL_OF_AREA, UnregHead
from . import is_valid_ether_addr
from .backend import BACKEND_LOCK, BackendPriv
from .listed_tunnel import ListedTunnelDriver

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import AttrValue, LinkRequest, NewlinkParams

VNI_MAX = 0xFFFFFF
VXLAN_PORT = 8472
"""The kernel's own default, not IANA's."""
ETH_MIN_MTU = 68
HEADROOM = {4: 50, 6: 70}
"""Outer Ethernet, IP, UDP and VXLAN headers, by IP version."""


class VxlanPriv(BackendPriv):
    """struct vxlan_dev."""

    # Its configuration does not change after newlink; others read it on the backend's list.
    vni = guarded[int](RTNL_OF_AREA, reads="any", default=0)
    port = guarded[int](RTNL_OF_AREA, reads="any", default=VXLAN_PORT)
    remote = guarded[str](RTNL_OF_AREA, reads="any", default="")
    local = guarded[str](RTNL_OF_AREA, reads="any", default="")
    remote_ifindex = guarded[int](RTNL_OF_AREA, reads="any", default=0)
    """The lower asked for, an ifindex of the backend's namespace."""
    remote_dev: guarded[NetDevice | None] = guarded(BACKEND_LOCK, default=None)
    """The same as a device, while the adjacency holds it."""
    sock = guarded[bool](RTNL_OF_AREA, default=False)

    @property
    def version(self) -> int:
        """Of the IP addresses given."""
        given = self.remote or self.local
        return ip_address(given).version if given else 4


class Vxlan(ListedTunnelDriver):
    """vxlan_link_ops, vxlan_netdev_ether_ops and vxlan_notifier_block."""

    kind: ClassVar[str] = "vxlan"
    lockdep_class: ClassVar[str | None] = "vxlan"
    has_notifier: ClassVar[bool] = True

    def setup(self, dev: NetDevice) -> None:
        """vxlan_setup."""
        dev.priv = VxlanPriv()
        dev.min_mtu = ETH_MIN_MTU
        dev.needs_free_netdev = True
        self.eth_hw_addr_random(dev)

    def validate(self, req: LinkRequest) -> None:
        """vxlan_validate.  Raises: KernelError."""
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL, "Provided link layer address is not Ethernet")
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL, "Provided Ethernet address is not unicast")
        if req.mtu is not None and not ETH_MIN_MTU <= req.mtu <= 65535:
            raise KernelError(EINVAL, "MTU must be between 68 and 65535")
        if not req.data:
            raise KernelError(EINVAL, "Required attributes not provided to perform the operation")
        if int(str(req.data.get("id", 0))) > VNI_MAX:
            raise KernelError(ERANGE, "VXLAN ID must be lower than 16777216")

    # -- newlink --

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """vxlan_newlink.  Locks: RTNL of dev_net(dev) and of the backend.  Raises: KernelError."""
        self.k.ASSERT_RTNL()
        priv = dev.netdev_priv(VxlanPriv)
        priv.net = params.rtnl_newlink_link_net()
        self.read(priv, params.data)
        lower = self.vxlan_config_validate(priv)
        self.take_mtu(dev, lower, params)
        self.k.dev.register_netdevice(dev)
        if lower is not None:
            try:
                self.k.dev.netdev_upper_dev_link(lower, dev)
            except KernelError:
                self.k.dev.unregister_netdevice(dev)
                raise
            self.set_lower(priv, lower)
        self.k.rtnetlink.rtnl_configure_link(dev, None)
        self.list_add(dev)

    def set_lower(self, priv: VxlanPriv, lower: NetDevice) -> None:
        """The adjacency is there."""
        priv.remote_dev = lower

    def read(self, priv: VxlanPriv, data: dict[str, AttrValue]) -> None:
        """vxlan_nl2conf."""
        priv.vni = int(str(data.get("id", 0)))
        priv.port = int(str(data.get("dstport", VXLAN_PORT))) or VXLAN_PORT
        priv.remote = str(data.get("remote", ""))
        priv.local = str(data.get("local", ""))
        priv.remote_ifindex = int(str(data.get("dev", 0)))

    def vxlan_config_validate(self, priv: VxlanPriv) -> NetDevice | None:
        """The lower, if one is asked for; no second device of this VNI and port.

        Raises: KernelError.
        """
        lower = None
        if priv.remote_ifindex:
            lower = self.k.dev.dev_get_by_index(priv.net, priv.remote_ifindex)
            if lower is None:
                raise KernelError(ENODEV, "Invalid local interface, device not found")
        elif priv.remote and ip_address(priv.remote).is_multicast:
            raise KernelError(EINVAL, "Local interface required for multicast remote destination")
        for other in self.backend_list(priv.net).dev_list:
            theirs = other.netdev_priv(VxlanPriv)
            if (theirs.vni, theirs.port) == (priv.vni, priv.port):
                raise KernelError(EEXIST, "A VXLAN device with the specified VNI already exists")
        return lower

    def take_mtu(self, dev: NetDevice, lower: NetDevice | None, params: NewlinkParams) -> None:
        """The lower's MTU less the headers, or the smaller one asked for."""
        if lower is None:
            return
        most = max(lower.mtu - HEADROOM[dev.netdev_priv(VxlanPriv).version], ETH_MIN_MTU)
        asked = params.req.mtu
        dev.mtu = most if asked is None else min(asked, most)

    # -- net_device_ops --

    def ndo_open(self, dev: NetDevice) -> None:
        """vxlan_open: a socket in the backend."""
        self.assert_backend(dev, "open")
        dev.netdev_priv(VxlanPriv).sock = True

    def ndo_stop(self, dev: NetDevice) -> None:
        """vxlan_stop: the socket of the backend is released."""
        priv = dev.netdev_priv(VxlanPriv)
        if priv.sock:
            self.assert_backend(dev, "stop")
        priv.sock = False

    def ndo_uninit(self, dev: NetDevice) -> None:
        """vxlan_uninit: the forwarding table and statistics."""
        with self.k.probe.fn("vxlan_uninit", dev):
            pass

    def ndo_change_mtu(self, dev: NetDevice, mtu: int) -> None:
        """vxlan_change_mtu: room for the headers.  Raises: KernelError(EINVAL)."""
        lower = dev.netdev_priv(VxlanPriv).remote_dev
        if lower is not None and mtu > lower.mtu - HEADROOM[dev.netdev_priv(VxlanPriv).version]:
            raise KernelError(EINVAL)
        dev.mtu = mtu

    # -- dellink --

    def after_queue(self, dev: NetDevice) -> None:
        """The adjacency is cut last."""
        priv = dev.netdev_priv(VxlanPriv)
        if priv.remote_dev is not None:
            self.k.dev.netdev_upper_dev_unlink(priv.remote_dev, dev)
            priv.remote_dev = None

    # -- notifier --

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """vxlan_netdevice_event: the lower of some vxlan may go.  Locks: RTNL."""
        if event == "UNREGISTER":
            with self.k.probe.frame("vxlan_handle_lowerdev_unregister"):
                self.lower_unregisters(dev)
        return NOTIFY_DONE

    def lower_unregisters(self, dev: NetDevice) -> None:
        """Whoever has its backend in dev's namespace and asked for dev's ifindex goes."""
        head = UnregHead(f"vxlan_netdevice_event:{dev.label}")
        for vxlan in list(self.backend_list(self.k.dev.dev_net(dev)).dev_list):
            if vxlan.netdev_priv(VxlanPriv).remote_ifindex == dev.ifindex:
                self.dellink(vxlan, head)
        self.k.dev.unregister_netdevice_many(head)

    # -- listings --

    def get_link_net(self, dev: NetDevice) -> Net | None:
        """The backend."""
        return dev.netdev_priv(VxlanPriv).net

    def get_iflink(self, dev: NetDevice) -> int | None:
        """Its own, whatever its lower: 7.3 has no ndo_get_iflink here."""
        return dev.ifindex

    def fill_info(self, dev: NetDevice) -> Fields:
        """id, remote, local, the lower's name as `ip` finds it, and the port."""
        priv = dev.netdev_priv(VxlanPriv)
        info: Fields = {"id": priv.vni}
        if priv.remote and not ip_address(priv.remote).is_multicast:
            info["remote"] = priv.remote
        if priv.local:
            info["local"] = priv.local
        if priv.remote_ifindex:
            found = self.k.dev.dev_get_by_index(self.k.dev.dev_net(dev), priv.remote_ifindex)
            info["link"] = found.name if found is not None else f"if{priv.remote_ifindex}"
        info["port"] = priv.port
        return info
