"""Every rule of quiescence holds on a healthy kernel, and fires when what it watches is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import lockcheck
from rtnl_model.iproute import parse_script
from rtnl_model.iproute.execute import execute
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.kernel.netdevice import RegState
from rtnl_model.lab.invariants import RULES, check_quiescence
from rtnl_model.lab.model_run import ModelSetting

WORLD = """
ip netns add one; ip netns add two
ip -n one link add low0 type dummy
ip -n one link add end0 type veth peer name end1 netns two
ip -n two link add upp0 link low0 link-netns one type ipvlan mode l3s
ip -n one link add tun0 netns two type bareudp dstport 6635 ethertype mpls_uc
"""


@contextmanager
def world() -> Iterator[Kernel]:
    """A kernel with one device of each sort, at rest."""
    k = ModelSetting(rtnl="small").kernel(lockcheck.Checker())
    k.start()
    try:
        for command in parse_script(WORLD).commands():
            k.probe.adopt(k.probe.new_task("ip"))

            assert execute(k, command).rc == 0
        k.quiesce()
        yield k
    finally:
        k.shutdown()


def dev(k: Kernel, netns: str, name: str) -> Any:
    """A device by name."""
    net = k.net_namespace.get(netns)
    assert net is not None
    return net.names[name]


def pend(k: Kernel) -> None:
    end1 = dev(k, "two", "end1")
    end1.peek_net().dev_unreg_head.append(end1)


def todo(k: Kernel) -> None:
    k.rtnl.net_todo_list.append(dev(k, "one", "low0"))


def half_gone(k: Kernel) -> None:
    dev(k, "one", "low0").reg_state = RegState.UNREGISTERING


def nameless(k: Kernel) -> None:
    del dev(k, "one", "low0").peek_net().names["low0"]


def untracked(k: Kernel) -> None:
    dev(k, "one", "low0").refcnt.inc()


def one_sided(k: Kernel) -> None:
    dev(k, "two", "upp0").lower.clear()


def lonely(k: Kernel) -> None:
    dev(k, "one", "end0").priv.peer.set(None)


def unlisted(k: Kernel) -> None:
    tun0 = dev(k, "two", "tun0")
    tun0.priv.net.generic["bareudp"].dev_list.clear()


def forgotten(k: Kernel) -> None:
    dev(k, "one", "low0").rx_handler_data.ipvlans.clear()


def miscounted(k: Kernel) -> None:
    dev(k, "one", "low0").rx_handler_data.count.inc()


def hookless(k: Kernel) -> None:
    dev(k, "one", "low0").peek_net().generic["ipvlan"].ipvl_nf_hook_refcnt = 0


def dead(k: Kernel) -> None:
    dev(k, "one", "low0").peek_net().cleaned = True


BROKEN: list[tuple[Callable[[Kernel], None], str]] = [
    (pend, "left-pending"),
    (todo, "left-on-todo"),
    (half_gone, "between-states"),
    (nameless, "name-table"),
    (untracked, "ref-balance"),
    (one_sided, "adjacency"),
    (lonely, "peer-lost"),
    (unlisted, "backend-list"),
    (forgotten, "port-list"),
    (miscounted, "port-count"),
    (hookless, "l3s-hooks"),
    (dead, "net-leaked"),
]


def test_a_healthy_kernel_breaks_no_rule() -> None:
    """Nothing is found, and nothing is reported."""
    with world() as k:
        assert check_quiescence(k) == []
        assert k.chk.reports == []


@pytest.mark.parametrize(("sabotage", "rule"), BROKEN, ids=[rule for _, rule in BROKEN])
def test_a_rule_fires_when_it_is_broken(sabotage: Callable[[Kernel], None], rule: str) -> None:
    """What was sabotaged is named by its rule, and filed as an invariant."""
    with world() as k:
        sabotage(k)

        found = {broken.rule for broken in check_quiescence(k)}

        assert rule in found
        assert rule in {report.data.get("rule") for report in k.chk.reports}
        repair(k)


def repair(k: Kernel) -> None:
    """Shutdown must not trip over what was sabotaged."""
    for net in k.net_namespace.for_each_net():
        net.dev_unreg_head.clear()
        net.cleaned = False
    k.rtnl.net_todo_list.clear()


def test_every_rule_has_a_sabotage() -> None:
    """As many rules as there are are fired by some sabotage."""
    fired = set()
    for sabotage, _rule in BROKEN:
        with world() as k:
            sabotage(k)
            fired |= {rule for rule in RULES if list(rule(k))}
            repair(k)

    assert set(RULES) == fired
