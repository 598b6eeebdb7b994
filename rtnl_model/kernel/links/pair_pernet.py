"""Readers of a pair's peer pointer without a global RTNL.  Not upstream.

open and stop follow the pointer to a device of another namespace under "RTNL or nothing", and
change its carrier; with two namespaces' locks instead, that device may be unregistered and freed in
between.  Here they take a reference inside an RCU read side: whoever takes the pointer away waits
for a grace period before it waits for references, so a reader that found the peer is waited for.
A message only looks at the peer, inside the read side.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from .pair import PairEnds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..net_namespace import Net
    from ..netdevice import NetDevice

__all__ = ["HeldPeer"]


class HeldPeer(PairEnds):
    """Readers hold what they use."""

    upstream: ClassVar[bool] = False

    def pair_is_locked(self, dev: NetDevice) -> bool:
        """Does this thread keep everybody else from taking the pointer away?"""
        raise NotImplementedError

    def get_peer(self, dev: NetDevice) -> NetDevice | None:
        """rcu_dereference_check(priv->peer)."""
        self.k.rcu.rcu_dereference_check(self.pair_is_locked(dev), "a peer")
        return super().get_peer(dev)

    @contextmanager
    def using_peer(self, dev: NetDevice) -> Iterator[NetDevice | None]:
        """The peer with a reference of its own for the `with` block."""
        with self.k.rcu.reading():
            peer = self.get_peer(dev)
            tracker = self.k.dev.netdev_hold(peer, f"{self.kind} reader")
        try:
            yield peer
        finally:
            self.k.dev.netdev_put(peer, tracker)

    def get_link_net(self, dev: NetDevice) -> Net | None:
        """rtnl_link_get_net, for a message."""
        with self.k.rcu.reading():
            return super().get_link_net(dev)

    def get_iflink(self, dev: NetDevice) -> int | None:
        """ndo_get_iflink, for a message."""
        with self.k.rcu.reading():
            return super().get_iflink(dev)
