"""team: several devices as one, its policy in user space (drivers/net/team/team_core.c).

A port is brought up when it is added and goes down when it is removed.  There is no dellink:
team_uninit removes the ports while the team is being unregistered.

Left out: modes, options, link watchers.
"""

from __future__ import annotations

from contextlib import suppress
from errno import EADDRNOTAVAIL, EBUSY, EINVAL
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..errors import KernelError
from ..netdevice import RTNL_OF_AREA, RegState
from . import is_valid_ether_addr
from .master import MasterDriver, MasterPriv

if TYPE_CHECKING:
    from ..netdevice import NetDevice
    from ..rtnetlink_request import LinkRequest, NewlinkParams


class TeamPriv(MasterPriv):
    """struct team."""

    original_mtu = guarded[dict[str, int]](RTNL_OF_AREA)
    """Port (by label) -> its MTU before it was added."""

    def __init__(self) -> None:
        super().__init__()
        self.original_mtu = {}


class Team(MasterDriver):
    """team_link_ops, team_netdev_ops and team_notifier_block."""

    kind: ClassVar[str] = "team"
    rx_owner: ClassVar[str] = "team"
    lockdep_class: ClassVar[str | None] = "team"

    def setup(self, dev: NetDevice) -> None:
        """team_setup."""
        super().setup(dev)
        dev.priv = TeamPriv()
        dev.lro = True

    def validate(self, req: LinkRequest) -> None:
        """team_validate.  Raises: KernelError."""
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL)
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL)

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """team_newlink: without carrier while it has no port."""
        self.k.dev.register_netdevice(dev)
        self.k.dev.netif_carrier_off(dev)

    def check_slave(self, dev: NetDevice, slave: NetDevice) -> None:
        """team_port_add's refusals, in its order.  Raises: KernelError."""
        if slave.type == "loopback":
            raise KernelError(EINVAL, "Loopback device can't be added as a team port")
        if self.master_of(slave) is not None:
            raise KernelError(EBUSY, "Device is already a port of a team device")
        if slave is dev:
            raise KernelError(EINVAL, "Cannot enslave team device to itself")
        if self.slaves(dev) and slave.type != dev.type:
            raise KernelError(EBUSY, "Device is of different type than the team")
        if dev.type != slave.type:
            dev.type, dev.mtu = slave.type, slave.mtu  # team_setup_by_port
        if slave.up:
            raise KernelError(EBUSY, "Device is up. Set it down before adding it as a team port")

    def ndo_uninit(self, dev: NetDevice) -> None:
        """team_uninit: remove all ports."""
        with self.k.probe.fn("team_uninit", dev):
            self.release_all(dev)

    def before_link(self, dev: NetDevice, slave: NetDevice) -> None:
        """The team's MTU, then up.  Raises: KernelError, all undone."""
        priv = dev.netdev_priv(TeamPriv)
        priv.original_mtu[slave.label] = slave.mtu
        self.set_slave_mtu(slave, dev.mtu)
        try:
            self.k.dev.dev_open(slave)
        except KernelError:
            self.undo_before_link(dev, slave)
            raise

    def after_link(self, dev: NetDevice, slave: NetDevice) -> None:
        """The first port takes the team's receive offload; then announce states and features."""
        call = self.k.notifier.call_netdevice_notifiers
        first = ("CHANGELOWERSTATE", slave), ("FEAT_CHANGE", dev), ("CHANGELOWERSTATE", slave)
        later = ("FEAT_CHANGE", dev), ("CHANGELOWERSTATE", slave), ("FEAT_CHANGE", dev)
        for event, whom in first if dev.lro else later:
            call(event, whom)
        dev.lro = False

    def undo_before_link(self, dev: NetDevice, slave: NetDevice) -> None:
        """err_dev_open, err_set_mtu."""
        if slave.up:
            self.k.dev.dev_close(slave)
        self.set_slave_address(slave, slave.address)
        mtu = dev.netdev_priv(TeamPriv).original_mtu.pop(slave.label, slave.mtu)
        with suppress(KernelError):
            self.k.dev.dev_set_mtu(slave, mtu)

    def set_slave_address(self, slave: NetDevice, address: str) -> None:
        """team_port_set_orig_dev_addr: nobody looks whether it worked."""
        if slave.netdev_ops is not None and slave.netdev_ops.sets_mac_address and address:
            with suppress(KernelError):
                self.k.dev.dev_set_mac_address(slave, address)

    def after_unlink(self, dev: NetDevice, slave: NetDevice) -> None:
        """Down, with its own address and MTU again; the team has other features now."""
        call = self.k.notifier.call_netdevice_notifiers
        call("CHANGELOWERSTATE", slave)
        if slave.up:
            self.k.dev.dev_close(slave)
        call("CHANGELOWERSTATE", slave)
        self.set_slave_address(slave, slave.perm_addr)
        mtu = dev.netdev_priv(TeamPriv).original_mtu.pop(slave.label, slave.mtu)
        if slave.reg_state is RegState.REGISTERED:
            with suppress(KernelError):
                self.k.dev.dev_set_mtu(slave, mtu)
        call("FEAT_CHANGE", dev)
