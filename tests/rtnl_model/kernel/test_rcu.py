"""Grace periods, backlog flushes and RCU callbacks: what goes on without its wait is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rtnl_model.kernel.kernel import Kernel
from rtnl_model.kernel.links.paired import PairedDriver
from tests.rtnl_model.kernel.builders import add, delete, nets, rules, running, veth


def nothing() -> None:
    """Returns at once."""


def without_grace_period(k: Kernel) -> None:
    k.rcu.grace_period = nothing  # type: ignore[method-assign]  # the wait taken away


def without_flush(k: Kernel) -> None:
    k.rcu.flush_all_backlogs = nothing  # type: ignore[method-assign]  # the wait taken away


def without_barrier(k: Kernel) -> None:
    k.rcu.rcu_barrier = nothing  # type: ignore[method-assign]  # the wait taken away


@pytest.mark.parametrize("regime", ["global", "small", "pernet"])
@pytest.mark.parametrize(
    ("take_away", "rule"),
    [
        (without_grace_period, "grace-period"),
        (without_flush, "backlog-flushed"),
        (without_barrier, "rcu-barrier"),
    ],
)
def test_a_wait_that_is_taken_away_is_found(
    regime: str, take_away: Callable[[Kernel], None], rule: str
) -> None:
    """In one deletion, whatever the interleaving."""
    with running(regime) as k:
        (net,) = nets(k, "a")
        add(k, net, "d0")
        take_away(k)
        delete(k, net, "d0")

        assert set(rules(k)) == {rule}


def test_the_peer_of_a_pair_is_read_inside_a_read_side() -> None:
    """Without a global RTNL; a function of the kernel that forgets rcu_read_lock is found."""
    with running("pernet") as k:
        (net,) = nets(k, "a")
        dev, _peer = veth(k, net, "v0", net, "v1")
        driver = k.links["veth"]
        assert isinstance(driver, PairedDriver)
        with k.probe.frame("veth_xmit"), k.rcu.reading():
            assert driver.get_peer(dev) is not None
        assert rules(k) == []

        with k.probe.frame("veth_xmit"):
            driver.get_peer(dev)

        assert rules(k) == ["rcu-dereference-a peer"]


def test_a_grace_period_that_leaves_a_reader_inside_is_found() -> None:
    """It began after the reader did, and ends before."""
    with running("small") as k:
        k.rcu.wait_for_readers = nothing  # type: ignore[method-assign]  # the wait taken away
        with k.rcu.reading():
            k.rcu.synchronize_net()

        assert rules(k) == ["grace-period"]
