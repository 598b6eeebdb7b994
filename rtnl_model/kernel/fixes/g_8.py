"""G.8: the L3S hook counters have a mutex of their own.

`ipvl_nf_hook_refcnt` is a plain integer per namespace.  It is changed under the pnodes_lock of
different ports, or under a lower's instance lock only; two ports of one namespace race on it once
RTNL is gone.  A port's `pnet` needs nothing more: who changes it holds a reference on the port, so
the destruction that reads it comes before or after, never beside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..links.ipvlan import Ipvlan
from ..links.ipvlan_l3s import IpvlanL3s
from ..overlay import Fix

if TYPE_CHECKING:
    from ..kernel import Kernel
    from ..links import LinkDriver
    from ..net_namespace import Net

__all__ = ["FIX"]


class LockedL3s(IpvlanL3s):
    """The counters under one leaf mutex."""

    def __init__(self, driver: LinkDriver) -> None:
        super().__init__(driver)
        self.lock = self.k.make_lock("ipvlan_l3s_lock", "ipvlan")
        """Protects: every namespace's ipvl_nf_hook_refcnt.  Order: leaf, inside pnodes_lock."""

    def ipvlan_register_nf_hook(self, net: Net) -> None:
        """Count one port in.  Raises: KernelError."""
        with self.lock:
            super().ipvlan_register_nf_hook(net)

    def ipvlan_unregister_nf_hook(self, net: Net) -> None:
        """Count one port out."""
        with self.lock:
            super().ipvlan_unregister_nf_hook(net)


class CountersAreLocked(Ipvlan):
    """The counters have a mutex."""

    def __init__(self, k: Kernel) -> None:
        super().__init__(k)
        self.l3s = LockedL3s(self)


FIX = Fix(
    "G.8",
    "L3S hook counters under a mutex of their own",
    "A plain integer, changed under different locks by two ports of one namespace.",
    {"links.ipvlan": CountersAreLocked},
)
