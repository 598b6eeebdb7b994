"""Drivers as Linux 7.3 has them, under a kernel without the global RTNL: a page a kind.

Each page puts 7.3's driver in its conversion's place, and lets it say of itself that it was
converted.  Its scenario needs no race: the driver changes two namespaces under one lock each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rtnl_model.kernel.links import LinkDriver
from rtnl_model.kernel.links.ip_tunnel import (
    Erspan,
    Gre,
    Gretap,
    Ip6gre,
    Ip6tnl,
    Ipip,
    Sit,
    Vti,
    Vti6,
)
from rtnl_model.kernel.links.macsec import Macsec
from rtnl_model.kernel.links.macvlan import Macvlan
from rtnl_model.kernel.links.macvtap import Macvtap
from rtnl_model.kernel.links.netkit import Netkit
from rtnl_model.kernel.links.vlan import Vlan
from rtnl_model.kernel.links.vxlan import Vxlan
from rtnl_model.kernel.overlay import Instead

from .entry import Entry, Expected, Setting

__all__ = ["ENTRIES"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What drivers of one shape do wrong in the same way."""

    title: str
    what: str
    interleaving: str
    scenario: str
    """With {kind} and {words} for the kind and its options."""
    symptom: str = "two namespaces' state changed under one lock"


STACKED: Final = Shape(
    title="{kind} unregisters the uppers of a lower that goes, wherever they are",
    what="The lower's UNREGISTER event deletes every upper and unregisters them in one nested"
    " call; {state} no lock of its own.",
    interleaving="any deletion of a lower with a {kind} in another namespace",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type {kind} {words}
ip -n left link del low0
""",
)

HASHED: Final = Shape(
    title="the backend of a tunnel ({kind}) unregisters devices of other namespaces itself",
    what="The backend's exit queues every device of its hash and unregisters them in its own pass;"
    " ndo_uninit edits the backend's hash from the device's namespace; {state} no lock of its own.",
    interleaving="any end of a namespace with a tunnel's entry, the device elsewhere",
    scenario="""
ip netns add left
ip netns add right
ip -n right link add tun0 link-netns left type {kind} {words}
ip netns del left
""",
)

LISTED: Final = Shape(
    title="the backend of a {kind} unregisters devices of other namespaces itself",
    what="The backend's exit calls dellink for each of its devices, in its own pass; {state} no"
    " lock of its own.",
    interleaving="any end of a namespace with the socket of a {kind}, the device elsewhere",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add tun0 netns right type {kind} {words}
ip netns del left
""",
)

PAIRED: Final = Shape(
    title="{kind} unregisters its peer, and the lessees of a card, wherever they are",
    what="One kill list for both ends, and {state} no lock; the notifier unregisters devices of"
    " other namespaces on the spot.",
    interleaving="any deletion of a pair that spans two namespaces, or of a leased card",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add pod0 type {kind} {words} peer name pod1 netns right
ip -n left link del pod0
""",
    symptom="two namespaces' state changed under one lock, or under none",
)

ENDS4: Final = "local 10.0.0.1 remote 10.0.0.2"
ENDS6: Final = "local fd00::1 remote fd00::2"
IP_TUNNEL: Final = "net/ipv4/ip_tunnel.c; 578fefdbbdaf converts it"

ROWS: Final = (
    (Vlan, STACKED, "id 10", "the lower's table of VLANs has", "net/8021q/vlan.c"),
    (Macvlan, STACKED, "mode bridge", "the port has", "drivers/net/macvlan.c"),
    (Macvtap, STACKED, "mode bridge", "the port has", "drivers/net/macvtap.c"),
    (Macsec, STACKED, "", "the lower's list of secure entities has", "drivers/net/macsec.c"),
    (Vxlan, LISTED, "id 5 remote 192.0.2.1 dstport 4789", "the list has",
     "drivers/net/vxlan/vxlan_core.c"),
    (Netkit, PAIRED, "mode l3", "the two plain pointers have", "drivers/net/netkit.c"),
    (Ipip, HASHED, ENDS4, "the hash has", IP_TUNNEL),
    (Gre, HASHED, ENDS4, "the hash has", IP_TUNNEL),
    (Gretap, HASHED, ENDS4, "the hash has", IP_TUNNEL),
    (Erspan, HASHED, f"{ENDS4} seq key 1 erspan_ver 1", "the hash has", IP_TUNNEL),
    (Vti, HASHED, f"{ENDS4} key 1", "the hash has", IP_TUNNEL),
    (Sit, HASHED, ENDS4, "the hash has", "net/ipv6/sit.c"),
    (Ip6tnl, HASHED, ENDS6, "the hash has", "net/ipv6/ip6_tunnel.c"),
    (Ip6gre, HASHED, ENDS6, "the hash has", "net/ipv6/ip6_gre.c"),
    (Vti6, HASHED, f"{ENDS6} key 1", "the hash has", "net/ipv6/ip6_vti.c"),
)  # fmt: skip
"""Driver, shape, options, whose lock is missing, source."""

BELOW: Final[Mapping[type[LinkDriver], type[LinkDriver]]] = {Macvtap: Macvlan}
"""A tap's devices are deleted by the module below, so that is 7.3's, too."""


def original(driver: type[LinkDriver]) -> Instead:
    """7.3's driver in its conversion's place."""
    return Instead(type(f"Unconverted{driver.__name__}", (driver,), {"converted": True}))


def page(driver: type[LinkDriver], shape: Shape, words: str, state: str, source: str) -> Entry:
    """The page of one kind."""
    kind = driver.kind
    drivers = [driver, *([BELOW[driver]] if driver in BELOW else [])]
    return Entry(
        id=f"unconverted-{kind}",
        title=shape.title.format(kind=kind),
        kind="hazard",
        what=shape.what.format(state=state),
        interleaving=shape.interleaving.format(kind=kind),
        symptom=shape.symptom,
        source=f"reading of {source}",
        setting=Setting(regime="pernet"),
        scenario=shape.scenario.format(kind=kind, words=words),
        expected=(Expected("assertion", ""),),
        classes={f"links.{each.kind}": original(each) for each in drivers},
    )


ENTRIES: Final = tuple(page(*row) for row in ROWS)
