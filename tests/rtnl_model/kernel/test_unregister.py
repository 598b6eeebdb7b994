"""unregister_netdevice_many_notify, netdev_run_todo and the wait for references, step by step."""

from __future__ import annotations

import pytest

from rtnl_model.kernel.errors import KernelBug
from rtnl_model.kernel.netdevice import RegState, UnregHead

from .builders import (
    REGIMES,
    add,
    begin,
    delete,
    ipvlan,
    names,
    nets,
    reached,
    rules,
    running,
    set_up,
    told,
    veth,
)

DELETE_AN_UP_DUMMY = [
    "rtnl_dellink",
    "unregister_netdevice_queue d0",
    "unregister_netdevice_many_notify",
    "rtmsg_ifinfo_build_skb NEWLINK d0",
    "notify DOWN d0",
    "notify UNREGISTER d0",
    "rtmsg_ifinfo_build_skb DELLINK d0",
    "unregister_netdevice_many_notify_ret",
    "netdev_run_todo",
    "free_netdev d0",
    "netdev_run_todo_ret",
    "rtnl_dellink_ret",
]


@pytest.mark.parametrize("regime", REGIMES)
def test_a_deletion_goes_through_the_kernels_steps_in_its_order(regime: str) -> None:
    """Close, unlist, notify, DELLINK, then without RTNL: wait and free."""
    with running(regime) as k:
        (net,) = nets(k, "ns1")
        set_up(k, net, add(k, net, "d0"))
        k.quiesce()
        start = len(k.probe.trace)
        delete(k, net, "d0")

        assert told(k, start) == DELETE_AN_UP_DUMMY
        assert rules(k) == []


@pytest.mark.parametrize("regime", REGIMES)
def test_a_device_waits_for_its_last_reference(regime: str) -> None:
    """It is UNREGISTERED while somebody holds it, and freed as soon as nobody does."""
    with running(regime) as k:
        (net,) = nets(k, "ns1")
        dev = add(k, net, "d0")
        tracker = k.dev.netdev_hold(dev, "the test")
        gone = reached(k, lambda line: line["fn"] == "notify" and line["val"] == "UNREGISTER")
        thread = begin(k, "del d0", lambda: delete(k, net, "d0"))
        gone.wait()
        k.rtnl.rtnl_net_lock(net)  # RTNL is free while it waits
        k.rtnl.rtnl_net_unlock(net)

        assert dev.peek_state() is not RegState.RELEASED
        assert dev.holders()[-1:] == ["the test"]

        k.dev.netdev_put(dev, tracker)
        thread.join()

        assert dev.peek_state() == RegState.RELEASED
        assert rules(k) == []


@pytest.mark.parametrize("regime", REGIMES)
def test_whoever_is_free_first_is_released_first(regime: str) -> None:
    """netdev_wait_allrefs_any: a held device does not keep back those behind it."""
    with running(regime) as k:
        (net,) = nets(k, "ns1")
        held, free = veth(k, net, "v0", net, "v1")
        tracker = k.dev.netdev_hold(held, "the test")
        freed = reached(k, lambda line: line["fn"] == "free_netdev")
        thread = begin(k, "del v0", lambda: delete(k, net, "v0"))
        freed.wait()

        assert free.freed or not held.freed

        k.dev.netdev_put(held, tracker)
        thread.join()
        order = [line for line in told(k) if line.startswith("free_netdev")]

        assert order == ["free_netdev v1", "free_netdev v0"]


def test_a_long_wait_tells_who_holds_the_device() -> None:
    """The kernel's line with the usage count, after netdev_unregister_timeout_secs."""
    with running("small") as k:
        (net,) = nets(k, "ns1")
        dev = add(k, net, "d0")
        tracker = k.dev.netdev_hold(dev, "the test")
        warned = k.chk.Event("warned")
        plain = k.printk

        def printk(line: str, **fields: object) -> None:
            plain(line, **fields)
            warned.set()

        k.printk = printk  # type: ignore[method-assign]
        thread = begin(k, "del d0", lambda: delete(k, net, "d0"))
        warned.wait()
        k.dev.netdev_put(dev, tracker)
        thread.join()

        assert k.kmsg[0] == "unregister_netdevice: waiting for d0 to become free. Usage count = 2"


