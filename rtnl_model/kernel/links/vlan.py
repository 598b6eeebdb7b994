"""8021q: VLANs on any device (net/8021q/vlan.c, vlan_dev.c), as Linux 7.3 has it: unconverted.

The table of VLANs lives with the lower device, the uppers may live anywhere.  unregister_vlan_dev
clears the slot, cuts the adjacency *first* and queues then, the opposite order of ipvlan's; each
upper holds the lower until its own destructor.  When the last id leaves, the lower's table is
freed, so the lower's NETDEV_UNREGISTER loop looks at the number of ids before each call.

The lower's MTU and its going up or down reach the uppers later, through work on each of them
(`netdev_work`), not inside the lower's event.  Left out: MVRP, GVRP, reorder and other flags,
hardware filters, the ioctl.
"""

from __future__ import annotations

from contextlib import suppress
from errno import EADDRNOTAVAIL, EEXIST, EINVAL, ENETDOWN, ENODEV, EOPNOTSUPP, ERANGE
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..documents import Fields
from ..errors import KernelError
from ..events import NOTIFY_DONE
from ..guards import TheLock
from ..netdevice import RTNL_OF_AREA, RegState, UnregHead
from . import is_valid_ether_addr
from .stacked import LowerHold, StackedDriver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck import Lock

    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import LinkRequest, NewlinkParams

VLAN_N_VID = 4096
PROTOCOLS = ("802.1Q", "802.1ad")


def _table_lock(info: VlanInfo) -> Lock:
    """RTNL in 7.3; the conversion's table has a mutex."""
    return info.lock or info.real_dev.peek_net().rtnl_guard


TABLE = TheLock(_table_lock, "RTNL of the lower (in pernet: &vlan_info->lock)")


class VlanInfo:
    """struct vlan_info of a lower: its group and its ids."""

    grp: guarded[dict[tuple[str, int], NetDevice]] = guarded(TABLE)
    """(protocol, id) -> upper."""
    vid_list = guarded[dict[tuple[str, int], int]](TABLE)
    """Reference counts of ids, vlan 0 of a running lower included."""

    lock: Lock | None = None
    """Only in the conversion."""

    def __init__(self, real_dev: NetDevice) -> None:
        self.real_dev = real_dev
        self.chk = real_dev.chk
        self.label = f"vlan_info of {real_dev.label}"
        self.grp = {}
        self.vid_list = {}


class VlanPriv(LowerHold):
    """struct vlan_dev_priv."""

    real_dev: guarded[NetDevice] = guarded(RTNL_OF_AREA, reads="any")
    """From newlink on."""
    vlan_id = guarded[int](RTNL_OF_AREA, reads="any", default=0)
    vlan_proto = guarded[str](RTNL_OF_AREA, reads="any", default="802.1Q")
    stolen_address = guarded[bool](RTNL_OF_AREA, default=False)
    """Its address is the lower's, and follows it (NET_ADDR_STOLEN)."""


