"""How a user creates a device of each kind: family, likelihood, and the words after `type`.

The family says what a new device needs beside its options: nothing, a peer, a lower, slaves.  An
option function draws from a passed-in `random.Random`, so a table entry is a pure description.
Values come from small ranges on purpose: two tunnels with one key or two VLANs with one id are
refused by the kernel, and a refusal is worth comparing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

__all__ = ["KINDS", "Family", "Kind"]

Options = Callable[[Random], str]


class Family(StrEnum):
    """What a new device of a kind stands on."""

    ALONE = "alone"
    PAIRED = "paired"
    TUNNEL = "tunnel"
    """A socket or hash in one namespace, the device perhaps in another."""
    STACKED = "stacked"
    """On one lower device, which may live in another namespace."""
    MASTER = "master"
    """Other devices are put into it."""
    SLAVES = "slaves"
    """Made on two devices of its own namespace (hsr)."""


def _nothing(_rng: Random) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table."""

    name: str
    family: Family
    short: str
    """What its devices' names begin with; no prefix of any word of `ip`."""
    options: Options = _nothing
    """The words after `type NAME`, empty for none."""
    may_have_lower: bool = False
    """A tunnel whose lower may be named with `dev`."""
    needs_lower: bool = False
    """The kind takes the lower as an option of its own (`dev LOWER` of vxlan, amt and others)."""
    weight: float = 1.0


def _pick(*words: str) -> Options:
    return lambda rng: rng.choice(words)


def _tunnel_ends(rng: Random) -> str:
    near, far = rng.randrange(1, 3), rng.randrange(1, 4)
    return f"local 10.0.{near}.1 remote 10.0.{far}.2"


def _tunnel6_ends(rng: Random) -> str:
    near, far = rng.randrange(1, 3), rng.randrange(1, 4)
    return f"local fd00:{near}::1 remote fd00:{far}::2"


def _keyed(ends: Options) -> Options:
    return lambda rng: ends(rng) + (f" key {rng.randrange(1, 3)}" if rng.random() < 0.5 else "")


def _vti(rng: Random) -> str:
    return f"{_tunnel_ends(rng)} key {rng.randrange(1, 4)}"


def _vti6(rng: Random) -> str:
    return f"{_tunnel6_ends(rng)} key {rng.randrange(1, 4)}"


def _erspan(rng: Random) -> str:
    return f"{_tunnel_ends(rng)} seq key {rng.randrange(1, 4)} erspan_ver 1"


def _bareudp(rng: Random) -> str:
    return (
        f"dstport {rng.randrange(6635, 6639)} ethertype {rng.choice(('mpls_uc', 'ipv4', 'ipv6'))}"
    )


def _geneve(rng: Random) -> str:
    if rng.random() < 0.1:
        return "external"
    return f"id {rng.randrange(1, 4)} remote 192.0.2.{rng.randrange(1, 3)}"


def _vxlan(rng: Random) -> str:
    ident, port = rng.randrange(1, 5), rng.choice(("4789", "4789", "8472"))
    if rng.random() < 0.4:
        return f"id {ident} dstport {port}"
    return f"id {ident} remote 192.0.2.{rng.randrange(1, 3)} dstport {port}"


def _vlan(rng: Random) -> str:
    ident = f"id {rng.choice((10, 10, 20, 30, 4094))}"
    return f"protocol 802.1ad {ident}" if rng.random() < 0.15 else ident


def _macsec(rng: Random) -> str:
    return f"sci {rng.randrange(1, 5)}" if rng.random() < 0.6 else ""


def _netkit(rng: Random) -> str:
    return rng.choice(("", "mode l2", "mode l3"))


_IPVLAN_MODES = _pick("mode l2", "mode l2", "mode l3", "mode l3s", "")
_MACVLAN_MODES = _pick(
    "mode bridge", "mode bridge", "mode private", "mode vepa", "mode passthru", ""
)

_ROWS: Final = (
    Kind("dummy", Family.ALONE, "dm", weight=3),
    Kind("ifb", Family.ALONE, "fb"),
    Kind("nlmon", Family.ALONE, "nlm", weight=0.7),
    Kind("wireguard", Family.TUNNEL, "wg"),
    Kind("veth", Family.PAIRED, "ve", weight=3),
    Kind("vxcan", Family.PAIRED, "vx"),
    Kind("netkit", Family.PAIRED, "nk", _netkit, weight=1.5),
    Kind("bareudp", Family.TUNNEL, "bu", _bareudp, weight=1.5),
    Kind("geneve", Family.TUNNEL, "gn", _geneve, weight=1.5),
    Kind("pfcp", Family.TUNNEL, "pf"),
    Kind("gtp", Family.TUNNEL, "gt", _pick("role ggsn", "role sgsn", "")),
    Kind("vxlan", Family.TUNNEL, "vl", _vxlan, weight=1.5, may_have_lower=True),
    Kind("ipip", Family.TUNNEL, "ti", _tunnel_ends, may_have_lower=True),
    Kind("gre", Family.TUNNEL, "tg", _keyed(_tunnel_ends), may_have_lower=True),
    Kind("gretap", Family.TUNNEL, "tt", _keyed(_tunnel_ends), may_have_lower=True),
    Kind("erspan", Family.TUNNEL, "te", _erspan),
    Kind("sit", Family.TUNNEL, "ts", _tunnel_ends, may_have_lower=True),
    Kind("vti", Family.TUNNEL, "tv", _vti, may_have_lower=True),
    Kind("ip6tnl", Family.TUNNEL, "t6", _tunnel6_ends, may_have_lower=True),
    Kind("ip6gre", Family.TUNNEL, "t6g", _keyed(_tunnel6_ends)),
    Kind("vti6", Family.TUNNEL, "t6v", _vti6),
    Kind(
        "xfrm", Family.TUNNEL, "xf", lambda rng: f"if_id {rng.randrange(1, 4)}", may_have_lower=True
    ),
    Kind(
        "amt",
        Family.TUNNEL,
        "mt",
        lambda _rng: "mode gateway local 10.0.0.1 discovery 10.0.0.2",
        needs_lower=True,
        weight=0.7,
    ),
    Kind("ipvlan", Family.STACKED, "iv", _IPVLAN_MODES, weight=2.5),
    Kind("ipvtap", Family.STACKED, "it", _IPVLAN_MODES),
    Kind("macvlan", Family.STACKED, "mv", _MACVLAN_MODES, weight=2.5),
    Kind("macvtap", Family.STACKED, "mp", _MACVLAN_MODES),
    Kind("vlan", Family.STACKED, "vn", _vlan, weight=2.5),
    Kind("macsec", Family.STACKED, "ms", _macsec, weight=1.5),
    Kind("bridge", Family.MASTER, "br", weight=1.2),
    Kind("bond", Family.MASTER, "bd", _pick("", "mode 1", "mode 4"), weight=1.2),
    Kind("team", Family.MASTER, "tm"),
    Kind("vrf", Family.MASTER, "vr", lambda rng: f"table {rng.randrange(10, 13)}"),
    Kind("hsr", Family.SLAVES, "hs", weight=0.8),
)

KINDS: Final[Mapping[str, Kind]] = {row.name: row for row in _ROWS}
"""Every kind that the generator can create, by name."""
