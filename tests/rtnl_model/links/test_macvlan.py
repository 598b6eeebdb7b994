"""macvlan and macvtap: 7.3's, unconverted, and the conversion."""

from __future__ import annotations

import pytest

from .worlds import (
    RTNL_REGIMES,
    add,
    answer,
    booted,
    delete,
    device,
    explored,
    lines,
    names,
    run,
    set_up,
    titles,
)

KINDS = ("macvlan", "macvtap")
FAN_OUT = """
ip netns add ns1
ip netns add ns2
ip netns add ns3
ip -n ns1 link add d1 type dummy
ip -n ns2 link add u2 link d1 link-netns ns1 type {kind} mode bridge
ip -n ns3 link add u3 link d1 link-netns ns1 type {kind} mode bridge
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_the_lowers_end_takes_every_upper(kind: str, rtnl: str) -> None:
    """Uppers of two other namespaces; nothing is found, no reference stays."""
    recorded = run(FAN_OUT.format(kind=kind) + "ip -n ns1 link del d1", rtnl)

    assert titles(recorded) == []
    assert names(recorded) == {"ns1": [], "ns2": [], "ns3": []}


@pytest.mark.parametrize(
    ("rtnl", "where"), [("small", {"ip"}), ("pernet", {"kworker/ns2", "kworker/ns3"})]
)
def test_who_unregisters_the_uppers(rtnl: str, where: set[str]) -> None:
    """7.3's does it on the spot, the conversion leaves it to their namespaces."""
    recorded = run(FAN_OUT.format(kind="macvlan") + "ip -n ns1 link del d1", rtnl)

    assert where == {comm for comm, _ in lines(recorded, "macvlan_uninit")}


def test_strict_all_lists_the_foreign_unregistrations() -> None:
    """In `small` with --strict all: 7.3's macvlan breaks the rule that the series stands for."""
    script = FAN_OUT.format(kind="macvlan") + "ip -n ns1 link del d1"

    assert titles(run(script, "small")) == []
    assert titles(run(script, "small", strict="all")) != []


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_a_macvlan_on_a_macvlan_stands_on_the_real_lower(rtnl: str) -> None:
    """And goes with it."""
    script = """
    ip netns add ns1
    ip netns add ns2
    ip netns add ns3
    ip -n ns1 link add d1 type dummy
    ip -n ns2 link add ua link d1 link-netns ns1 type macvlan
    ip -n ns3 link add ub link ua link-netns ns2 type macvlan
    ip -n ns1 link del d1
    """
    recorded = run(script, rtnl)

    assert device(recorded, "ns3", "ub", 5)["lower"]["ifname"] == "d1"
    assert names(recorded) == {"ns1": [], "ns2": [], "ns3": []}
    assert titles(recorded) == []


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
@pytest.mark.parametrize(
    ("first", "second"), [("passthru", "bridge"), ("bridge", "passthru"), ("passthru", "passthru")]
)
def test_passthru_is_alone(rtnl: str, first: str, second: str) -> None:
    """EINVAL for the second upper, which leaves nothing."""
    script = f"""
    ip netns add ns1
    ip netns add ns2
    ip -n ns1 link add d1 type dummy
    ip -n ns1 link add u1 link d1 type macvlan mode {first}
    ip -n ns2 link add u2 link d1 link-netns ns1 type macvlan mode {second}
    """
    recorded = run(script, rtnl)

    assert answer(recorded) == (2, "EINVAL", "")
    assert names(recorded) == {"ns1": ["d1", "u1"], "ns2": []}
    assert titles(recorded) == []


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_passthru_writes_the_lowers_address_and_gives_it_back(rtnl: str) -> None:
    """From another namespace; without a global RTNL the write is done under the lower's lock."""
    with booted(rtnl) as k:
        ns1, ns2 = k.net_namespace.create("ns1"), k.net_namespace.create("ns2")
        lower = add(k, ns1, "d1", "dummy", address="02:00:00:00:00:11")
        upper = add(
            k, ns2, "u1", "macvlan", link=lower.ifindex, link_net=ns1, data={"mode": "passthru"}
        )
        k.rtnl.rtnl_net_lock(ns2)
        try:
            k.dev.dev_set_mac_address(upper, "02:00:00:00:00:99")
        finally:
            k.rtnl.rtnl_net_unlock(ns2)
        k.quiesce()
        assert lower.address == "02:00:00:00:00:99"
        delete(k, ns2, "u1")
        k.quiesce()
        assert lower.address == "02:00:00:00:00:11"


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_the_port_goes_with_its_last_upper(rtnl: str) -> None:
    """The rx handler is free again."""
    with booted(rtnl) as k:
        net = k.net_namespace.create("ns1")
        lower = add(k, net, "d1", "dummy")
        for name in ("u1", "u2"):
            add(k, net, name, "macvlan", link=lower.ifindex, data={"mode": "bridge"})
        delete(k, net, "u1")
        assert lower.rx_handler == "macvlan"
        delete(k, net, "u2")
        assert lower.rx_handler is None
        assert lower.holders() == ["registered"]


