"""Notifier chains, their replay, and the lock that each event demands."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

import pytest

import rtnl_model.kernel as kernel_package
from rtnl_model.kernel.errors import KernelError
from rtnl_model.kernel.events import (
    NOTIFY_DONE,
    NOTIFY_OK,
    NOTIFY_STOP_MASK,
    notifier_from_errno,
    notifier_to_errno,
)
from rtnl_model.kernel.lock_debug import TABLE
from rtnl_model.kernel.lock_order import LOCKS, rule_of
from rtnl_model.kernel.notifier import EVENTS, NotifierBlock
from rtnl_model.kernel.rtnetlink_request import LinkRequest

from .builders import REGIMES, add, delete, ipvlan, move, names, nets, rules, running, set_up, veth

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtnl_model.kernel.netdevice import NetDevice


def listener(into: list[str], label: str = "", answer: int = NOTIFY_DONE) -> NotifierBlock:
    """A block that writes down what it hears of devices but lo; `answer` is its say on REGISTER."""

    def call(event: str, dev: NetDevice, _info: object) -> int:
        if dev.name == "lo":
            return NOTIFY_DONE
        into.append(f"{label}{event} {dev.name}")
        return answer if event == "REGISTER" else NOTIFY_DONE

    return NotifierBlock(label or "test", call)


def test_errnos_survive_the_notifiers_encoding() -> None:
    """notifier_from_errno and back."""
    assert [notifier_to_errno(notifier_from_errno(e)) for e in (0, 1, 16, 95)] == [0, 1, 16, 95]
    assert notifier_from_errno(16) & NOTIFY_STOP_MASK
    assert notifier_to_errno(NOTIFY_OK) == 0


def test_the_namespaces_chain_comes_before_the_global_one() -> None:
    """And a STOP ends the delivery."""
    with running("small") as k:
        (net,) = nets(k, "a")
        heard: list[str] = []
        k.notifier.register_netdevice_notifier(listener(heard, "global "))
        k.notifier.register_netdevice_notifier_net(net, listener(heard, "netns "))
        add(k, net, "d0")
        both = [line for line in heard if "REGISTER" in line]
        heard.clear()
        k.notifier.register_netdevice_notifier_net(
            net, listener(heard, "stop ", NOTIFY_STOP_MASK | NOTIFY_OK)
        )
        heard.clear()
        add(k, net, "d1")

        assert both == ["netns REGISTER d0", "global REGISTER d0"]
        assert [line for line in heard if line.endswith("REGISTER d1")] == [
            "netns REGISTER d1",
            "stop REGISTER d1",
        ]


@pytest.mark.parametrize("regime", REGIMES)
def test_a_new_notifier_hears_of_what_is_there(regime: str) -> None:
    """REGISTER, and UP for what runs; at its end GOING_DOWN, DOWN, UNREGISTER."""
    with running(regime) as k:
        one, two = nets(k, "a", "b")
        set_up(k, one, add(k, one, "d0"))
        add(k, two, "d1")
        heard: list[str] = []
        block = listener(heard)
        k.notifier.register_netdevice_notifier(block)
        came = list(heard)
        heard.clear()
        k.notifier.unregister_netdevice_notifier(block)

        assert came == ["REGISTER d0", "UP d0", "REGISTER d1"]
        assert heard == ["GOING_DOWN d0", "DOWN d0", "UNREGISTER d0", "UNREGISTER d1"]
        assert rules(k) == []


def test_a_refused_registration_unregisters_at_once() -> None:
    """REGISTER said no: the device was there and is gone, the caller gets the errno."""
    with running("small") as k:
        (net,) = nets(k, "a")
        heard: list[str] = []
        refuse = listener(heard, "", notifier_from_errno(errno.EPERM))
        k.notifier.register_netdevice_notifier(refuse)
        with pytest.raises(KernelError) as refused:
            add(k, net, "d0")
        k.notifier.unregister_netdevice_notifier(refuse)

        assert refused.value.errno == errno.EPERM
        assert names(net) == []
        assert "UNREGISTER d0" in heard
        assert rules(k) == []
        assert k.dev_unreg_count() == 0


def test_names_that_sysctl_has_are_refused() -> None:
    """`all` and `default` are directories of net/ipv4/conf."""
    with running("small") as k:
        (net,) = nets(k, "a")
        for name in ("all", "default"):
            with pytest.raises(KernelError) as refused:
                add(k, net, name)

            assert refused.value.errno == errno.EINVAL


def test_every_event_has_a_line_in_the_table() -> None:
    """As the kernel's switch without default: exhaustive, nothing twice."""
    assert set(EVENTS) == set(TABLE)
    assert len(EVENTS) == len(set(EVENTS))


