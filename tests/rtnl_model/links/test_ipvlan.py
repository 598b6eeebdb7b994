"""ipvlan and ipvtap: patches 11 to 14."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtnl_model.kernel.rtnetlink_request import LinkRequest

from .worlds import (
    RTNL_REGIMES,
    add,
    answer,
    booted,
    delete,
    device,
    explored,
    lines,
    move,
    names,
    run,
    titles,
)

if TYPE_CHECKING:
    from rtnl_model.kernel.links.ipvlan_port import IpvlPort

KINDS = ("ipvlan", "ipvtap")
FAN_OUT = """
ip netns add ns1
ip netns add ns2
ip netns add ns3
ip -n ns1 link add d1 type dummy
ip -n ns2 link add u2 link d1 link-netns ns1 type {kind} mode {mode}
ip -n ns3 link add u3 link d1 link-netns ns1 type {kind} mode {mode}
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
@pytest.mark.parametrize("mode", ["l2", "l3", "l3s"])
def test_the_lowers_end_takes_every_upper(kind: str, rtnl: str, mode: str) -> None:
    """Uppers of two other namespaces; nothing is found, no reference stays."""
    recorded = run(FAN_OUT.format(kind=kind, mode=mode) + "ip -n ns1 link del d1", rtnl)

    assert titles(recorded) == []
    assert names(recorded) == {"ns1": [], "ns2": [], "ns3": []}


@pytest.mark.parametrize("kind", KINDS)
def test_uppers_leave_in_their_own_namespaces_and_before_the_lower_is_free(kind: str) -> None:
    """T1: each uninit in its namespace's worker, the lower freed by the caller after both."""
    recorded = run(FAN_OUT.format(kind=kind, mode="l2") + "ip -n ns1 link del d1", "small")
    trace = [
        (line["fn"], line.get("dev"))
        for line in recorded.document["ops"][-1]["trace"]
        if line["fn"] in ("ipvlan_uninit", "free_netdev")
    ]

    assert {("kworker/ns2", "u2"), ("kworker/ns3", "u3")} == set(lines(recorded, "ipvlan_uninit"))
    freed = trace.index(("free_netdev", "d1"))
    assert all(trace.index(("ipvlan_uninit", dev)) < freed for dev in ("u2", "u3"))


def test_the_port_lives_from_the_first_upper_to_the_last() -> None:
    """It takes the rx handler and a reference on the lower, and gives both back."""
    with booted() as k:
        net = k.net_namespace.create("ns1")
        lower = add(k, net, "d1", "dummy")
        add(k, net, "u1", "ipvlan", link=lower.ifindex, data={"mode": "l2"})
        add(k, net, "u2", "ipvlan", link=lower.ifindex, data={"mode": "l2"})
        port: IpvlPort = lower.rx_handler_data

        assert port.count.read() == 2
        assert [dev.priv.dev_id for dev in port.ipvlans] == [1, 2]
        assert "ipvl_port" in lower.holders()
        delete(k, net, "u1")
        assert {2} == port.ida
        delete(k, net, "u2")
        assert (None, 0, set()) == (lower.rx_handler, port.count.read(), port.ida)
        assert "ipvl_port" not in lower.holders()


def test_a_mode_belongs_to_all_uppers_of_the_port() -> None:
    """The latest word counts, also in other namespaces; a new one without a word says l3."""
    script = """
    ip netns add ns1
    ip netns add ns2
    ip -n ns1 link add d1 type dummy
    ip -n ns1 link add u1 link d1 type ipvlan mode l2
    ip -n ns2 link add u2 link d1 link-netns ns1 type ipvlan mode l3s
    ip -n ns2 link add u3 link d1 link-netns ns1 type ipvlan
    """
    recorded = run(script)
    modes = [(device(recorded, "ns1", "u1", op)["info"]["mode"], op) for op in (3, 4, 5)]

    assert modes == [("l2", 3), ("l3s", 4), ("l3", 5)]
    flags = [
        (e["ifname"], e["change"])
        for e in recorded.document["ops"][4]["events"]
        if e["change"] == 128
    ]
    assert flags == [("u1", 128)]


