"""macsec: encryption on an Ethernet lower (drivers/net/macsec.c), as Linux 7.3 has it: unconverted.

The list of secure entities hangs on the lower (macsec_rxh_data at its rx handler); each upper
holds the lower until its own destructor (196a888ca657).  The lower's NETDEV_UNREGISTER deletes
every upper without a look at reg_state, so a mere move of the lower to another namespace deletes
them too (G.9).  dellink queues first, leaves the list, then cuts the adjacency.

Left out: keys, associations, offload, packets.  The identifier (SCI) is compared as macsec does.
"""

from __future__ import annotations

from contextlib import suppress
from errno import EBUSY, EINVAL, ERANGE
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..errors import KernelError
from ..events import NOTIFY_DONE
from ..guards import TheLock
from ..netdevice import RTNL_OF_AREA, UnregHead
from .stacked import LowerHold, StackedDriver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lockcheck import Lock

    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import AttrValue, NewlinkParams

RX_HANDLER = "macsec"
DEFAULT_ICV_LEN = 16
EXTRA_LEN = 16
"""macsec_extra_len with a SCI, beyond the Ethernet header."""
OVERHEAD = DEFAULT_ICV_LEN + EXTRA_LEN
PORT_ES = 1


def _secys_lock(rxd: MacsecRxh) -> Lock:
    """RTNL in 7.3; the conversion's list has a mutex."""
    return rxd.lock or rxd.real_dev.peek_net().rtnl_guard


class MacsecRxh:
    """struct macsec_rxh_data of a lower."""

    secys: guarded[list[NetDevice]] = guarded(
        TheLock(_secys_lock, "RTNL of the lower (in pernet: &rxd->secys_lock)")
    )
    lock: Lock | None = None
    """Only in the conversion."""

    def __init__(self, real_dev: NetDevice) -> None:
        self.real_dev = real_dev
        self.chk = real_dev.chk
        self.label = f"macsec_rxh_data of {real_dev.label}"
        self.secys = []


class MacsecPriv(LowerHold):
    """struct macsec_dev."""

    real_dev: guarded[NetDevice] = guarded(RTNL_OF_AREA, reads="any")
    """From newlink on."""
    sci = guarded[int | str](RTNL_OF_AREA, reads="any", default=0)
    """From newlink on; compared once it is on the lower's list."""


