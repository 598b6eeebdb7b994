"""Cards: found, moved, sent home, reloaded and removed with their driver."""

from __future__ import annotations

from errno import EEXIST, ENOENT

import pytest

from rtnl_model.kernel.errors import KernelError

from .worlds import RTNL_REGIMES, add, answer, booted, explored, names, run, titles

CARD = "ip link add p0 type phys driver mlx5_core queues 4\n"


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_unloading_a_driver_removes_its_cards_only(rtnl: str) -> None:
    """Two drivers, one unloaded."""
    script = CARD + "ip link add q0 type phys driver ice queues 2\nrmmod mlx5_core"
    recorded = run(script, rtnl)

    assert names(recorded) == {"init": ["q0"]}
    assert titles(recorded) == []


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_a_card_goes_home_when_its_namespace_dies(rtnl: str) -> None:
    """Virtual devices are destroyed there, it is moved to the initial namespace."""
    script = CARD + "ip netns add ns1\nip link set p0 netns ns1\nip netns del ns1"
    recorded = run(script, rtnl)

    assert names(recorded) == {"init": ["p0"]}
    assert titles(recorded) == []


def test_a_card_is_not_deleted_by_a_user() -> None:
    """It has no link ops."""
    recorded = run(CARD + "ip link del p0")

    assert answer(recorded) == (2, "EOPNOTSUPP", "")


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_a_simulated_card_is_reloaded_into_the_initial_namespace(rtnl: str) -> None:
    """Its devlink instance lived in the dying one: a new device, without the old one's name."""
    with booted(rtnl) as k:
        net = k.net_namespace.create("ns1")
        assert k.netdevsim.add(net, 0, 4, "p0", ports=2) == ["p0", "p0_2"]
        old = k.dev.dev_get_by_name(net, "p0")
        k.net_namespace.delete("ns1")
        k.quiesce()

        assert old is not None
        assert old.freed
        assert [dev.name for dev in k.init_net.dev_list()[1:]] == ["eth0", "eth1"]
        assert k.netdevsim.wipe() == 1
        assert [dev.name for dev in k.init_net.dev_list()] == ["lo"]


def test_ports_and_bus_devices_that_are_not_there() -> None:
    """ENOENT; a second device of one id: EEXIST."""
    with booted() as k:
        sim = k.netdevsim
        sim.add(k.init_net, 0, 4, "p0")
        with pytest.raises(KernelError) as twice:
            sim.add(k.init_net, 0, 4, "p1")
        sim.port_remove(0, 0)
        with pytest.raises(KernelError) as port:
            sim.port_remove(0, 0)
        sim.remove(0)
        with pytest.raises(KernelError) as bus:
            sim.remove(0)

    assert [e.value.errno for e in (twice, port, bus)] == [EEXIST, ENOENT, ENOENT]


@pytest.mark.parametrize("rtnl", ["small", "pernet"])
def test_a_card_may_be_removed_while_it_moves(rtnl: str, seed: int) -> None:
    """The driver looks for its card's namespace again once it has the lock."""
    script = CARD + "ip netns add ns1\nrmmod mlx5_core & ip link set p0 netns ns1 & wait"
    outcome = explored(script, rtnl, 15, seed)

    assert [str(finding.report) for finding in outcome.findings if not finding.known] == []


def test_uppers_of_a_card_go_with_it() -> None:
    """An ipvlan of another namespace."""
    with booted() as k:
        net = k.net_namespace.create("ns1")
        k.netdevsim.add(k.init_net, -1, 1, "p0", driver="ice", renamed=False)
        card = k.dev.dev_get_by_name(k.init_net, "p0")
        assert card is not None
        upper = add(
            k,
            net,
            "u1",
            "ipvlan",
            link=card.ifindex,
            link_net=k.init_net,
            data={"mode": "l2"},
        )
        k.rmmod("ice")
        k.quiesce()

        assert (card.freed, upper.freed) == (True, True)
