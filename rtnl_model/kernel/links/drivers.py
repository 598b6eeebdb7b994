"""Which drivers there are, in the order in which their modules are initialised.

The order is the kernel's link order (drivers/net, then net/ipv4, net/xfrm, net/ipv6, net/bridge,
net/8021q, net/hsr), so that the notifier chain and the pernet list have it: an event reaches ipvlan
before macvlan, macvlan before netkit, netkit before 8021q; at a namespace's end ip6gre's devices
are queued before gretap's.

`CONVERSIONS` replaces drivers where the regime has no global RTNL.  A kind that unregisters foreign
devices on the spot and has no conversion is refused there.  Left out: kinds that the model lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .af_xdp import AfXdp
from .amt import Amt
from .bareudp import Bareudp
from .bond import Bond
from .bridge import Bridge
from .dummy import Dummy
from .geneve import Geneve
from .gtp import Gtp
from .hashed_tunnel_pernet import PERNET_TUNNELS
from .hsr import Hsr
from .ifb import Ifb
from .ip_tunnel import IPV4_TUNNELS, IPV6_TUNNELS
from .ipvlan import Ipvlan
from .ipvtap import Ipvtap
from .loopback import Loopback
from .macsec import Macsec
from .macsec_pernet import MacsecPernet
from .macvlan import Macvlan
from .macvlan_pernet import MacvlanPernet
from .macvtap import Macvtap
from .netdevsim import Netdevsim
from .netdevsim_pernet import NetdevsimPernet
from .netkit import Netkit
from .netkit_pernet import NetkitPernet
from .nlmon import Nlmon
from .paired_pernet import VethPernet, VxcanPernet
from .pfcp import Pfcp
from .tap_pernet import IpvtapPernet, MacvtapPernet
from .team import Team
from .vcan import Vcan
from .veth import Veth
from .vlan import Vlan
from .vlan_pernet import VlanPernet
from .vrf import Vrf
from .vxcan import Vxcan
from .vxlan import Vxlan
from .vxlan_pernet import VxlanPernet
from .wireguard import Wireguard
from .xfrm import Xfrm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from . import LinkDriver

__all__ = ["CONVERSIONS", "DRIVERS", "driver_table"]

DRIVERS: Sequence[type[LinkDriver]] = (
    Loopback,
    AfXdp,
    Bond,
    Ipvlan,
    Ipvtap,
    Dummy,
    Wireguard,
    Ifb,
    Macsec,
    Amt,
    Macvlan,
    Macvtap,
    Netkit,
    Team,
    Veth,
    Vxlan,
    Geneve,
    Bareudp,
    Gtp,
    Nlmon,
    Pfcp,
    Vrf,
    Vcan,
    Vxcan,
    Netdevsim,
    *IPV4_TUNNELS,
    Xfrm,
    *IPV6_TUNNELS,
    Bridge,
    Vlan,
    Hsr,
)
"""As Linux 7.3 has them."""

CONVERSIONS: Mapping[str, type[LinkDriver]] = {
    "veth": VethPernet,
    "vxcan": VxcanPernet,
    "netkit": NetkitPernet,
    "ipvtap": IpvtapPernet,
    "macvlan": MacvlanPernet,
    "macvtap": MacvtapPernet,
    "netdevsim": NetdevsimPernet,
    "vlan": VlanPernet,
    "vxlan": VxlanPernet,
    "macsec": MacsecPernet,
    **{tunnel.kind: tunnel for tunnel in PERNET_TUNNELS},
}
"""Kind (or module) -> what runs without a global RTNL; none of them is upstream."""


def name_of(driver: type[LinkDriver]) -> str:
    """The kind, or the module's name where there is no kind."""
    return driver.kind or driver.module


def driver_table(*, has_rtnl: bool) -> dict[str, type[LinkDriver]]:
    """Every driver by kind or module, with its conversions where there is no global RTNL."""
    table = {name_of(driver): driver for driver in DRIVERS}
    if not has_rtnl:
        table.update(CONVERSIONS)
    return table
