"""Tunnels that their backend namespace finds in a hash: the ip_tunnel family and xfrm.

A device lives anywhere (dev_net), its entry is in the hash of the namespace where it was made
(`tunnel.net`, fixed for life).  Either namespace's end takes the device: the device's through
default_device_exit_batch, the backend's through `exit_rtnl`, which walks the hash.  In Linux 7.3
everything about the hash relies on the global RTNL; ndo_uninit, which runs for dev_net, edits the
backend's hash.

A kind says by which parameters its entries differ (`hash_key`), which function names the
recordings have, and whether dellink already takes the entry out (ipv4) or only ndo_uninit (ipv6).

Left out: fallback devices (the recording kernels make none), collect-metadata devices, packets.
"""

from __future__ import annotations

from errno import EEXIST
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..documents import Fields
from ..errors import KernelError
from ..guards import Bookkeeping, TheLock
from ..netdevice import RTNL_OF_AREA, PrivateArea
from . import LinkDriver

if TYPE_CHECKING:
    from collections.abc import Hashable

    from lockcheck import Lock

    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead
    from ..rtnetlink_request import AttrValue, NewlinkParams

__all__ = ["HashedTunnelDriver", "TunnelNet", "TunnelPriv"]


def _hash_lock(data: TunnelNet) -> Lock | None:
    """RTNL in 7.3; the conversion's hash has a mutex."""
    return None if data.exited else data.lock or data.net.rtnl_guard


HASH = TheLock(_hash_lock, "RTNL (in pernet: &itn->lock)")


class TunnelNet:
    """net_generic() of a backend namespace (struct ip_tunnel_net and its sisters)."""

    tunnels: guarded[dict[Hashable, NetDevice]] = guarded(HASH)
    """By parameters."""
    exited: Bookkeeping[bool] = False
    """Its namespace's exit is there: nobody else uses the hash any more."""
    lock: Lock | None = None
    """Only in the conversion."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.chk = net.chk
        self.label = f"tunnel hash of {net.label}"
        self.tunnels = {}


class TunnelPriv(PrivateArea):
    """struct ip_tunnel, struct ip6_tnl, struct xfrm_if."""

    net: guarded[Net] = guarded(RTNL_OF_AREA, reads="any")
    """The backend, from newlink on; without a reference, as its exit unregisters this device."""
    key: guarded[Hashable] = guarded(RTNL_OF_AREA, reads="any", default=None)
    """Its place in the backend's hash; from newlink on."""
    link = guarded[int](RTNL_OF_AREA, reads="any", default=0)
    """parms.link: ifindex of the lower that was asked for, never looked at again."""
    parms: guarded[dict[str, AttrValue]] = guarded(RTNL_OF_AREA, reads="any")
    """As asked, for listings."""


