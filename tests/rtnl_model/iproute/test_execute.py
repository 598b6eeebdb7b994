"""What `ip` prints and returns when something is wrong, in iproute2's and the kernel's words."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from rtnl_model.iproute import parse_scenario
from rtnl_model.lab.model_run import ModelSetting, run_document

SETUP = [
    "ip netns add a",
    "ip netns add b",
    "ip -n a link add d0 type dummy",
    "ip -n a link add v0 type veth peer name v1 netns b",
    "ip -n a link add i0 link v0 type ipvlan mode l2",
    "ip -n a link add g0 type geneve id 5 remote 1.2.3.4",
    "ip -n a link add b0 type bareudp dstport 5 ethertype ipv6",
]
ANSWERS = "RTNETLINK answers: "

ARGUMENTS = {
    "ip netns add a/b": (255, 'Invalid netns name "a/b"'),
    "ip netns del ..": (255, 'Invalid netns name ".."'),
    "ip netns add a": (1, 'Cannot create namespace file "/run/netns/a": File exists'),
    "ip netns del c": (1, 'Cannot remove namespace file "/run/netns/c": No such file or directory'),
    "ip -n c link": (255, 'Cannot open network namespace "c": No such file or directory'),
    "ip netns exec c ip link": (
        255,
        'Cannot open network namespace "c": No such file or directory',
    ),
    "ip frob": (1, 'Object "frob" is unknown, try "ip help".'),
    "ip link frob": (255, 'Command "frob" is unknown, try "ip link help".'),
    "ip -n a link del": (255, 'Not enough information: "dev" argument is required.'),
    "ip -n a link set up": (255, 'Not enough information: "dev" argument is required.'),
    "ip -n a link add x": (1, 'Not enough information: "type" argument is required'),
    "ip -n a link set d0 mtu": (255, 'Command line is not complete. Try option "help"'),
    "ip -n a link set d0 mtu x": (255, 'Error: argument "x" is wrong: Invalid "mtu" value'),
    "ip -n a link set d0 mtu 1 mtu 2": (
        255,
        'Error: duplicate "mtu": "2" is the second value.',
    ),
    "ip -n a link set d0 frob": (
        255,
        'Error: either "dev" is duplicate, or "frob" is a garbage.',
    ),
    "ip -n a link set d0 name a/b": (
        255,
        'Error: argument "a/b" is wrong: "name" not a valid ifname',
    ),
    "ip -n a link set d0 netns c": (255, 'Error: argument "c" is wrong: Invalid "netns" value'),
    "ip -n a link set d0 group x": (255, 'Error: argument "x" is wrong: Invalid "group" value'),
    "ip -n a link set d0 index 0": (255, 'Error: argument "0" is wrong: Invalid "index" value'),
    "ip -n a link set d0 address zz": (1, '"zz" is invalid lladdr.'),
    "ip -n a link set d0 arp maybe": (
        1,
        'Error: argument of "arp" must be either "on" or "off"',
    ),
    "ip -n a link add x link v0 type ipvlan mode l4": (
        1,
        'Error: argument of "mode" must be either "l2", "l3" or "l3s"',
    ),
    "ip -n a link add x type geneve id 5": (1, "geneve: remote link partner not specified"),
    "ip -n a link add x type bareudp dstport 5": (
        255,
        'Error: argument "ethertype" is required',
    ),
    "ip -n a addr add foo dev d0": (
        1,
        'Error: any valid prefix is expected rather than "foo".',
    ),
    "rmmod nothing": (1, "rmmod: ERROR: Module nothing is not currently loaded"),
    "ip netns exec a sysctl net.ipv6.conf.x.disable_ipv6": (
        255,
        "sysctl: cannot stat /proc/sys/net/ipv6/conf/x/disable_ipv6: No such file or directory",
    ),
}
"""`ip` itself refuses: no request reaches the kernel."""

LOOKUPS = {
    "ip -n a link del x": (1, 'Cannot find device "x"'),
    "ip -n a link set x up": (1, 'Cannot find device "x"'),
    "ip -n a link add y link x type macvlan": (1, 'Cannot find device "x"'),
    "ip -n b link add y link x link-netns a type ipvlan": (
        1,
        f'{ANSWERS}No such device\nCannot find device "x"',
    ),
    "ip -n a link show x": (1, 'Device "x" does not exist.'),
    "ip -n a link set d0 master x": (255, 'Error: argument "x" is wrong: Device does not exist'),
    "ip -n a addr add 10.0.0.1/8 dev x": (1, 'Cannot find device "x"'),
}
"""A look-up by name fails: RTM_GETLINK answered ENODEV."""

KERNEL = {
    "ip -n a link add d0 type dummy": ("EEXIST", f"{ANSWERS}File exists"),
    "ip -n a link set d0 name v0": ("EEXIST", f"{ANSWERS}File exists"),
    "ip -n a link add a/b type dummy": ("EINVAL", f"{ANSWERS}Invalid argument"),
    "ip -n a link add abcdefghijklmnop type dummy": (
        "ERANGE",
        "Error: Attribute failed policy validation.",
    ),
    "ip -n a link add x type nosuchkind": ("EOPNOTSUPP", "Error: Unknown device type."),
    "ip -n a link set lo netns b": ("EINVAL", "Error: The interface netns is immutable."),
    "ip -n a link del lo": ("EOPNOTSUPP", f"{ANSWERS}Operation not supported"),
    "ip -n a link del group 77": ("ENODEV", f"{ANSWERS}No such device"),
    "ip -n a link set d0 master v0": ("EOPNOTSUPP", f"{ANSWERS}Operation not supported"),
    "ip -n a link set v0 mtu 10": ("EINVAL", "Error: mtu less than device minimum."),
    "ip -n a link set v0 mtu 70000": ("EINVAL", "Error: mtu greater than device maximum."),
    "ip -n a link set d0 address 01:00:00:00:00:01": (
        "EADDRNOTAVAIL",
        f"{ANSWERS}Cannot assign requested address",
    ),
    "ip -n a link add x link v0 type macvlan": (
        "EBUSY",
        f"{ANSWERS}Device or resource busy",
    ),
    "ip -n a link add x link i0 type macvlan": ("EINVAL", f"{ANSWERS}Invalid argument"),
    "ip -n a link add x link lo type ipvlan": ("EINVAL", f"{ANSWERS}Invalid argument"),
    "ip -n a link add x type geneve id 5 remote 1.2.3.4": (
        "EBUSY",
        f"{ANSWERS}Device or resource busy",
    ),
    "ip -n a link add x type bareudp dstport 5 ethertype ip": (
        "EBUSY",
        "Error: Another bareudp device using the same port already exists.",
    ),
    "ip -n a link add x link d0 type vlan id 4095": (
        "ERANGE",
        "Error: 8021q: Invalid VLAN id.",
    ),
}
"""The kernel refuses: status 2, its errno, and its extended text where it has one."""


@cache
def answers() -> dict[str, dict[str, Any]]:
    """Every command's outcome, on one kernel after SETUP; none of them changes anything."""
    wrong = [*ARGUMENTS, *LOOKUPS, *KERNEL]
    ops = [{"op": "x", "cmd": cmd} for cmd in [*SETUP, *wrong]]
    document = run_document(parse_scenario({"name": "x", "ops": ops}), ModelSetting())
    outcomes = [op["cmds"][0] for op in document["ops"]]

    assert [o["rc"] for o in outcomes[: len(SETUP)]] == [0] * len(SETUP)
    assert document["findings"] == []
    assert document["ops"][-1]["devices"] == document["ops"][len(SETUP) - 1]["devices"]
    return dict(zip(wrong, outcomes[len(SETUP) :], strict=True))


