"""Patch 9 reverted: bareudp's list has no mutex of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck import shared
from rtnl_model.kernel.links.backend import BackendNet
from rtnl_model.kernel.links.bareudp import Bareudp, BareudpPriv

from .entry import Entry, Expected, Setting
from .own_locks import OwnLocks

if TYPE_CHECKING:
    from lockcheck import Checker, Lock
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class BareNet(BackendNet):
    """Whoever takes bn->lock excludes nobody."""

    own_locks: OwnLocks

    @property
    def lock(self) -> Lock:
        """The calling thread's own."""
        return self.own_locks.mine()

    @lock.setter
    def lock(self, lock: Lock) -> None:
        """There is none yet."""


class BarePriv(BareudpPriv):
    """Its place on the list is read and written under no lock, so the scheduler must see it."""

    listed = shared()

    def __init__(self, chk: Checker, name: str) -> None:
        self.chk = chk
        self.name = name
        super().__init__()


class NoMutex(Bareudp):
    """The list is touched under the namespace's RTNL, whichever that is."""

    net_class = BareNet

    def init_net(self, net: Net) -> None:
        """The same list."""
        super().init_net(net)
        data = self.net_generic(net)
        data.own_locks = OwnLocks(self.k, self.lock_class, net.label)

    def setup(self, dev: NetDevice) -> None:
        """The same private area."""
        super().setup(dev)
        dev.priv = BarePriv(self.k.chk, f"bareudp_dev.next:{dev.label}")


ENTRY = Entry(
    id="patch-9",
    title="bareudp's list of a backend is changed by two namespaces at once",
    kind="patch",
    what="The list relies on RTNL; the device's namespace and the backend's both change it.",
    interleaving="T deletes the device in its own namespace and has seen that it is on the list;"
    " before T has taken it off, cleanup_net walks the list for the backend's namespace and sees"
    " the same",
    symptom="with the global RTNL none; without it, list corruption, a device queued twice",
    source="a278ea7ba32a",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add tun0 netns right type bareudp dstport 6635 ethertype mpls_uc
ip netns del left & ip -n right link del tun0 & wait
""",
    expected=(
        Expected("invariant", "list_del corruption"),
        Expected("invariant", "queue"),
        Expected("assertion", "BackendList.dev_list"),
    ),
    setting=Setting(regime="pernet"),
    classes={"links.bareudp": NoMutex},
    search="explore",
    rounds=400,
)
