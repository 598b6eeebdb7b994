"""Namespaces: birth, names, references, nsids, and cleanup_net with its order of operations."""

from __future__ import annotations

import errno
import itertools
from functools import partial
from typing import TYPE_CHECKING

import pytest

from rtnl_model.kernel.errors import KernelError
from rtnl_model.kernel.links import LinkDriver
from rtnl_model.kernel.pernet import PernetOperations
from rtnl_model.kernel.rtnetlink_request import LinkRequest

from .builders import REGIMES, add, begin, move, names, nets, rules, running, tags, told, veth

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net


class Card(LinkDriver):
    """A physical device's driver: no link ops."""

    module = "card"
    converted = True


def test_a_namespace_is_born_with_lo_and_a_worker() -> None:
    """ip netns add: RTNL is taken for the per-netns notifier, a subsystem and lo."""
    with running("small") as k:
        start = len(k.probe.trace)
        (net,) = nets(k, "a")

        assert told(k, start) == [
            "netdev_run_todo",
            "netdev_run_todo_ret",
            "netdev_run_todo",
            "netdev_run_todo_ret",
            "register_netdevice lo",
            "notify REGISTER lo",
            "rtmsg_ifinfo_build_skb NEWLINK lo",
            "netdev_run_todo",
            "netdev_run_todo_ret",
        ]
        assert net.devs[0].ifindex == 1
        assert net.worker is not None
        assert net.worker.name == "kworker/a"


def test_names_are_unique_and_go_with_the_namespace() -> None:
    """EEXIST, ENOENT."""
    with running("small") as k:
        nets(k, "a")
        with pytest.raises(KernelError) as again:
            k.net_namespace.create("a")
        k.net_namespace.delete("a")
        with pytest.raises(KernelError) as gone:
            k.net_namespace.delete("a")

        assert (again.value.errno, gone.value.errno) == (errno.EEXIST, errno.ENOENT)


def test_a_namespace_in_use_outlives_its_name() -> None:
    """A command inside keeps it; its last reference starts the cleanup."""
    with running("small") as k:
        (net,) = nets(k, "a")
        with k.net_namespace.enter("a"):
            k.net_namespace.delete("a")
            k.quiesce()

            assert not net.is_dying

            add(k, net, "d0")
        k.quiesce()

        assert net.cleaned
        assert net.devs == []
        assert rules(k) == []


def test_exits_run_backwards_devices_before_subsystems() -> None:
    """pre_exit of all, exit_rtnl of all, then each exit; device operations first."""
    with running("small") as k:
        calls: list[str] = []

        def ops(name: str) -> PernetOperations:
            return PernetOperations(
                name,
                init=lambda _net: calls.append(f"init {name}"),
                pre_exit=lambda _net: calls.append(f"pre_exit {name}"),
                exit_rtnl=lambda _net, _head: calls.append(f"exit_rtnl {name}"),
                exit=lambda _net: calls.append(f"exit {name}"),
            )

        k.pernet.register_pernet_device(ops("device"))
        k.pernet.register_pernet_subsys(ops("first"))
        k.pernet.register_pernet_subsys(ops("second"))
        calls.clear()
        nets(k, "a")
        born = list(calls)
        calls.clear()
        k.net_namespace.delete("a")
        k.quiesce()

        assert born == ["init first", "init second", "init device"]
        assert [
            f"{step} {name}"
            for step in ("pre_exit", "exit_rtnl", "exit")
            for name in ("device", "second", "first")
        ] == calls


def test_a_failing_init_undoes_what_was_done() -> None:
    """ops_undo_list for the prefix, and the name is free again."""
    with running("small") as k:
        undone: list[str] = []

        def refuse(_net: object) -> None:
            raise KernelError(errno.ENOMEM)

        k.pernet.register_pernet_subsys(
            PernetOperations("fine", exit=lambda net: undone.append(net.name))
        )
        bad = PernetOperations("bad")
        k.pernet.register_pernet_subsys(bad)
        bad.init = refuse
        with pytest.raises(KernelError) as failed:
            k.net_namespace.create("a")
        bad.init = None
        nets(k, "a")

        assert failed.value.errno == errno.ENOMEM
        assert undone == ["a"]
        assert rules(k) == []


