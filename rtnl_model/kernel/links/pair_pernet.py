"""Readers of a pair's peer pointer without a global RTNL.  Not upstream.

open and stop follow the pointer to a device of another namespace under "RTNL or nothing", and
change its carrier; with two namespaces' locks instead, that device may be unregistered and freed in
between.  Here a reader takes a reference under a leaf lock that stands for the kernel's RCU read
side, and whoever takes the pointer away does so under it: after that no reader can begin, and those
that began are waited for like every other reference.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from .pair import PairEnds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockcheck.sync import Lock

    from ..netdevice import NetDevice

__all__ = ["HeldPeer"]


class HeldPeer(PairEnds):
    """Readers hold what they use."""

    upstream: ClassVar[bool] = False

    def peer_lock(self, dev: NetDevice) -> Lock:
        """Covers taking a reference through `peer` against taking `peer` away.  Order: leaf."""
        raise NotImplementedError

    @contextmanager
    def using_peer(self, dev: NetDevice) -> Iterator[NetDevice | None]:
        """The peer with a reference of its own for the `with` block."""
        with self.peer_lock(dev):
            peer = self.get_peer(dev)
            tracker = self.k.dev.netdev_hold(peer, f"{self.kind} reader")
        try:
            yield peer
        finally:
            self.k.dev.netdev_put(peer, tracker)