@pytest.mark.parametrize(
    ("event", "locks", "expected"),
    [
        ("UNREGISTER", "", ["assert-rtnl"]),
        ("UNREGISTER", "rtnl", []),
        ("CHANGENAME", "rtnl", ["assert-instance", "assert-rtnl-net"]),
        ("CHANGENAME", "net", ["assert-instance"]),
        ("CHANGENAME", "net instance", []),
        ("UP", "rtnl", ["assert-instance"]),
        ("UP", "net instance", []),
        ("XDP_FEAT_CHANGE", "net", ["assert-instance"]),
        ("CHANGEMTU", "rtnl", []),
    ],
)
def test_an_event_without_its_locks_is_told(event: str, locks: str, expected: list[str]) -> None:
    """By the owner: that somebody else holds the lock does not help."""
    with running("small", strict="off") as k:
        (net,) = nets(k, "a")
        dev = add(k, net, "d0")

        def deliver() -> None:
            k.lock_debug.netdev_debug_event(event, dev, None)  # type: ignore[arg-type]

        within(k, net, dev, locks, deliver)

        assert expected == sorted(set(rules(k)))


def within(k: object, net: object, dev: NetDevice, locks: str, body: Callable[[], None]) -> None:
    """Run body with those locks."""
    rtnl = k.rtnl  # type: ignore[attr-defined]
    if not locks:
        body()
        return
    rtnl.rtnl_lock()
    if "net" in locks:
        rtnl.rtnl_net_lock_nested(net)
    if "instance" in locks:
        with dev.lock:
            body()
    else:
        body()
    if "net" in locks:
        rtnl.rtnl_net_unlock_nested(net)
    rtnl.rtnl_unlock()


def test_the_printed_table_of_locks_is_the_data() -> None:
    """`rtnl_model.kernel`'s docstring and `lock_order.LOCKS`."""
    text = " ".join((kernel_package.__doc__ or "").split())
    for rule in LOCKS:
        row = f"{rule.rank}. " + ", ".join(f"`{name}`" for name in rule.classes)
        row += f": {rule.protects}."

        assert row in text
    printed = re.findall(r"`([^`]+)`", text[text.index(" 1. `") : text.index("Waiting for")])

    assert [name for rule in LOCKS for name in rule.classes] == printed


@pytest.mark.parametrize("regime", ["global", "small", "pernet"])
def test_observed_orders_go_down_the_table(regime: str) -> None:
    """Every class that was taken has a row, every dependency goes to a higher rank."""
    with running(regime, kinds=None) as k:
        one, two, three = nets(k, "a", "b", "c")
        lower = add(k, one, "d0")
        set_up(k, one, lower)
        upper = ipvlan(k, two, "i0", lower)
        set_up(k, two, upper)
        veth(k, one, "v0", three, "v1")
        add(k, one, "t0", "bareudp", tgt_net=two, data={"dstport": 6635, "ethertype": "ipv4"})
        add(k, one, "g0", "geneve", tgt_net=three, data={"id": 7, "remote": "10.0.0.9"})
        add(k, two, "k0", "netkit", peer={"ifname": "k1", "net": three})
        move(k, three, "v1", two)
        delete(k, two, "k0")
        k.net_namespace.delete("a")
        k.quiesce()
        k.rmmod("veth")
        graph = k.chk.graph.to_dict()
        classes = {c["id"]: c["name"] for c in graph["classes"]}
        wrong = [
            (classes[edge["from"]], classes[edge["to"]])
            for edge in graph["edges"]
            if not goes_down(classes[edge["from"]], classes[edge["to"]])
        ]

        assert [name for name in classes.values() if not rank_of(name)] == []
        assert wrong == []
        assert rules(k) == []


