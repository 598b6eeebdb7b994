"""ip6tnl as Linux 7.3 has it, under a kernel without the global RTNL."""

from __future__ import annotations

from rtnl_model.kernel.links.ip_tunnel import Ip6tnl
from rtnl_model.kernel.overlay import Instead

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]


class Unconverted(Ip6tnl):
    """In the conversion's place: 7.3's driver, which says of itself that it was converted."""

    converted = True


ENTRY = Entry(
    id="unconverted-ip6tnl",
    title="an IPv6 tunnel's backend unregisters devices of other namespaces itself",
    kind="hazard",
    what="The backend's exit queues every device of its hash and unregisters them in its own pass;"
    " ndo_uninit edits the backend's hash from the device's namespace.",
    interleaving="any end of a namespace with a tunnel's entry, the device elsewhere",
    symptom="two namespaces' state changed under one lock",
    source="reading of net/ipv6/ip6_tunnel.c",
    setting=Setting(regime="pernet"),
    scenario="""
ip netns add left
ip netns add right
ip -n right link add tun0 link-netns left type ip6tnl local fd00::1 remote fd00::2
ip netns del left
""",
    expected=(Expected("assertion", ""),),
    classes={"links.ip6tnl": Instead(Unconverted)},
)
