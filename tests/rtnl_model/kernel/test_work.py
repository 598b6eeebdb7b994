"""The per-netns work: queued once, served by its own thread or by a CPU, flushed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

import lockcheck

from .builders import add, begin, delete, ipvlan, names, nets, reached, rules, running, tags, veth

if TYPE_CHECKING:
    from rtnl_model.kernel.kernel import Kernel

WORKERS = ("netns", "percpu")


@pytest.mark.parametrize("workers", WORKERS)
def test_a_pending_work_is_not_queued_twice(workers: str) -> None:
    """Two devices queued to one namespace before its work runs: one run."""
    with running("small", workers=workers) as k:
        one, two = nets(k, "a", "b")
        veth(k, one, "v0", two, "p0")
        veth(k, one, "v1", two, "p1")
        start = len(k.probe.trace)
        k.rtnl.rtnl_net_lock(one)
        for name in ("v0", "v1"):
            dev = k.dev.dev_get_by_name(one, name)
            assert dev is not None
            k.rtnetlink.rtnl_delete_link(dev)
        runs = two.work.queued
        k.rtnl.rtnl_net_unlock(one)
        k.quiesce()
        calls = [line for line in k.probe.trace[start:] if line["fn"] == "rtnl_net_queue_work"]

        assert len(calls) == 2
        assert runs <= 2
        assert names(two) == []
        assert rules(k) == []


@pytest.mark.parametrize("workers", WORKERS)
def test_a_running_work_can_be_queued_again(workers: str) -> None:
    """It runs a second time, after the first."""
    with running("small", workers=workers) as k:
        (net,) = nets(k, "a")
        work = net.work
        k.rtnl_work.queue_work(work)
        k.rtnl_work.flush()
        first = work.done
        k.rtnl_work.queue_work(work)
        k.rtnl_work.flush()

        assert (first, work.done) == (1, 2)
        assert k.rtnl_work.idle()


@pytest.mark.parametrize("workers", WORKERS)
def test_a_flush_waits_for_what_was_queued_before(workers: str) -> None:
    """default_device_exit_batch's flush covers the peer that the dying netns handed over."""
    with running("small", workers=workers) as k:
        one, two = nets(k, "a", "b")
        _, peer = veth(k, one, "v0", two, "v1")
        exits: list[bool] = []

        def look(line: dict[str, object]) -> None:
            if line["fn"] == "default_device_exit_batch_ret":
                exits.append(peer.freed)

        k.probe.listeners.append(look)
        k.net_namespace.delete("a")
        k.quiesce()

        assert exits == [True]
        assert one.cleaned
        assert rules(k) == []


def chain(k: Kernel) -> None:
    """v1(a)–v2(b), an ipvlan on v2 in c; delete v1."""
    one, two, three = nets(k, "a", "b", "c")
    _, lower = veth(k, one, "v1", two, "v2")
    ipvlan(k, three, "u", lower)
    delete(k, one, "v1")
    k.quiesce()


def test_a_worker_per_namespace_ends_a_chain_of_three() -> None:
    """c's work does not stand behind b's."""
    with running("small") as k:
        chain(k)

        assert rules(k) == []
        assert not k.chk.aborted


def test_one_slot_per_cpu_is_stuck_behind_itself() -> None:
    """G.5: b's work queues c's on its own CPU and waits for what only c's can do."""
    with running("small", workers="percpu", cpus=1) as k:
        with pytest.raises(lockcheck.Unwind):
            chain(k)

        assert k.chk.aborted
        assert "unregister_netdevice: waiting for v2 to become free. Usage count = 2" in k.kmsg

    left = [thread.name for thread in threading.enumerate() if "kworker" in thread.name]

    assert left == []


def test_a_lost_race_for_the_list_finds_nothing() -> None:
    """Somebody else's unlock drained first: the work returns."""
    with running("small") as k:
        one, two = nets(k, "a", "b")
        veth(k, one, "v0", two, "v1")
        start = len(k.probe.trace)
        drained = reached(
            k, lambda line: line["fn"] == "unregister_netdevice_many_net" and line["net"] == "b"
        )
        thread = begin(k, "del v0", lambda: delete(k, one, "v0"))
        drained.wait()
        thread.join()
        k.quiesce()
        frees = [line for line in k.probe.trace[start:] if line["fn"] == "free_netdev"]

        assert sorted(str(line["dev"]) for line in frees) == ["v0", "v1"]
        assert rules(k) == []


@pytest.mark.parametrize(
    ("regime", "found", "tagged"),
    [("small", ["todo-at-rtnl-unlock"], {"known:G.12"}), ("pernet", [], set())],
)
def test_a_rebroadcasts_drain_is_left_to_nobody_only_in_small(
    regime: str, found: list[str], tagged: set[str]
) -> None:
    """G.12: while a device of b is waited for, another one is delegated to b."""
    with running(regime) as k:
        one, two = nets(k, "a", "b")
        held = add(k, two, "d0")
        _, delegated = veth(k, one, "w1", two, "w2")
        tracker = k.dev.netdev_hold(held, "the test")
        waiting = reached(k, lambda line: line["fn"] == "notify" and line["dev"] == "d0")
        thread = begin(k, "del d0", lambda: delete(k, two, "d0"))
        waiting.wait()
        works = k.rtnl_work.queue_work
        k.rtnl_work.queue_work = keep_still  # type: ignore[assignment,method-assign]
        drained = reached(
            k, lambda line: line["fn"] == "unregister_netdevice_many_net" and line["net"] == "b"
        )
        delete(k, one, "w1")
        drained.wait()
        k.rtnl_work.queue_work = works  # type: ignore[method-assign]
        k.dev.netdev_put(held, tracker)
        thread.join()
        k.rtnl.rtnl_lock()  # whoever comes next finishes what small left
        k.rtnl.rtnl_unlock()

        assert found == rules(k)
        assert tagged == tags(k)
        assert delegated.freed


def keep_still(_work: object) -> None:
    """A workqueue whose threads have no time."""
