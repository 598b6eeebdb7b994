"""veth and vxcan: one deletion per pair, whoever asks, and balanced references."""

from __future__ import annotations

from errno import ENODEV, ENOTCONN

import pytest

from rtnl_model.iproute import parse_script
from rtnl_model.kernel.errors import KernelError
from rtnl_model.kernel.rtnetlink_request import LinkRequest
from rtnl_model.lab.explore import ExploreOptions, explore
from rtnl_model.lab.model_run import ModelSetting

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

KINDS = ("veth", "vxcan")
PAIR = """
ip netns add ns1
ip netns add ns2
ip -n ns1 link add v0 type {kind} peer name v1 netns ns2
"""
RACES = {
    "both ends": "ip -n ns1 link del v0 & ip -n ns2 link del v1 & wait",
    "one end is moved": "ip netns add ns3\n"
    "ip -n ns2 link set v1 netns ns3 & ip -n ns1 link del v0 & wait",
    "a namespace dies": "ip netns del ns2 & ip -n ns1 link del v0 & wait",
    "one end is opened": "ip -n ns1 link set v0 up & ip -n ns2 link del v1 & wait",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_deleting_one_end_deletes_both(kind: str, rtnl: str) -> None:
    """Each end is freed once, and no reference is left."""
    recorded = run(PAIR.format(kind=kind) + "ip -n ns1 link del v0", rtnl)

    assert titles(recorded) == []
    assert names(recorded) == {"ns1": [], "ns2": []}
    assert sorted(dev for _, dev in lines(recorded, "free_netdev")) == ["v0", "v1"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_far_end_is_unregistered_by_its_own_namespace(kind: str) -> None:
    """Patch 8: the peer is handed over, its uninit does not run in the caller."""
    recorded = run(PAIR.format(kind=kind) + "ip -n ns1 link del v0", "small")

    assert sorted(lines(recorded, "free_netdev")) == [("ip", "v0"), ("kworker/ns2", "v1")]
    assert lines(recorded, "unregister_netdevice_queue_net") == [("ip", "v1")]


def test_the_peer_comes_first_and_points_back() -> None:
    """The lower ifindex is the peer's; both ends name each other."""
    recorded = run("ip netns add ns1\nip -n ns1 link add v0 type veth peer v1")

    assert names(recorded)["ns1"] == ["v1", "v0"]
    assert device(recorded, "ns1", "v1")["lower"]["ifname"] == "v0"
    assert device(recorded, "ns1", "v0")["lower"]["ifname"] == "v1"


def test_a_pair_with_one_name_is_refused_and_leaves_nothing() -> None:
    """The peer was registered by then, and is unregistered again."""
    recorded = run("ip netns add ns1\nip -n ns1 link add v0 type veth peer name v0")

    assert answer(recorded) == (2, "EEXIST", "")
    assert names(recorded) == {"ns1": []}
    assert titles(recorded) == []


def test_holds_exist_while_the_pair_does() -> None:
    """Each end has the other's tracked reference; both are gone with the pair."""
    with booted() as k:
        net = k.net_namespace.create("ns1")
        v0 = add(k, net, "v0", "veth", peer={"ifname": "v1"})
        v1 = v0.priv.peer.get()

        assert "veth_priv.peer" in v0.holders()
        assert "veth_priv.peer" in v1.holders()
        delete(k, net, "v1")
        assert v0.holders() + v1.holders() == []
        assert v0.freed
        assert v1.freed


def test_carrier_needs_both_ends() -> None:
    """Up alone is DOWN; both up is UP."""
    script = PAIR.format(kind="veth") + "ip -n ns1 link set v0 up\nip -n ns2 link set v1 up"
    recorded = run(script)

    assert device(recorded, "ns1", "v0", op=3)["operstate"] == "DOWN"
    assert device(recorded, "ns1", "v0")["operstate"] == "UP"
    assert device(recorded, "ns2", "v1")["operstate"] == "UP"


def test_an_end_whose_peer_is_taken_cannot_be_opened() -> None:
    """ENOTCONN, while it waits for its namespace's worker."""
    with booted() as k:
        net = k.net_namespace.create("ns1")
        v0 = add(k, net, "v0", "veth", peer={"ifname": "v1"})
        k.rtnl.rtnl_net_lock(net)
        try:
            peer = k.links["veth"].take_peer(v0)
            with pytest.raises(KernelError) as refused:
                k.dev.dev_open(v0)
            v0.priv.peer.set(peer)
        finally:
            k.rtnl.rtnl_net_unlock(net)

        assert refused.value.errno == ENOTCONN
        set_up(k, net, v0)


def test_a_second_deletion_finds_nothing() -> None:
    """After both are gone the other end's name is unknown."""
    with booted() as k:
        net = k.net_namespace.create("ns1")
        add(k, net, "v0", "veth", peer={"ifname": "v1"})
        delete(k, net, "v0")
        with pytest.raises(KernelError) as refused:
            k.rtnetlink.rtnl_dellink(LinkRequest(sock_net=net, ifname="v1"))

    assert refused.value.errno == ENODEV


@pytest.mark.apart
@pytest.mark.parametrize("race", RACES)
@pytest.mark.parametrize("kind", KINDS)
def test_races_for_a_pair_are_clean_without_a_global_rtnl(kind: str, race: str, seed: int) -> None:
    """In many schedules: one deletion, no use of what is freed, no race."""
    outcome = explored(PAIR.format(kind=kind) + RACES[race], "pernet", 15, seed)

    assert [str(finding.report) for finding in outcome.findings] == []
    assert outcome.outcome == "passed"


def test_links_that_change_at_once_are_marked_one_after_the_other(seed: int) -> None:
    """How urgent a mark is, is asked before the list of marks is taken: asking reads the peer."""
    script = PAIR.format(kind="veth") + "ip -n ns1 link set v0 up\n"
    script += "ip -n ns2 link set v1 up & ip -n ns1 link set v0 down & wait"
    options = ExploreOptions(strategy="random", schedules=40, seed=seed, hang_after=1.0)
    outcome = explore(parse_script(script), ModelSetting(rtnl="pernet"), options)

    assert outcome.outcome == "passed"
