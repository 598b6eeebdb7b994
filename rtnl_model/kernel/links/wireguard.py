"""wireguard: a device that outlives the namespace of its sockets (drivers/net/wireguard/device.c).

The namespace where it was made keeps its sockets (creating_net, without a reference).  When that
namespace ends the device stays: carrier off, sockets closed, creating_net forgotten.  There is no
dellink of its own; the destructor takes RTNL to leave the one global list, which is why
netdev_run_todo must never be entered with RTNL held (E.16, B.8).

Left out: peers, keys, packets.  No conversion: the list is global.
"""

from __future__ import annotations

from errno import ENONET
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..errors import KernelError
from ..guards import TheLock
from ..netdevice import IFF_NOARP, PrivateArea, RegState
from . import LinkDriver

if TYPE_CHECKING:
    from lockcheck import Lock

    from ..kernel import Kernel
    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead
    from ..rtnetlink_request import NewlinkParams

WG_MTU = 1420


UPDATE_LOCK = TheLock(
    lambda priv: priv.update_lock, "wg->device_update_lock", lambda priv: priv.netdev.is_public
)


class WgPriv(PrivateArea):
    """struct wg_device."""

    creating_net: guarded[Net | None] = guarded(UPDATE_LOCK, reads="once", default=None)
    """Where its sockets live, without a reference; None when that namespace is gone."""
    socket = guarded[bool](UPDATE_LOCK, default=False)

    def __init__(self, update_lock: Lock) -> None:
        self.update_lock = update_lock


class Wireguard(LinkDriver):
    """wg_link_ops, netdev_ops and pernet_ops."""

    kind: ClassVar[str] = "wireguard"
    pernet: ClassVar[str | None] = "device"
    sets_mac_address: ClassVar[bool] = False

    device_list: guarded[list[NetDevice]] = guarded(
        TheLock(lambda self: self.k.init_net.rtnl_guard, "RTNL")
    )
    """Every wireguard device."""

    def __init__(self, k: Kernel) -> None:
        super().__init__(k)
        self.chk = k.chk
        self.label = "wireguard"
        self.device_list = []
        self.device_update_lock = k.make_lock("&wg->device_update_lock", "wireguard")
        """Protects: creating_net and the sockets.  Order: after RTNL.  One for all devices here,
        as they are one lock class."""

    def setup(self, dev: NetDevice) -> None:
        """wg_setup: no link layer."""
        dev.priv = WgPriv(self.device_update_lock)
        dev.type = "none"
        dev.addr_len = 0
        dev.flags |= IFF_NOARP
        dev.mtu = WG_MTU
        dev.min_mtu = 0
        dev.max_mtu = 2**31 - 1
        dev.needs_free_netdev = True

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """wg_newlink: onto the list, then registered.  Locks: RTNL.  Raises: KernelError."""
        self.k.ASSERT_RTNL()
        dev.netdev_priv(WgPriv).creating_net = params.rtnl_newlink_link_net()
        self.k.dev.register_netdevice(dev)
        self.device_list.append(dev)

    def ndo_open(self, dev: NetDevice) -> None:
        """wg_open: sockets in the creating namespace.  Raises: KernelError(ENONET)."""
        priv = dev.netdev_priv(WgPriv)
        with self.device_update_lock:
            if priv.creating_net is None:
                raise KernelError(ENONET)
            priv.socket = True

    def ndo_stop(self, dev: NetDevice) -> None:
        """wg_stop."""
        with self.device_update_lock:
            dev.netdev_priv(WgPriv).socket = False

    def priv_destructor(self, dev: NetDevice) -> None:
        """wg_destruct: takes RTNL to leave the list, so nobody may hold it here."""
        with self.k.probe.fn("wg_destruct", dev):
            self.k.rtnl.rtnl_lock()
            if dev in self.device_list:
                self.device_list.remove(dev)
            self.k.rtnl.rtnl_unlock()
            with self.device_update_lock:
                dev.netdev_priv(WgPriv).creating_net = None
                self.k.rcu.rcu_barrier()

    def exit_rtnl(self, net: Net, head: UnregHead) -> None:
        """wg_netns_exit_rtnl: devices that were made here lose their sockets, and stay.

        XXX: 7.3 does not look at reg_state.  A device that waits for RTNL in wg_destruct has only
        its base reference by then, and the link watch event of its carrier would hold it while it
        is freed: a candidate defect, which this model does not reproduce.  On 7.3-rc7 108 deletions
        during the end of their creating namespace, on 4 CPUs, showed no message.
        """
        self.k.ASSERT_RTNL_NET(net)
        for dev in self.device_list:
            priv = dev.netdev_priv(WgPriv)
            if priv.creating_net is net and dev.reg_state is RegState.REGISTERED:
                self.k.dev.netif_carrier_off(dev)
                with self.device_update_lock:
                    priv.creating_net = None
                    priv.socket = False
