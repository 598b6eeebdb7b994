"""The IP tunnels: ipip gre gretap erspan vti over IPv4, sit, and ip6tnl ip6gre vti6 over IPv6.

Mirrors net/ipv4/ip_tunnel.c with its users (ipip.c, ip_gre.c, ip_vti.c), net/ipv6/sit.c,
ip6_tunnel.c, ip6_gre.c and ip6_vti.c of Linux 7.3, all unconverted, as one driver in dialects:
which parameters make the key, what dellink and ndo_uninit are called, what the device looks like,
and that IPv4's newlink sets the MTU after registering, which is one more notification.

Left out: encapsulation, ioctls, fallback devices.
"""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EINVAL
from typing import TYPE_CHECKING, ClassVar

from ..errors import KernelError
from ..netdevice import IFF_NOARP
from . import is_valid_ether_addr
from .hashed_tunnel import HashedTunnelDriver, TunnelPriv

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ..netdevice import NetDevice
    from ..rtnetlink_request import AttrValue, LinkRequest, NewlinkParams

__all__ = ["IPV4_TUNNELS", "IPV6_TUNNELS"]

ETH_DATA_LEN = 1500
ETH_HLEN = 14
IP_MAX_MTU = 65535
IP6_MAX_MTU = 65575
IPV4_HLEN = 20
IPV6_HLEN = 40
IPV4_MIN_MTU = 68
IPV6_MIN_MTU = 1280


class IpTunnelDriver(HashedTunnelDriver):
    """What all dialects share: the look of the device and the key."""

    link_type: ClassVar[str] = "ipip"
    """ARPHRD_* in `ip`'s words."""
    outer_hlen: ClassVar[int] = IPV4_HLEN
    ethernet: ClassVar[bool] = False
    """Carries Ethernet frames: has an address of its own."""
    checks_mtu: ClassVar[bool] = False
    """ndo_change_mtu looks at the range, not the core."""
    keyed: ClassVar[bool] = False
    """The key is one of the parameters by which tunnels differ."""

    def setup(self, dev: NetDevice) -> None:
        """The kind's *_setup."""
        dev.priv = TunnelPriv()
        dev.needs_free_netdev = True
        dev.min_mtu = IPV4_MIN_MTU
        dev.max_mtu = 0 if self.checks_mtu else IP_MAX_MTU - self.outer_hlen
        if self.ethernet:
            self.eth_hw_addr_random(dev)
        else:
            if self.checks_mtu:
                dev.min_mtu = 0
            dev.type = self.link_type
            dev.addr_len = 4 if self.outer_hlen == IPV4_HLEN else 16
            dev.flags |= IFF_NOARP

    def ndo_change_mtu(self, dev: NetDevice, mtu: int) -> None:
        """ip_tunnel_change_mtu, where the kind has it.  Raises: KernelError(EINVAL)."""
        if self.checks_mtu and not IPV4_MIN_MTU <= mtu <= IP_MAX_MTU - self.outer_hlen:
            raise KernelError(EINVAL)
        dev.mtu = mtu

    def validate(self, req: LinkRequest) -> None:
        """An Ethernet address, where the kind has one.  Raises: KernelError."""
        if self.ethernet and req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL)
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL)

    def hash_key(self, data: dict[str, AttrValue]) -> Hashable:
        """Ends and lower, and the key where the kind has one."""
        key = data.get("key", data.get("ikey")) if self.keyed else None
        return (data.get("local", ""), data.get("remote", ""), data.get("dev", 0), key)


class Ipv4TunnelDriver(IpTunnelDriver):
    """ip_tunnel.c: dellink takes the entry out of the hash, ndo_uninit does so again."""

    dellink_probe: ClassVar[str] = "ip_tunnel_dellink"
    uninit_probe: ClassVar[str] = "ip_tunnel_uninit"
    unhash_in_dellink: ClassVar[bool] = True
    checks_mtu: ClassVar[bool] = True
    tun_hlen: ClassVar[int] = 0
    """The kind's own header."""

    def setup(self, dev: NetDevice) -> None:
        """No MTU before ip_tunnel_newlink sets one."""
        super().setup(dev)
        dev.mtu = 0

    def register(self, dev: NetDevice, params: NewlinkParams) -> None:
        """ip_tunnel_newlink: then the MTU, with its notification."""
        super().register(dev, params)
        bound = self.ip_tunnel_bind_dev(dev)
        if params.req.mtu is not None:
            room = IP_MAX_MTU - self.outer_hlen - self.header_len(dev.netdev_priv(TunnelPriv))
            room -= ETH_HLEN if self.ethernet else 0
            bound = min(max(dev.mtu, IPV4_MIN_MTU), room)
        self.k.dev.dev_set_mtu(dev, bound)

    def ip_tunnel_bind_dev(self, dev: NetDevice) -> int:
        """The lower's MTU without our headers."""
        priv = dev.netdev_priv(TunnelPriv)
        lower = self.k.dev.dev_get_by_index(priv.net, priv.link) if priv.link else None
        mtu = min(lower.mtu, IP_MAX_MTU) if lower is not None else ETH_DATA_LEN
        mtu -= self.outer_hlen + self.header_len(priv) + (ETH_HLEN if self.ethernet else 0)
        return max(mtu, IPV4_MIN_MTU)

    def header_len(self, _priv: TunnelPriv) -> int:
        """Of this tunnel, between the outer IP header and the payload."""
        return self.tun_hlen


