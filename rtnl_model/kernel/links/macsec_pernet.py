"""macsec without a global RTNL: a conversion in the series' manner.  Not upstream.

The lower's list of secure entities has a mutex; it is made and given back under the lower's
instance lock by the first ndo_init and the last ndo_uninit, which count it, as patches 11 and 12
do for ipvlan's port.  Only what changes stands in this file.
"""

from __future__ import annotations

from errno import EBUSY, ENODEV
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded, own

from ..errors import KernelError
from ..guards import TheLock
from ..netdevice import RTNL_OF_AREA, RegState
from .macsec import RX_HANDLER, Macsec, MacsecPriv, MacsecRxh
from .stacked_pernet import StackedPernet

if TYPE_CHECKING:
    from lockcheck.sync import Lock, Refcount

    from ..netdevice import NetDevice, RefTracker


class MacsecPernetRxh(MacsecRxh):
    """The list, with a mutex and a count."""

    lock: Lock
    dev_tracker: own[RefTracker | None] = own(default=None)
    """The list's reference on the lower."""

    def __init__(self, real_dev: NetDevice, lock: Lock, refs: Refcount) -> None:
        super().__init__(real_dev)
        self.lock = lock
        """Protects: secys, every `dying` of it.  Order: after the namespaces' RTNL and the lower's
        instance lock, before an upper's."""
        self.refs = refs
        """One per upper between its init and uninit.  Changed under I(lower)."""


def _rxd_lock(priv: MacsecPernetPriv) -> Lock | None:
    return priv.rxd.lock if "rxd" in vars(priv) else None


class MacsecPernetPriv(MacsecPriv):
    """struct macsec_dev."""

    rxd: guarded[MacsecPernetRxh] = guarded(RTNL_OF_AREA, reads="any")
    """From ndo_init on."""
    dying = guarded[bool](TheLock(_rxd_lock, "&rxd->secys_lock"), default=False)


class MacsecPernet(StackedPernet, Macsec):
    """Ours."""

    dellink_probe: ClassVar[str] = "macsec_dellink"

    def setup(self, dev: NetDevice) -> None:
        """As 7.3's, with more in the private area."""
        super().setup(dev)
        dev.priv = MacsecPernetPriv()

    # -- the list's life --

    def ndo_init(self, dev: NetDevice) -> None:
        """Join the lower's list, or make it.  Raises: KernelError(ENODEV, EBUSY)."""
        priv = dev.netdev_priv(MacsecPernetPriv)
        lower = priv.real_dev
        with lower.lock:
            if lower.reg_state is not RegState.REGISTERED:
                raise KernelError(ENODEV)
            found = self.rxh_data(lower)
            if found is None:
                found = self.make_list(lower)
            else:
                assert isinstance(found, MacsecPernetRxh)
                found.refs.inc()
            assert isinstance(found, MacsecPernetRxh)
            priv.rxd = found
        super().ndo_init(dev)

    def make_list(self, lower: NetDevice) -> MacsecPernetRxh:
        """Take the lower's rx handler.  Locks: I(lower).  Raises: KernelError(EBUSY)."""
        lock = self.k.make_lock("&rxd->secys_lock", lower.label)
        refs = self.k.chk.Refcount(f"macsec_rxh_data of {lower.label}", 1)
        rxd = MacsecPernetRxh(lower, lock, refs)
        self.k.dev.netdev_rx_handler_register(lower, RX_HANDLER, rxd)
        rxd.dev_tracker = self.k.dev.netdev_hold(lower, "macsec_rxh_data")
        return rxd

    def ndo_uninit(self, dev: NetDevice) -> None:
        """Leave the list; the last one gives the rx handler back.  Locks: not I(lower)."""
        rxd = dev.netdev_priv(MacsecPernetPriv).rxd
        lower = self.lower_of(dev)
        tracker = self.k.dev.netdev_hold(lower, "macsec_uninit")
        with lower.lock:
            if rxd.refs.dec_and_test():
                self.k.dev.netdev_rx_handler_unregister(lower)
                self.k.dev.netdev_put(lower, rxd.dev_tracker)
        self.k.dev.netdev_put(lower, tracker)

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