class HashedTunnelDriver(LinkDriver):
    """Link ops and pernet operations of one kind."""

    pernet: ClassVar[str | None] = "device"
    sets_mac_address: ClassVar[bool] = False
    dellink_probe: ClassVar[str] = ""
    """The probed name of dellink, where the recordings have one."""
    uninit_probe: ClassVar[str] = ""
    unhash_in_dellink: ClassVar[bool] = False
    """ipv4's dellink takes the entry out; ipv6's leaves it to ndo_uninit."""

    # -- pernet operations --

    def init_net(self, net: Net) -> None:
        """An empty hash."""
        self.set_net_generic(net, TunnelNet(net))

    def table(self, net: Net) -> TunnelNet:
        """The hash of a backend namespace."""
        found = self.net_generic(net)
        assert isinstance(found, TunnelNet)
        return found

    def exit_rtnl(self, net: Net, head: UnregHead) -> None:
        """Queue every device of this kind in net, then those whose entry is here.  Locks: RTNL.

        A device that is in both is met once.
        """
        self.k.ASSERT_RTNL_NET(net)
        for dev in net.dev_list():
            if dev.rtnl_link_ops is self:
                self.k.dev.unregister_netdevice_queue(dev, head)
        for dev in list(self.table(net).tunnels.values()):
            if self.k.dev.dev_net(dev) is not net:
                self.k.dev.unregister_netdevice_queue(dev, head)

    def exit_net(self, net: Net) -> None:
        """Nothing may be left."""
        data = self.table(net)
        data.exited = True
        left = data.tunnels
        if left:
            names = ", ".join(dev.name for dev in left.values())
            self.k.warn(f"{self.kind}: hash of {net.name} is not empty at its exit: {names}")

    # -- newlink --

    def hash_key(self, data: dict[str, AttrValue]) -> Hashable:
        """What distinguishes this tunnel from others of its backend."""
        raise NotImplementedError

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """Find nobody, register, enter the hash.  Locks: RTNL.  Raises: KernelError."""
        self.k.ASSERT_RTNL()
        priv = dev.netdev_priv(TunnelPriv)
        priv.net = params.link_net or self.k.dev.dev_net(dev)  # not the requester's
        priv.parms = dict(params.data)
        priv.link = int(str(params.data.get("dev", 0)))
        priv.key = self.hash_key(params.data)
        if self.find(priv) is not None:
            raise KernelError(EEXIST)
        self.register(dev, params)

    def register(self, dev: NetDevice, params: NewlinkParams) -> None:
        """register_netdevice, then the hash."""
        self.k.dev.register_netdevice(dev)
        self.hash_add(dev)

    # -- the hash --

    def find(self, priv: TunnelPriv) -> NetDevice | None:
        """Who has these parameters in this backend."""
        return self.table(priv.net).tunnels.get(priv.key)

    def hash_add(self, dev: NetDevice) -> None:
        """Enter the backend's hash."""
        priv = dev.netdev_priv(TunnelPriv)
        self.table(priv.net).tunnels[priv.key] = dev

    def hash_del(self, dev: NetDevice) -> None:
        """Leave it; a second time does nothing, as hlist_del_init."""
        priv = dev.netdev_priv(TunnelPriv)
        tunnels = self.table(priv.net).tunnels
        if tunnels.get(priv.key) is dev:
            del tunnels[priv.key]

    # -- dellink and uninit --

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Queue the device.  Locks: RTNL."""
        if self.dellink_probe:
            with self.k.probe.fn(self.dellink_probe, dev):
                self.delete(dev, head)
        else:
            with self.k.probe.frame(f"{self.kind}_dellink"):
                self.delete(dev, head)

    def delete(self, dev: NetDevice, head: UnregHead | None) -> None:
        """The body of dellink."""
        self.k.ASSERT_RTNL()
        if self.unhash_in_dellink:
            self.hash_del(dev)
        self.k.dev.unregister_netdevice_queue(dev, head)

    def ndo_uninit(self, dev: NetDevice) -> None:
        """Leave the backend's hash, from wherever the device lives."""
        if not self.uninit_probe:
            self.hash_del(dev)
            return
        with self.k.probe.fn(self.uninit_probe, dev):
            self.hash_del(dev)

    # -- listings --

    def get_link_net(self, dev: NetDevice) -> Net | None:
        """The backend."""
        return dev.netdev_priv(TunnelPriv).net

    def get_iflink(self, dev: NetDevice) -> int | None:
        """parms.link, where one was asked for."""
        return dev.netdev_priv(TunnelPriv).link or None

    def link_name(self, dev: NetDevice) -> str:
        """What `ip` calls parms.link: it looks the number up where the device lives now."""
        link = dev.netdev_priv(TunnelPriv).link
        found = self.k.dev.dev_get_by_index(self.k.dev.dev_net(dev), link)
        return found.name if found is not None else f"if{link}"

    def fill_info(self, dev: NetDevice) -> Fields:
        """Both ends, and the lower that was asked for."""
        priv = dev.netdev_priv(TunnelPriv)
        info: Fields = {end: str(priv.parms.get(end) or "any") for end in ("local", "remote")}
        if priv.link:
            info["link"] = self.link_name(dev)
        return info
