"""Patch 13 reverted: the list of a port's uppers has no mutex."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.ipvlan import Ipvlan
from rtnl_model.kernel.links.ipvlan_port import IpvlPort

from .entry import Entry, Expected, Setting
from .own_locks import OwnLocks

if TYPE_CHECKING:
    from lockcheck import Lock
    from rtnl_model.kernel.links import LinkDriver
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class BarePort(IpvlPort):
    """Whoever takes pnodes_lock excludes nobody."""

    def __init__(self, driver: LinkDriver, lower: NetDevice) -> None:
        self.own_locks = OwnLocks(driver.k, "&port->pnodes_lock", lower.label)
        super().__init__(driver, lower)

    @property
    def pnodes_lock(self) -> Lock:
        """The calling thread's own."""
        return self.own_locks.mine()

    @pnodes_lock.setter
    def pnodes_lock(self, lock: Lock) -> None:
        """There is none yet."""


class BareList(Ipvlan):
    """The list relies on the RTNL of whoever changes it."""

    port_class = BarePort


ENTRY = Entry(
    id="patch-13",
    title="ipvlan's uppers are taken off their port's list by two namespaces at once",
    kind="patch",
    what="port->ipvlans relies on RTNL; the upper's namespace and the lower's both change it.",
    interleaving="T1 deletes an upper in its namespace; before T1 has taken it off the list T2,"
    " who deletes the lower, walks that list and takes the same upper",
    symptom="with the global RTNL none; without it, list corruption, an upper queued twice",
    source="35add1093e2f; reading of drivers/net/ipvlan",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n left link del low0 & ip -n right link del upp0 & wait
""",
    expected=(
        Expected("invariant", "list_del corruption"),
        Expected("invariant", "queue"),
        Expected("race", ".ipvlans"),
    ),
    setting=Setting(regime="pernet"),
    classes={"links.ipvlan": BareList},
    search="explore",
    rounds=400,
)
