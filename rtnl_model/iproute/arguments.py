"""From the words of `ip link` to a `LinkRequest`, argument by argument in the order given.

Mirrors iplink_parse, iplink_modify and the parse_opt of each kind: what `ip` checks itself is
checked here, with its words; everything else is the kernel's to judge.  Namespaces are looked up
when their argument is read; devices after all arguments, as `ip` does.

Left out: `link-netnsid`, VFs, XDP, bridge and bond slaves' own options.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..kernel.rtnetlink_request import AttrValue, LinkRequest, PeerRequest
from .commands import Option
from .errors import IpExit, argument_required, argument_wrong, duplicate_argument

if TYPE_CHECKING:
    from ..kernel.net_namespace import Net

__all__ = ["LinkArguments", "Lookup", "kind_data", "valid_ifname", "valid_netns_name"]

IFNAMSIZ = 16
NAME_MAX = 255
_LLADDR = re.compile(r"[0-9A-Fa-f]{1,2}([:.-][0-9A-Fa-f]{1,2})*")
_ON_OFF = {"on": True, "off": False}
_MACVLAN_MODES = ("private", "vepa", "bridge", "passthru", "source")
_ETHERTYPES = {
    "ip": "ip",
    "ipv4": "ip",
    "ipv6": "ipv6",
    "mpls_uc": "mpls_uc",
    "mpls_mc": "mpls_mc",
    "arp": "arp",
}

Lookup = Callable[[str], "Net | None"]
"""Namespace by name."""


def valid_ifname(name: str) -> bool:
    """check_ifname()."""
    return 0 < len(name) < IFNAMSIZ and not any(c == "/" or c.isspace() for c in name)


def valid_netns_name(name: str) -> bool:
    """check_name() of `ip netns`."""
    return 0 < len(name) < NAME_MAX and "/" not in name and name not in (".", "..")


def number(value: str) -> int | None:
    """strtoul(value, 0): decimal, 0x or 0-octal; None when it is not one."""
    try:
        if re.fullmatch(r"0[0-7]+", value):
            return int(value, 8)
        return int(value, 0)
    except ValueError:
        return None


class LinkArguments:
    """Fills a request from options; afterwards `dev`, `link` and `master` are names to look up."""

    def __init__(
        self,
        lookup: Lookup,
        link_netns: Callable[[str, LinkArguments], None],
        find_master: Callable[[str], int],
    ) -> None:
        self.lookup = lookup
        self.use_link_netns = link_netns
        self.find_master = find_master
        self.dev: str | None = None
        self.new_name: str | None = None
        self.link: str | None = None
        self.link_net: Net | None = None
        self.index = 0
        self.seen: set[str] = set()

    def fill(self, req: LinkRequest | PeerRequest, options: Sequence[Option]) -> None:
        """Read all options into `req`. Raises: IpExit."""
        for option in options:
            if option.key in self.seen and option.key in (
                "name",
                "index",
                "mtu",
                "netns",
                "txqueuelen",
                "numrxqueues",
                "numtxqueues",
                "group",
                "addrgenmode",
            ):
                raise duplicate_argument(option.key, option.value)
            self.seen.add(option.key)
            self.one(req, option)

    def one(self, req: LinkRequest | PeerRequest, option: Option) -> None:
        """Read one option."""
        key, value = option.key, option.value
        if key in ("up", "down"):
            req.up = key == "up"
        elif key == "dev":
            self.dev = value
        elif key == "name":
            if not valid_ifname(value):
                raise argument_wrong('"name" not a valid ifname', value)
            self.new_name = value
        elif key == "netns":
            self.netns(req, value)
        elif key == "address":
            if not _LLADDR.fullmatch(value):
                raise IpExit(1, f'"{value}" is invalid lladdr.')
            req.address = ":".join(f"{int(b, 16):02x}" for b in re.split("[:.-]", value))
        elif key in ("mtu", "index", "group", "numrxqueues", "numtxqueues", "txqueuelen"):
            self.count(req, key, value)
        elif key in ("arp", "promisc", "allmulticast", "multicast", "trailers"):
            self.switch(req, key, value)
        elif key in ("forward", "blackhole", "scrub"):
            assert isinstance(req, PeerRequest)
            req.attrs.update({"scrub": value} if key == "scrub" else {"policy": key})
        elif isinstance(req, LinkRequest):
            self.link_only(req, key, value)
        else:
            raise IpExit(255, f'Error: either "dev" is duplicate, or "{key}" is a garbage.')

    def link_only(self, req: LinkRequest, key: str, value: str) -> None:
        """Options that a peer's nested part does not take."""
        if key == "link":
            self.link = value
        elif key == "link-netns":
            self.use_link_netns(value, self)
        elif key == "master":
            req.master = self.find_master(value)
        elif key == "nomaster":
            req.master = 0
        elif key == "addrgenmode":
            if value not in ("eui64", "none", "stable_secret", "random"):
                raise argument_wrong('Invalid "addrgenmode" value', value)
        else:
            raise IpExit(255, f'Error: either "dev" is duplicate, or "{key}" is a garbage.')

    def netns(self, req: LinkRequest | PeerRequest, value: str) -> None:
        found = self.lookup(value)
        if found is None:
            raise argument_wrong('Invalid "netns" value', value)
        if isinstance(req, PeerRequest):
            req.net = found
        else:
            req.tgt_net = found

    def count(self, req: LinkRequest | PeerRequest, key: str, value: str) -> None:
        """Options that are a number."""
        n = number(value)
        if key == "group" and value == "default":
            n = 0
        if (
            n is None
            or not -(2**31) <= n < 2**32
            or (n <= 0 and key == "index")
            or (n < 0 and key != "index")
        ):
            raise argument_wrong(f'Invalid "{key}" value', value)
        if key == "mtu":
            req.mtu = n
        elif key == "index":
            self.index = n
        elif key == "group":
            req.group = n
        elif isinstance(req, PeerRequest):
            req.attrs[key] = n
        elif key == "numrxqueues":
            req.num_rx_queues = n
        elif key == "numtxqueues":
            req.num_tx_queues = n
        else:
            req.txqlen = n

    def switch(self, req: LinkRequest | PeerRequest, key: str, value: str) -> None:
        """Options that are on or off."""
        if value not in _ON_OFF:
            raise IpExit(1, f'Error: argument of "{key}" must be either "on" or "off"')
        if isinstance(req, PeerRequest):
            return
        if key == "arp":
            req.noarp = not _ON_OFF[value]
        elif key == "promisc":
            req.promisc = _ON_OFF[value]
        elif key == "allmulticast":
            req.allmulticast = _ON_OFF[value]


