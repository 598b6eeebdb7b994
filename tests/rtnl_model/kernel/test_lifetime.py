"""Memory is given back when nobody holds, lists, references or runs what lies in it."""

from __future__ import annotations

import pytest

from rtnl_model.kernel.kernel import Kernel
from rtnl_model.kernel.links import LinkDriver
from rtnl_model.kernel.links.paired import PairPriv
from rtnl_model.kernel.net_namespace import Net
from rtnl_model.kernel.netdevice import NetDevice
from rtnl_model.kernel.notifier import NotifierBlock
from rtnl_model.kernel.overlay import Fix
from rtnl_model.kernel.rtnl_link_ops import RtnlLinkOps

from .builders import add, nets, rules, running


def fresh(k: Kernel, net: Net, kind: str = "veth") -> NetDevice:
    """A device that was never registered."""
    return k.dev.alloc_netdev(net, "new0", k.links[kind])


def test_a_device_freed_with_its_lock_held_is_found() -> None:
    """The holder and the lock's class are named."""
    with running("small") as k:
        (net,) = nets(k, "a")
        dev = fresh(k, net)
        with dev.lock:
            k.dev.free_netdev(dev)
        found = [report for report in k.chk.reports if report.kind == "freed-held"]

        assert rules(k) == ["freed-held"]
        assert "device new0 is freed while" in found[0].title
        assert "&dev_instance_lock_key [veth]" in found[0].title


@pytest.mark.parametrize("where", ["listed", "pending", "rx_handler"])
def test_a_device_freed_on_a_list_is_found(where: str) -> None:
    """One finding for the place where it still is."""
    with running("small") as k:
        (net,) = nets(k, "a")
        dev = fresh(k, net)
        dev.listed = where == "listed"
        dev.unreg_list_net = net if where == "pending" else None
        dev.rx_handler = "test" if where == "rx_handler" else None
        k.dev.free_netdev(dev)

        assert rules(k) == ["freed-on-list"]


@pytest.mark.parametrize("what", ["private area", "instance lock"])
def test_a_freed_device_that_is_used_is_found(what: str) -> None:
    """Its private area, and its lock."""
    with running("small") as k:
        (net,) = nets(k, "a")
        dev = fresh(k, net)
        k.dev.free_netdev(dev)

        assert rules(k) == []

        if what == "private area":
            dev.netdev_priv(PairPriv)
        else:
            dev.lock.acquire()
            dev.instance_lock.release()
        found = [report.title for report in k.chk.reports]

        assert found == [f"use after free: {what} of new0 is used"]


def test_a_namespace_freed_with_its_lock_held_is_found() -> None:
    """And one that somebody locks afterwards."""
    with running("pernet") as k:
        (net,) = nets(k, "a")
        k.rtnl.rtnl_lock()
        k.rtnl.rtnl_net_lock_nested(net)
        k.lifetime.net_freed(net)
        k.rtnl.net_release(net)
        k.rtnl.rtnl_unlock()
        held = [report for report in k.chk.reports if report.kind == "freed-held"]

        assert len(held) == 1
        assert "namespace a is freed while" in held[0].title


def test_a_module_that_is_unloaded_under_a_device_is_found() -> None:
    """rmmod that forgets to unregister the kind's devices."""

    class Forgets(RtnlLinkOps):
        def rtnl_link_unregister(self, ops: LinkDriver) -> None:
            with self.link_ops_mutex:
                del self.link_ops[ops.kind]

    forgetful = Fix("test", "", "", {"rtnl_link_ops": Forgets})
    with running("small", overlays=[forgetful]) as k:
        (net,) = nets(k, "a")
        add(k, net, "d0")
        k.rmmod("dummy")
        found = [report.title for report in k.chk.reports]

        assert found == ["module dummy is unloaded while d0 is REGISTERED"]


def test_an_event_for_a_module_that_is_gone_is_found() -> None:
    """A block that stayed on the chain."""
    with running("small") as k:
        (net,) = nets(k, "a")
        dev = add(k, net, "d0")
        block = NotifierBlock("test", lambda _event, _dev, _info: 0)
        k.notifier.register_netdevice_notifier(block)
        block.gone = True
        k.rtnl.rtnl_net_lock(net)
        k.dev.dev_set_mtu(dev, 1400)
        k.rtnl.rtnl_net_unlock(net)
        block.gone = False
        k.notifier.unregister_netdevice_notifier(block)

        assert set(rules(k)) == {"used-after-free"}


def test_modules_come_and_go_without_a_finding() -> None:
    """Every kind, with devices, in small."""
    with running("small") as k:
        (net,) = nets(k, "a")
        add(k, net, "d0")
        for name in list(k.links):
            if name not in ("lo", "af_xdp", "netdevsim"):
                k.rmmod(name)

        assert rules(k) == []


def test_what_was_torn_down_is_silent_and_takes_no_users() -> None:
    """Its NETDEV_UNREGISTER has shut everybody; a work or a socket that comes later is late."""
    with running("small") as k:
        (net,) = nets(k, "a")
        dev = add(k, net, "d0")
        k.rtnl.rtnl_net_lock(net)
        k.dev.unregister_netdevice(dev)

        assert rules(k) == []

        k.notifier.call_netdevice_notifiers("UNREGISTER", dev)
        k.notifier.call_netdevice_notifiers("CHANGEADDR", dev)
        with dev.lock:
            queue = k.netdev_rx_queue.rx_queue(dev, 0)
            user = k.netdev_rx_queue.install(queue, dev, "xsk", "late")
        k.netdev_rx_queue.close_user(user)
        k.rtnl.rtnl_net_unlock(net)

        assert rules(k) == ["event-after-unregister", "opened-after-unregister"]


def test_a_command_s_own_call_of_the_kernel_is_checked() -> None:
    """Though no probed function is entered; who only looks, as this test, has no request."""
    with running("pernet") as k:
        (net,) = nets(k, "a")
        dev = add(k, net, "d0")
        queue = k.netdev_rx_queue.rx_queue(dev, 0)
        k.netdev_rx_queue.netdev_queue_busy(queue)

        assert rules(k) == []

        task = k.probe.current()
        task.request = "nk open a d0 0 xsk x"
        k.netdev_rx_queue.netdev_queue_busy(queue)
        task.request = ""

        assert rules(k) == ["guard-NetdevRxQueue.lease-read"]