class Ipip(Ipv4TunnelDriver):
    """ipip_link_ops."""

    kind: ClassVar[str] = "ipip"


class GreDriver(Ipv4TunnelDriver):
    """What gre, gretap and erspan share: a header whose length depends on what is asked."""

    keyed: ClassVar[bool] = True
    link_type: ClassVar[str] = "gre"
    tun_hlen: ClassVar[int] = 4

    def header_len(self, priv: TunnelPriv) -> int:
        """gre_calc_hlen: four more for each of key, sequence and checksum."""
        more = [{"key", "okey"}, {"seq", "oseq"}, {"csum", "ocsum"}]
        return self.tun_hlen + 4 * sum(bool(words & priv.parms.keys()) for words in more)


class Gre(GreDriver):
    """ipgre_link_ops."""

    kind: ClassVar[str] = "gre"


class Gretap(GreDriver):
    """ipgre_tap_ops."""

    kind: ClassVar[str] = "gretap"
    ethernet: ClassVar[bool] = True
    sets_mac_address: ClassVar[bool] = True


class Erspan(GreDriver):
    """erspan_link_ops."""

    kind: ClassVar[str] = "erspan"
    ethernet: ClassVar[bool] = True
    sets_mac_address: ClassVar[bool] = True


class Vti(Ipv4TunnelDriver):
    """vti_link_ops."""

    kind: ClassVar[str] = "vti"


class Sit(IpTunnelDriver):
    """sit_link_ops: IPv6 over IPv4, a hash of its own."""

    kind: ClassVar[str] = "sit"
    link_type: ClassVar[str] = "sit"
    uninit_probe: ClassVar[str] = "ipip6_tunnel_uninit"

    def setup(self, dev: NetDevice) -> None:
        """ipip6_tunnel_setup."""
        super().setup(dev)
        dev.mtu = ETH_DATA_LEN - IPV4_HLEN
        dev.min_mtu = IPV6_MIN_MTU


class Ipv6TunnelDriver(IpTunnelDriver):
    """Over IPv6: dellink only queues, ndo_uninit takes the entry out of the hash."""

    outer_hlen: ClassVar[int] = IPV6_HLEN
    link_type: ClassVar[str] = "tunnel6"

    def setup(self, dev: NetDevice) -> None:
        """The kind's *_setup."""
        super().setup(dev)
        dev.mtu = ETH_DATA_LEN - IPV6_HLEN


class Ip6tnl(Ipv6TunnelDriver):
    """ip6_link_ops."""

    kind: ClassVar[str] = "ip6tnl"
    dellink_probe: ClassVar[str] = "ip6_tnl_dellink"
    uninit_probe: ClassVar[str] = "ip6_tnl_dev_uninit"

    def setup(self, dev: NetDevice) -> None:
        """ip6_tnl_dev_setup: any MTU, until ndo_init says how much there is."""
        super().setup(dev)
        dev.max_mtu = 0

    def ndo_init(self, dev: NetDevice) -> None:
        """ip6_tnl_dev_init_gen."""
        dev.max_mtu = IP6_MAX_MTU


class Ip6gre(Ipv6TunnelDriver):
    """ip6gre_link_ops."""

    kind: ClassVar[str] = "ip6gre"
    keyed: ClassVar[bool] = True
    checks_mtu: ClassVar[bool] = True
    link_type: ClassVar[str] = "gre6"
    uninit_probe: ClassVar[str] = "ip6gre_tunnel_uninit"


class Vti6(Ipv6TunnelDriver):
    """vti6_link_ops."""

    kind: ClassVar[str] = "vti6"
    uninit_probe: ClassVar[str] = "vti6_dev_uninit"


IPV4_TUNNELS = (Ipip, Gre, Gretap, Erspan, Vti)
"""In the order in which their modules are initialised."""
IPV6_TUNNELS = (Vti6, Sit, Ip6tnl, Ip6gre)
"""What net/ipv6 initialises, sit included."""
