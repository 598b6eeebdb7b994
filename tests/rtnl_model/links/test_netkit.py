"""netkit: pairs and singles, queue leases, the notifier, users of a queue, and the conversion."""

from __future__ import annotations

from errno import EBUSY
from typing import TYPE_CHECKING, Any

import pytest

from rtnl_model.kernel.errors import KernelError
from rtnl_model.kernel.netdev_genl import QueueCreateRequest

from .worlds import (
    RTNL_REGIMES,
    add,
    answer,
    booted,
    delete,
    device,
    explored,
    lines,
    move,
    names,
    run,
    set_up,
    titles,
)

if TYPE_CHECKING:
    from rtnl_model.kernel.kernel import Kernel
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice

SETUP = """
ip netns add ns1
ip netns add ns2
ip link add p0 type phys driver mlx5_core queues 4
ip -n ns1 link add nk0 numrxqueues 4 type netkit mode l3 peer name nk1 numrxqueues 4 netns ns2
"""
LEASED = SETUP + "lease p0 queue 1 to ns2/nk1\n"


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_the_seeds_rmmod_example(rtnl: str) -> None:
    """The card goes, and with it the netkits that leased its queue; nothing waits for ever."""
    recorded = run(LEASED + "rmmod mlx5_core", rtnl)

    assert answer(recorded) == (0, "", "")
    assert titles(recorded) == []
    assert names(recorded) == {"ns1": [], "ns2": []}
    assert {"nk0", "nk1", "p0"} == {dev for _, dev in lines(recorded, "free_netdev")}


def test_one_batch_lessee_first_and_the_card_last() -> None:
    """As recorded: nk1, nk0, p0, all by the task that removes the card."""
    recorded = run(LEASED + "rmmod mlx5_core", "small")

    assert [dev for _, dev in lines(recorded, "free_netdev")] == ["nk1", "nk0", "p0"]
    assert {"rmmod"} == {comm for comm, _ in lines(recorded, "free_netdev")}


def test_two_leased_queues_delete_a_netkit_once() -> None:
    """The second queue finds it on the kill list."""
    recorded = run(LEASED + "lease p0 queue 2 to ns2/nk1\nrmmod mlx5_core", "small")

    assert lines(recorded, "netkit_del_link") == [("rmmod", "nk1")]
    assert len(lines(recorded, "netdev_rx_queue_unlease")) == 2
    assert titles(recorded) == []


def test_without_a_lease_the_netkit_stays() -> None:
    """The card alone goes."""
    recorded = run(SETUP + "rmmod mlx5_core")

    assert names(recorded) == {"ns1": ["nk0"], "ns2": ["nk1"]}


def test_a_moved_card_keeps_its_leases() -> None:
    """NETDEV_UNREGISTER of a move: reg_state is still REGISTERED, the notifier does nothing."""
    recorded = run(LEASED + "ip link set p0 netns ns1\nip -n ns1 link set p0 netns ns2")

    assert names(recorded) == {"ns1": ["nk0"], "ns2": ["nk1", "p0"]}


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_the_netkit_first_frees_the_queue_for_others(rtnl: str) -> None:
    """Its uninit ends its leases; the card stays, the queue can be leased again."""
    again = """
    ip -n ns1 link del nk0
    ip -n ns1 link add n0 numrxqueues 4 type netkit peer name n1 numrxqueues 4 netns ns2
    lease p0 queue 1 to ns2/n1
    """
    recorded = run(LEASED + again, rtnl)

    assert answer(recorded) == (0, "", "")
    assert titles(recorded) == []


LEASE_ERRORS: list[tuple[str, int, str]] = [
    ("lease p0 queue 2 to ns1/nk0", 95, "netkit can only lease against the peer device"),
    ("lease p0 queue 1 to ns2/nk1", 16, "Device queue in use due to queue leasing"),
    ("lease p0 queue 9 to ns2/nk1", 34, ""),
    ("lease p1 queue 1 to ns2/nk1", 95, "Leasing queues from different devices not supported"),
    ("lease p0 queue 1 to ns2/d0", 22, "Device does not support queue creation"),
    ("lease d9 queue 0 to ns2/nk1", 22, "Lease device is a virtual device"),
    ("lease nosuch queue 0 to ns2/nk1", 19, ""),
]


