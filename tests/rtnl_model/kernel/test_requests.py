"""rtnetlink requests: what is refused and how, what a failure undoes, modules and their kinds."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING, Any

import pytest

from rtnl_model.kernel.errors import KernelError
from rtnl_model.kernel.links import LinkDriver
from rtnl_model.kernel.netdevice import IFF_UP
from rtnl_model.kernel.overlay import Fix
from rtnl_model.kernel.rcu import Rcu
from rtnl_model.kernel.rtnetlink_request import LinkRequest

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

if TYPE_CHECKING:
    from rtnl_model.kernel.kernel import Kernel
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice


def refused(k: Kernel, net: Net, **fields: Any) -> tuple[int, str]:
    """Errno and extack of an RTM_NEWLINK."""
    with pytest.raises(KernelError) as error:
        k.rtnetlink.rtnl_newlink(LinkRequest(sock_net=net, **fields))
    return error.value.errno, error.value.extack


def test_newlink_refuses_as_the_kernel_words_it() -> None:
    """Existing names and indexes, unknown kinds, missing devices, bad names, MTUs out of range."""
    with running("small") as k:
        (net,) = nets(k, "a")
        add(k, net, "d0", ifindex=77)
        new = {"create": True, "excl": True, "kind": "dummy"}

        assert refused(k, net, ifname="d0", **new) == (errno.EEXIST, "")
        assert refused(k, net, ifname="d1", ifindex=77, **new) == (errno.EEXIST, "")
        assert refused(k, net, ifname="x", create=True, kind="none") == (
            errno.EOPNOTSUPP,
            "Unknown device type",
        )
        assert refused(k, net, ifname="gone", up=True) == (errno.ENODEV, "")
        assert refused(k, net, ifindex=99, up=True) == (errno.ENODEV, "")
        for name in ("a/b", ".", "..", "a:b", "a b"):
            assert refused(k, net, ifname=name, **new) == (errno.EINVAL, "")
        assert refused(k, net, ifname="x" * 16, **new) == (
            errno.ERANGE,
            "Attribute failed policy validation",
        )
        assert names(net) == ["d0"]
        assert rules(k) == []


def test_a_pattern_gives_the_lowest_free_number() -> None:
    """Asked for, or the kind's own."""
    with running("small") as k:
        (net,) = nets(k, "a")
        for name in ("dummy0", "dummy2"):
            add(k, net, name)
        for _ in range(2):
            k.rtnetlink.rtnl_newlink(
                LinkRequest(sock_net=net, kind="dummy", create=True, excl=True)
            )

        assert names(net) == ["dummy0", "dummy2", "dummy1", "dummy3"]


@pytest.mark.parametrize("regime", REGIMES)
def test_a_failed_configuration_unwinds_through_dellink(regime: str) -> None:
    """The device is registered, cannot be enslaved, and goes with its peer elsewhere."""
    with running(regime) as k:
        one, two = nets(k, "a", "b")
        add(k, one, "d0")
        no_master = one.names["d0"].ifindex
        with pytest.raises(KernelError) as error:
            add(k, one, "v0", "veth", peer={"ifname": "v1", "net": two}, master=no_master)
        k.quiesce()

        assert error.value.errno == errno.EOPNOTSUPP
        assert names(one) == ["d0"]
        assert names(two) == []
        assert rules(k) == []


def test_a_change_sends_what_changed() -> None:
    """Up and down: the flag; the name, the MTU and the group."""
    with running("small") as k:
        (net,) = nets(k, "a")
        dev = add(k, net, "d0")
        set_up(k, net, dev)
        k.quiesce()
        heard = len(k.events.log)
        change: dict[str, Any] = {"sock_net": net, "ifindex": dev.ifindex}
        k.rtnetlink.rtnl_newlink(LinkRequest(**change, up=False))
        k.rtnetlink.rtnl_newlink(LinkRequest(**change, mtu=1400, group=7, ifname="d9"))
        seen = [(event["ifname"], event["change"]) for event in k.events.log[heard:]]

        assert not dev.flags & IFF_UP
        assert (dev.mtu, dev.group, dev.name) == (1400, 7, "d9")
        assert seen == [("d0", 1), ("d0", 0), ("d9", 0)]
        assert net.names == {"lo": net.devs[0], "d9": dev}