@pytest.mark.parametrize(
    ("lower", "kind", "wanted"),
    [
        ("lo", "ipvlan", "EINVAL"),
        ("lo", "ipvtap", "EINVAL"),
        ("bu", "ipvlan", "EINVAL"),
        ("mvlower", "ipvlan", "EBUSY"),
    ],
)
def test_lowers_that_are_refused(lower: str, kind: str, wanted: str) -> None:
    """Loopback, not Ethernet, or somebody else receives there."""
    script = f"""
    ip netns add ns1
    ip -n ns1 link add bu type bareudp dstport 6635 ethertype ipv4
    ip -n ns1 link add mvlower type dummy
    ip -n ns1 link add mv link mvlower type macvlan
    ip -n ns1 link add u link {lower} type {kind} mode l2
    """
    recorded = run(script)

    assert (2, wanted, "") == answer(recorded)
    assert names(recorded)["ns1"] == ["bu", "mvlower", "mv"]
    assert titles(recorded) == []


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_an_ipvlan_on_an_ipvlan_stands_on_the_real_lower(rtnl: str) -> None:
    """Deleting the one in the middle leaves the other."""
    script = """
    ip netns add ns1
    ip netns add ns2
    ip netns add ns3
    ip -n ns1 link add d1 type dummy
    ip -n ns2 link add ua link d1 link-netns ns1 type ipvlan mode l2
    ip -n ns3 link add ub link ua link-netns ns2 type ipvlan mode l2
    ip -n ns2 link del ua
    ip -n ns1 link del d1
    """
    recorded = run(script, rtnl)

    assert device(recorded, "ns3", "ub", 5)["lower"]["netns"] == "ns1"
    assert names(recorded, 6)["ns3"] == ["ub"]
    assert names(recorded) == {"ns1": [], "ns2": [], "ns3": []}
    assert titles(recorded) == []


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_hook_counts_follow_the_lower_and_end_at_zero(rtnl: str) -> None:
    """An L3S port counts in its lower's namespace, moves with it, and leaves."""
    with booted(rtnl) as k:
        nets = [k.net_namespace.create(f"ns{i}") for i in (1, 2, 3)]
        lower = add(k, nets[0], "d1", "dummy")
        add(
            k,
            nets[1],
            "u1",
            "ipvlan",
            link=lower.ifindex,
            link_net=nets[0],
            data={"mode": "l3s"},
        )
        data = [k.links["ipvlan"].net_generic(net) for net in nets]

        assert [vnet.ipvl_nf_hook_refcnt for vnet in data] == [1, 0, 0]
        move(k, nets[0], lower, nets[2])
        assert [vnet.ipvl_nf_hook_refcnt for vnet in data] == [0, 0, 1]
        delete(k, nets[1], "u1")
        k.quiesce()
        assert [vnet.ipvl_nf_hook_refcnt for vnet in data] == [0, 0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_users_deletion_of_a_dying_upper_is_success(kind: str) -> None:
    """T17: its lower's event queued it; the user's dellink does nothing, the unlock drains it."""
    with booted() as k:
        ns1 = k.net_namespace.create("ns1")
        ns2 = k.net_namespace.create("ns2")
        lower = add(k, ns1, "d1", "dummy")
        upper = add(k, ns2, "u1", kind, link=lower.ifindex, link_net=ns1, data={"mode": "l2"})
        k.rtnl.rtnl_net_lock(ns1)
        k.rtnl.rtnl_net_lock_nested(ns2)  # the worker cannot drain it
        try:
            driver = k.links["ipvlan"]
            port = upper.priv.port
            with port.pnodes_lock:
                upper.priv.dying = True
                tap = driver.ipvtap_dellink_ptr if kind == "ipvtap" else None
                (tap or driver.ipvlan_link_delete_locked)(ns1, upper, None)
            assert ns2 is upper.unreg_list_net
            k.links[kind].dellink(upper, None)
            assert ns2 is upper.unreg_list_net
        finally:
            k.rtnl.rtnl_net_unlock_nested(ns2)
            k.rtnl.rtnl_net_unlock(ns1)
        assert upper.freed


def test_an_address_has_one_owner_per_port() -> None:
    """Two uppers of one lower, in two namespaces; free again when its owner is deleted."""
    script = FAN_OUT.format(kind="ipvlan", mode="l3") + (
        "ip -n ns2 addr add 10.0.0.1/24 dev u2\n"
        "ip -n ns3 addr add 10.0.0.1/24 dev u3\n"
        "ip -n ns2 link del u2\n"
        "ip -n ns3 addr add 10.0.0.1/24 dev u3\n"
    )
    recorded = run(script)

    assert answer(recorded, 7) == (
        2,
        "EADDRINUSE",
        "IPv4 address already assigned to an ipvlan device",
    )
    assert answer(recorded)[0] == 0
    assert titles(recorded) == []


def test_flags_and_mode_can_be_changed_later() -> None:
    """`ip link set … type ipvlan`, for the whole port."""
    with booted() as k:
        net = k.net_namespace.create("ns1")
        lower = add(k, net, "d1", "dummy")
        upper = add(k, net, "u1", "ipvlan", link=lower.ifindex, data={"mode": "l2"})
        k.rtnetlink.rtnl_newlink(
            LinkRequest(
                sock_net=net,
                ifindex=upper.ifindex,
                kind="ipvlan",
                data={"mode": "l3s", "flags": "private"},
            )
        )

        assert (upper.priv.port.mode, upper.priv.port.flags) == ("l3s", "private")
        assert k.links["ipvlan"].net_generic(net).ipvl_nf_hook_refcnt == 1


RACES = {
    "upper and lower": "ip -n ns2 link del u2 & ip -n ns1 link del d1 & wait",
    "upper and moved lower": "ip -n ns1 link set d1 netns ns4 & ip -n ns2 link del u2 & wait",
    "late upper": "ip -n ns3 link add u9 link u2 link-netns ns2 type {kind} mode {mode} & "
    "ip -n ns1 link del d1 & wait",
    "two namespaces": "ip netns del ns2 & ip netns del ns1 & wait",
    "last upper and first": "ip -n ns2 link del u2 & ip -n ns3 link del u3 & "
    "ip -n ns4 link add u4 link d1 link-netns ns1 type {kind} mode {mode} & wait",
}


@pytest.mark.apart
@pytest.mark.parametrize("race", RACES)
@pytest.mark.parametrize("mode", ["l2", "l3s"])
def test_races_on_a_port_are_clean_without_a_global_rtnl(race: str, mode: str, seed: int) -> None:
    """In many schedules; the fixes of G.1, G.2, G.3 and G.8 are what makes it so."""
    script = "ip netns add ns4\n" + FAN_OUT + RACES[race]
    outcome = explored(script.format(kind="ipvlan", mode=mode), "pernet", 15, seed)

    assert [str(finding.report) for finding in outcome.findings] == []


TWO_PORTS = """
ip netns add ns1
ip netns add ns2
ip netns add ns3
ip -n ns1 link add d1 type dummy
ip -n ns1 link add d2 type dummy
ip -n ns2 link add u2 link d1 link-netns ns1 type ipvlan mode l3s
ip -n ns3 link add u3 link d2 link-netns ns1 type ipvlan mode l3s
ip -n ns2 link del u2 & ip -n ns3 link del u3 & wait
"""
FIXED = {
    "G.1": "ip netns add ns4\n" + FAN_OUT.format(kind="ipvlan", mode="l2") + RACES["late upper"],
    "G.3": FAN_OUT.format(kind="ipvlan", mode="l2") + RACES["upper and lower"],
    "G.8": TWO_PORTS,
}


@pytest.mark.apart
@pytest.mark.parametrize("fix", FIXED)
def test_without_its_fix_a_race_is_found_and_with_it_none(fix: str, seed: int) -> None:
    """`--bug G.n` takes the fix out, and the explorer shows why it is there."""
    script = FIXED[fix].format(kind="ipvlan", mode="l2")

    assert explored(script, "pernet", 300, seed, bugs=(fix,)).outcome == "failed"
    assert explored(script, "pernet", 20, seed).outcome == "passed"
