"""Which drivers there are, in the order in which their modules are initialised.

The order is the kernel's link order (drivers/net/Makefile, then net/8021q), so that the notifier
chain has it: an event reaches ipvlan before macvlan, macvlan before netkit, netkit before 8021q.

`CONVERSIONS` replaces drivers where the regime has no global RTNL.  A kind that unregisters foreign
devices on the spot and has no conversion is refused there.  Left out: kinds that the model lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .af_xdp import AfXdp
from .bareudp import Bareudp
from .dummy import Dummy
from .geneve import Geneve
from .ipvlan import Ipvlan
from .ipvtap import Ipvtap
from .loopback import Loopback
from .macvlan import Macvlan
from .macvlan_pernet import MacvlanPernet, MacvtapPernet
from .macvtap import Macvtap
from .netdevsim import Netdevsim
from .netdevsim_pernet import NetdevsimPernet
from .netkit import Netkit
from .netkit_pernet import NetkitPernet
from .paired_pernet import VethPernet, VxcanPernet
from .pfcp import Pfcp
from .veth import Veth
from .vlan import Vlan
from .vxcan import Vxcan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from . import LinkDriver

__all__ = ["CONVERSIONS", "DRIVERS", "driver_table"]

DRIVERS: Sequence[type[LinkDriver]] = (
    Loopback,
    AfXdp,
    Ipvlan,
    Ipvtap,
    Dummy,
    Macvlan,
    Macvtap,
    Netkit,
    Veth,
    Vxcan,
    Geneve,
    Bareudp,
    Pfcp,
    Netdevsim,
    Vlan,
)
"""As Linux 7.3 has them."""

CONVERSIONS: Mapping[str, type[LinkDriver]] = {
    "veth": VethPernet,
    "vxcan": VxcanPernet,
    "netkit": NetkitPernet,
    "macvlan": MacvlanPernet,
    "macvtap": MacvtapPernet,
    "netdevsim": NetdevsimPernet,
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
