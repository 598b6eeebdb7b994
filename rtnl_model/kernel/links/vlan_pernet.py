"""vlan without a global RTNL: a conversion in the series' manner.  Not upstream.

The table of a lower's VLANs has a mutex and lives as long as the lower, so that neither side
finds it freed; it is made by newlink, which holds the lower's namespace.  What an upper follows
is work on the upper.  Only what changes stands in this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..guards import TheLock
from ..netdevice import RegState
from .stacked_pernet import StackedPernet
from .vlan import Vlan, VlanInfo, VlanPriv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck import Lock

    from ..netdevice import NetDevice


class VlanPernetInfo(VlanInfo):
    """The table, with a mutex."""

    lock: Lock

    def __init__(self, real_dev: NetDevice, lock: Lock) -> None:
        super().__init__(real_dev)
        self.lock = lock
        """Protects: grp, vid_list, every `dying` of the uppers.  Order: after the namespaces'
        RTNL, before an upper's instance lock."""


class VlanPernetPriv(VlanPriv):
    """struct vlan_dev_priv."""

    dying = guarded[bool](TheLock(lambda priv: priv.real_dev.vlan_info.lock, "the table's mutex"),
                          default=False)  # fmt: skip


class VlanPernet(StackedPernet, Vlan):
    """Ours."""

    dellink_probe: ClassVar[str] = "unregister_vlan_dev"

    def setup(self, dev: NetDevice) -> None:
        """As 7.3's, with more in the private area."""
        super().setup(dev)
        dev.priv = VlanPernetPriv()

    def table(self, lower: NetDevice) -> VlanPernetInfo:
        """The lower's table, made when there is none.  Locks: RTNL of the lower's namespace."""
        if lower.vlan_info is None:
            lock = self.k.make_lock("&vlan_info->lock", lower.label)
            lower.vlan_info = VlanPernetInfo(lower, lock)
        info = lower.vlan_info
        assert isinstance(info, VlanPernetInfo)
        return info

    def vlan_info(self, real_dev: NetDevice) -> VlanInfo | None:
        """Also without the lower's RTNL: the table stays as long as the lower."""
        info = real_dev.vlan_info
        assert info is None or isinstance(info, VlanInfo)
        return info

    # -- newlink --

    def vlan_check_real_dev(self, real_dev: NetDevice, priv: VlanPriv) -> None:
        """Under the table's mutex.  Raises: KernelError."""
        with self.table(real_dev).lock:
            super().vlan_check_real_dev(real_dev, priv)

    def vlan_vid_add(self, real_dev: NetDevice, priv: VlanPriv) -> None:
        """Under the table's mutex."""
        info = self.table(real_dev)
        with info.lock:
            key = (priv.vlan_proto, priv.vlan_id)
            info.vid_list[key] = info.vid_list.get(key, 0) + 1

    def vlan_vid_del(self, real_dev: NetDevice, priv: VlanPriv) -> None:
        """newlink's error path."""
        info = self.table(real_dev)
        with info.lock:
            self.count_out(info, priv)

    def count_out(self, info: VlanPernetInfo, priv: VlanPriv) -> None:
        """The id goes, the table stays.  Locks: the table's mutex."""
        key = (priv.vlan_proto, priv.vlan_id)
        info.vid_list[key] -= 1
        if not info.vid_list[key]:
            del info.vid_list[key]

    def publish(self, real_dev: NetDevice, dev: NetDevice) -> None:
        """Under the table's mutex."""
        with self.table(real_dev).lock:
            super().publish(real_dev, dev)

    def ndo_change_rx_flags(self, dev: NetDevice, promiscuity: int) -> None:
        """Later, under the lower's own lock."""

        def write(lower: NetDevice) -> None:
            self.k.dev.dev_set_promiscuity(lower, promiscuity)

        self.k.netdev_work.netdev_work_sched(self.lower_of(dev), write)

    # -- dellink --

    def uppers_lock(self, dev: NetDevice) -> Lock:
        """The table's."""
        info = self.lower_of(dev).vlan_info
        assert isinstance(info, VlanPernetInfo)
        return info.lock

    def take_dying(self, dev: NetDevice) -> bool:
        """Locks: the table's mutex."""
        priv = dev.netdev_priv(VlanPernetPriv)
        was, priv.dying = priv.dying, True
        return not was

    def leave_table(self, dev: NetDevice) -> None:
        """Slot and id.  Locks: the table's mutex."""
        priv = dev.netdev_priv(VlanPernetPriv)
        info = self.lower_of(dev).vlan_info
        assert isinstance(info, VlanPernetInfo)
        del info.grp[(priv.vlan_proto, priv.vlan_id)]
        self.count_out(info, priv)

    # -- notifier --

    def followers(self, table: VlanInfo) -> Sequence[NetDevice]:
        """handle_event looks under the table's mutex."""
        return ()

    def handle_event(self, event: str, dev: NetDevice, uppers: Sequence[NetDevice]) -> None:
        """Under the table's mutex; the nested unregistration comes after it."""
        info = self.table(dev)
        if event == "UNREGISTER":
            if dev.reg_state is RegState.UNREGISTERING:
                self.delete_from_lower(dev, info.lock, lambda: self.uppers(info))
            return
        with info.lock:
            super().handle_event(event, dev, self.uppers(info))

    def vlan_sync_address(self, dev: NetDevice, upper: NetDevice) -> None:
        """Later, under the upper's own lock."""
        self.k.netdev_work.netdev_work_sched(upper, self.copy_address)

    def copy_address(self, upper: NetDevice) -> None:
        """The lower's address of this moment."""
        super().vlan_sync_address(self.lower_of(upper), upper)