@pytest.mark.parametrize("cmd", ARGUMENTS)
def test_ip_refuses_its_arguments(cmd: str) -> None:
    """Status and words of ip itself, and no netlink error."""
    found = answers()[cmd]

    assert (found["rc"], found.get("stderr")) == ARGUMENTS[cmd]
    assert "nlerr" not in found


@pytest.mark.parametrize("cmd", LOOKUPS)
def test_a_device_is_not_found(cmd: str) -> None:
    """Status and words of ip, and the look-up's ENODEV."""
    found = answers()[cmd]

    assert (found["rc"], found.get("stderr")) == LOOKUPS[cmd]
    assert found["nlerr"] == [{"req": "RTM_GETLINK", "errno": 19, "name": "ENODEV"}]


@pytest.mark.parametrize("cmd", KERNEL)
def test_the_kernel_refuses(cmd: str) -> None:
    """Status 2, the kernel's errno, and what ip makes of it."""
    name, stderr = KERNEL[cmd]
    found = answers()[cmd]
    extack = stderr.removeprefix("Error: ").removesuffix(".") if "Error: " in stderr else None

    assert (found["rc"], found.get("stderr")) == (2, stderr)
    assert [(e["name"], e.get("extack")) for e in found["nlerr"]] == [(name, extack)]


def test_init_names_the_initial_namespace() -> None:
    """`netns init` moves a device home, unless somebody named a namespace so."""
    cmds = [
        "ip netns add a",
        "ip -n a link add d0 type dummy",
        "ip -n a link set d0 netns init",
        "ip netns add init",
        "ip link set d0 netns init",
    ]
    ops = [{"op": "x", "cmd": cmd} for cmd in cmds]
    document = run_document(parse_scenario({"name": "x", "ops": ops}), ModelSetting())
    devices = [
        {ns: [d["ifname"] for d in shown] for ns, shown in op["devices"].items()}
        for op in document["ops"]
    ]

    assert [op["cmds"][0]["rc"] for op in document["ops"]] == [0] * 5
    assert devices[2] == {"a": ["lo"], "init": ["d0"]}
    assert devices[4] == {"a": ["lo"], "init": ["lo", "d0"]}


LISTING = """\
2: d0: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
3: m0@d0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    macvlan mode bridge
4: v0@if2: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000
    link/ether 02:00:00:00:00:03 brd ff:ff:ff:ff:ff:ff link-netns b
    veth"""


def test_a_listing_looks_like_ips() -> None:
    """`ip -d link`: numbers, names with what is below, flags, state, address, kind."""
    cmds = [
        "ip netns add a",
        "ip netns add b",
        "ip -n a link add d0 address 02:00:00:00:00:01 type dummy",
        "ip -n a link add m0 link d0 address 02:00:00:00:00:02 type macvlan mode bridge",
        "ip -n a link add v0 address 02:00:00:00:00:03 type veth peer name v1 netns b",
        "ip -n a -d link",
    ]
    ops = [{"op": "x", "cmd": cmd} for cmd in cmds]
    document = run_document(parse_scenario({"name": "x", "ops": ops}), ModelSetting())
    _lo, _address, *rest = document["ops"][-1]["cmds"][0]["stdout"].splitlines()

    assert "\n".join(line for line in rest if line != "    dummy") == LISTING
