"""What must hold when nothing moves: every requester back, every work idle, no cleanup running.

The invariants of a running kernel are checked where they can break (`k.report_invariant` in the
kernel's own files): unregistered once, on one pending list, references at free, nothing queued to a
cleaned namespace, uppers gone before PRE_UNINIT.  Here is the other half, each rule a function that
yields what it found wrong; `check_quiescence` runs them all and files a finding for each.

Context: nobody else touches the kernel; tables and counts are read without locks and without
scheduling points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from lockcheck import looking
from rtnl_model.kernel.links.backend import BackendList, BackendPriv
from rtnl_model.kernel.links.ipvlan_l3s import IpvlanNetns
from rtnl_model.kernel.links.ipvlan_port import IpvlPort, IpvlPriv
from rtnl_model.kernel.links.paired import PairPriv
from rtnl_model.kernel.netdevice import RegState

if TYPE_CHECKING:
    from rtnl_model.kernel.kernel import Kernel
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["RULES", "Broken", "check_quiescence", "live_nets"]


class Broken(NamedTuple):
    """One violation."""

    rule: str
    title: str
    dev: NetDevice | None = None


def live_nets(k: Kernel) -> list[Net]:
    """Every listed namespace, init_net among them."""
    return list(k.net_namespace.net_namespace_list)


def live_devs(k: Kernel) -> list[NetDevice]:
    """Every listed device of every listed namespace."""
    return [dev for net in live_nets(k) for dev in net.dev_list()]


def check_quiescence(k: Kernel) -> list[Broken]:
    """Run every rule; each violation becomes a finding."""
    with looking(k.chk):
        found = [broken for rule in RULES for broken in rule(k)]
    for broken in found:
        known = _left_by(k, broken.dev) if broken.rule == "left-on-todo" else ""
        k.report_invariant(broken.title, rule=broken.rule, dev=broken.dev, known=known)
    return found


def _left_by(k: Kernel, dev: NetDevice | None) -> str:
    """The known defect that left this device on net_todo_list (G.12: a rebroadcast), or none."""
    return "" if dev is None else k.rtnl.left.get(dev, "")


# -- rules --


def nothing_pending(k: Kernel) -> Iterator[Broken]:
    """Every enqueue was drained: no pending list has a device, and the lockless mark agrees."""
    for net in live_nets(k):
        for dev in net.dev_unreg_head:
            yield Broken(
                "left-pending",
                f"{dev.name} is still pending in {net.name} though every work is idle",
                dev,
            )


def no_todo_left(k: Kernel) -> Iterator[Broken]:
    """net_todo_list is empty: whoever unregistered a device finished it (hazard 16)."""
    for dev in k.rtnl.net_todo_list:
        yield Broken("left-on-todo", f"{dev.name} is unregistered and left on net_todo_list", dev)


def states_are_settled(k: Kernel) -> Iterator[Broken]:
    """A listed device is REGISTERED, not freed, on no kill list, of the netns that lists it."""
    for net in live_nets(k):
        for dev in net.dev_list():
            state = dev.peek_state()
            if state is not RegState.REGISTERED:
                yield Broken("between-states", f"{dev.name} is listed as {state.name}", dev)
            if dev.freed:
                yield Broken("listed-freed", f"{dev.name} is listed and freed", dev)
            if dev.unreg_list is not None:
                yield Broken("left-queued", f"{dev.name} is left on {dev.unreg_list!r}", dev)
            if dev.peek_net() is not net:
                yield Broken(
                    "listed-elsewhere",
                    f"{dev.name} is listed in {net.name} and belongs to {dev.peek_net().name}",
                    dev,
                )


def tables_agree(k: Kernel) -> Iterator[Broken]:
    """Names and indexes lead to exactly the listed devices."""
    for net in live_nets(k):
        devs = net.dev_list()
        for dev in devs:
            if net.names.get(dev.name) is not dev:
                yield Broken("name-table", f"{dev.name} of {net.name} is not under its name", dev)
            if net.indexes.get(dev.ifindex) is not dev:
                yield Broken("index-table", f"{dev.name} of {net.name} is not under its index", dev)
        for name, dev in list(net.names.items()):
            if dev not in devs and dev.name == name:
                yield Broken("name-table", f"name {name} of {net.name} is kept by no device", dev)


def references_balance(k: Kernel) -> Iterator[Broken]:
    """A count is one of its own plus one for each live tracker."""
    for dev in live_devs(k):
        count = dev.refcnt.value
        if count != 1 + len(dev.trackers):
            yield Broken(
                "ref-balance",
                f"{dev.name} has {count} references and {len(dev.trackers)} trackers:"
                f" {', '.join(dev.holders())}",
                dev,
            )
        for tracker in dev.trackers:
            if not tracker.live:
                yield Broken("ref-tracker", f"{dev.name}: dead tracker {tracker.what}", dev)


def adjacency_is_symmetric(k: Kernel) -> Iterator[Broken]:
    """If a lists b as upper, b lists a as lower, and both live."""
    for dev in live_devs(k):
        for adjacent in dev.upper:
            if not any(back.dev is dev for back in adjacent.dev.lower):
                yield Broken("adjacency", f"{adjacent.dev.name} does not know its lower", dev)
            if adjacent.dev.freed:
                yield Broken("adjacency", f"upper {adjacent.dev.name} is freed", dev)
        for adjacent in dev.lower:
            if not any(back.dev is dev for back in adjacent.dev.upper):
                yield Broken("adjacency", f"{adjacent.dev.name} does not know its upper", dev)
            if adjacent.dev.freed:
                yield Broken("adjacency", f"lower {adjacent.dev.name} is freed", dev)


def pairs_point_at_each_other(k: Kernel) -> Iterator[Broken]:
    """A registered end has its other end, which is registered and points back."""
    for dev in live_devs(k):
        priv = dev.priv
        if not isinstance(priv, PairPriv):
            continue
        peer: NetDevice | None = priv.peer.value
        if peer is None:
            yield Broken("peer-lost", f"{dev.name} outlives its peer", dev)
        elif peer.netdev_priv(PairPriv).peer.value is not dev:
            yield Broken("peer-lost", f"peer {peer.name} does not point back", dev)
        elif not peer.listed:
            yield Broken("peer-lost", f"peer {peer.name} is not listed", dev)


def listed_there(backend: Net, kind: str) -> list[NetDevice]:
    """The devices on a backend's list of one kind."""
    data = backend.generic[kind]
    assert isinstance(data, BackendList)
    return data.dev_list


