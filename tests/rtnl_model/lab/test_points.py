"""What decides a path is a scheduling point: the exhaustive search knows every order there is."""

from __future__ import annotations

from lockcheck.explore.coverage import Coverage
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy
from rtnl_model.iproute import parse_script
from rtnl_model.lab.explore import ModelSubject
from rtnl_model.lab.model_run import ModelSetting

MOVING_PEER = """ip netns add ns1; ip netns add ns2; ip netns add ns3
ip -n ns1 link add v0 type veth peer v1 netns ns2
ip -n ns1 link add u0 link v0 type ipvlan mode l2
ip -n ns1 link add u1 link v0 type ipvlan mode l2
ip -n ns2 link set v1 netns ns3 & ip -n ns1 link set v0 mtu 1400 & wait
"""
"""The message of v0's new mtu names the namespace of its peer, which moves without ns1's lock."""


def searched(strategy: str, seed: int, schedules: int) -> tuple[Coverage, bool]:
    """What a strategy sees of the script, and whether it saw everything."""
    subject = ModelSubject(
        parse_script(MOVING_PEER, "moving peer"), ModelSetting(rtnl="pernet", timing="zero")
    )
    with Session(subject, limits=Limits(schedules=schedules)) as session:
        outcome = session.explore(make_strategy(strategy, seed))
    assert outcome.findings == []
    return outcome.coverage, outcome.exhausted


def test_two_uppers_and_a_peer_that_moves(seed: int) -> None:
    """No order that a random walk comes to is missing in an exhausted search."""
    every, exhausted = searched("dpor", seed, 2000)
    some, _ = searched("random", seed, 60)

    assert exhausted
    assert len(every.orders) > 1
    assert set(some.orders) <= set(every.orders)
    assert set(some.states) <= set(every.states)


MOVING_AWAY = """
ip netns add a
ip netns add b
ip -n b link add d0 type dummy
rmmod dummy & ip -n b link set d0 netns a & wait
"""


def test_a_device_that_moves_behind_the_walk_is_unregistered_with_its_module(seed: int) -> None:
    """From a namespace that `rmmod` has not seen yet to one that it has."""
    subject = ModelSubject(
        parse_script(MOVING_AWAY, "moving away"), ModelSetting(rtnl="pernet", timing="zero")
    )
    with Session(subject, limits=Limits(schedules=500)) as session:
        outcome = session.explore(make_strategy("dpor", seed))

    assert outcome.findings == []
    assert outcome.exhausted
    assert len(outcome.coverage.orders) > 1


ASKED_WHILE_IT_MOVES = """
ip netns add a
ip netns add b
ip netns add c
ip -n a link add low type dummy
ip -n b link add upp link low link-netns a type ipvlan mode l2
ip -n a link set low address 02:00:00:00:00:01 & ip -n b link set upp netns c & wait
ip -n c link show
"""


def test_an_upper_that_moves_is_asked_for_its_address_by_its_own_namespace(seed: int) -> None:
    """Not between its NETDEV_UNREGISTER and its NETDEV_REGISTER, by its lower's thread."""
    subject = ModelSubject(
        parse_script(ASKED_WHILE_IT_MOVES, "asked while it moves"),
        ModelSetting(rtnl="pernet", timing="zero"),
    )
    with Session(subject, limits=Limits(schedules=500)) as session:
        outcome = session.explore(make_strategy("dpor", seed))

    assert outcome.findings == []
    assert outcome.exhausted
    assert len(outcome.coverage.orders) > 1