def test_setlink_locks_both_namespaces_of_a_move() -> None:
    """RTM_SETLINK has its own set: the device's and the target."""
    with running("small") as k:
        one, two = nets(k, "a", "b")
        dev = add(k, one, "d0")
        k.rtnetlink.rtnl_setlink(LinkRequest(sock_net=one, ifindex=dev.ifindex, tgt_net=two))

        assert (names(one), names(two)) == ([], ["d0"])
        assert rules(k) == []


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_newlink_holds_every_namespace_that_it_touches(regime: str) -> None:
    """Peer, target, link and requester (patch 1)."""
    held: dict[str, bool] = {}

    class Watching(LinkDriver):
        kind = "watching"
        converted = True
        peer_type = True

        def newlink(self, dev: NetDevice, params: Any) -> None:
            for net in self.k.net_namespace.for_each_net():
                held[net.name] = self.k.rtnl.is_net_held(net)
            super().newlink(dev, params)

    with running(regime, drivers=[Watching]) as k:
        one, two, three, four, _ = nets(k, "req", "tgt", "link", "peer", "other")
        add(
            k,
            one,
            "w0",
            "watching",
            tgt_net=two,
            link_net=three,
            peer={"ifname": "w1", "net": four},
        )

        assert held == {
            "": False,
            "req": True,
            "tgt": True,
            "link": True,
            "peer": True,
            "other": False,
        }
        assert rules(k) == []


# -- modules --


@pytest.mark.parametrize("regime", REGIMES)
def test_rmmod_takes_every_device_of_its_kind_everywhere(regime: str) -> None:
    """And uppers of another kind with them; the kind is unknown until it is loaded again."""
    with running(regime) as k:
        one, two, three = nets(k, "a", "b", "c")
        _, lower = veth(k, one, "v0", two, "v1")
        upper = ipvlan(k, three, "i0", lower)
        add(k, one, "d0")
        k.rmmod("veth")
        k.quiesce()

        assert upper.freed
        assert (names(one), names(two), names(three)) == (["d0"], [], [])
        assert "veth" not in k.rtnl_link_ops.link_ops
        assert k.dev_unreg_count() == 0

        veth(k, one, "v0", two, "v1")  # a request for the kind loads it

        assert names(two) == ["v1"]
        assert rules(k) == []


def test_rmmod_waits_for_a_device_that_somebody_holds() -> None:
    """It does not return before the last device of the kind is freed."""
    with running("small") as k:
        (net,) = nets(k, "a")
        dev = add(k, net, "d0")
        tracker = k.dev.netdev_hold(dev, "the test")
        gone = reached(k, lambda line: line["fn"] == "notify" and line["dev"] == "d0")
        thread = begin(k, "rmmod dummy", lambda: k.rmmod("dummy"))
        gone.wait()

        assert "dummy" in k.links

        k.dev.netdev_put(dev, tracker)
        thread.join()

        assert dev.freed
        assert "dummy" not in k.links


def test_rmmod_waits_for_users_of_the_kind() -> None:
    """SRCU: a newlink that is under way pins it, past its unlock."""
    with running("small") as k:
        (net,) = nets(k, "a")
        inside, leave = threading.Event(), threading.Event()
        srcu = k.rtnl_link_ops.srcu("dummy")

        def user() -> None:
            with srcu.reading():
                inside.set()
                leave.wait()

        reader = begin(k, "newlink", user)
        inside.wait()
        asked = k.chk.Event("asked")
        plain = srcu.synchronize_srcu

        def synchronize() -> None:
            asked.set()
            plain()

        srcu.synchronize_srcu = synchronize  # type: ignore[method-assign]
        remover = begin(k, "rmmod dummy", lambda: k.rmmod("dummy"))
        asked.wait()

        assert "dummy" in k.links  # it is still waiting

        leave.set()
        reader.join()
        remover.join()

        assert "dummy" not in k.links
        assert names(net) == []


