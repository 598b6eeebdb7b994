"""What `ip link` shows: devices as the recordings have them, and lines for people.

Mirrors rtnl_fill_ifinfo as far as `ip -d -j link` shows it, with the recorder's `lower`: the lower
device or the peer, followed through the nsid into the namespace where it lives.

A dump names foreign namespaces by nsid, and so makes one where there is none, as the kernel's does.

Context: call it when nothing runs.  With `stuck` it is a look at a stuck run: then it takes no lock
and makes no nsid.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from lockcheck import looking
from rtnl_model.kernel.documents import Fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..kernel.kernel import Kernel
    from ..kernel.net_namespace import Net
    from ..kernel.netdevice import NetDevice

__all__ = ["devices_by_netns", "human_links", "json_links", "shown_devices"]

Shown = Fields
INIT = "init"


P = ParamSpec("P")
R = TypeVar("R")


def _looks(show: Callable[Concatenate[Kernel, P], R]) -> Callable[Concatenate[Kernel, P], R]:
    """A listing reads what it shows: no access of the kernel's."""

    def shown(k: Kernel, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with looking(k.chk):
            return show(k, *args, **kwargs)

    shown.__doc__ = show.__doc__
    return shown


@_looks
def devices_by_netns(k: Kernel, *, stuck: bool = False) -> dict[str, list[Shown]]:
    """Every named namespace; `init` only when it holds more than `lo`."""
    named = k.net_namespace.named()
    out = {name: shown_devices(k, net, stuck=stuck) for name, net in named.items()}
    shown_init = shown_devices(k, k.init_net, stuck=stuck)
    initial = [shown for shown in shown_init if shown["kind"] != "lo"]
    if initial:
        out[INIT] = initial
    return out


def sorted_devices(net: Net) -> list[NetDevice]:
    """In the order of the kernel's dump."""
    return sorted(net.dev_list(), key=lambda dev: dev.ifindex)


@_looks
def shown_devices(k: Kernel, net: Net, *, stuck: bool = False) -> list[Shown]:
    """The devices of one namespace in the recordings' shape."""
    return [shown_device(k, net, dev, stuck=stuck) for dev in sorted_devices(net)]


def shown_device(k: Kernel, net: Net, dev: NetDevice, *, stuck: bool = False) -> Shown:
    """One device."""
    shown: Shown = {
        "ifname": dev.name,
        "ifindex": dev.ifindex,
        "kind": kind_of(dev),
        "up": dev.up,
        "operstate": dev.operstate if dev.up else "DOWN",
    }
    ops = dev.rtnl_link_ops
    if ops is not None:
        shown.update(_lower(k, net, dev, stuck=stuck))
    master = dev.master
    if master is not None:
        shown["master"] = master.name
        shown["slave_kind"] = dev.slave_kind or master.kind
    info = ops.fill_info(dev) if ops is not None else {}
    if info:
        shown["info"] = info
    if dev.netns_immutable:
        shown["netns_immutable"] = True
    return shown


def kind_of(dev: NetDevice) -> str:
    """The kind, or what a device without one is called."""
    if dev.kind:
        return dev.kind
    return "lo" if dev.type == "loopback" or dev.name == "lo" else dev.type or "ether"


def _lower(k: Kernel, net: Net, dev: NetDevice, *, stuck: bool) -> Shown:
    """`lower` (IFLA_LINK and the netns it is in) or `backend` (a netns alone)."""
    ops = dev.rtnl_link_ops
    assert ops is not None
    space = k.net_namespace
    nsid_of = space.peernet2id if stuck else space.peernet2id_alloc
    iflink = ops.get_iflink(dev)
    link_net = ops.get_link_net(dev)
    foreign = link_net is not None and link_net is not net
    itself = iflink == dev.ifindex and (not foreign or dev.kind == "vxlan")
    if iflink is None or itself:
        if not foreign:
            return {}
        assert link_net is not None
        return {"backend": {"nsid": nsid_of(net, link_net), "netns": link_net.name or INIT}}
    where = link_net if foreign and link_net is not None else net
    found = next((d for d in where.dev_list() if d.ifindex == iflink), None)
    name = found.name if found is not None else None
    if not foreign:
        return {"lower": {"ifname": name or f"if{iflink}", "netns": net.name or INIT}}
    return {
        "lower": {
            "ifindex": iflink,
            "netns": where.name or INIT,
            "nsid": nsid_of(net, where),
            "ifname": name,
        }
    }


# -- for people --


@_looks
def json_links(_k: Kernel, net: Net, only: NetDevice | None = None) -> str:
    """`ip -j link`: one line of JSON."""
    links = []
    for dev in [only] if only is not None else sorted_devices(net):
        link: Shown = {
            "ifindex": dev.ifindex,
            "ifname": dev.name,
            "flags": flags(dev),
            "mtu": dev.mtu,
            "qdisc": qdisc(dev),
            "operstate": dev.operstate if dev.up else "DOWN",
            "linkmode": "DEFAULT",
            "group": str(dev.group or "default"),
            "txqlen": dev.txqlen,
            "link_type": dev.type,
            "address": dev.address,
            "broadcast": "ff:ff:ff:ff:ff:ff",
        }
        links.append(link)
    return json.dumps(links, separators=(",", ":"))


def flags(dev: NetDevice) -> list[str]:
    """The words between the angle brackets."""
    if kind_of(dev) == "lo":
        words = ["LOOPBACK"]
    else:
        words = ["BROADCAST"] if dev.kind == "dummy" else ["BROADCAST", "MULTICAST"]
    if dev.noarp:
        words.append("NOARP")
    if dev.promiscuity:
        words.append("PROMISC")
    if dev.up:
        words.append("UP")
        if dev.operstate in ("UP", "UNKNOWN"):
            words.append("LOWER_UP")
    return words


@_looks
def human_links(
    k: Kernel,
    net: Net,
    only: NetDevice | None = None,
    *,
    details: bool = False,
    addresses: bool = False,
) -> str:
    """`ip link`, in lines; `ip -d link` with the kind, `ip addr` with addresses."""
    lines: list[str] = []
    for dev in [only] if only is not None else sorted_devices(net):
        lines += human_link(k, net, dev)
        shown = shown_device(k, net, dev)
        if details and shown["kind"] not in ("lo", "ether"):
            info = " ".join(f"{key} {value}" for key, value in shown.get("info", {}).items())
            lines.append(f"    {shown['kind']} {info}".rstrip())
        if addresses:
            lines += [
                f"    inet {a} scope global {dev.name}" for a in dev.info.get("addresses", ())
            ]
    return "\n".join(lines)


def human_link(k: Kernel, net: Net, dev: NetDevice) -> list[str]:
    """The two lines of a device."""
    shown = shown_device(k, net, dev)
    lower = shown.get("lower")
    name = dev.name
    if lower is not None:
        there = f"if{lower['ifindex']}" if "ifindex" in lower else lower["ifname"]
        name += f"@{there}"
    master = f" master {shown['master']}" if "master" in shown else ""
    first = (
        f"{dev.ifindex}: {name}: <{','.join(flags(dev))}> mtu {dev.mtu} qdisc {qdisc(dev)}{master} "
        f"state {shown['operstate']} mode DEFAULT group {dev.group or 'default'} qlen {dev.txqlen}"
    )
    zero = "00:00:00:00:00:00"
    broadcast = zero if kind_of(dev) == "lo" else "ff:ff:ff:ff:ff:ff"
    where = f" link-netns {lower['netns']}" if lower and "ifindex" in lower else ""
    return [first, f"    link/{dev.type} {dev.address or zero} brd {broadcast}{where}"]


def qdisc(dev: NetDevice) -> str:
    """The queueing discipline's name, as far as a virtual device has one."""
    return "noqueue" if dev.up else "noop"
