"""A device that is gone without anybody having asked for it, after the concurrent part of a script.

A command deletes what it names, a namespace's end what it has, an unloaded driver its devices; what
stands on a device that goes, or is its other end, goes with it.  Whatever else is gone was deleted
by mistake: an upper whose lower only moved, for one.  The kernel itself notices nothing of it, so
devices are counted before and after.

Left out, because their reasons are not written here: kinds of the user's own drivers, devices made
in the concurrent part.  What stands on a device of such a kind goes with it, as on any other.  What
only might have been a reason counts as one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lockcheck import looking
from rtnl_model.kernel.links.backend import BackendPriv
from rtnl_model.kernel.links.netkit import NetkitPriv
from rtnl_model.kernel.links.paired import PairPriv

from ..iproute.commands import (
    Command,
    LinkDel,
    LinkSet,
    NetnsDel,
    PhysDel,
    PortDel,
    Rmmod,
    Wipe,
)
from .invariants import live_devs

if TYPE_CHECKING:
    from ..kernel.kernel import Kernel
    from ..kernel.netdevice import NetDevice

__all__ = ["Census"]

GO_WHEN_A_LOWER_MOVES: Final = frozenset({"macsec", "vxlan", "amt", "hsr"})
"""Their handlers of UNREGISTER do not look at reg_state, in 7.3 either (G.9)."""
OF_ONE_NAMESPACE: Final = frozenset(
    {"dummy", "ifb", "nlmon", "veth", "vxcan", "netkit", "bridge", "bond", "team", "vrf", "hsr",
     "ipvlan", "ipvtap", "macvlan", "macvtap", "vlan", "macsec", "phys"}
)  # fmt: skip
"""Kinds that only their own namespace's end concerns; others may have a backend elsewhere."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One device as the concurrent part found it."""

    dev: NetDevice
    name: str
    kind: str
    modules: frozenset[str]
    """What `rmmod` calls its driver, and the modules that it depends on."""
    spaces: frozenset[str]
    """Namespaces whose end it would not survive."""
    stands_on: tuple[NetDevice, ...]
    """Lowers, slaves, the other end: what it would not survive."""


class Census:
    """The devices before the concurrent part; `missing` yields those that nothing explains."""

    def __init__(
        self, k: Kernel, commands: Iterable[Command], own_kinds: Collection[str] = ()
    ) -> None:
        self._k = k
        self._asked = _Asked(commands)
        self._own_kinds = own_kinds
        with looking(k.chk):
            self._rows = [self._row(dev) for dev in live_devs(k) if dev.name != "lo"]

    def _row(self, dev: NetDevice) -> _Row:
        priv = dev.priv
        spaces = {dev.peek_net().name}
        stands_on = [adjacent.dev for adjacent in dev.lower]
        if isinstance(priv, BackendPriv):
            spaces.add(priv.net.name)
        if isinstance(priv, PairPriv) and priv.peer.value is not None:
            stands_on.append(priv.peer.value)
        if isinstance(priv, NetkitPriv) and priv.peer is not None:
            stands_on.append(priv.peer)
        driver = dev.rtnl_link_ops or dev.netdev_ops
        modules = {dev.kind} if driver is None else {dev.kind, driver.module}
        return _Row(
            dev, dev.name, dev.kind or "phys", self._with_needed(modules), frozenset(spaces),
            tuple(stands_on),
        )  # fmt: skip

    def _with_needed(self, modules: set[str]) -> frozenset[str]:
        """These modules and all that they depend on: `rmmod` of one takes what needs it first."""
        found: set[str] = set()
        left = list(modules)
        while left:
            name = left.pop()
            driver = self._k.links.get(name)
            if name not in found and driver is not None:
                left += driver.depends
            found.add(name)
        return frozenset(found)

    def file(self) -> None:
        """File a finding for each device that is missing without a reason."""
        for name in self.missing():
            self._k.report_invariant(
                f"{name} is gone, and nobody deleted it, its namespace or what it stands on",
                rule="gone-unasked",
            )

    def missing(self) -> Iterator[str]:
        """Their names.  Context: everybody is idle."""
        with looking(self._k.chk):
            there = set(live_devs(self._k))
        gone = [row for row in self._rows if row.dev not in there]
        if not gone:
            return
        explained = {
            row.dev for row in gone if row.kind in self._own_kinds or self._asked.for_end_of(row)
        }
        if any(row.kind == "phys" for row in gone):  # what leased from it goes too
            explained |= {row.dev for row in gone if row.kind == "netkit"}
        grown = True
        while grown:
            more = {
                row.dev
                for row in gone
                if row.dev not in explained and explained.intersection(row.stands_on)
            }
            explained |= more
            grown = bool(more)
        for row in gone:
            if row.dev not in explained:
                yield row.name


class _Asked:
    """What the commands ask for, whatever the order in which they run."""

    def __init__(self, commands: Iterable[Command]) -> None:
        self.deleted: set[str] = set()
        self.groups = False
        self.ended: set[str] = set()
        self.unloaded: set[str] = set()
        self.cards = False
        self.moved: dict[str, set[str]] = {}
        """Name -> namespaces that it was sent to."""
        self.renamed: dict[str, set[str]] = {}
        for command in commands:
            self._note(command)

    def _note(self, command: Command) -> None:
        match command:
            case NetnsDel():
                self.ended.add(command.name)
            case Rmmod():
                self.unloaded.add(command.module)
            case PhysDel() | PortDel() | Wipe():
                self.cards = True
            case LinkDel():
                given = {option.key: option.value for option in command.options}
                self.groups |= "group" in given
                self.deleted |= {given[key] for key in ("dev", "name") if key in given}
            case LinkSet():
                given = {option.key: option.value for option in command.options}
                name = given.get("dev", "")
                if "netns" in given:
                    self.moved.setdefault(name, set()).add(given["netns"])
                if "name" in given:
                    self.renamed.setdefault(name, set()).add(given["name"])
            case _:
                pass

    def for_end_of(self, row: _Row) -> bool:
        """Might one of them have ended this device by itself?"""
        names = {row.name} | self.renamed.get(row.name, set())
        spaces = row.spaces.union(*(self.moved.get(name, set()) for name in names))
        if self.groups or names & self.deleted or spaces & self.ended:
            return True
        if self.ended and row.kind not in OF_ONE_NAMESPACE:
            return True
        if self.unloaded & row.modules:
            return True
        if row.kind == "phys":
            return self.cards or bool(self.unloaded)
        return row.kind in GO_WHEN_A_LOWER_MOVES and bool(self.moved or self.ended)
