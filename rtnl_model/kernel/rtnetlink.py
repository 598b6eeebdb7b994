"""The RTNL locking API, and requests to make, change, move and delete links.

Mirrors net/core/rtnetlink.c: rtnl_mutex and net->rtnl_mutex (what they do is the regime's), `struct
rtnl_nets`, and joins the request handlers (`rtnl_newlink.py`) and the link kinds
(`rtnl_link_ops.py`).

Kernel functions with two leading underscores: `__rtnl_unlock` is `rtnl_unlock_raw`,
`__rtnl_net_lock` and `__rtnl_net_unlock` are `rtnl_net_lock_nested` and `rtnl_net_unlock_nested`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .events import NOTIFY_DONE
from .netdevice import RegState
from .rtnl_link_ops import RtnlLinkOps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .net_namespace import Net
    from .netdevice import NetDevice
    from .notifier import NotifierInfo

__all__ = ["Rtnetlink", "RtnlNets"]

RTNETLINK_EVENTS = frozenset(
    {
        "CHANGEMTU",
        "CHANGEADDR",
        "CHANGENAME",
        "FEAT_CHANGE",
        "BONDING_FAILOVER",
        "POST_TYPE_CHANGE",
        "NOTIFY_PEERS",
        "CHANGEUPPER",
        "RESEND_IGMP",
        "CHANGEINFODATA",
        "CHANGELOWERSTATE",
        "CHANGE_TX_QUEUE_LEN",
    }
)
"""Events for which rtnetlink_event sends a NEWLINK."""


class RtnlNets:
    """struct rtnl_nets: up to four namespaces, sorted, without duplicates, each referenced."""

    MAX = 4
    """Peer, target, link, requester (patch 1)."""

    def __init__(self) -> None:
        self.nets: list[Net] = []


class Rtnetlink(RtnlLinkOps):
    """`k.rtnetlink`."""

    # -- rtnl_mutex --

    def rtnl_lock(self) -> None:
        """Begin a section."""
        self.k.regime.rtnl_lock()

    def rtnl_trylock(self) -> bool:
        """Begin a section unless somebody holds the mutex."""
        return self.k.regime.rtnl_trylock() is not None

    def rtnl_unlock(self) -> None:
        """End the section, then finish what it unregistered; may sleep for long."""
        with self.k.probe.frame("rtnl_unlock"):
            self.k.dev.netdev_run_todo()

    def rtnl_unlock_raw(self, known: str = "") -> None:
        """__rtnl_unlock: WARNs when a todo is left to somebody else (hazard 15)."""
        k = self.k
        left = k.regime.todo()
        if left:
            names = " ".join(dev.name for dev in left)
            k.report_invariant(
                f"__rtnl_unlock with a todo list that is not empty: {names}",
                rule="todo-at-rtnl-unlock",
                kind="warn",
                known=known,
            )
        k.regime.rtnl_release()

    # -- net->rtnl_mutex --

    def rtnl_net_lock_nested(self, net: Net) -> None:
        """__rtnl_net_lock: does not drain.  Locks: RTNL."""
        self.k.assert_section()
        self.k.regime.net_lock(net)

    def rtnl_net_unlock_nested(self, net: Net) -> None:
        """__rtnl_net_unlock: drain net, then drop its mutex.  Locks: RTNL, net's."""
        k = self.k
        with k.probe.frame("__rtnl_net_unlock"):
            try:
                k.assert_section()
                self.rtnl_net_drain(net)
            finally:
                k.regime.net_release(net)

    def rtnl_net_drain(self, net: Net) -> None:
        """The drain of an unlock: patch 6's one line."""
        if self.k.regime.drains():
            self.k.dev.unregister_netdevice_many_net(net)

    def rtnl_net_lock(self, net: Net) -> None:
        """rtnl_lock and __rtnl_net_lock."""
        self.rtnl_lock()
        try:
            self.rtnl_net_lock_nested(net)
        except BaseException:
            self.k.regime.rtnl_release()
            raise

    def rtnl_net_unlock(self, net: Net) -> None:
        """__rtnl_net_unlock and rtnl_unlock."""
        try:
            self.rtnl_net_unlock_nested(net)
        finally:
            self.rtnl_unlock()

    def rtnl_net_lock_killable(self, net: Net) -> None:
        """As rtnl_net_lock; nobody kills here."""
        self.rtnl_net_lock(net)

    def rtnl_net_trylock(self, net: Net) -> bool:
        """Try rtnl_mutex, then take the netns' mutex *blocking*.

        Where there is no global one the netns' is tried.  The sysctl handlers' way, with
        restart_syscall.
        """
        k = self.k
        if not self.rtnl_trylock():
            return False
        if k.regime.has_rtnl:
            self.rtnl_net_lock_nested(net)
            return True
        if k.regime.net_trylock(net):
            return True
        k.regime.rtnl_release()
        return False

    # -- several namespaces --

    def new_nets(self) -> RtnlNets:
        """An empty set."""
        return RtnlNets()

    def rtnl_nets_add(self, nets: RtnlNets, net: Net) -> None:
        """Insert in order, taking a reference; a duplicate's is given back at once."""
        self.k.net_namespace.get_net(net)
        before = len(nets.nets)
        nets.nets = self.k.regime.order([*nets.nets, net])
        if len(nets.nets) == before:
            self.k.net_namespace.put_net(net)
        assert len(nets.nets) <= RtnlNets.MAX

    def rtnl_nets_lock(self, nets: RtnlNets) -> None:
        """rtnl_lock, then each netns ascending."""
        self.rtnl_lock()
        taken: list[Net] = []
        try:
            for net in nets.nets:
                self.rtnl_net_lock_nested(net)
                taken.append(net)
        except BaseException:
            self._release(taken)
            raise

    def rtnl_nets_unlock(self, nets: RtnlNets) -> None:
        """Each netns in the same ascending order, then rtnl_unlock."""
        left = list(nets.nets)
        try:
            while left:
                self.rtnl_net_unlock_nested(left.pop(0))
        except BaseException:
            for net in left:
                self.k.regime.net_release(net)
            raise
        finally:
            self.rtnl_unlock()

    def rtnl_nets_destroy(self, nets: RtnlNets) -> None:
        """Drop the references."""
        for net in nets.nets:
            self.k.net_namespace.put_net(net)
        nets.nets = []

    def _release(self, taken: Sequence[Net]) -> None:
        for net in taken:
            self.k.regime.net_release(net)
        self.k.regime.rtnl_release()

    # -- notifier --

    def rtnetlink_event(self, event: str, dev: NetDevice, _info: NotifierInfo) -> int:
        """Tell listeners of what has no notification of its own; not of a device that is going."""
        if event in RTNETLINK_EVENTS and dev.peek_state() is RegState.REGISTERED:
            self.k.events.rtmsg_ifinfo("NEWLINK", dev, 0)
        return NOTIFY_DONE

    # -- by device --

    def rtnl_net_dev_lock(self, dev: NetDevice) -> Net | None:
        """Lock the netns a device is in, and look again; every miss drains the wrong one.

        Returns the netns, with a passive reference; None: there is none any more (`pernet`).
        """
        k = self.k
        while True:
            net = k.dev.dev_net(dev)
            if not k.regime.hold_memory(net):
                if k.dev.dev_net(dev) is net:
                    return None
                continue  # it left a namespace that is gone by now
            self.rtnl_net_lock(net)
            if k.dev.dev_net(dev) is net:
                return net
            self.rtnl_net_unlock(net)
            k.net_namespace.net_passive_dec(net)

    def rtnl_net_dev_unlock(self, net: Net | None) -> None:
        """Drop both, and the passive reference."""
        if net is None:
            return
        try:
            self.rtnl_net_unlock(net)
        finally:
            self.k.net_namespace.net_passive_dec(net)
