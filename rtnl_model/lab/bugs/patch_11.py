"""Patch 11 reverted: ipvlan's port is counted by a plain integer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck import shared
from rtnl_model.kernel.links.ipvlan import Ipvlan

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from lockcheck import Checker
    from rtnl_model.kernel.links.ipvlan_port import IpvlPort
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class PlainCount:
    """An int with the methods of a refcount_t."""

    count = shared()

    def __init__(self, chk: Checker, name: str, value: int) -> None:
        self.chk = chk
        self.name = name
        self.count = value

    @property
    def value(self) -> int:
        """For listings."""
        count: int = self._shared_count.value  # type: ignore[attr-defined]  # made by shared()
        return count

    def inc(self) -> int:
        """count++."""
        self.count = self.count + 1
        return self.value

    def dec(self) -> int:
        """--count."""
        self.count = self.count - 1
        return self.value

    def dec_and_test(self) -> bool:
        """!--count."""
        return not self.dec()

    def inc_not_zero(self) -> bool:
        """if (count) count++."""
        count = self.count
        if not count:
            return False
        self.count = count + 1
        return True


class Plain(Ipvlan):
    """port->count is an int."""

    def ipvlan_port_create(self, lower: NetDevice) -> IpvlPort:
        """The port, with the count that it had before the patch."""
        port = super().ipvlan_port_create(lower)
        count = PlainCount(self.k.chk, f"ipvl_port.count:{lower.label}", 1)
        port.count = count  # type: ignore[assignment]  # an int in its place is the bug
        return port


ENTRY = Entry(
    id="patch-11",
    title="ipvlan's port is counted without atomic operations",
    kind="patch",
    what="An event of the lower counts the port up and down while an upper elsewhere leaves it;"
    " count++ and count-- are a read and a write each.",
    interleaving="the lower goes up in its namespace; one of two uppers is deleted in another"
    " between an event's read of the count and its write, or the other way round",
    symptom="with the global RTNL none; without it, a lost update: the port and its hold on the"
    " lower stay for ever, or the port is destroyed under the upper that is left",
    source="acb351b5a899",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type veth peer name low1
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n right link add upp1 link low0 link-netns left type ipvlan mode l2
ip -n left link set low0 up & ip -n right link del upp0 & wait
""",
    expected=(
        Expected("invariant", "port of low0 counts"),
        Expected("invariant", "destroyed with uppers"),
        Expected("invariant", "outlives its lower"),
        Expected("deadlock", "refs of"),
    ),
    setting=Setting(regime="pernet"),
    classes={"links.ipvlan": Plain},
    search="explore",
    rounds=200,
)