def test_unknown_modules_are_told() -> None:
    """ENOENT for what there is not, and for what is not loaded."""
    with running("small") as k:
        with pytest.raises(KernelError) as absent:
            k.modprobe("no-such-module")
        k.rmmod("dummy")
        with pytest.raises(KernelError) as gone:
            k.rmmod("dummy")

        assert (absent.value.errno, gone.value.errno) == (errno.ENOENT, errno.ENOENT)


# -- grace periods, sysctl --


def test_a_barrier_is_shared_by_those_who_wait_for_it() -> None:
    """Three callers, the second and third during the first's: two barriers."""
    arrivals = threading.Semaphore(0)

    class Noting(Rcu):
        def arrive(self) -> int:
            seen = super().arrive()
            arrivals.release()
            return seen

    with running("small", overlays=[Fix("test", "", "", {"rcu": Noting})], timing="quick") as k:
        before = k.rcu.barriers_begun
        with k.rcu.barrier_mutex:
            threads = [begin(k, f"barrier {n}", k.rcu.rcu_barrier) for n in range(3)]
            for _ in threads:
                arrivals.acquire()
        for thread in threads:
            thread.join()

        assert k.rcu.barriers_begun - before == 1

        k.rcu.rcu_barrier()

        assert k.rcu.barriers_begun - before == 2


@pytest.mark.parametrize("regime", REGIMES)
def test_a_sysctl_handler_reads_and_writes_under_rtnl(regime: str) -> None:
    """And says ENOENT for a device that is not there."""
    with running(regime) as k:
        (net,) = nets(k, "a")
        add(k, net, "d0")

        assert k.inet.sysctl(net, "d0", "disable_ipv6", "1") == "1"
        assert k.inet.sysctl(net, "d0", "disable_ipv6") == "1"
        with pytest.raises(KernelError) as absent:
            k.inet.sysctl(net, "none", "disable_ipv6")

        assert absent.value.errno == errno.ENOENT
        assert rules(k) == []


def test_a_sysctl_path_is_of_the_namespace_that_it_was_opened_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A device that moves after its name was read has another table, which is not the one meant."""
    with running("pernet") as k:
        old, new = nets(k, "a", "b")
        add(k, new, "d0")
        moved = k.dev.dev_get_by_name(new, "d0")
        monkeypatch.setattr(k.dev, "dev_get_by_name", lambda _net, _name: moved)

        with pytest.raises(KernelError) as absent:
            k.inet.sysctl(old, "d0", "addr_gen_mode", "1")

        assert absent.value.errno == errno.ENOENT
        assert rules(k) == []


def test_a_fix_is_taken_out_by_its_id() -> None:
    """`--bug G.12` in pernet."""
    with running("pernet") as k:
        everything = [overlay.id for overlay in k.overlays]
    with running("pernet", without=("G.12",)) as k:
        rest = [overlay.id for overlay in k.overlays]
    with running("small") as k:
        none = [overlay.id for overlay in k.overlays]

    assert "G.12" in everything
    assert rest == [fix for fix in everything if fix != "G.12"]
    assert none == []


def test_a_deleted_upper_is_not_there_any_more_for_its_lower() -> None:
    """Adjacency is symmetric, and its references go with it."""
    with running("small") as k:
        one, two = nets(k, "a", "b")
        lower = add(k, one, "d0")
        before = lower.refcnt.value
        upper = ipvlan(k, two, "i0", lower)

        assert [entry.dev for entry in lower.upper] == [upper]
        assert [entry.dev for entry in upper.lower] == [lower]

        delete(k, two, "i0")

        assert (lower.upper, upper.lower) == ([], [])
        assert lower.refcnt.value == before
        assert told(k)[-1] == "rtnl_dellink_ret"
