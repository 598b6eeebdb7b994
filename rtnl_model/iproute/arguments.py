"""From the words of `ip link` to a `LinkRequest`, argument by argument in the order given.

Mirrors iplink_parse and iplink_modify: what `ip` checks itself is checked here, with its words;
everything else is the kernel's to judge.  Namespaces are looked up when their argument is read;
devices after all arguments, as `ip` does.  The words after `type KIND` are `kind_data`'s.

Left out: `link-netnsid`, VFs, XDP, bridge and bond slaves' own options.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..kernel.rtnetlink_request import LinkRequest, PeerRequest
from .commands import Option
from .errors import IpExit, argument_wrong, duplicate_argument
from .numbers import number

if TYPE_CHECKING:
    from ..kernel.net_namespace import Net

__all__ = ["LinkArguments", "Lookup", "valid_ifname", "valid_netns_name"]

IFNAMSIZ = 16
NAME_MAX = 255
_LLADDR = re.compile(r"[0-9A-Fa-f]{1,2}([:.-][0-9A-Fa-f]{1,2})*")
_ON_OFF = {"on": True, "off": False}

Lookup = Callable[[str], "Net | None"]
"""Namespace by name."""


def valid_ifname(name: str) -> bool:
    """check_ifname()."""
    return 0 < len(name) < IFNAMSIZ and not any(c == "/" or c.isspace() for c in name)


def valid_netns_name(name: str) -> bool:
    """check_name() of `ip netns`."""
    return 0 < len(name) < NAME_MAX and "/" not in name and name not in (".", "..")


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