@pytest.mark.parametrize(("lower", "wanted"), [("lo", "EINVAL"), ("taken", "EBUSY")])
def test_lowers_that_are_refused(lower: str, wanted: str) -> None:
    """Loopback; a lower that an ipvlan has."""
    script = f"""
    ip netns add ns1
    ip -n ns1 link add taken type dummy
    ip -n ns1 link add iv link taken type ipvlan mode l2
    ip -n ns1 link add u1 link {lower} type macvlan
    """

    assert (2, wanted, "") == answer(run(script))


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_a_running_passthru_upper_makes_its_lower_promiscuous(rtnl: str) -> None:
    """From another namespace, and back when it goes."""
    with booted(rtnl) as k:
        ns1, ns2 = k.net_namespace.create("ns1"), k.net_namespace.create("ns2")
        lower = add(k, ns1, "d1", "dummy")
        upper = add(
            k, ns2, "u1", "macvlan", link=lower.ifindex, link_net=ns1, data={"mode": "passthru"}
        )
        set_up(k, ns2, upper)
        k.quiesce()
        assert lower.promiscuity == 1
        delete(k, ns2, "u1")
        k.quiesce()
        assert lower.promiscuity == 0


@pytest.mark.parametrize("mtu", ["", "mtu 9000", "mtu 1400"])
def test_an_upper_is_not_larger_than_its_lower(mtu: str) -> None:
    """EINVAL above; without a word it takes the lower's."""
    script = f"""
    ip netns add ns1
    ip -n ns1 link add d1 mtu 2000 type dummy
    ip -n ns1 link add u1 link d1 {mtu} type macvlan
    """
    wanted = (2, "EINVAL", "") if mtu == "mtu 9000" else (0, "", "")

    assert answer(run(script)) == wanted


def test_two_running_uppers_do_not_share_an_address() -> None:
    """EADDRINUSE for the second that is opened."""
    script = """
    ip netns add ns1
    ip -n ns1 link add d1 type dummy
    ip -n ns1 link add u1 link d1 address 02:00:00:00:00:01 type macvlan mode bridge
    ip -n ns1 link add u2 link d1 address 02:00:00:00:00:01 type macvlan mode bridge
    ip -n ns1 link set u1 up
    ip -n ns1 link set u2 up
    """

    assert answer(run(script)) == (2, "EADDRINUSE", "")


RACES = {
    "upper and lower": "ip -n ns2 link del u2 & ip -n ns1 link del d1 & wait",
    "late upper": "ip -n ns3 link add u9 link u2 link-netns ns2 type macvlan & "
    "ip -n ns1 link del d1 & wait",
    "two namespaces": "ip netns del ns2 & ip netns del ns1 & wait",
    "last upper and first": "ip -n ns2 link del u2 & ip -n ns3 link del u3 & "
    "ip -n ns4 link add u4 link d1 link-netns ns1 type macvlan & wait",
    "opened and deleted": "ip -n ns2 link set u2 up & ip -n ns1 link del d1 & wait",
}
PASSTHRU = """
ip netns add ns1
ip netns add ns2
ip -n ns1 link add d1 address 02:00:00:00:00:11 type dummy
ip -n ns2 link add mv link d1 link-netns ns1 type macvlan mode passthru
ip -n ns2 link set mv address 02:00:00:00:00:99
ip -n ns2 link del mv & ip -n ns1 link del d1 & wait
"""


@pytest.mark.apart
@pytest.mark.parametrize("race", RACES)
def test_the_conversion_is_clean_without_a_global_rtnl(race: str, seed: int) -> None:
    """In many schedules."""
    script = "ip netns add ns4\n" + FAN_OUT.format(kind="macvlan") + RACES[race]
    outcome = explored(script, "pernet", 15, seed)

    assert [str(finding.report) for finding in outcome.findings] == []


@pytest.mark.apart
def test_the_address_goes_home_or_the_lower_is_gone(seed: int) -> None:
    """T13: the upper's last write meets its lower's deletion."""
    outcome = explored(PASSTHRU, "pernet", 20, seed)

    assert [str(finding.report) for finding in outcome.findings] == []