# -- parse_opt of the kinds --


def kind_data(kind: str, options: Sequence[Option]) -> dict[str, AttrValue]:
    """IFLA_INFO_DATA from the words after `type KIND`. Raises: IpExit."""
    parse = _KINDS.get(kind)
    if parse is not None:
        return parse(kind, options)
    return {o.key: True if o.flag else _plain(o.value) for o in options}


def _plain(value: str) -> AttrValue:
    """A number where it is one."""
    return int(value) if value.isdecimal() else value


def _ipvlan(kind: str, options: Sequence[Option]) -> dict[str, AttrValue]:
    data: dict[str, AttrValue] = {}
    for option in options:
        if option.key == "mode":
            if option.value not in ("l2", "l3", "l3s"):
                raise IpExit(1, 'Error: argument of "mode" must be either "l2", "l3" or "l3s"')
            data["mode"] = option.value
        elif "flags" in data:
            raise IpExit(1, f'{kind}: unknown option "{option.key}"?')
        else:
            data["flags"] = option.key
    return data


def _macvlan(_kind: str, options: Sequence[Option]) -> dict[str, AttrValue]:
    data: dict[str, AttrValue] = {}
    for option in options:
        if option.value not in _MACVLAN_MODES:
            raise IpExit(
                1,
                'Error: argument of "mode" must be "private", "vepa", "bridge", '
                f'"passthru" or "source", not "{option.value}"',
            )
        data["mode"] = option.value
    return data


