"""netdevsim and other cards without a global RTNL.  Not upstream.

A card is registered and unregistered under its own namespace's lock (register_netdev and
unregister_netdev do just that; the latter looks again after locking, as the card may have moved).
What 7.3 does with RTNL alone has no lock to take here.  Only what changes stands in this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .netdevsim import Netdevsim

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..netdevice import NetDevice


class NetdevsimPernet(Netdevsim):
    """Ours."""

    converted: ClassVar[bool] = True
    upstream: ClassVar[bool] = False

    def register_card(self, dev: NetDevice) -> None:
        """Under the lock of the card's namespace.  Raises: KernelError."""
        self.k.dev.register_netdev(dev)

    def unregister_card(self, dev: NetDevice) -> None:
        """Under the lock of the namespace where the card is by then."""
        self.k.dev.unregister_netdev(dev)

    def touch_rtnl(self, net: Net) -> None:
        """Notifier chains have a lock of their own in this regime."""
