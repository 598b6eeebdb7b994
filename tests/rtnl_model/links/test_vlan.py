"""8021q, as Linux 7.3 has it: unconverted."""

from __future__ import annotations

import pytest

from rtnl_model.iproute import parse_script
from rtnl_model.iproute.execute import execute
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.kernel.netdevice import NetDevice

from .worlds import add, answer, booted, delete, device, lines, names, run, titles

FAN_OUT = """
ip netns add ns1
ip netns add ns2
ip -n ns1 link add d1 type dummy
ip -n ns1 link add v5 link d1 type vlan id 5
ip -n ns2 link add v9 link d1 link-netns ns1 type vlan id 9
"""


@pytest.mark.parametrize("rtnl", ["global", "small"])
def test_the_lowers_end_takes_every_upper_on_the_spot(rtnl: str) -> None:
    """All in the caller, in the order of the ids."""
    recorded = run(FAN_OUT + "ip -n ns1 link del d1", rtnl)

    assert titles(recorded) == []
    assert names(recorded) == {"ns1": [], "ns2": []}
    assert lines(recorded, "vlan_dev_uninit") == [("ip", "v5"), ("ip", "v9")]


def test_a_vlan_on_a_vlan_goes_in_a_nested_pass() -> None:
    """The middle one's event takes the top one before its own uninit."""
    script = FAN_OUT + "ip -n ns1 link add v56 link v5 type vlan id 6\nip -n ns1 link del d1"
    recorded = run(script, "small")

    assert [dev for _, dev in lines(recorded, "vlan_dev_uninit")] == ["v56", "v5", "v9"]
    assert titles(recorded) == []


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("link d1 type vlan id 5", ("EEXIST", "8021q: VLAN device already exists")),
        ("link d1 type vlan id 4095", ("ERANGE", "8021q: Invalid VLAN id")),
        ("link lo type vlan id 7", ("EOPNOTSUPP", "8021q: VLANs not supported on device")),
    ],
)
def test_vlans_that_are_refused(options: str, wanted: tuple[str, str]) -> None:
    """The kernel's errno and its words."""
    recorded = run(FAN_OUT + f"ip -n ns1 link add bad {options}")

    assert (2, *wanted) == answer(recorded)


def test_the_last_id_takes_the_lowers_table_with_it() -> None:
    """Ids are counted in and out."""
    with booted() as k:
        net = k.net_namespace.create("ns1")
        lower = add(k, net, "d1", "dummy")
        add(k, net, "v5", "vlan", link=lower.ifindex, data={"id": 5})
        assert lower.vlan_info.vid_list == {("802.1Q", 5): 1}
        delete(k, net, "v5")
        assert lower.vlan_info is None
        assert lower.holders() == ["registered"]


def test_it_tells_its_id_and_its_lower() -> None:
    """In listings."""
    recorded = run(FAN_OUT)

    assert device(recorded, "ns2", "v9")["info"] == {"id": 9}
    assert device(recorded, "ns2", "v9")["lower"]["ifname"] == "d1"


def issue(k: Kernel, line: str) -> None:
    """One command, as a process of its own."""
    for command in parse_script(line).commands():
        k.probe.adopt(k.probe.new_task("ip"))

        assert execute(k, command).rc == 0, line


def named(k: Kernel, netns: str, name: str) -> NetDevice:
    """The device itself."""
    net = k.net_namespace.get(netns)
    assert net is not None
    return net.names[name]


@pytest.mark.parametrize("rtnl", ["global", "small"])
def test_uppers_follow_their_lower_by_a_work(rtnl: str) -> None:
    """Up, mtu and down of the lower reach the uppers later, on the work's own thread."""
    with booted(rtnl) as k:
        for line in FAN_OUT.strip().splitlines():
            issue(k, line)
        lower, upper = named(k, "ns1", "d1"), named(k, "ns2", "v9")
        threads: list[str] = []
        change = k.dev.dev_open

        def noting(dev: NetDevice) -> None:
            threads.append(k.probe.current().comm)
            change(dev)

        k.dev.dev_open = noting
        issue(k, "ip -n ns1 link set d1 up")
        k.quiesce()

        assert upper.up
        assert set(threads) == {"kworker/0:0"}

        issue(k, "ip -n ns1 link set d1 mtu 1400")
        k.quiesce()

        assert (lower.mtu, upper.mtu) == (1400, 1400)

        issue(k, "ip -n ns1 link set d1 down")
        k.quiesce()

        assert not upper.up
        assert k.chk.reports == []


def test_a_work_on_a_vlan_that_goes_is_cancelled() -> None:
    """Its reference does not keep the device."""
    script = FAN_OUT + "ip -n ns1 link set d1 up\nip -n ns1 link del d1\n"
    recorded = run(script, "small")

    assert titles(recorded) == []
    assert names(recorded) == {"ns1": [], "ns2": []}
