"""veth and vxcan without a global RTNL: the readers of the peer pointer.  Not upstream.

Patch 8 converts deletion.  open and stop still follow the pointer to a device of another namespace
under "RTNL or nothing", and change its carrier; with two namespaces' locks instead, that device may
be unregistered and freed in between.  Here a reader takes a reference under a leaf lock that stands
for the kernel's RCU read side, and the exchange is done under it: after it no reader can begin, and
those that began are waited for like every other reference.

Only what changes stands in this file.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from .paired import PairedDriver, PairPriv
from .veth import Veth
from .vxcan import Vxcan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockcheck.sync import AtomicRef, Lock

    from ..netdevice import NetDevice


class PairPernetPriv(PairPriv):
    """One end, with the lock of its readers."""

    __slots__ = ("peer_lock",)

    def __init__(self, peer: AtomicRef, peer_lock: Lock) -> None:
        super().__init__(peer)
        self.peer_lock = peer_lock
        """Covers taking a reference through `peer` against the exchange.  Order: leaf."""


class PairedPernet(PairedDriver):
    """Readers hold what they use."""

    upstream: ClassVar[bool] = False

    def setup(self, dev: NetDevice) -> None:
        """Add the lock."""
        super().setup(dev)
        lock = self.k.make_lock(f"&{self.kind}->peer_lock", dev.label)
        dev.priv = PairPernetPriv(dev.priv.peer, lock)

    def take_peer(self, dev: NetDevice) -> NetDevice | None:
        """The exchange, with no reader between its look and its reference."""
        with dev.priv.peer_lock:
            return super().take_peer(dev)

    @contextmanager
    def using_peer(self, dev: NetDevice) -> Iterator[NetDevice | None]:
        """The peer with a reference of its own for the `with` block."""
        with dev.priv.peer_lock:
            peer = self.get_peer(dev)
            tracker = self.k.dev.netdev_hold(peer, f"{self.kind} reader")
        try:
            yield peer
        finally:
            self.k.dev.netdev_put(peer, tracker)


class VethPernet(PairedPernet, Veth):
    """Ours."""


class VxcanPernet(PairedPernet, Vxcan):
    """Ours."""