def _netkit(_kind: str, options: Sequence[Option]) -> dict[str, AttrValue]:
    data: dict[str, AttrValue] = {}
    for option in options:
        if option.key == "mode":
            if option.value not in ("l2", "l3"):
                raise IpExit(1, 'Error: argument of "mode" must be either "l2" or "l3"')
            data["mode"] = option.value
        elif option.key in ("forward", "blackhole"):
            data["policy"] = option.key
        elif option.key == "scrub":
            if option.value not in ("default", "none"):
                raise IpExit(1, 'Error: argument of "scrub" must be either "default" or "none"')
            data["scrub"] = option.value
        else:
            n = number(option.value)
            if n is None or not 0 <= n < 1 << 16:
                raise argument_wrong(f'Invalid "{option.key}" value', option.value)
            data[option.key] = n
    return data


def _bareudp(_kind: str, options: Sequence[Option]) -> dict[str, AttrValue]:
    data: dict[str, AttrValue] = {}
    for option in options:
        if option.flag:
            data["multiproto"] = option.key == "multiproto"
        elif option.key == "ethertype":
            n = number(option.value) if option.value not in _ETHERTYPES else 0
            if n is None or not 0 <= n < 1 << 16:
                raise argument_wrong("ethertype", option.value)
            data["ethertype"] = _ETHERTYPES.get(option.value, option.value)
        else:
            n = number(option.value)
            if n is None or not 0 <= n < 1 << 16:
                raise argument_wrong(option.key, option.value)
            data[option.key] = n
    for name in ("dstport", "ethertype"):
        if options and name not in data:
            raise argument_required(name)
    return data


def _geneve(_kind: str, options: Sequence[Option]) -> dict[str, AttrValue]:
    data: dict[str, AttrValue] = {}
    for option in options:
        if option.flag:
            data[option.key.removeprefix("no")] = not option.key.startswith("no")
        elif option.key == "remote":
            try:
                address = ipaddress.ip_address(option.value)
            except ValueError:
                raise IpExit(
                    1, f'Error: any valid address is expected rather than "{option.value}".'
                ) from None
            if address.is_multicast or address.is_unspecified:
                raise argument_wrong("invalid remote address", option.value)
            data["remote"] = option.value
        elif option.key in ("id", "dstport"):
            n = number(option.value)
            if n is None or not 0 <= n < 1 << (24 if option.key == "id" else 16):
                raise argument_wrong(f"invalid {option.key}", option.value)
            data[option.key] = n
        else:
            data[option.key] = option.value
    if options and "id" not in data and not data.get("external"):
        raise IpExit(1, "geneve: missing virtual network identifier")
    if options and "remote" not in data and not data.get("external"):
        raise IpExit(1, "geneve: remote link partner not specified")
    return data


def _vlan(_kind: str, options: Sequence[Option]) -> dict[str, AttrValue]:
    data: dict[str, AttrValue] = {}
    for option in options:
        if option.key == "id":
            n = number(option.value)
            if n is None or not 0 <= n < 1 << 16:
                raise argument_wrong("id is invalid", option.value)
            data["id"] = n
        elif option.value.lower() not in ("802.1q", "802.1ad"):
            raise argument_wrong("protocol is invalid", option.value)
        else:
            data["protocol"] = option.value
    return data


_KINDS: dict[str, Callable[[str, Sequence[Option]], dict[str, AttrValue]]] = {
    "ipvlan": _ipvlan,
    "ipvtap": _ipvlan,
    "macvlan": _macvlan,
    "macvtap": _macvlan,
    "netkit": _netkit,
    "bareudp": _bareudp,
    "geneve": _geneve,
    "vlan": _vlan,
}
