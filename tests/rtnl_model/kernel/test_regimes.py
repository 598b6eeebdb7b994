"""What the four regimes mean: which locks exist, where a foreign device goes, who runs what."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from rtnl_model.kernel.errors import KernelError
from rtnl_model.kernel.links import LinkDriver

from .builders import REGIMES, add, begin, delete, ipvlan, names, nets, rules, running, veth

if TYPE_CHECKING:
    from rtnl_model.kernel.kernel import Kernel


def fan_out(k: Kernel) -> dict[str, int]:
    """The cover letter's example; which OS thread ran each uninit and free."""
    one, two, three = nets(k, "a", "b", "c")
    lower, _ = veth(k, one, "v0", one, "v1")
    ipvlan(k, two, "i2", lower)
    ipvlan(k, three, "i3", lower)
    threads: dict[str, int] = {}

    def look(line: dict[str, object]) -> None:
        if line["fn"] in ("ipvlan_uninit", "free_netdev"):
            threads[f"{line['fn']} {line['dev']}"] = threading.get_native_id()

    k.probe.listeners.append(look)
    delete(k, one, "v0")
    k.quiesce()

    assert names(one) + names(two) + names(three) == []

    return threads


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_foreign_uppers_are_unregistered_by_their_own_namespaces_worker(regime: str) -> None:
    """One thread each, the caller frees the lower, after both uninits."""
    with running(regime) as k:
        threads = fan_out(k)
        here = threading.get_native_id()
        workers = {net.name: net.worker for net in k.net_namespace.for_each_net()}

        assert workers["b"] is not None
        assert workers["c"] is not None
        assert workers["b"].native_id == threads["ipvlan_uninit i2"]
        assert workers["c"].native_id == threads["ipvlan_uninit i3"]
        assert here == threads["free_netdev v0"]
        order = list(threads)
        assert order.index("free_netdev v0") > order.index("ipvlan_uninit i2")
        assert order.index("free_netdev v0") > order.index("ipvlan_uninit i3")
        assert rules(k) == []


def test_global_does_everything_in_the_caller() -> None:
    """No worker runs anything."""
    with running("global") as k:
        assert {threading.get_native_id()} == set(fan_out(k).values())
        assert rules(k) == []


def test_every_namespace_has_a_real_lock_and_a_thread_of_its_own() -> None:
    """threading.Lock objects underneath, alive workers with native ids that differ."""
    with running("small") as k:
        nets(k, "a", "b", "c")
        every = k.net_namespace.for_each_net()
        workers = [net.worker for net in every]

        assert {type(threading.Lock())} == {type(net.rtnl_mutex.real) for net in every}
        assert all(worker is not None and worker.is_alive() for worker in workers)
        assert len({worker.native_id for worker in workers if worker is not None}) == 4


@pytest.mark.parametrize("regime", ["pernet", "naive"])
def test_the_global_mutex_does_not_exist_without_rtnl(regime: str) -> None:
    """Nobody ever takes it."""
    with running(regime) as k:
        nets(k, "a")
        graph = k.chk.graph.to_dict()
        taken = {lock["name"] for chain in graph["chains"] for lock in chain["classes"]}

        assert "&net->rtnl_mutex" in taken
        assert "rtnl_mutex" not in taken


def test_naive_shows_the_abba_without_hanging() -> None:
    """Two pairs crossed over two namespaces, deleted one after the other by two threads."""
    with running("naive") as k:
        one, two = nets(k, "a", "b")
        veth(k, one, "x1", two, "x2")
        veth(k, two, "y2", one, "y1")
        turn = threading.Event()  # a plain one: the checker must see no order between the two

        def one_way() -> None:
            delete(k, one, "x1")
            turn.set()

        def other_way() -> None:
            turn.wait()
            delete(k, two, "y2")

        first = begin(k, "del x1", one_way)
        second = begin(k, "del y2", other_way)
        first.join()
        second.join()
        found = [
            report
            for report in k.chk.reports
            if report.kind in ("circular", "recursive") and "&net->rtnl_mutex" in report.classes
        ]

        assert found
        assert {"possible", "certain"} & {report.severity for report in found}


class Unconverted(LinkDriver):
    """A driver that would unregister foreign devices itself."""

    kind = "unconverted"


def test_pernet_refuses_a_kind_without_conversion() -> None:
    """It is refused with that reason; small runs it."""
    with running("pernet", drivers=[Unconverted]) as k:
        (net,) = nets(k, "a")
        with pytest.raises(KernelError, match="without a conversion"):
            add(k, net, "u0", "unconverted")

        assert k.modules.refuses("unconverted")
    with running("small", drivers=[Unconverted]) as k:
        (net,) = nets(k, "a")
        add(k, net, "u0", "unconverted")

        assert not k.modules.refuses("unconverted")


@pytest.mark.parametrize("regime", REGIMES)
def test_rtnl_nets_are_locked_in_order_and_once(regime: str) -> None:
    """init_net first, then ascending; duplicates are dropped where locks are real."""
    with running(regime) as k:
        one, two, three = nets(k, "a", "b", "c")
        wanted = k.rtnl.new_nets()
        counts = [net.count.value for net in (one, two, three)]
        for net in (three, one, k.init_net, one):
            k.rtnl.rtnl_nets_add(wanted, net)
        ordered = [k.init_net, one, three]
        if regime == "global":
            ordered = [three, one, k.init_net, one]

        assert ordered == wanted.nets

        k.rtnl.rtnl_nets_lock(wanted)
        held = [k.rtnl.is_net_held(net) for net in (one, two, three)]
        k.rtnl.rtnl_nets_unlock(wanted)
        k.rtnl.rtnl_nets_destroy(wanted)

        assert [True, regime == "global", True] == held
        assert counts == [net.count.value for net in (one, two, three)]
        assert rules(k) == []


def test_a_wrong_order_of_namespaces_is_told() -> None:
    """Descending addresses, one by one."""
    with running("small") as k:
        one, two = nets(k, "a", "b")
        k.rtnl.rtnl_net_lock(two)
        k.rtnl.rtnl_net_lock_nested(one)
        k.rtnl.rtnl_net_unlock_nested(one)
        k.rtnl.rtnl_net_unlock(two)

        assert [report.kind for report in k.chk.reports] == ["recursive"]


@pytest.mark.parametrize(
    ("regime", "strict", "expected"),
    [
        ("small", "converted", ["strict-net"]),
        ("small", "off", []),
        ("global", "all", []),
    ],
)
def test_strict_asks_for_the_devices_own_namespace(
    regime: str, strict: str, expected: list[str]
) -> None:
    """A converted device unregistered with RTNL alone."""
    with running(regime, strict=strict) as k:
        (net,) = nets(k, "a")
        dev = add(k, net, "d0")
        k.rtnl.rtnl_lock()
        k.dev.unregister_netdevice(dev)
        k.rtnl.rtnl_unlock()

        assert expected == sorted(set(rules(k)))
