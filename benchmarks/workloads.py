"""What the requesters do: one round is the creation and the deletion of something.

Each workload builds its own namespaces in a fresh kernel and returns one function per requester.
Independent work unless its docstring says otherwise: no two requesters name the same namespace, so
what they still wait for each other is RTNL, the shared rcu_barrier, or a real dependency.

A round waits as long as the user's command does.  Work that was handed to another namespace's
worker may still run then; a device's name is used once, so that the next round does not meet it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from rtnl_model.kernel.rtnetlink_request import LinkRequest, PeerRequest

if TYPE_CHECKING:
    from benchmarks.requesters import Round
    from rtnl_model.kernel.kernel import Kernel
    from rtnl_model.kernel.net_namespace import Net

__all__ = ["IPVLAN_UPPERS", "WORKLOADS", "Workload"]


@dataclass(frozen=True, slots=True)
class Workload:
    """A name for tables, and how to make its rounds."""

    name: str
    story: str
    prepare: Callable[[Kernel, int], list[Round]]
    """(kernel, namespaces) -> rounds."""
    axis: str = "namespaces = requesters"


def _veth(k: Kernel, n: int) -> list[Round]:
    """A veth pair, both ends in the requester's own namespace."""
    return [_veth_round(k, net, net) for net in _nets(k, "ns", n)]


def _veth_across(k: Kernel, n: int) -> list[Round]:
    """A veth pair between the requester's namespace and a second one of his own."""
    pairs = zip(_nets(k, "ns", n), _nets(k, "peer", n), strict=True)
    return [_veth_round(k, net, peer) for net, peer in pairs]


def _veth_round(k: Kernel, net: Net, peer_net: Net) -> Round:
    serial = count()

    def round_() -> None:
        n = next(serial)
        name = f"v{n}"
        k.rtnetlink.rtnl_newlink(
            LinkRequest(
                sock_net=net,
                ifname=name,
                kind="veth",
                create=True,
                excl=True,
                peer=PeerRequest(f"p{n}", net=peer_net),
            )
        )
        k.rtnetlink.rtnl_dellink(LinkRequest(sock_net=net, ifname=name))

    return round_


def _bareudp_away(k: Kernel, n: int) -> list[Round]:
    """A bareudp tunnel whose socket is in one namespace and whose device is in another."""
    return [
        _bareudp_round(k, home, away)
        for home, away in zip(_nets(k, "home", n), _nets(k, "away", n), strict=True)
    ]


def _bareudp_round(k: Kernel, home: Net, away: Net) -> Round:
    serial = count()

    def round_() -> None:
        n = next(serial)
        name = f"b{n}"
        k.rtnetlink.rtnl_newlink(
            LinkRequest(
                sock_net=home,
                ifname=name,
                kind="bareudp",
                create=True,
                excl=True,
                tgt_net=away,
                data={"dstport": 1024 + n % 60_000, "ethertype": "mpls_uc"},
            )
        )
        k.rtnetlink.rtnl_dellink(LinkRequest(sock_net=away, ifname=name))

    return round_


def _ipvlan_fan(k: Kernel, uppers: int) -> list[Round]:
    """One requester: a lower with `uppers` ipvlans, each in another namespace; the lower goes.

    The lower's deletion ends when the last upper dropped its reference.
    """
    lower_net = k.net_namespace.create("lower")
    upper_nets = _nets(k, "up", uppers)
    serial = count()

    def round_() -> None:
        n = next(serial)
        lower_name = f"d{n}"
        k.rtnetlink.rtnl_newlink(
            LinkRequest(sock_net=lower_net, ifname=lower_name, kind="dummy", create=True, excl=True)
        )
        lower = k.dev.dev_get_by_name(lower_net, lower_name)
        assert lower is not None
        for net in upper_nets:
            k.rtnetlink.rtnl_newlink(
                LinkRequest(
                    sock_net=lower_net,
                    ifname=f"i{n}",
                    kind="ipvlan",
                    create=True,
                    excl=True,
                    link=lower.ifindex,
                    tgt_net=net,
                    data={"mode": "l2"},
                )
            )
        k.rtnetlink.rtnl_dellink(LinkRequest(sock_net=lower_net, ifindex=lower.ifindex))

    return [round_]


def _netns(k: Kernel, n: int) -> list[Round]:
    """A namespace comes and goes; the round ends when cleanup_net is done with it.

    Not independent: one thread cleans up for all, a batch at a time, in every regime.
    """
    return [_netns_round(k, requester) for requester in range(n)]


def _netns_round(k: Kernel, requester: int) -> Round:
    serial = count()

    def round_() -> None:
        name = f"r{requester}-{next(serial)}"
        net = k.net_namespace.create(name)
        worker = net.worker
        assert worker is not None
        k.net_namespace.delete(name)
        worker.join()  # cleanup_net ends the namespace's worker last of all

    return round_


def _nets(k: Kernel, prefix: str, n: int) -> list[Net]:
    return [k.net_namespace.create(f"{prefix}{i}") for i in range(n)]


IPVLAN_UPPERS = Workload(
    "ipvlan",
    "one lower with ipvlan uppers in as many other namespaces; the lower goes",
    _ipvlan_fan,
    axis="ipvlan uppers, each in another namespace",
)

WORKLOADS: dict[str, Workload] = {
    w.name: w
    for w in (
        Workload("veth", "veth pair, both ends in the requester's namespace", _veth),
        Workload(
            "veth-across", "veth pair between two namespaces of the requester's", _veth_across
        ),
        Workload("bareudp", "bareudp away from home", _bareudp_away),
        IPVLAN_UPPERS,
        Workload("netns", "a namespace comes and goes", _netns),
    )
}
"""By name."""
