"""macsec without a global RTNL: a conversion in the series' manner.  Not upstream.

The lower's list of secure entities has a mutex and a count, as patches 11 and 12 gave them to
ipvlan's port.  Only what changes stands in this file.
"""

from __future__ import annotations

from errno import EBUSY
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..errors import KernelError
from ..guards import TheLock
from ..netdevice import RTNL_OF_AREA
from .macsec import RX_HANDLER, Macsec, MacsecPriv, MacsecRxh
from .stacked_pernet import CountedPernet, CountedTable

if TYPE_CHECKING:
    from lockcheck import Lock

    from ..netdevice import NetDevice


class MacsecPernetRxh(CountedTable, MacsecRxh):
    """The list, with a mutex and a count."""

    lock: Lock


def _rxd_lock(priv: MacsecPernetPriv) -> Lock | None:
    return priv.rxd.lock if "rxd" in vars(priv) else None


class MacsecPernetPriv(MacsecPriv):
    """struct macsec_dev."""

    rxd: guarded[MacsecPernetRxh] = guarded(RTNL_OF_AREA, reads="any")
    """From ndo_init on."""
    dying = guarded[bool](TheLock(_rxd_lock, "&rxd->secys_lock"), default=False)


class MacsecPernet(CountedPernet, Macsec):
    """Ours."""

    dellink_probe: ClassVar[str] = "macsec_dellink"

    def setup(self, dev: NetDevice) -> None:
        """As 7.3's, with more in the private area."""
        super().setup(dev)
        dev.priv = MacsecPernetPriv()

    # -- the list's life --

    def ndo_init(self, dev: NetDevice) -> None:
        """Join the lower's list, or make it.  Raises: KernelError(ENODEV, EBUSY)."""
        rxd = self.enter_table(dev)
        assert isinstance(rxd, MacsecPernetRxh)
        dev.netdev_priv(MacsecPernetPriv).rxd = rxd
        super().ndo_init(dev)

    def ndo_uninit(self, dev: NetDevice) -> None:
        """Leave the list; the last one gives the rx handler back."""
        self.leave_lower(dev, dev.netdev_priv(MacsecPernetPriv).rxd)

    def table_of(self, lower: NetDevice) -> CountedTable | None:
        """The lower's list."""
        rxd = self.rxh_data(lower)
        assert rxd is None or isinstance(rxd, MacsecPernetRxh)
        return rxd

    def make_table(self, dev: NetDevice, lower: NetDevice) -> CountedTable:
        """Take the lower's rx handler.  Locks: I(lower).  Raises: KernelError(EBUSY)."""
        rxd = MacsecPernetRxh(lower)
        refs = self.k.chk.Refcount(rxd.label, 1)
        rxd.counted(self.k.make_lock("&rxd->secys_lock", lower.label), refs)
        self.k.dev.netdev_rx_handler_register(lower, RX_HANDLER, rxd)
        return rxd

    def give_back(self, table: CountedTable, lower: NetDevice) -> None:
        """The rx handler.  Locks: I(lower)."""
        self.k.dev.netdev_rx_handler_unregister(lower)

    def uppers_of(self, table: CountedTable) -> list[NetDevice]:
        """The list."""
        assert isinstance(table, MacsecPernetRxh)
        return table.secys

    def register_macsec_dev(self, real_dev: NetDevice, dev: NetDevice) -> None:
        """One SCI each, under the mutex.  Raises: KernelError(EBUSY)."""
        priv = dev.netdev_priv(MacsecPernetPriv)
        with priv.rxd.lock:
            if any(other.netdev_priv(MacsecPriv).sci == priv.sci for other in priv.rxd.secys):
                raise KernelError(EBUSY)
            priv.rxd.secys.append(dev)

    # -- dellink --

    def uppers_lock(self, dev: NetDevice) -> Lock:
        """The list's."""
        return dev.netdev_priv(MacsecPernetPriv).rxd.lock

    def take_dying(self, dev: NetDevice) -> bool:
        """Locks: the list's mutex."""
        priv = dev.netdev_priv(MacsecPernetPriv)
        was, priv.dying = priv.dying, True
        return not was

    def leave_table(self, dev: NetDevice) -> None:
        """Off the list.  Locks: its mutex."""
        dev.netdev_priv(MacsecPernetPriv).rxd.secys.remove(dev)

    # -- notifier --

    def handle_event(self, event: str, dev: NetDevice, rxd: MacsecRxh) -> None:
        """Under the list's mutex; an upper's MTU is work on the upper."""
        assert isinstance(rxd, MacsecPernetRxh)
        if event == "UNREGISTER":
            self.delete_from_lower(dev, rxd.lock, lambda: rxd.secys)
            return
        with rxd.lock:
            if event == "CHANGEMTU":
                for upper in rxd.secys:
                    self.k.netdev_work.netdev_work_sched(upper, self.follow_mtu)
            else:
                super().handle_event(event, dev, rxd)

    def follow_mtu(self, dev: NetDevice) -> None:
        """Room for header and tag below the lower's MTU of this moment."""
        self.limit_mtu(dev, self.lower_of(dev))
