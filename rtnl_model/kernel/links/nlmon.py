"""nlmon: a device that shows netlink messages (drivers/net/nlmon.c).

Nothing of its unregistration is its own: no dellink, no ndo_uninit, no lower.  Left out: the tap.
"""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar

from ..errors import KernelError
from ..netdevice import IFF_NOARP
from . import LinkDriver

if TYPE_CHECKING:
    from ..netdevice import NetDevice
    from ..rtnetlink_request import LinkRequest

NLMSG_GOODSIZE = 3776
NLMSGHDR_LEN = 16


class Nlmon(LinkDriver):
    """nlmon_link_ops and nlmon_ops."""

    kind: ClassVar[str] = "nlmon"
    converted: ClassVar[bool] = True
    lockdep_class: ClassVar[str | None] = "nlmon"
    sets_mac_address: ClassVar[bool] = False

    def setup(self, dev: NetDevice) -> None:
        """nlmon_setup: no link layer address."""
        dev.type = "netlink"
        dev.addr_len = 0
        dev.flags |= IFF_NOARP
        dev.mtu = NLMSG_GOODSIZE
        dev.min_mtu = NLMSGHDR_LEN
        dev.max_mtu = 0
        dev.needs_free_netdev = True

    def validate(self, req: LinkRequest) -> None:
        """nlmon_validate: no address.  Raises: KernelError(EINVAL)."""
        if req.address is not None:
            raise KernelError(EINVAL)