@pytest.mark.parametrize("regime", REGIMES)
def test_a_card_goes_home_when_its_namespace_dies(regime: str) -> None:
    """To init_net under its name, or devN where that is taken."""
    with running(regime, drivers=[Card]) as k:
        k.modprobe("card")
        (net,) = nets(k, "a")
        for name in ("c0", "c1"):
            k.dev.register_netdev(k.dev.alloc_netdev(net, name, k.links["card"]))
        taken = k.dev.alloc_netdev(k.init_net, "c1", k.links["card"])
        k.dev.register_netdev(taken)
        ifindex = net.names["c1"].ifindex
        k.net_namespace.delete("a")
        k.quiesce()

        assert ["c1", "c0", f"dev{ifindex}"] == names(k.init_net)
        assert rules(k) == []


@pytest.mark.parametrize("regime", REGIMES)
def test_a_dying_namespace_takes_its_devices_and_their_peers(regime: str) -> None:
    """Both ends go, whoever unregisters the other."""
    with running(regime) as k:
        one, two = nets(k, "a", "b")
        ends = veth(k, one, "v0", two, "v1")
        add(k, one, "d0")
        k.net_namespace.delete("a")
        k.quiesce()

        assert [dev.freed for dev in ends] == [True, True]
        assert names(two) == []
        assert rules(k) == []


@pytest.mark.parametrize("regime", REGIMES)
def test_namespaces_deleted_together_end_together(regime: str) -> None:
    """What arrives while cleanup_net runs is the next batch; nothing is lost."""
    with running(regime) as k:
        wanted = nets(k, *"abcdef")
        for one, two in itertools.pairwise(wanted):
            veth(k, one, f"{two.name}0", two, f"{one.name}1")
        threads = [
            begin(k, f"netns del {net.name}", partial(k.net_namespace.delete, net.name))
            for net in wanted
        ]
        for thread in threads:
            thread.join()
        k.quiesce()

        assert all(net.cleaned and not net.devs for net in wanted)
        assert [net.name for net in k.net_namespace.for_each_net()] == [""]
        assert rules(k) == []


def test_nsids_are_per_namespace_and_forgotten_with_the_dead() -> None:
    """Lowest free number; RTM_NEWNSID refuses a second one."""
    with running("small") as k:
        one, two, three = nets(k, "a", "b", "c")
        space = k.net_namespace

        assert space.rtnl_net_newid(one, two) == 0
        assert space.peernet2id_alloc(one, three) == 1
        assert space.peernet2id(two, one) == -1
        with pytest.raises(KernelError):
            space.rtnl_net_newid(one, two)
        k.net_namespace.delete("b")
        k.quiesce()

        assert {1: three} == one.nsids
        assert space.peernet2id_alloc(one, k.init_net) == 0


@pytest.mark.parametrize("regime", REGIMES)
def test_a_move_keeps_the_index_and_takes_a_new_one_on_a_clash(regime: str) -> None:
    """The names' clash is refused, or solved by the name asked for."""
    with running(regime) as k:
        one, two = nets(k, "a", "b")
        dev = add(k, one, "d0")
        other = add(k, two, "d0")
        add(k, one, "d1", ifindex=77)

        assert dev.ifindex == other.ifindex

        with pytest.raises(KernelError, match="same name exists"):
            move(k, one, "d0", two)
        move(k, one, "d0", two, ifname="d9")
        move(k, one, "d1", two)

        assert names(one) == []
        assert names(two) == ["d0", "d9", "d1"]
        assert (dev.ifindex, two.names["d1"].ifindex) == (3, 77)
        assert dev is two.indexes[3]
        assert rules(k) == []


