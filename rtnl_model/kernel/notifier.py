"""Netdevice notifier chains: one per namespace, one global; who hears what, and in which order.

Mirrors net/core/dev.c's call_netdevice_notifiers_info and (un)register_netdevice_notifier*.  The
namespace's chain comes first, a STOP result ends the delivery.  Chains are copied on write, so a
delivery sees the chain as it was when it began.

`(un)register_netdevice_notifier` hold pernet_ops_rwsem for write, replay the devices of every
namespace under that namespace's lock, and drop it, which *drains* it; then rtnl_unlock waits, the
rwsem still held (hazard 37, G.18).

Left out: blocks that follow one device through moves (`_dev_net` forms), chain priorities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockcheck import guarded

from .errors import KernelError
from .events import NOTIFY_DONE, NOTIFY_STOP_MASK, notifier_to_errno
from .guards import TheLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import NetDevice

__all__ = ["EVENTS", "Notifier", "NotifierBlock", "NotifierInfo"]

EVENTS: tuple[str, ...] = (
    "UP",
    "DOWN",
    "REBOOT",
    "CHANGE",
    "REGISTER",
    "UNREGISTER",
    "CHANGEMTU",
    "CHANGEADDR",
    "PRE_CHANGEADDR",
    "GOING_DOWN",
    "CHANGENAME",
    "FEAT_CHANGE",
    "BONDING_FAILOVER",
    "PRE_UP",
    "PRE_TYPE_CHANGE",
    "POST_TYPE_CHANGE",
    "POST_INIT",
    "PRE_UNINIT",
    "RELEASE",
    "NOTIFY_PEERS",
    "JOIN",
    "CHANGEUPPER",
    "RESEND_IGMP",
    "PRECHANGEMTU",
    "CHANGEINFODATA",
    "BONDING_INFO",
    "PRECHANGEUPPER",
    "CHANGELOWERSTATE",
    "UDP_TUNNEL_PUSH_INFO",
    "UDP_TUNNEL_DROP_INFO",
    "CHANGE_TX_QUEUE_LEN",
    "CVLAN_FILTER_PUSH_INFO",
    "CVLAN_FILTER_DROP_INFO",
    "SVLAN_FILTER_PUSH_INFO",
    "SVLAN_FILTER_DROP_INFO",
    "OFFLOAD_XSTATS_ENABLE",
    "OFFLOAD_XSTATS_DISABLE",
    "OFFLOAD_XSTATS_REPORT_USED",
    "OFFLOAD_XSTATS_REPORT_DELTA",
    "XDP_FEAT_CHANGE",
)
"""enum netdev_cmd, without the NETDEV_ in front."""

TRACED = {
    "REGISTER": "REGISTER",
    "UNREGISTER": "UNREGISTER",
    "DOWN": "DOWN",
    "PRE_CHANGEADDR": "GOING_DOWN",
}
"""Events with a line in the recordings, and the word there.  Their recorder decoded number 9, which
is PRE_CHANGEADDR, as GOING_DOWN; the true GOING_DOWN and UP are inlined past its probe."""

LIFECYCLE = {
    event: f"NETDEV_{event}"
    for event in ("REGISTER", "UNREGISTER", "PRE_UNINIT", "POST_INIT", "UP", "DOWN", "GOING_DOWN")
}
"""Events (and what reports call them) that `--strict` demands the device's own netns lock for.  The
others may concern a lower device in another namespace (an upper is linked or unlinked, an
operational state propagates)."""


@dataclass(slots=True)
class NotifierInfo:
    """What comes with an event (struct netdev_notifier_info and its larger sisters)."""

    dev: NetDevice
    upper: NetDevice | None = None
    """(PRE)CHANGEUPPER: the upper device."""
    linking: bool = False
    master: bool = False
    upper_info: object = None
    flags_changed: int = 0
    mtu: int = 0
    address: str = ""
    old_name: str = ""


class NotifierBlock:
    """One subscriber; `call(event, dev, info)` returns NOTIFY_*."""

    __slots__ = ("call", "gone", "name")

    def __init__(self, name: str, call: Callable[[str, NetDevice, NotifierInfo], int]) -> None:
        self.name = name
        self.call = call
        self.gone = False
        """Its module was unloaded."""

    def __repr__(self) -> str:
        return f"<notifier {self.name}>"


class Notifier:
    """The chains and their callers."""

    netdev_chain = guarded[tuple[NotifierBlock, ...]](
        TheLock(lambda self: self.k.pernet_ops_rwsem, "pernet_ops_rwsem"), reads="any", default=()
    )
    """Global chain, replaced under RTNL, too, where that exists.  Read by snapshot: who registers
    replays every device under the lock of its namespace."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.chk = k.chk

    # -- delivery --

    def call_netdevice_notifiers(
        self,
        event: str,
        dev: NetDevice,
        **info: Any,  # what the event brings
    ) -> int:  # what the event brings
        """Call everybody; returns the last callback's result."""
        return self.call_netdevice_notifiers_info(event, NotifierInfo(dev, **info))

    def call_checked(self, event: str, dev: NetDevice, **info: object) -> None:
        """Call everybody; a refusal is raised.  Raises: KernelError."""
        errno = notifier_to_errno(self.call_netdevice_notifiers(event, dev, **info))
        if errno:
            raise KernelError(errno)

    def call_netdevice_notifiers_info(self, event: str, info: NotifierInfo) -> int:
        """dev_net(dev)'s chain, then the global one.  Locks: RTNL."""
        k = self.k
        dev = info.dev
        net = k.dev.dev_net(dev)
        k.ASSERT_RTNL()
        word = TRACED.get(event)
        if word:
            k.probe.note("notify", dev, val=word)
        what = LIFECYCLE.get(event)
        if what:
            k.strict_assert(dev, what)
        k.lifetime.assert_may_tell(dev, event)
        with k.probe.frame("call_netdevice_notifiers_info"):
            ret = self.notifier_call_chain(net.netdev_chain, event, info)
            if ret & NOTIFY_STOP_MASK:
                return ret
            return self.notifier_call_chain(self.netdev_chain, event, info)

    def notifier_call_chain(
        self, chain: tuple[NotifierBlock, ...], event: str, info: NotifierInfo
    ) -> int:
        """Call each block until one says stop."""
        ret = NOTIFY_DONE
        if not chain:
            return ret
        with self.k.probe.frames("raw_notifier_call_chain", "notifier_call_chain"):
            for block in chain:
                self.k.lifetime.assert_loaded(block)
                ret = block.call(event, info.dev, info)
                if ret & NOTIFY_STOP_MASK:
                    break
        return ret

    # -- membership --

    def register_netdevice_notifier(self, block: NotifierBlock) -> None:
        """Add to the global chain and replay every device; a refusal undoes all of it.

        Raises: KernelError.
        """
        k = self.k
        with k.pernet_ops_rwsem.writing():
            k.rtnl.rtnl_lock()
            try:
                self.netdev_chain = (*self.netdev_chain, block)
                replayed: list[Net] = []
                try:
                    for net in k.net_namespace.for_each_net_exclusive():
                        self.replay(block, net, self.call_netdevice_register_net_notifiers)
                        replayed.append(net)
                except KernelError:
                    for net in reversed(replayed):
                        self.replay(block, net, self.call_netdevice_unregister_net_notifiers)
                    self.netdev_chain = tuple(b for b in self.netdev_chain if b is not block)
                    raise
            finally:
                k.rtnl.rtnl_unlock()

    def replay(
        self, block: NotifierBlock, net: Net, call: Callable[[NotifierBlock, Net], None]
    ) -> None:
        """One namespace's devices, under its lock, whose unlock drains.  Raises: KernelError."""
        self.k.rtnl.rtnl_net_lock_nested(net)
        try:
            call(block, net)
        finally:
            self.k.rtnl.rtnl_net_unlock_nested(net)

    def unregister_netdevice_notifier(self, block: NotifierBlock) -> None:
        """Take from the global chain and replay every device as gone."""
        k = self.k
        with k.pernet_ops_rwsem.writing():
            k.rtnl.rtnl_lock()
            try:
                self.netdev_chain = tuple(b for b in self.netdev_chain if b is not block)
                for net in k.net_namespace.for_each_net_exclusive():
                    self.replay(block, net, self.call_netdevice_unregister_net_notifiers)
            finally:
                k.rtnl.rtnl_unlock()

    def register_netdevice_notifier_net(self, net: Net, block: NotifierBlock) -> None:
        """Add to one namespace's chain, under its lock.  Raises: KernelError, not added then."""
        k = self.k
        k.rtnl.rtnl_net_lock(net)
        try:
            net.netdev_chain = (*net.netdev_chain, block)
            try:
                self.call_netdevice_register_net_notifiers(block, net)
            except KernelError:
                net.netdev_chain = tuple(b for b in net.netdev_chain if b is not block)
                raise
        finally:
            k.rtnl.rtnl_net_unlock(net)

    def unregister_netdevice_notifier_net(self, net: Net, block: NotifierBlock) -> None:
        """Take from one namespace's chain, under its lock."""
        k = self.k
        k.rtnl.rtnl_net_lock(net)
        try:
            net.netdev_chain = tuple(b for b in net.netdev_chain if b is not block)
            self.call_netdevice_unregister_net_notifiers(block, net)
        finally:
            k.rtnl.rtnl_net_unlock(net)

    # -- replay --

    def call_netdevice_register_net_notifiers(self, block: NotifierBlock, net: Net) -> None:
        """REGISTER, and UP for running devices; undone when one is refused.

        Locks: RTNL of net.  Raises: KernelError.
        """
        self.k.ASSERT_RTNL_NET(net)
        notified: list[NetDevice] = []
        for dev in net.dev_list():
            errno = notifier_to_errno(self.notify(block, "REGISTER", dev))
            if errno:
                for done in reversed(notified):
                    self.notify_gone(block, done)
                raise KernelError(errno)
            notified.append(dev)
            if dev.up:
                self.notify(block, "UP", dev)

    def call_netdevice_unregister_net_notifiers(self, block: NotifierBlock, net: Net) -> None:
        """GOING_DOWN, DOWN for running devices, and UNREGISTER.  Locks: RTNL of net."""
        self.k.ASSERT_RTNL_NET(net)
        for dev in net.dev_list():
            self.notify_gone(block, dev)

    def notify_gone(self, block: NotifierBlock, dev: NetDevice) -> None:
        if dev.up:
            self.notify(block, "GOING_DOWN", dev)
            self.notify(block, "DOWN", dev)
        self.notify(block, "UNREGISTER", dev)

    def notify(self, block: NotifierBlock, event: str, dev: NetDevice) -> int:
        """call_netdevice_notifier: one block only, with the instance lock as the table demands."""
        if event in ("REGISTER", "UP", "GOING_DOWN", "DOWN") and dev.ops_locked:
            with dev.lock:
                return self.notify_locked(block, event, dev)
        return block.call(event, dev, NotifierInfo(dev))

    def notify_locked(self, block: NotifierBlock, event: str, dev: NetDevice) -> int:
        """An event of the table's.  Locks: the instance lock of an ops-locked device."""
        self.k.netdev_ops_assert_locked(dev, f"NETDEV_{event}")
        return block.call(event, dev, NotifierInfo(dev))
