"""The words of `ip` as iproute2's tables have them, in the order in which abbreviations are tried.

`exact` words are compared whole, the others match any prefix, the first of the table that fits
wins (so `ip l` is link and `ip n` is neigh, as there).  Kinds that the model has no driver for are
listed so that they are told apart from a misspelt one.  Left out: objects and options that no
network device's life depends on; they are named in `UNMODELLED_*` and refused as such.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["IP_OBJECTS", "KERNEL_KINDS", "KIND_OPTIONS", "LINK_OPTIONS", "Word", "match"]


@dataclass(frozen=True, slots=True)
class Word:
    """A keyword, how many values follow it, and whether it may be abbreviated."""

    name: str
    values: int = 1
    exact: bool = False
    key: str = ""
    """The keyword it stands for, where it is a synonym."""
    modelled: bool = True

    @property
    def canonical(self) -> str:
        """The name under which the option is kept."""
        return self.key or self.name


def match(word: str, table: Iterable[Word]) -> Word | None:
    """Find the first entry that `word` names or abbreviates."""
    for entry in table:
        if word == entry.name or (not entry.exact and word and entry.name.startswith(word)):
            return entry
    return None


def _words(names: str, **kwargs: bool | int) -> tuple[Word, ...]:
    return tuple(Word(n, **kwargs) for n in names.split())  # type: ignore[arg-type]


IP_OBJECTS = (
    Word("address"),
    *_words("addrlabel maddress route rule neighbor neighbour ntable ntbl", modelled=False),
    Word("link"),
    *_words(
        "l2tp fou ila macsec tunnel tunl tuntap tap token tcpmetrics monitor xfrm mroute mrule",
        modelled=False,
    ),
    Word("netns"),
    *_words("netconf vrf sr nexthop mptcp ioam help stats", modelled=False),
)

LINK_OPTIONS = (
    Word("up", 0, exact=True),
    Word("down", 0, exact=True),
    Word("name", exact=True),
    Word("index", exact=True),
    Word("link"),
    Word("address"),
    *_words("broadcast", modelled=False),
    *_words("brd", exact=True, modelled=False),
    Word("txqueuelen"),
    Word("qlen", exact=True, key="txqueuelen"),
    Word("txqlen", key="txqueuelen"),
    Word("mtu", exact=True),
    *_words("xdpgeneric xdpdrv xdpoffload xdp", exact=True, modelled=False),
    Word("netns", exact=True),
    *_words("multicast allmulticast promisc trailers arp", exact=True),
    *_words("carrier vf", exact=True, modelled=False),
    Word("master"),
    *_words("vrf", exact=True, modelled=False),
    Word("nomaster", 0),
    *_words("dynamic alias", modelled=False),
    Word("group", exact=True),
    *_words("mode state", exact=True, modelled=False),
    Word("numtxqueues"),
    Word("numrxqueues"),
    Word("addrgenmode"),
    Word("link-netns"),
    *_words("link-netnsid", modelled=False),
    *_words(
        "protodown protodown_reason gso_max_size gso_max_segs gro_max_size parentdev altname",
        exact=True,
        modelled=False,
    ),
)
ON_OFF_OPTIONS = frozenset({"multicast", "allmulticast", "promisc", "trailers", "arp"})

_FLAGS0 = {"values": 0}
_IPVLAN = (Word("mode"), *_words("private vepa bridge", **_FLAGS0))
_MACVLAN = (
    Word("mode"),
    *_words("flag bcqueuelen bclim macaddr", modelled=False),
    *_words("nopromisc", values=0, modelled=False),
)
_PEER = (Word("peer", 0, exact=True),)
KIND_OPTIONS: dict[str, tuple[Word, ...]] = {
    "dummy": (),
    "veth": _PEER,
    "vxcan": _PEER,
    "netkit": (
        Word("mode"),
        *_words("forward blackhole", **_FLAGS0),
        Word("policy", exact=True),
        Word("scrub"),
        Word("headroom"),
        Word("tailroom"),
        *_PEER,
    ),
    "bareudp": (
        Word("dstport"),
        Word("ethertype"),
        Word("srcportmin"),
        *_words("multiproto nomultiproto", **_FLAGS0),
    ),
    "geneve": (
        Word("id"),
        Word("vni", key="id"),
        Word("remote"),
        Word("ttl"),
        Word("hoplimit", key="ttl"),
        Word("tos"),
        Word("dsfield", key="tos"),
        Word("df"),
        Word("flowlabel"),
        Word("dstport"),
        *_words(
            "external noexternal udpcsum noudpcsum udp6zerocsumtx noudp6zerocsumtx "
            "udp6zerocsumrx noudp6zerocsumrx innerprotoinherit",
            **_FLAGS0,
        ),
    ),
    "ipvlan": _IPVLAN,
    "ipvtap": _IPVLAN,
    "macvlan": _MACVLAN,
    "macvtap": _MACVLAN,
    "vlan": (
        Word("protocol"),
        Word("id"),
        *_words("reorder_hdr gvrp mvrp loose_binding bridge_binding", modelled=False),
    ),
    "pfcp": (),
    "phys": (Word("driver", exact=True), Word("queues", exact=True)),
}
"""Options after `type KIND` of the kinds that a driver of the model exists for."""

PEER_KINDS = frozenset({"veth", "vxcan", "netkit"})

KERNEL_KINDS = frozenset(
    """
    amt bareudp batadv bond bridge can dsa dummy erspan geneve gre gretap gtp hsr ifb ip6erspan
    ip6gre ip6gretap ip6tnl ipip ipoib ipvlan ipvtap lowpan macsec macvlan macvtap netdevsim netkit
    nlmon pfcp rmnet sit team tun vcan veth virt_wifi vlan vrf vti vti6 vxcan vxlan wireguard wwan
    xfrm
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
"""What Linux knows, modelled or not."""