class Vlan(StackedDriver):
    """vlan_link_ops, vlan_netdev_ops and vlan_notifier_block."""

    kind: ClassVar[str] = "vlan"
    module: ClassVar[str] = "8021q"
    lockdep_class: ClassVar[str | None] = "vlan"
    has_notifier: ClassVar[bool] = True
    validates_addr: ClassVar[bool] = True

    no_link = (EINVAL, "8021q: link not specified")
    no_lower = (ENODEV, "8021q: link does not exist")

    def lower_of(self, dev: NetDevice) -> NetDevice:
        """real_dev."""
        return dev.netdev_priv(VlanPriv).real_dev

    def setup(self, dev: NetDevice) -> None:
        """vlan_setup."""
        dev.priv = VlanPriv()
        dev.min_mtu = 0
        dev.needs_free_netdev = True

    def validate(self, req: LinkRequest) -> None:
        """vlan_validate. Raises: KernelError."""
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL, "8021q: Invalid link address")
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL, "8021q: Invalid link address")
        if not req.data:
            raise KernelError(EINVAL, "8021q: VLAN properties not specified")
        if str(req.data.get("protocol", "802.1Q")) not in PROTOCOLS:
            raise KernelError(EINVAL, "8021q: Invalid VLAN protocol")
        if int(str(req.data.get("id", 0))) >= VLAN_N_VID - 1:
            raise KernelError(ERANGE, "8021q: Invalid VLAN id")

    # -- newlink --

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """vlan_newlink.  Locks: RTNL. Raises: KernelError."""
        self.k.ASSERT_RTNL()
        real_dev = self.find_lower(params)
        priv = dev.netdev_priv(VlanPriv)
        priv.vlan_proto = str(params.data.get("protocol", "802.1Q"))
        priv.vlan_id = int(str(params.data["id"]))
        priv.real_dev = real_dev
        self.vlan_check_real_dev(real_dev, priv)
        if params.req.mtu is None:
            dev.mtu = real_dev.mtu
        elif params.req.mtu > real_dev.mtu:
            raise KernelError(EINVAL)
        self.register_vlan_dev(dev)

    def find_lower(self, params: NewlinkParams) -> NetDevice:
        """IFLA_LINK in link_net. Raises: KernelError."""
        if "id" not in params.data:
            raise KernelError(EINVAL, "8021q: VLAN id not specified")
        return self.linked(params)

    def vlan_check_real_dev(self, real_dev: NetDevice, priv: VlanPriv) -> None:
        """Refuse a lower that cannot carry VLANs, and an id that is taken. Raises: KernelError."""
        if real_dev.vlan_challenged or real_dev.type != "ether":
            raise KernelError(EOPNOTSUPP, "8021q: VLANs not supported on device")
        info = self.vlan_info(real_dev)
        if info is not None and (priv.vlan_proto, priv.vlan_id) in info.grp:
            raise KernelError(EEXIST, "8021q: VLAN device already exists")

    def register_vlan_dev(self, dev: NetDevice) -> None:
        """The id, the device, the adjacency, the slot. Raises: KernelError, all undone."""
        priv = dev.netdev_priv(VlanPriv)
        real_dev = priv.real_dev
        self.vlan_vid_add(real_dev, priv)
        try:
            self.k.dev.register_netdevice(dev)
            try:
                self.k.dev.netdev_upper_dev_link(real_dev, dev)
            except KernelError:
                self.k.dev.unregister_netdevice(dev)
                raise
        except KernelError:
            self.vlan_vid_del(real_dev, priv)
            raise
        self.netdev_sync_lower_features(real_dev)
        self.k.dev.netif_stacked_transfer_operstate(real_dev, dev)
        self.k.linkwatch.linkwatch_fire_event(dev)
        self.publish(real_dev, dev)

    def publish(self, real_dev: NetDevice, dev: NetDevice) -> None:
        """The slot: from here the lower's events reach it."""
        priv = dev.netdev_priv(VlanPriv)
        self.vlan_info_of(real_dev).grp[(priv.vlan_proto, priv.vlan_id)] = dev

    # -- vlan_info --

    def vlan_info(self, real_dev: NetDevice) -> VlanInfo | None:
        """rtnl_dereference(real_dev->vlan_info).  Locks: RTNL."""
        self.k.ASSERT_RTNL()
        info: VlanInfo | None = real_dev.vlan_info
        return info

    def vlan_info_of(self, real_dev: NetDevice) -> VlanInfo:
        """The lower's table, which exists as long as an id is on it."""
        info = self.vlan_info(real_dev)
        assert info is not None
        return info

    def vlan_vid_add(self, real_dev: NetDevice, priv: VlanPriv) -> None:
        """Count the id in; the first makes the table."""
        info = self.vlan_info(real_dev)
        if info is None:
            info = real_dev.vlan_info = VlanInfo(real_dev)
        key = (priv.vlan_proto, priv.vlan_id)
        info.vid_list[key] = info.vid_list.get(key, 0) + 1

    def vlan_vid_del(self, real_dev: NetDevice, priv: VlanPriv) -> None:
        """Count the id out; the last frees the table."""
        info = self.vlan_info(real_dev)
        key = (priv.vlan_proto, priv.vlan_id)
        if info is None or key not in info.vid_list:
            self.k.warn(f"vlan: id {priv.vlan_id} of {real_dev.name} is not counted", dev=real_dev)
            return
        info.vid_list[key] -= 1
        if info.vid_list[key] == 0:
            del info.vid_list[key]
        if not info.vid_list:
            real_dev.vlan_info = None

    # -- dellink --

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """unregister_vlan_dev: slot, adjacency, queue, id; not to be called twice.  Locks: RTNL."""
        with self.k.probe.fn("unregister_vlan_dev", dev):
            self.k.ASSERT_RTNL()
            priv = dev.netdev_priv(VlanPriv)
            info = self.vlan_info_of(priv.real_dev)
            del info.grp[(priv.vlan_proto, priv.vlan_id)]
            self.k.dev.netdev_upper_dev_unlink(priv.real_dev, dev)
            self.k.dev.unregister_netdevice_queue(dev, head)
            self.vlan_vid_del(priv.real_dev, priv)

    # -- net_device_ops --

    def ndo_init(self, dev: NetDevice) -> None:
        """vlan_dev_init: address of the lower where none was given; hold the lower."""
        priv = dev.netdev_priv(VlanPriv)
        if not dev.address:
            dev.address = priv.real_dev.address
            priv.stolen_address = True
        dev.carrier = priv.real_dev.carrier
        self.hold_lower(dev, priv, "vlan")

    def ndo_uninit(self, dev: NetDevice) -> None:
        """vlan_dev_uninit: priority maps."""
        with self.k.probe.fn("vlan_dev_uninit", dev):
            pass

    def priv_destructor(self, dev: NetDevice) -> None:
        """vlan_dev_free: only now the lower is let go."""
        self.put_lower(dev, dev.netdev_priv(VlanPriv))

    def ndo_open(self, dev: NetDevice) -> None:
        """vlan_dev_open: the lower must be up. Raises: KernelError(ENETDOWN)."""
        real_dev = dev.netdev_priv(VlanPriv).real_dev
        if not real_dev.up:
            raise KernelError(ENETDOWN)
        if real_dev.carrier:
            self.k.dev.netif_carrier_on(dev)

    def ndo_change_mtu(self, dev: NetDevice, mtu: int) -> None:
        """vlan_dev_change_mtu: not beyond the lower's. Raises: KernelError(ERANGE)."""
        if dev.netdev_priv(VlanPriv).real_dev.mtu < mtu:
            raise KernelError(ERANGE)
        dev.mtu = mtu

    def ndo_change_rx_flags(self, dev: NetDevice, promiscuity: int) -> None:
        """vlan_dev_change_rx_flags: a promiscuous upper makes its lower so."""
        self.k.dev.dev_set_promiscuity(self.lower_of(dev), promiscuity)

    def ndo_set_mac_address(self, dev: NetDevice, address: str) -> None:
        """vlan_dev_set_mac_address: from now on its own.  Raises: KernelError."""
        super().ndo_set_mac_address(dev, address)
        dev.netdev_priv(VlanPriv).stolen_address = False

    def ndo_stop(self, dev: NetDevice) -> None:
        """vlan_dev_stop."""
        self.k.dev.netif_carrier_off(dev)

    # -- notifier --

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """vlan_device_event: what happens to a lower.  Locks: RTNL."""
        table = self.vlan_info(dev)
        if table is None:
            return NOTIFY_DONE
        with self.k.probe.frame("vlan_device_event"):
            self.handle_event(event, dev, self.followers(table))
        return NOTIFY_DONE

    def followers(self, table: VlanInfo) -> Sequence[NetDevice]:
        """The uppers that an event concerns."""
        return self.uppers(table)

    def uppers(self, table: VlanInfo) -> Sequence[NetDevice]:
        """vlan_group_for_each_dev: by protocol, then id."""
        return [table.grp[key] for key in sorted(table.grp)]

    def handle_event(self, event: str, dev: NetDevice, uppers: Sequence[NetDevice]) -> None:
        """The switch of vlan_device_event."""
        if event == "CHANGE":
            for upper in uppers:
                self.k.dev.netif_stacked_transfer_operstate(dev, upper)
        elif event == "CHANGEADDR":
            for upper in uppers:
                self.vlan_sync_address(dev, upper)
        elif event in ("CHANGEMTU", "DOWN", "UP"):
            for upper in uppers:
                self.defer(event, dev, upper)
        elif event == "UNREGISTER" and dev.reg_state == RegState.UNREGISTERING:
            self.delete_uppers(dev, uppers)

    def vlan_sync_address(self, dev: NetDevice, upper: NetDevice) -> None:
        """vlan_dev_inherit_address: a running upper whose address is the lower's follows it."""
        if upper.up and upper.netdev_priv(VlanPriv).stolen_address:
            upper.address = dev.address
            self.k.notifier.call_netdevice_notifiers("CHANGEADDR", upper)

    def defer(self, event: str, dev: NetDevice, upper: NetDevice) -> None:
        """What an upper follows later, where it has to."""
        if event == "CHANGEMTU":
            if upper.mtu > dev.mtu:
                self.k.netdev_work.netdev_work_sched(upper, self.follow_mtu)
        elif upper.up == (event == "DOWN"):
            self.k.netdev_work.netdev_work_sched(upper, self.follow_flags)

    def follow_mtu(self, upper: NetDevice) -> None:
        """vlan_dev_work: not above the lower's, which may have changed again."""
        mtu = self.lower_of(upper).mtu
        if upper.mtu > mtu:
            with suppress(KernelError):
                self.k.dev.dev_set_mtu(upper, mtu)

    def follow_flags(self, upper: NetDevice) -> None:
        """vlan_dev_work: up or down as the lower is by now."""
        if self.lower_of(upper).up and not upper.up:
            with suppress(KernelError):
                self.k.dev.dev_open(upper)
        elif upper.up and not self.lower_of(upper).up:
            self.k.dev.dev_close(upper)

    def delete_uppers(self, dev: NetDevice, uppers: Sequence[NetDevice]) -> None:
        """Every upper in one nested unregistration; the table may go with the last id."""
        head = UnregHead(f"vlan_device_event:{dev.label}")
        for upper in uppers:
            last = len(self.vlan_info_of(dev).vid_list) == 1
            self.dellink(upper, head)
            if last:
                break
        self.k.dev.unregister_netdevice_many(head)

    # -- the rest --

    def fill_info(self, dev: NetDevice) -> Fields:
        """The id, and the protocol where it is not 802.1Q."""
        priv = dev.netdev_priv(VlanPriv)
        info: Fields = {"id": priv.vlan_id}
        if priv.vlan_proto != "802.1Q":
            info["protocol"] = priv.vlan_proto
        return info
