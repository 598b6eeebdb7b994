"""What the words after `type KIND` mean: IFLA_INFO_DATA, as the parse_opt of each kind builds it.

What `ip` refuses itself is refused here, with its status; everything else is the kernel's to judge.
A kind whose words are read one by one, each by the sort of value it takes, is a row of
`_VALUES`; the others have a function.

Left out: options that name no modelled attribute are kept as words.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ..kernel.rtnetlink_request import AttrValue
from .commands import Option
from .errors import IpExit, argument_required, argument_wrong
from .numbers import number

__all__ = ["FindDevice", "kind_data"]

Data = dict[str, AttrValue]
Options = Sequence[Option]
FindDevice = Callable[[str], int]
"""The ifindex of a device in the process's namespace.  Raises: IpExit."""
_MACVLAN_MODES = ("private", "vepa", "bridge", "passthru", "source")
_ETHERTYPES = {
    "ip": "ip",
    "ipv4": "ip",
    "ipv6": "ipv6",
    "mpls_uc": "mpls_uc",
    "mpls_mc": "mpls_mc",
    "arp": "arp",
}
BOND_MODES: Final = (
    "balance-rr",
    "active-backup",
    "balance-xor",
    "broadcast",
    "802.3ad",
    "balance-tlb",
    "balance-alb",
)
"""By number."""


def kind_data(kind: str, options: Options, find: FindDevice) -> Data:
    """IFLA_INFO_DATA from the words after `type KIND`.  Raises: IpExit."""
    parse = _FUNCTIONS.get(kind)
    if parse is not None:
        return parse(kind, options, find)
    values = _VALUES.get(kind)
    if values is None:
        return {o.key: True if o.flag else _plain(o.value) for o in options}
    data: Data = {}
    for option in options:
        key = _SYNONYMS.get(option.key, option.key)
        read = values.get(key)
        if read is None:
            data[key] = True if option.flag else _plain(option.value)
        else:
            data[key] = read(option, find)
    return data


# -- sorts of values --

Read = Callable[[Option, FindDevice], AttrValue]


def _number(bits: int, base: int = 0) -> Read:
    def read(option: Option, _find: FindDevice) -> AttrValue:
        found = number(option.value if base != 16 else f"0x{option.value.removeprefix('0x')}")
        if found is None or not 0 <= found < 1 << bits:
            raise argument_wrong(f"invalid {option.key}", option.value)
        return found

    return read


def _address(version: int) -> Read:
    def read(option: Option, _find: FindDevice) -> AttrValue:
        if option.value == "any":
            return ""
        try:
            found = ipaddress.ip_address(option.value)
        except ValueError:
            found = None
        if found is None or (version and found.version != version):
            family = {4: "inet", 6: "inet6"}.get(version, "any valid")
            raise IpExit(1, f'Error: {family} address is expected rather than "{option.value}".')
        return str(found)

    return read


def _device_or_exit(option: Option, find: FindDevice) -> AttrValue:
    """exit(nodev()): the tunnels' parse_opt ends the process."""
    try:
        return find(option.value)
    except IpExit as error:
        raise IpExit(255, error.stderr, error.nlerr) from error


def _device_argument(option: Option, find: FindDevice) -> AttrValue:
    """invarg("No such interface")."""
    try:
        return find(option.value)
    except IpExit as error:
        raise argument_wrong("No such interface", option.value, error.nlerr) from error


def _choice(*choices: str) -> Read:
    def read(option: Option, _find: FindDevice) -> AttrValue:
        if option.value not in choices:
            raise argument_wrong(f"invalid {option.key}", option.value)
        return option.value

    return read


def _bond_mode(option: Option, _find: FindDevice) -> AttrValue:
    n = number(option.value)
    if n is not None and 0 <= n < len(BOND_MODES):
        return BOND_MODES[n]
    if option.value not in BOND_MODES:
        raise argument_wrong("invalid mode", option.value)
    return option.value


