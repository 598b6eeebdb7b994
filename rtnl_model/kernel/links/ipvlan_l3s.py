"""ipvlan's L3S mode: netfilter hooks counted per namespace (drivers/net/ipvlan/ipvlan_l3s.c).

The lower's namespace gets the hooks with its first L3S port and loses them with its last.  The
counter is a plain integer: in 7.3 the global RTNL covers it; without RTNL the pnodes_locks of two
different ports, or only a lower's instance lock, stand around it (G.8), so it is declared shared.

Left out: the hooks' packets; l3mdev (its ops are no longer cleared, CVE-2025-22103).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lockcheck import own, shared

from ..errors import KernelError

if TYPE_CHECKING:
    from lockcheck import Checker

    from ..kernel import Kernel
    from ..net_namespace import Net
    from . import LinkDriver


class IpvlanNetns:
    """struct ipvlan_netns: net_generic of ipvlan."""

    ipvl_nf_hook_refcnt = shared()
    """L3S ports whose lower is in this namespace.  Covered by the global RTNL, and by nothing
    without it (G.8)."""

    nf_hooks = own[bool](default=False)
    """The hooks are registered.  Changed with the counter."""

    def __init__(self, chk: Checker, name: str) -> None:
        self.chk = chk
        self.name = name
        self.ipvl_nf_hook_refcnt = 0

    def peek_refcnt(self) -> int:
        """The count for the checks at quiescence: not a scheduling point."""
        count: int = self._shared_ipvl_nf_hook_refcnt.value  # type: ignore[attr-defined]  # of the other half
        return count


class InNetns(Protocol):
    """What the hooks need of a port."""

    @property
    def pnet(self) -> Net:
        """The namespace of its lower."""
        ...


class IpvlanL3s:
    """Register, unregister and migrate a port's share of the hooks."""

    def __init__(self, driver: LinkDriver) -> None:
        self.driver = driver

    @property
    def k(self) -> Kernel:
        """The kernel."""
        return self.driver.k

    def vnet(self, net: Net) -> IpvlanNetns:
        """net_generic(net)."""
        data: IpvlanNetns = self.driver.net_generic(net)
        return data

    def ipvlan_register_nf_hook(self, net: Net) -> None:
        """Count one port in; the first registers the hooks. Raises: KernelError."""
        vnet = self.vnet(net)
        count = vnet.ipvl_nf_hook_refcnt
        if count == 0:
            vnet.nf_hooks = True
        vnet.ipvl_nf_hook_refcnt = count + 1

    def ipvlan_unregister_nf_hook(self, net: Net) -> None:
        """Count one port out; the last removes the hooks.  WARN below zero."""
        vnet = self.vnet(net)
        count = vnet.ipvl_nf_hook_refcnt
        if count == 0:
            self.k.warn(f"ipvlan: nf hook count of {net.name} is already zero")
            return
        if count == 1:
            vnet.nf_hooks = False
        vnet.ipvl_nf_hook_refcnt = count - 1

    def ipvlan_l3s_register(self, port: InNetns) -> None:
        """The port enters L3S mode.  Locks: RTNL. Raises: KernelError."""
        self.k.ASSERT_RTNL()
        self.ipvlan_register_nf_hook(port.pnet)

    def ipvlan_l3s_unregister(self, port: InNetns) -> None:
        """The port leaves L3S mode.  Locks: RTNL."""
        self.k.ASSERT_RTNL()
        self.ipvlan_unregister_nf_hook(port.pnet)

    def ipvlan_migrate_l3s_hook(self, oldnet: Net, newnet: Net) -> None:
        """The lower moved: its share goes along.  Locks: RTNL.

        XXX: as in 7.3 a failure in the new namespace is ignored.
        """
        self.k.ASSERT_RTNL()
        try:
            self.ipvlan_register_nf_hook(newnet)
        except KernelError:
            pass
        self.ipvlan_unregister_nf_hook(oldnet)

    def ns_init(self, net: Net) -> None:
        """Make the counter."""
        self.driver.set_net_generic(net, IpvlanNetns(self.k.chk, f"ipvlan_netns:{net.label}"))

    def ipvlan_ns_exit(self, net: Net) -> None:
        """Every L3S port of the namespace is gone."""
        if self.vnet(net).ipvl_nf_hook_refcnt != 0:
            self.k.warn(f"ipvlan: nf hooks of {net.name} are left at its exit")
