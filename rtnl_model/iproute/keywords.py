"""The words of `ip` as iproute2's tables have them, in the order in which abbreviations are tried.

`exact` words are compared whole, the others match any prefix, the first of the table that fits
wins (so `ip l` is link and `ip n` is neigh, as there).  Kinds that the model has no driver for are
listed so that they are not taken for a misspelt one.  Left out: objects and options that no
network device's life depends on; they are named in `UNMODELLED_*` and refused as such.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["IP_OBJECTS", "KERNEL_KINDS", "LINK_OPTIONS", "Word", "match", "words"]


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


def words(
    names: str, *, values: int = 1, exact: bool = False, modelled: bool = True
) -> tuple[Word, ...]:
    """Several keywords of one sort."""
    return tuple(Word(n, values, exact, modelled=modelled) for n in names.split())


IP_OBJECTS = (
    Word("address"),
    *words("addrlabel maddress route rule neighbor neighbour ntable ntbl", modelled=False),
    Word("link"),
    *words(
        "l2tp fou ila macsec tunnel tunl tuntap tap token tcpmetrics monitor xfrm mroute mrule",
        modelled=False,
    ),
    Word("netns"),
    *words("netconf vrf sr nexthop mptcp ioam help stats", modelled=False),
)

LINK_OPTIONS = (
    Word("up", 0, exact=True),
    Word("down", 0, exact=True),
    Word("name", exact=True),
    Word("index", exact=True),
    Word("link"),
    Word("address"),
    *words("broadcast", modelled=False),
    *words("brd", exact=True, modelled=False),
    Word("txqueuelen"),
    Word("qlen", exact=True, key="txqueuelen"),
    Word("txqlen", key="txqueuelen"),
    Word("mtu", exact=True),
    *words("xdpgeneric xdpdrv xdpoffload xdp", exact=True, modelled=False),
    Word("netns", exact=True),
    *words("multicast allmulticast promisc trailers arp", exact=True),
    *words("carrier vf", exact=True, modelled=False),
    Word("master"),
    *words("vrf", exact=True, modelled=False),
    Word("nomaster", 0),
    *words("dynamic alias", modelled=False),
    Word("group", exact=True),
    *words("mode state", exact=True, modelled=False),
    Word("numtxqueues"),
    Word("numrxqueues"),
    Word("addrgenmode"),
    Word("link-netns"),
    *words("link-netnsid", modelled=False),
    *words(
        "protodown protodown_reason gso_max_size gso_max_segs gro_max_size parentdev altname",
        exact=True,
        modelled=False,
    ),
)

KERNEL_KINDS = frozenset(
    """
    amt bareudp batadv bond bridge can dsa dummy erspan geneve gre gretap gtp hsr ifb ip6erspan
    ip6gre ip6gretap ip6tnl ipip ipoib ipvlan ipvtap lowpan macsec macvlan macvtap netdevsim netkit
    nlmon pfcp rmnet sit team tun vcan veth virt_wifi vlan vrf vti vti6 vxcan vxlan wireguard wwan
    xfrm
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
"""What Linux knows, modelled or not."""
