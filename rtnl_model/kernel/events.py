"""NETDEV_* event words, notifier return codes and the rtnetlink notifications (RTM_NEWLINK, RTM_DELLINK).

`RtnlEvents` mirrors rtmsg_ifinfo_build_skb + rtmsg_ifinfo_send as far as a listener can see them: one
record in the golden `events` shape, in the global order in which they were broadcast.
"""

from __future__ import annotations

NOTIFY_DONE = 0
NOTIFY_OK = 1
NOTIFY_STOP_MASK = 0x8000