def test_lo_does_not_move() -> None:
    """netns_immutable."""
    with running("small") as k:
        one, two = nets(k, "a", "b")
        with pytest.raises(KernelError, match="netns is immutable"):
            move(k, one, "lo", two)


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_a_pending_device_moves_with_its_node(regime: str) -> None:
    """The move succeeds, the device is drained where it arrives, and disappears."""
    with running(regime) as k:
        one, two, three = nets(k, "a", "b", "c")
        _, peer = veth(k, one, "v0", two, "v1")
        wanted = k.rtnl.new_nets()
        for net in (one, two, three):
            k.rtnl.rtnl_nets_add(wanted, net)
        k.rtnl.rtnl_nets_lock(wanted)
        ops = peer.rtnl_link_ops
        dev = one.names["v0"]
        assert ops is not None
        k.rtnetlink.rtnl_delete_link(dev)

        assert two is peer.unreg_list_net

        k.dev.dev_change_net_namespace(peer, three, None)

        assert three is peer.unreg_list_net
        assert [peer] == three.dev_unreg_head
        assert two.dev_unreg_head == []

        k.rtnl.rtnl_nets_unlock(wanted)
        k.rtnl.rtnl_nets_destroy(wanted)
        k.quiesce()

        assert peer.freed
        assert names(three) == []
        assert rules(k) == []


@pytest.mark.parametrize(("without", "left"), [((), False), (("G.20",), True)])
def test_a_mover_that_does_not_drain_leaves_the_work_queued_only_with_the_fix(
    without: tuple[str, ...], left: bool
) -> None:
    """G.20: the node moves; only the fix queues the new namespace's work."""
    with running("pernet", without=without) as k:
        one, two = nets(k, "a", "b")
        dev = add(k, one, "d0")
        with dev.lock:
            with one.dev_unreg_lock:
                k.dev_queue.pending_add(one, dev)
        queued = two.work.queued
        k.dev.unregister_netdevice_move_net(one, two, dev)

        assert (two.work.queued == queued) is left

        with two.dev_unreg_lock:
            k.dev_queue.pending_del(two, dev)


def test_a_group_is_deleted_whole() -> None:
    """RTM_DELLINK with a group only."""
    with running("small") as k:
        (net,) = nets(k, "a")
        for name in ("d0", "d1", "d2"):
            add(k, net, name, group=0 if name == "d1" else 7)
        k.rtnetlink.rtnl_dellink(LinkRequest(sock_net=net, group=7))

        assert names(net) == ["d1"]
        with pytest.raises(KernelError) as none:
            k.rtnetlink.rtnl_dellink(LinkRequest(sock_net=net, group=7))

        assert none.value.errno == errno.ENODEV


def test_pernet_does_not_revive_the_memory_of_a_dead_namespace() -> None:
    """rtnl_net_dev_lock takes no passive reference from zero (hazard 11)."""
    with running("pernet") as k:
        (net,) = nets(k, "a")
        dev = add(k, net, "d0")
        net.passive.dec()

        assert k.rtnl.rtnl_net_dev_lock(dev) is None

        net.passive.inc()
        found = k.rtnl.rtnl_net_dev_lock(dev)
        k.rtnl.rtnl_net_dev_unlock(found)

        assert found is net
        assert rules(k) == []


def test_a_device_that_left_a_dead_namespace_is_locked_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """rtnl_net_dev_lock gives up only on a device that went with its namespace."""
    with running("pernet") as k:
        one, two = nets(k, "a", "b")
        dev = add(k, one, "d0")
        hold = k.regime.hold_memory

        def too_late(net: Net) -> bool:
            """Between the look and the reference the device moves, and its old home dies."""
            if net is one:
                move(k, one, "d0", two)
                return False
            return hold(net)

        monkeypatch.setattr(k.regime, "hold_memory", too_late)
        found = k.rtnl.rtnl_net_dev_lock(dev)
        k.rtnl.rtnl_net_dev_unlock(found)

        assert found is two
        assert rules(k) == []


def test_nothing_attaches_to_a_lower_that_is_going_unseen() -> None:
    """7.3 lets it happen through a nested ipvlan: the finding is tagged."""
    with running("small") as k:
        (net,) = nets(k, "a")
        lower, upper = add(k, net, "d0"), add(k, net, "d1")
        k.rtnl.rtnl_net_lock(net)
        k.dev.unregister_netdevice(lower)
        k.dev.netdev_upper_dev_link(lower, upper)
        k.dev.netdev_upper_dev_unlink(lower, upper)
        k.rtnl.rtnl_net_unlock(net)

        assert rules(k) == ["late-attach"]
        assert tags(k) == {"known:G.1"}