def rank_of(lock_class: str) -> int:
    """The rank of its row; 0 for a class that the table does not know."""
    rule = rule_of(lock_class)
    return rule.rank if rule is not None else 0


def goes_down(held: str, wanted: str) -> bool:
    """May `wanted` be taken while `held` is held?"""
    rule = rule_of(held)
    if rule is not None and rule is rule_of(wanted):
        return bool(rule.same_rank)
    return rank_of(held) < rank_of(wanted)


# -- membership that is refused --


@pytest.mark.parametrize("regime", REGIMES)
def test_a_notifier_that_refuses_halfway_is_taken_off_again(regime: str) -> None:
    """Namespaces that it had heard of are played back, and it hears nothing afterwards."""
    with running(regime) as k:
        first, second = nets(k, "a", "b")
        add(k, first, "d0")
        add(k, second, "d1")
        heard: list[str] = []

        def call(event: str, dev: NetDevice, _info: object) -> int:
            if dev.name == "lo":
                return NOTIFY_DONE
            heard.append(f"{event} {dev.name}")
            return notifier_from_errno(errno.EPERM) if heard[-1] == "REGISTER d1" else NOTIFY_DONE

        chain = k.notifier.netdev_chain
        with pytest.raises(KernelError) as refusal:
            k.notifier.register_netdevice_notifier(NotifierBlock("halfway", call))

        assert refusal.value.errno == errno.EPERM
        assert heard == ["REGISTER d0", "REGISTER d1", "UNREGISTER d0"]
        assert k.notifier.netdev_chain == chain

        add(k, first, "d2")

        assert len(heard) == 3
        assert rules(k) == []


def test_a_namespaces_notifier_that_refuses_is_taken_off_again() -> None:
    """Also from one namespace's own chain."""
    with running("small") as k:
        (net,) = nets(k, "a")
        add(k, net, "d0")
        heard: list[str] = []
        chain = net.netdev_chain
        with pytest.raises(KernelError):
            k.notifier.register_netdevice_notifier_net(
                net, listener(heard, answer=notifier_from_errno(errno.EPERM))
            )

        assert net.netdev_chain == chain


def test_a_replay_without_the_namespaces_lock_is_found() -> None:
    """register_netdevice_notifier replays under each namespace's lock, and asserts it."""
    with running("small") as k:
        (net,) = nets(k, "a")
        k.rtnl.rtnl_lock()
        k.notifier.call_netdevice_register_net_notifiers(listener([]), net)
        k.rtnl.rtnl_unlock()

        assert rules(k) == ["assert-rtnl-net"]


@pytest.mark.parametrize("regime", REGIMES)
def test_an_upper_that_may_not_change_its_address(regime: str) -> None:
    """Below a global RTNL its lower may not either; in pernet it keeps its own, alone (G.25)."""
    old, new = "02:00:00:00:00:11", "02:00:00:00:00:99"
    with running(regime) as k:
        here, there = nets(k, "here", "there")
        lower = add(k, here, "low", address=old)
        upper = ipvlan(k, there, "upp", lower)

        def refuse(event: str, dev: NetDevice, _info: object) -> int:
            refused = event == "PRE_CHANGEADDR" and dev is upper
            return notifier_from_errno(errno.EPERM) if refused else NOTIFY_DONE

        k.notifier.register_netdevice_notifier(NotifierBlock("refuses", refuse))
        request = LinkRequest(sock_net=here, ifindex=lower.ifindex, address=new)
        if regime == "pernet":
            k.rtnetlink.rtnl_newlink(request)
        else:
            with pytest.raises(KernelError) as refusal:
                k.rtnetlink.rtnl_newlink(request)
            assert refusal.value.errno == errno.EPERM
        k.quiesce()

        assert (lower.address, upper.address) == (new if regime == "pernet" else old, old)
