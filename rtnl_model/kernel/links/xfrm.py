"""xfrm interfaces (net/xfrm/xfrm_interface_core.c): distinguished by their if_id in the backend.

As the IP tunnels: a hash per backend namespace, edited by ndo_uninit from wherever the device
lives.  exit_rtnl walks the hash only and queues every entry, whatever namespace it lives in; a
device that lives in the dying namespace with its entry elsewhere goes with the rest of it.

Left out: policies, packets, collect-metadata devices.  No conversion.
"""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar

from ..documents import Fields
from ..errors import KernelError
from ..netdevice import IFF_NOARP
from .hashed_tunnel import HashedTunnelDriver, TunnelPriv

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead
    from ..rtnetlink_request import AttrValue, NewlinkParams


class Xfrm(HashedTunnelDriver):
    """xfrmi_link_ops and xfrmi_net_ops."""

    kind: ClassVar[str] = "xfrm"
    dellink_probe: ClassVar[str] = "xfrmi_dellink"
    uninit_probe: ClassVar[str] = "xfrmi_dev_uninit"

    def setup(self, dev: NetDevice) -> None:
        """xfrmi_dev_setup: no link layer."""
        dev.priv = TunnelPriv()
        dev.type = "none"
        dev.flags |= IFF_NOARP
        dev.needs_free_netdev = True

    def hash_key(self, data: dict[str, AttrValue]) -> Hashable:
        """The if_id."""
        return int(str(data.get("if_id", 0)))

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """xfrmi_newlink.  Raises: KernelError(EINVAL, EEXIST)."""
        if not self.hash_key(params.data):
            raise KernelError(EINVAL, "if_id must be non zero")
        super().newlink(dev, params)

    def exit_rtnl(self, net: Net, head: UnregHead) -> None:
        """Every entry of the hash.  Locks: RTNL."""
        self.k.ASSERT_RTNL_NET(net)
        for dev in list(self.table(net).tunnels.values()):
            self.k.dev.unregister_netdevice_queue(dev, head)

    def fill_info(self, dev: NetDevice) -> Fields:
        """The if_id."""
        return {"if_id": hex(int(str(dev.netdev_priv(TunnelPriv).key)))}