def test_a_second_unregistration_is_a_bug_that_unwinds_the_request() -> None:
    """BUG() on anything but REGISTERED: a finding, and the run goes on."""
    with running("small") as k:
        (net,) = nets(k, "ns1")
        dev = add(k, net, "d0")
        k.rtnl.rtnl_net_lock(net)
        try:
            k.dev.unregister_netdevice(dev)
            with pytest.raises(KernelBug):
                k.dev.unregister_netdevice(dev)
        finally:
            k.rtnl.rtnl_net_unlock(net)
        add(k, net, "d1")

        assert rules(k) == ["bug", "freed-on-list"]  # the killed request left it on its list
        assert names(net) == ["d1"]


def test_a_double_queue_is_told_and_goes_on() -> None:
    """The core only warns (G.21)."""
    with running("small") as k:
        one, two = nets(k, "ns1", "ns2")
        dev = add(k, two, "d0")
        k.rtnl.rtnl_net_lock(one)
        try:
            k.dev.unregister_netdevice_queue_net(one, dev, UnregHead("test"))
            k.dev.unregister_netdevice_queue(dev, UnregHead("test"))
            k.dev_queue.unreg_list_del(dev)
        finally:
            k.rtnl.rtnl_net_unlock(one)
        k.quiesce()

        assert rules(k) == ["double-queue"]
        assert names(two) == []


def test_a_leaked_reference_underflow_is_told() -> None:
    """netdev_put without its tracker."""
    with running("small") as k:
        (net,) = nets(k, "ns1")
        dev = add(k, net, "d0")
        tracker = k.dev.netdev_hold(dev, "the test")
        k.dev.netdev_put(dev, tracker)
        k.dev.netdev_put(dev, tracker)
        dev.refcnt.inc()

        assert rules(k) == ["ref-tracker"]


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_a_pending_device_is_still_there(regime: str) -> None:
    """REGISTERED, listed and findable until its own netns' lock is dropped."""
    with running(regime) as k:
        one, two = nets(k, "ns1", "ns2")
        lower = add(k, one, "d0")
        upper = ipvlan(k, two, "i0", lower)
        k.rtnl.rtnl_net_lock(two)  # keeps the work of ns2 out
        thread = begin(k, "del d0", lambda: delete(k, one, "d0"))
        if regime == "small":  # RTNL is global: the deletion begins when it is dropped
            pending = reached(k, lambda line: line["fn"] == "rtnl_net_queue_work")
            k.rtnl.rtnl_net_unlock(two)
            pending.wait()
        else:
            pending = reached(k, lambda line: line["fn"] == "unregister_netdevice_many_notify_ret")
            if upper.unreg_list_net is None:
                pending.wait()

            assert RegState.REGISTERED is upper.peek_state()
            assert upper is k.dev.dev_get_by_name(two, "i0")
            assert two is upper.unreg_list_net

            k.rtnl.rtnl_net_unlock(two)
        thread.join()
        k.quiesce()

        assert upper.freed
        assert lower.freed
        assert rules(k) == []


@pytest.mark.parametrize("regime", REGIMES)
def test_nothing_is_waited_for_with_a_lock_held(regime: str) -> None:
    """The rule is checked: a driver mutex across rtnl_unlock is reported."""
    with running(regime) as k:
        (net,) = nets(k, "ns1")
        add(k, net, "d0")
        mutex = k.make_lock("some driver's mutex", "test")
        with mutex:
            delete(k, net, "d0")

        assert "wait-with-lock-held" in rules(k)
