"""The ends of a pair: what veth, vxcan and netkit share, whatever keeps their peer pointers.

Mirrors the parallel halves of drivers/net/veth.c, net/can/vxcan.c and netkit.c: newlink registers
the peer first and unwinds both or neither, an end has carrier while both are up, and a listing
shows the peer's ifindex and namespace.  How an end leads to the other, and what dellink does with
that, is the driver's: by exchange and with references (`paired`), or plainly (`netkit`).

Left out: queues, NAPI, XDP.
"""

from __future__ import annotations

from contextlib import contextmanager
from errno import ENOTCONN
from typing import TYPE_CHECKING, ClassVar

from ..errors import KernelError
from . import LinkDriver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..net_namespace import Net
    from ..netdevice import NetDevice
    from ..rtnetlink_request import NewlinkParams, PeerRequest

__all__ = ["PairEnds"]


class PairEnds(LinkDriver):
    """Two devices that point at each other, in one or two namespaces."""

    peer_type: ClassVar[bool] = True
    unnamed_peer: ClassVar[str] = ""
    """Name pattern of a peer without a name, where it is not the kind's."""

    # -- newlink --

    def newlink_pair(self, dev: NetDevice, params: NewlinkParams) -> None:
        """The peer, then dev, then both pointers.

        Locks: RTNL of both ends' namespaces.  Raises: KernelError, both then not registered.
        """
        peer = self.newlink_peer(params)
        try:
            self.register_end(dev, params.req.address)
            self.publish_pair(dev, peer)
        except KernelError:
            self.k.dev.unregister_netdevice(peer)
            raise

    def newlink_peer(self, params: NewlinkParams) -> NetDevice:
        """Create, register and configure the peer: it comes before dev, with the lower ifindex."""
        k = self.k
        asked = params.req.peer
        peer = self.create_peer(asked, params)
        try:
            self.register_end(peer, None if asked is None else asked.address)
        except KernelError:
            k.dev.free_netdev(peer)
            raise
        try:
            k.rtnetlink.rtnl_configure_link(peer, asked)
        except KernelError:
            k.dev.unregister_netdevice(peer)
            raise
        return peer

    def create_peer(self, asked: PeerRequest | None, params: NewlinkParams) -> NetDevice:
        """rtnl_create_link for the peer, from its own nested attributes."""
        net = params.rtnl_newlink_peer_net()
        named = asked is not None and asked.ifname is not None
        return self.k.rtnetlink.rtnl_create_link(
            net, self, asked, None if named else self.unnamed_peer or None
        )

    def register_end(self, dev: NetDevice, address: str | None) -> None:
        """Register one end, without carrier; `address` is what was asked for.

        Raises: KernelError.
        """
        self.k.dev.register_netdevice(dev)
        self.k.dev.netif_carrier_off(dev)

    def publish_pair(self, dev: NetDevice, peer: NetDevice) -> None:
        """Both pointers.  Raises: KernelError, dev then unregistered."""
        raise NotImplementedError

    # -- readers of the pointer --

    def get_peer(self, dev: NetDevice) -> NetDevice | None:
        """priv.peer, as it is now."""
        raise NotImplementedError

    @contextmanager
    def using_peer(self, dev: NetDevice) -> Iterator[NetDevice | None]:
        """The peer for a `with` block: rtnl_dereference, under the global RTNL nothing else is
        needed."""
        self.k.ASSERT_RTNL()
        yield self.get_peer(dev)

    def get_link_net(self, dev: NetDevice) -> Net | None:
        """The peer's namespace, or the device's own when the peer is gone."""
        peer = self.get_peer(dev)
        return self.dev_net_rcu(dev if peer is None else peer)

    def get_iflink(self, dev: NetDevice) -> int | None:
        """The peer's ifindex."""
        peer = self.get_peer(dev)
        return None if peer is None else peer.ifindex

    # -- net_device_ops --

    def ndo_open(self, dev: NetDevice) -> None:
        """Carrier comes on at both ends once both are up. Raises: KernelError(ENOTCONN)."""
        with self.using_peer(dev) as peer:
            if peer is None:
                raise KernelError(ENOTCONN)
            if peer.up:
                self.k.dev.netif_carrier_on(dev)
                self.k.dev.netif_carrier_on(peer)

    def ndo_stop(self, dev: NetDevice) -> None:
        """Carrier goes off at both ends."""
        with self.using_peer(dev) as peer:
            self.k.dev.netif_carrier_off(dev)
            if peer is not None:
                self.k.dev.netif_carrier_off(peer)