def backends_list_their_devices(k: Kernel) -> Iterator[Broken]:
    """A tunnel is on the list of its backend, and a backend lists registered devices only."""
    nets = live_nets(k)
    for net in nets:
        for kind, data in net.generic.items():
            for dev in data.dev_list if isinstance(data, BackendList) else ():
                if not dev.listed or dev.freed:
                    yield Broken(
                        "backend-list", f"{kind} list of {net.name} has {dev.name}, gone", dev
                    )
    for dev in live_devs(k):
        priv = dev.priv
        if not isinstance(priv, BackendPriv):
            continue
        backend = priv.net
        if backend not in nets:
            yield Broken("backend-gone", f"{dev.name} outlives its backend {backend.name}", dev)
        elif dev not in listed_there(backend, dev.kind):
            yield Broken("backend-list", f"{dev.name} is on no backend's list", dev)


def ports_know_their_uppers(k: Kernel) -> Iterator[Broken]:
    """An ipvlan port lists exactly the registered uppers, and counts them."""
    uppers: dict[str, list[NetDevice]] = {}
    for dev in live_devs(k):
        priv = dev.priv
        if isinstance(priv, IpvlPriv):
            uppers.setdefault(priv.port.dev.label, []).append(dev)
    for lower in live_devs(k):
        port = lower.rx_handler_data
        if not isinstance(port, IpvlPort):
            continue
        mine = uppers.pop(lower.label, [])
        if sorted(dev.label for dev in port.ipvlans) != sorted(dev.label for dev in mine):
            yield Broken("port-list", f"port of {lower.name} lists other uppers than it has", lower)
        if port.count.value != len(mine):
            yield Broken(
                "port-count", f"port of {lower.name} counts {port.count.value}, has {len(mine)}",
                lower,
            )  # fmt: skip
        for dev in mine:
            priv = dev.netdev_priv(IpvlPriv)
            if priv.noarp_applied not in (None, port.mode != "l2"):
                yield Broken(
                    "port-mode", f"{dev.name} did not follow its port's mode {port.mode}", dev
                )
        if port.pnet is not lower.peek_net():
            yield Broken("port-net", f"port of {lower.name} is of another namespace", lower)
    for devs in uppers.values():
        for dev in devs:
            yield Broken("port-gone", f"{dev.name} outlives its lower", dev)


def dead_namespaces_are_freed(k: Kernel) -> Iterator[Broken]:
    """Nobody keeps the memory of a namespace whose cleanup is over."""
    for net in k.lifetime.peek_nets():
        if net.cleaned and net.passive.value > 0:
            yield Broken("net-leaked", f"{net.passive.value} references keep dead {net.label}")


def hooks_are_counted(k: Kernel) -> Iterator[Broken]:
    """A namespace's L3S hooks are counted once per L3S port whose lower it has."""
    for net in live_nets(k):
        data = net.generic.get("ipvlan")
        if not isinstance(data, IpvlanNetns):
            continue
        counted = data.peek_refcnt()
        ports = [dev.rx_handler_data for dev in net.dev_list()]
        there = sum(1 for port in ports if isinstance(port, IpvlPort) and port.mode == "l3s")
        if counted != there:
            yield Broken("l3s-hooks", f"{net.name} counts {counted} L3S ports, has {there}")


RULES: Final[tuple[Callable[[Kernel], Iterator[Broken]], ...]] = (
    nothing_pending,
    no_todo_left,
    states_are_settled,
    tables_agree,
    references_balance,
    adjacency_is_symmetric,
    pairs_point_at_each_other,
    backends_list_their_devices,
    ports_know_their_uppers,
    hooks_are_counted,
    dead_namespaces_are_freed,
)
"""All of them, in the order in which they are reported."""