@pytest.mark.parametrize(("command", "errno", "extack"), LEASE_ERRORS)
def test_leases_that_are_refused(command: str, errno: int, extack: str) -> None:
    """The kernel's errno and its words."""
    more = """
    ip link add p1 type phys driver ice queues 2
    ip link add d9 type dummy
    ip -n ns2 link add d0 type dummy
    """
    recorded = run(LEASED + more + command)
    cmd = recorded.document["ops"][-1]["cmds"][0]

    assert (1, errno, extack) == (
        cmd["rc"],
        cmd["nlerr"][0]["errno"],
        cmd["nlerr"][0].get("extack", ""),
    )


def test_room_is_what_numrxqueues_said() -> None:
    """Four queues, one of its own: three leases."""
    script = LEASED + "".join(f"lease p0 queue {q} to ns2/nk1\n" for q in (2, 3, 0))
    recorded = run(script)

    assert [op["cmds"][0]["rc"] for op in recorded.document["ops"][-3:]] == [0, 0, 1]
    error = recorded.document["ops"][-1]["cmds"][0]["nlerr"][0]
    assert error["extack"] == "netkit maximum queue limit reached"


@pytest.mark.parametrize(
    "command",
    [
        "ip -n ns1 link add big numrxqueues 1025 type netkit",
        "ip -n ns1 link add nk0 type netkit mode l3 peer address 02:00:00:00:00:01",
    ],
)
def test_netkits_that_are_refused(command: str) -> None:
    """Too many queues; an address in L3 mode."""
    recorded = run("ip netns add ns1\n" + command)

    assert answer(recorded) == (2, "EOPNOTSUPP", "")
    assert names(recorded) == {"ns1": []}


def test_an_l2_device_does_arp_and_an_l3_device_takes_no_address() -> None:
    """The mode belongs to both ends."""
    with booted() as k:
        net = k.net_namespace.create("ns1")
        l2 = add(k, net, "a0", "netkit", data={"mode": "l2"}, peer={"ifname": "a1"})
        l3 = add(k, net, "b0", "netkit", data={"mode": "l3"}, peer={"ifname": "b1"})

        assert (l2.flags & 0x80, l3.flags & 0x80) == (0, 0x80)
        assert (l2.priv.mode, l2.priv.peer.priv.mode) == ("l2", "l2")
        with pytest.raises(KernelError):
            k.links["netkit"].ndo_set_mac_address(l3, "02:00:00:00:00:01")


# -- users of a queue --


def leased_world(k: Kernel) -> tuple[Net, NetDevice, NetDevice]:
    """nk0 in ns1, nk1 in ns2, whose queue 1 is p0's queue 2: (ns2, nk1, p0)."""
    ns1, ns2 = k.net_namespace.create("ns1"), k.net_namespace.create("ns2")
    k.netdevsim.add(k.init_net, -1, 4, "p0", driver="mlx5_core", renamed=False)
    add(
        k,
        ns1,
        "nk0",
        "netkit",
        peer={"ifname": "nk1", "net": ns2, "attrs": {"numrxqueues": 4}},
    )
    virt = k.dev.dev_get_by_name(ns2, "nk1")
    phys = k.dev.dev_get_by_name(k.init_net, "p0")
    assert virt is not None
    assert phys is not None
    request = QueueCreateRequest(ns2, virt.ifindex, phys.ifindex, 2, lease_net=k.init_net)
    assert k.netdev_genl.netdev_nl_queue_create_doit(request) == 1
    return ns2, virt, phys


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
@pytest.mark.parametrize("kind", ["xsk", "provider"])
def test_a_user_of_a_leased_queue_is_torn_down_with_the_card(rtnl: str, kind: str) -> None:
    """The application pins the netkit, the netkit's lease pins the card; all of it ends."""
    with booted(rtnl) as k:
        net, virt, phys = leased_world(k)
        user = k.netdev_rx_queue.open_user(net, virt.ifindex, 1, kind, "app")

        assert phys.rx_queues[2].user is user
        assert any("app" in holder for holder in virt.holders())
        k.rmmod("mlx5_core")
        k.quiesce()
        assert (virt.freed, phys.freed, user.live.get()) == (True, True, False)
        k.netdev_rx_queue.close_user(user)  # late, and harmless


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
@pytest.mark.parametrize("kind", ["xsk", "provider"])
def test_a_user_of_a_leased_queue_is_torn_down_with_the_netkit(rtnl: str, kind: str) -> None:
    """The card outlives the lease, so its queue is shut by the lease's end."""
    with booted(rtnl) as k:
        net, virt, phys = leased_world(k)
        user = k.netdev_rx_queue.open_user(net, virt.ifindex, 1, kind, "app")
        delete(k, net, "nk1")
        k.quiesce()

        assert (virt.freed, user.live.get()) == (True, False)
        assert (phys.rx_queues[2].user, phys.rx_queues[2].lease) == (None, None)


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_a_leased_card_moves_with_its_lease(rtnl: str) -> None:
    """No netkit goes with the move (recorded on 7.3-rc7); the card's end takes them later."""
    with booted(rtnl) as k:
        _, virt, phys = leased_world(k)
        there = k.net_namespace.create("ns3")
        move(k, k.init_net, phys, there)
        k.quiesce()

        assert k.dev.dev_get_by_name(there, "p0") is phys
        assert (virt.freed, phys.rx_queues[2].lease) == (False, virt.rx_queues[1])
        k.rmmod("mlx5_core")
        k.quiesce()
        assert (virt.freed, phys.freed) == (True, True)


