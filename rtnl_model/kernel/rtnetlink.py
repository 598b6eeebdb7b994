"""`k.rtnetlink`: what net/core/rtnetlink.c offers, and its own notifier.

The locks stand in `rtnl`; requests in `rtnl_newlink` (make, delete) and `rtnl_setlink` (change);
link kinds in `rtnl_link_ops`.  Like include/net/rtnetlink.h this file declares the functions that
others call: an attribute here is a method there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .events import NOTIFY_DONE

if TYPE_CHECKING:
    from .kernel import Kernel
    from .netdevice import NetDevice
    from .notifier import NotifierInfo

__all__ = ["Rtnetlink"]

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


class Rtnetlink:
    """The exported functions of the sections."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.rtnl_newlink = k.rtnl_newlink.rtnl_newlink
        self.rtnl_setlink = k.rtnl_newlink.rtnl_setlink
        self.rtnl_dellink = k.rtnl_newlink.rtnl_dellink
        self.rtnl_delete_link = k.rtnl_newlink.rtnl_delete_link
        self.rtnl_create_link = k.rtnl_setlink.rtnl_create_link
        self.rtnl_configure_link = k.rtnl_setlink.rtnl_configure_link
        self.rtnl_link_register = k.rtnl_link_ops.rtnl_link_register
        self.rtnl_link_unregister = k.rtnl_link_ops.rtnl_link_unregister

    def rtnetlink_event(self, event: str, dev: NetDevice, _info: NotifierInfo) -> int:
        """Send a NEWLINK for what has no notification of its own, unless the device is going."""
        if event in RTNETLINK_EVENTS and self.k.dev.dev_is_registered(dev):
            self.k.events.rtmsg_ifinfo("NEWLINK", dev, 0)
        return NOTIFY_DONE