_KEY = _number(32)
_TUNNEL: Mapping[str, Read] = {
    "local": _address(4),
    "remote": _address(4),
    "dev": _device_or_exit,
    "key": _KEY,
    "ikey": _KEY,
    "okey": _KEY,
    "erspan_ver": _number(8),
}
_TUNNEL6: Mapping[str, Read] = {**_TUNNEL, "local": _address(6), "remote": _address(6)}
_VALUES: Final[Mapping[str, Mapping[str, Read]]] = {
    "ipip": _TUNNEL,
    "sit": _TUNNEL,
    "gre": _TUNNEL,
    "gretap": _TUNNEL,
    "erspan": _TUNNEL,
    "vti": _TUNNEL,
    "ip6tnl": _TUNNEL6,
    "ip6gre": _TUNNEL6,
    "vti6": _TUNNEL6,
    "gtp": {"role": _choice("ggsn", "sgsn"), "hsize": _number(32)},
    "amt": {
        "mode": _choice("gateway", "relay"),
        "local": _address(4),
        "discovery": _address(4),
        "dev": _device_or_exit,
        "relay_port": _number(16),
        "gateway_port": _number(16),
    },
    "xfrm": {"dev": _device_or_exit, "if_id": _number(32)},
    "macsec": {"sci": _number(64, 16), "port": _number(16), "encodingsa": _number(2)},
    "hsr": {"slave1": _device_argument, "slave2": _device_argument},
    "bond": {"mode": _bond_mode},
    "vrf": {"table": _number(32)},
}
_SYNONYMS: Final[Mapping[str, str]] = {"hlim": "ttl", "hoplimit": "ttl"}


# -- kinds with rules of their own --


def _plain(value: str) -> AttrValue:
    """A number where it is one."""
    return int(value) if value.isdecimal() else value


def _ipvlan(kind: str, options: Options, _find: FindDevice) -> Data:
    data: Data = {}
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


def _macvlan(_kind: str, options: Options, _find: FindDevice) -> Data:
    data: Data = {}
    for option in options:
        if option.key == "bcqueuelen":
            length = number(option.value)
            if length is None or not 0 <= length < 1 << 32:
                raise IpExit(255, "")  # parse_opt ends without a word
            data["bcqueuelen"] = length
            continue
        if option.value not in _MACVLAN_MODES:
            raise IpExit(
                1,
                'Error: argument of "mode" must be "private", "vepa", "bridge", '
                f'"passthru" or "source", not "{option.value}"',
            )
        data["mode"] = option.value
    return data


def _netkit(_kind: str, options: Options, _find: FindDevice) -> Data:
    data: Data = {}
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


def _bareudp(_kind: str, options: Options, _find: FindDevice) -> Data:
    data: Data = {}
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


def _geneve(_kind: str, options: Options, _find: FindDevice) -> Data:
    data: Data = {}
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


def _vlan(_kind: str, options: Options, _find: FindDevice) -> Data:
    data: Data = {}
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


def _vxlan(_kind: str, options: Options, find: FindDevice) -> Data:
    data: Data = {}
    for option in options:
        if option.flag:
            data[option.key.removeprefix("no")] = not option.key.startswith("no")
        elif option.key == "dev":
            data["dev"] = _device_or_exit(option, find)
        elif option.key in ("remote", "local", "group", "remote6", "local6", "group6"):
            try:
                address = ipaddress.ip_address(option.value)
            except ValueError:
                raise IpExit(
                    1, f'Error: any valid address is expected rather than "{option.value}".'
                ) from None
            if option.key.startswith("group") != address.is_multicast:
                raise argument_wrong(f"invalid {option.key} address", option.value)
            data["remote" if option.key.startswith("group") else option.key] = option.value
            if option.key.startswith("group"):
                data["multicast"] = True
        elif option.key in ("id", "dstport"):
            n = number(option.value)
            if n is None or not 0 <= n < 1 << (24 if option.key == "id" else 16):
                raise argument_wrong(f"invalid {option.key}", option.value)
            data[option.key] = n
        else:
            data[option.key] = option.value
    if options and "id" not in data and not data.get("external"):
        raise IpExit(1, "vxlan: missing virtual network identifier")
    if data.pop("multicast", False) and "dev" not in data:
        raise IpExit(1, "vxlan: 'group' requires 'dev' to be specified")
    return data


_FUNCTIONS: Final[Mapping[str, Callable[[str, Options, FindDevice], Data]]] = {
    "ipvlan": _ipvlan,
    "ipvtap": _ipvlan,
    "macvlan": _macvlan,
    "macvtap": _macvlan,
    "netkit": _netkit,
    "bareudp": _bareudp,
    "geneve": _geneve,
    "vxlan": _vxlan,
    "vlan": _vlan,
}