class Macsec(StackedDriver):
    """macsec_link_ops, macsec_netdev_ops and macsec_notifier."""

    kind: ClassVar[str] = "macsec"
    lockdep_class: ClassVar[str | None] = "macsec"
    has_notifier: ClassVar[bool] = True

    def setup(self, dev: NetDevice) -> None:
        """macsec_setup."""
        dev.priv = MacsecPriv()
        dev.min_mtu = 0
        dev.needs_free_netdev = True

    def lower_of(self, dev: NetDevice) -> NetDevice:
        """real_dev."""
        return dev.netdev_priv(MacsecPriv).real_dev

    # -- newlink --

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """macsec_newlink.  Locks: RTNL. Raises: KernelError, all undone."""
        self.k.ASSERT_RTNL()
        real_dev = self.linked(params)
        self.check_lower(real_dev)
        priv = dev.netdev_priv(MacsecPriv)
        priv.real_dev = real_dev
        if params.req.mtu is None:
            dev.mtu = real_dev.mtu - OVERHEAD
        self.k.dev.register_netdevice(dev)
        try:
            self.k.dev.netdev_upper_dev_link(real_dev, dev)
            try:
                priv.sci = self.asked_sci(dev, params.data)
                self.register_macsec_dev(real_dev, dev)
            except KernelError:
                self.k.dev.netdev_upper_dev_unlink(real_dev, dev)
                raise
        except KernelError:
            self.k.dev.unregister_netdevice(dev)
            raise
        self.netdev_sync_lower_features(real_dev)
        self.k.dev.netif_stacked_transfer_operstate(real_dev, dev)
        self.k.linkwatch.linkwatch_fire_event(dev)

    def check_lower(self, real_dev: NetDevice) -> None:
        """Ethernet, and nobody else receives on it.  Raises: KernelError(EINVAL, EBUSY)."""
        if real_dev.type != "ether":
            raise KernelError(EINVAL)
        if real_dev.rx_handler not in (None, RX_HANDLER):
            raise KernelError(EBUSY)

    def asked_sci(self, dev: NetDevice, data: Mapping[str, AttrValue]) -> int | str:
        """The SCI asked for, or the device's own address with a port."""
        if "sci" in data:
            return int(str(data["sci"]))
        return f"{dev.address}/{data.get('port', PORT_ES)}"

    def register_macsec_dev(self, real_dev: NetDevice, dev: NetDevice) -> None:
        """Join the lower's list; the first upper takes its rx handler.  Raises: KernelError."""
        sci = dev.netdev_priv(MacsecPriv).sci
        rxd = self.rxh_data(real_dev)
        if rxd is None:
            rxd = MacsecRxh(real_dev)
            self.k.dev.netdev_rx_handler_register(real_dev, RX_HANDLER, rxd)
        elif any(other.netdev_priv(MacsecPriv).sci == sci for other in rxd.secys):
            raise KernelError(EBUSY)
        rxd.secys.append(dev)

    def rxh_data(self, real_dev: NetDevice) -> MacsecRxh | None:
        """macsec_data_rtnl: the lower's list, where macsec receives on it."""
        data = real_dev.rx_handler_data if real_dev.rx_handler == RX_HANDLER else None
        return data if isinstance(data, MacsecRxh) else None

    # -- net_device_ops --

    def ndo_init(self, dev: NetDevice) -> None:
        """macsec_dev_init: the lower's address where none was given; hold the lower."""
        priv = dev.netdev_priv(MacsecPriv)
        if not dev.address:
            dev.address = priv.real_dev.address
        self.hold_lower(dev, priv, "macsec")

    def priv_destructor(self, dev: NetDevice) -> None:
        """macsec_free_netdev: only now the lower is let go."""
        self.put_lower(dev, dev.netdev_priv(MacsecPriv))

    def ndo_open(self, dev: NetDevice) -> None:
        """macsec_dev_open: the lower may be down."""
        if self.lower_of(dev).carrier:
            self.k.dev.netif_carrier_on(dev)

    def ndo_stop(self, dev: NetDevice) -> None:
        """macsec_dev_stop."""
        self.k.dev.netif_carrier_off(dev)

    def ndo_change_mtu(self, dev: NetDevice, mtu: int) -> None:
        """macsec_change_mtu: room for header and tag.  Raises: KernelError(ERANGE)."""
        if self.lower_of(dev).mtu - OVERHEAD < mtu:
            raise KernelError(ERANGE)
        dev.mtu = mtu

    # -- dellink --

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """macsec_dellink: the last upper gives the lower's rx handler back.  Locks: RTNL."""
        with self.k.probe.fn("macsec_dellink", dev):
            self.k.ASSERT_RTNL()
            real_dev = self.lower_of(dev)
            rxd = self.rxh_data(real_dev)
            self.macsec_common_dellink(dev, head)
            if rxd is not None and not rxd.secys:
                self.k.dev.netdev_rx_handler_unregister(real_dev)

    def macsec_common_dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Queue, leave the list, cut the adjacency; not to be called twice."""
        with self.k.probe.fn("macsec_common_dellink", dev):
            self.k.dev.unregister_netdevice_queue(dev, head)
            self.leave_list(dev)
            self.k.dev.netdev_upper_dev_unlink(self.lower_of(dev), dev)

    def leave_list(self, dev: NetDevice) -> None:
        """list_del_rcu(secys)."""
        rxd = self.rxh_data(self.lower_of(dev))
        if rxd is None or dev not in rxd.secys:
            self.k.bug(f"list_del corruption: {dev.name} is not on its lower's list", dev=dev)
        rxd.secys.remove(dev)

    # -- notifier --

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """macsec_notify: what happens to a lower.  Locks: RTNL."""
        rxd = self.rxh_data(dev)
        if rxd is None:
            return NOTIFY_DONE
        with self.k.probe.frame("macsec_notify"):
            self.handle_event(event, dev, rxd)
        return NOTIFY_DONE

    def handle_event(self, event: str, dev: NetDevice, rxd: MacsecRxh) -> None:
        """The switch of macsec_notify."""
        if event in ("UP", "DOWN", "CHANGE"):
            for upper in list(rxd.secys):
                self.k.dev.netif_stacked_transfer_operstate(dev, upper)
        elif event == "CHANGEMTU":
            for upper in list(rxd.secys):
                self.limit_mtu(upper, dev)
        elif event == "UNREGISTER":
            self.delete_uppers(dev, rxd)

    def limit_mtu(self, upper: NetDevice, lower: NetDevice) -> None:
        """Room for header and tag."""
        if upper.mtu > lower.mtu - OVERHEAD:
            with suppress(KernelError):
                self.k.dev.dev_set_mtu(upper, lower.mtu - OVERHEAD)

    def delete_uppers(self, dev: NetDevice, rxd: MacsecRxh) -> None:
        """Every upper, on a real unregistration and on a move alike."""
        head = UnregHead(f"macsec_notify:{dev.label}")
        for upper in list(rxd.secys):
            self.macsec_common_dellink(upper, head)
        self.k.dev.netdev_rx_handler_unregister(dev)
        self.k.dev.unregister_netdevice_many(head)
