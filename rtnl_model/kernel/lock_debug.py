"""Which netdevice event demands which lock: net/core/lock_debug.c as one exhaustive table.

`netdev_debug_event` is registered per namespace and globally where the per-netns locks are real.
The kernel's switch has no default, so an event without a line fails to build; here a test compares
the table with the list of events.  The kernel's ASSERT_RTNL asks "does anybody hold it", ours "does
this thread hold it".

Left out: nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from .events import NOTIFY_DONE

if TYPE_CHECKING:
    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import NetDevice
    from .notifier import NotifierInfo

__all__ = ["TABLE", "Demand", "LockDebug"]


class Demand(NamedTuple):
    """What must be held when an event is delivered."""

    net: bool
    """ASSERT_RTNL_NET(dev_net(dev)); else ASSERT_RTNL()."""
    instance: Literal["no", "ops", "always"]
    """The instance lock: never asked for, asked for if the device is ops-locked, always."""


RTNL = Demand(net=False, instance="no")
OPS = Demand(net=False, instance="ops")

TABLE: dict[str, Demand] = {
    "CHANGENAME": Demand(net=True, instance="ops"),
    "XDP_FEAT_CHANGE": Demand(net=False, instance="always"),
    "CHANGE": OPS,
    "REGISTER": OPS,
    "UP": OPS,
    "DOWN": OPS,
    "GOING_DOWN": OPS,
    "REBOOT": RTNL,
    "UNREGISTER": RTNL,
    "CHANGEMTU": RTNL,
    "CHANGEADDR": RTNL,
    "PRE_CHANGEADDR": RTNL,
    "FEAT_CHANGE": RTNL,
    "BONDING_FAILOVER": RTNL,
    "PRE_UP": RTNL,
    "PRE_TYPE_CHANGE": RTNL,
    "POST_TYPE_CHANGE": RTNL,
    "POST_INIT": RTNL,
    "PRE_UNINIT": RTNL,
    "RELEASE": RTNL,
    "NOTIFY_PEERS": RTNL,
    "JOIN": RTNL,
    "CHANGEUPPER": RTNL,
    "RESEND_IGMP": RTNL,
    "PRECHANGEMTU": RTNL,
    "CHANGEINFODATA": RTNL,
    "BONDING_INFO": RTNL,
    "PRECHANGEUPPER": RTNL,
    "CHANGELOWERSTATE": RTNL,
    "UDP_TUNNEL_PUSH_INFO": RTNL,
    "UDP_TUNNEL_DROP_INFO": RTNL,
    "CHANGE_TX_QUEUE_LEN": RTNL,
    "CVLAN_FILTER_PUSH_INFO": RTNL,
    "CVLAN_FILTER_DROP_INFO": RTNL,
    "SVLAN_FILTER_PUSH_INFO": RTNL,
    "SVLAN_FILTER_DROP_INFO": RTNL,
    "OFFLOAD_XSTATS_ENABLE": RTNL,
    "OFFLOAD_XSTATS_DISABLE": RTNL,
    "OFFLOAD_XSTATS_REPORT_USED": RTNL,
    "OFFLOAD_XSTATS_REPORT_DELTA": RTNL,
}
"""Event -> demand; RTNL is demanded by every line."""


class LockDebug:
    """The notifier, and the pernet operation that registers it in each namespace."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    def init_net(self, net: Net) -> None:
        """rtnl_net_debug_net_init."""
        self.k.notifier.register_netdevice_notifier_net(net, self.k.net_debug_block)

    def exit_net(self, net: Net) -> None:
        """rtnl_net_debug_net_exit."""
        self.k.notifier.unregister_netdevice_notifier_net(net, self.k.net_debug_block)

    def netdev_debug_event(self, event: str, dev: NetDevice, _info: NotifierInfo) -> int:
        """Check the table's line of this event."""
        k = self.k
        demand = TABLE[event]
        if demand.net:
            k.ASSERT_RTNL_NET(k.dev.dev_net(dev))
        else:
            k.ASSERT_RTNL()
        if demand.instance == "always" or (demand.instance == "ops" and dev.ops_locked):
            k.netdev_assert_locked(dev, f"NETDEV_{event}")
        return NOTIFY_DONE