def test_a_leased_queue_of_the_card_itself_is_busy() -> None:
    """AF_XDP and providers must come through the lessee."""
    with booted() as k:
        _, _, phys = leased_world(k)
        with pytest.raises(KernelError) as refused:
            k.netdev_rx_queue.open_user(k.init_net, phys.ifindex, 2, "xsk", "app")

    assert (
        refused.value.errno,
        refused.value.extack,
    ) == (EBUSY, "Device queue in use due to queue leasing")


def test_channels_do_not_shrink_below_a_lease() -> None:
    """EINVAL, and allowed again when the lease ended."""
    with booted() as k:
        net, _, phys = leased_world(k)
        with pytest.raises(KernelError):
            k.netdev_genl.ethnl_set_channels(k.init_net, phys.ifindex, 2)
        delete(k, net, "nk1")
        assert k.netdev_genl.ethnl_set_channels(k.init_net, phys.ifindex, 2) == (4, 2)


def test_queue_get_tells_the_lease_on_the_card_only() -> None:
    """With the lessee's ifindex, queue and nsid; a device that is down shows nothing."""
    with booted() as k:
        net, virt, phys = leased_world(k)
        assert k.netdev_genl.queue_get_dump(k.init_net, phys.ifindex) == []
        set_up(k, k.init_net, phys)
        set_up(k, net, virt)
        listed = k.netdev_genl.queue_get_dump(k.init_net, phys.ifindex)

        assert [line.index for line in listed] == [0, 1, 2, 3]
        assert (virt.ifindex, 1) == (listed[2].lease_ifindex, listed[2].lease_queue)
        assert listed[2].lease_nsid is not None
        lessee: list[Any] = k.netdev_genl.queue_get_dump(net, virt.ifindex)
        assert [line.lease_ifindex for line in lessee] == [None, None]


# -- races --

RACES = {
    "card and primary": LEASED + "rmmod mlx5_core & ip -n ns1 link del nk0 & wait",
    "card and lessee's namespace": LEASED + "rmmod mlx5_core & ip netns del ns2 & wait",
    "card and another lease": LEASED + "rmmod mlx5_core & lease p0 queue 2 to ns2/nk1 & wait",
    "both ends": SETUP + "ip -n ns1 link del nk0 & ip -n ns2 link del nk1 & wait",
    "lessee moves": "ip netns add ns3\n"
    + LEASED
    + "ip -n ns2 link set nk1 netns ns3 & rmmod mlx5_core & wait",
    "both namespaces": LEASED + "ip netns del ns1 & ip netns del ns2 & wait",
}


@pytest.mark.apart
@pytest.mark.parametrize("race", RACES)
def test_the_conversion_is_clean_without_a_global_rtnl(race: str, seed: int) -> None:
    """No double unregistration, no instance lock the wrong way round, nothing left."""
    outcome = explored(RACES[race], "pernet", 15, seed)

    assert [str(finding.report) for finding in outcome.findings] == []


@pytest.mark.apart
@pytest.mark.parametrize("race", ["card and primary", "card and another lease"])
def test_7_3s_netkit_is_clean_under_the_global_rtnl(race: str, seed: int) -> None:
    """Unconverted, in `small`."""
    outcome = explored(RACES[race], "small", 15, seed)

    assert [str(finding.report) for finding in outcome.findings if not finding.known] == []


def test_a_pair_tells_its_peer() -> None:
    """Each end's IFLA_LINK is the other."""
    recorded = run(SETUP)

    assert device(recorded, "ns1", "nk0")["lower"]["ifname"] == "nk1"
    assert device(recorded, "ns2", "nk1")["lower"]["ifname"] == "nk0"
