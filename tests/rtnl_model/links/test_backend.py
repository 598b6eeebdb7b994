"""bareudp and geneve: a device here, its socket there, and either namespace may die."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .worlds import RTNL_REGIMES, add, answer, booted, explored, lines, names, run, set_up, titles

if TYPE_CHECKING:
    from rtnl_model.kernel.links.geneve import GeneveNet

MAKE = {
    "bareudp": "type bareudp dstport 6635 ethertype ipv4",
    "geneve": "type geneve id 7 remote 10.0.0.9",
    "pfcp": "type pfcp",
}
ELSEWHERE = """
ip netns add ns1
ip netns add ns2
ip -n ns1 link add t0 netns ns2 {make}
"""


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_the_backends_death_takes_the_device(kind: str, rtnl: str) -> None:
    """It lives in ns2, its socket in ns1; ns1 dies."""
    recorded = run(ELSEWHERE.format(make=MAKE[kind]) + "ip netns del ns1", rtnl)

    assert titles(recorded) == []
    assert names(recorded) == {"ns2": []}


@pytest.mark.parametrize("kind", MAKE)
def test_it_is_unregistered_where_it_lives(kind: str) -> None:
    """cleanup_net only hands it over."""
    recorded = run(ELSEWHERE.format(make=MAKE[kind]) + "ip netns del ns1", "small")

    freed = [line for line in lines(recorded, "free_netdev") if line[1] == "t0"]

    assert freed == [("kworker/ns2", "t0")]
    assert lines(recorded, f"{kind}_dellink") == []


@pytest.mark.parametrize("kind", MAKE)
def test_a_moved_device_keeps_its_backend(kind: str) -> None:
    """Moved on, it still dies with the namespace of its socket, and not with the one in between."""
    script = (
        ELSEWHERE.format(make=MAKE[kind])
        + "ip netns add ns3\nip -n ns2 link set t0 netns ns3\nip netns del ns2\nip netns del ns1"
    )
    recorded = run(script)

    assert names(recorded, 5) == {"ns1": [], "ns3": ["t0"]}
    assert names(recorded) == {"ns3": []}
    assert titles(recorded) == []


def test_bareudp_refuses_a_second_device_of_a_port() -> None:
    """Per backend, wherever the devices are; another backend may have the port."""
    script = ELSEWHERE.format(make=MAKE["bareudp"])
    same = run(script + f"ip -n ns1 link add t1 {MAKE['bareudp']}")
    other = run(script + f"ip -n ns2 link add t1 {MAKE['bareudp']}")

    assert answer(same) == (
        2,
        "EBUSY",
        "Another bareudp device using the same port already exists",
    )
    assert answer(other)[0] == 0


def test_bareudp_refuses_a_request_without_attributes() -> None:
    """The kernel's own text."""
    recorded = run("ip netns add ns1\nip -n ns1 link add t0 type bareudp")

    assert answer(recorded) == (
        2,
        "EINVAL",
        "Not enough attributes provided to perform the operation",
    )


def test_geneve_refuses_a_twin_without_words() -> None:
    """EBUSY, no text."""
    make = MAKE["geneve"]
    recorded = run(f"ip netns add ns1\nip -n ns1 link add t0 {make}\nip -n ns1 link add t1 {make}")

    assert answer(recorded) == (2, "EBUSY", "")
    assert names(recorded) == {"ns1": ["t0"]}


def test_geneve_devices_of_a_port_share_a_socket() -> None:
    """Opened one after the other they count up; the last close ends the socket."""
    with booted() as k:
        backend = k.net_namespace.create("ns1")
        net = k.net_namespace.create("ns2")
        data: GeneveNet = k.links["geneve"].net_generic(backend)
        devs = [
            add(
                k,
                net,
                f"g{vni}",
                "geneve",
                link_net=backend,
                data={"id": vni, "remote": "10.0.0.9"},
            )
            for vni in (1, 2)
        ]
        for dev in devs:
            set_up(k, net, dev)
        assert [sock.refcnt for sock in data.sock_list] == [2]
        set_up(k, net, devs[0], up=False)
        assert [sock.refcnt for sock in data.sock_list] == [1]
        set_up(k, net, devs[1], up=False)
        assert data.sock_list == []


def test_a_backend_has_one_pfcp() -> None:
    """The port is fixed."""
    script = ELSEWHERE.format(make="type pfcp")

    assert answer(run(script + "ip -n ns1 link add t1 type pfcp")) == (2, "EADDRINUSE", "")
    assert answer(run(script + "ip -n ns2 link add t1 type pfcp"))[0] == 0


@pytest.mark.apart
@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("rtnl", ["small", "pernet"])
def test_backend_and_device_deleted_at_once(kind: str, rtnl: str, seed: int) -> None:
    """The list's mutex decides who queues it; the other finds it off the list."""
    script = (
        ELSEWHERE.format(make=MAKE[kind])
        + "ip -n ns2 link set t0 up\nip netns del ns1 & ip -n ns2 link del t0 & wait"
    )
    outcome = explored(script, rtnl, 40, seed)

    assert [str(f.report) for f in outcome.findings if not f.known] == []


@pytest.mark.parametrize("kind", MAKE)
def test_without_the_fix_the_backend_is_used_after_its_exit(kind: str, seed: int) -> None:
    """G.15: a user deletes the device, so no work is queued that the exit could flush."""
    script = (
        ELSEWHERE.format(make=MAKE[kind])
        + "ip -n ns2 link set t0 up\nip netns del ns1 & ip -n ns2 link del t0 & wait"
    )

    assert explored(script, "pernet", 300, seed, bugs=("G.15",)).outcome == "failed"


@pytest.mark.apart
@pytest.mark.parametrize("kind", MAKE)
def test_backend_dies_while_the_device_moves(kind: str, seed: int) -> None:
    """T9: it is gone in every order."""
    script = (
        "ip netns add ns3\n"
        + ELSEWHERE.format(make=MAKE[kind])
        + "ip netns del ns1 & ip -n ns2 link set t0 netns ns3 & wait"
    )
    outcome = explored(script, "pernet", 15, seed)

    assert [str(f.report) for f in outcome.findings] == []


def test_a_backends_exit_takes_the_newest_device_first() -> None:
    """list_add puts a device at the head of its backend's list."""
    script = "ip netns add a\nip netns add b\n" + "".join(
        f"ip -n a link add t{n} netns b type bareudp dstport {6000 + n} ethertype mpls_uc\n"
        for n in range(3)
    )
    recorded = run(script + "ip netns del a\n", "small")

    assert [dev for _, dev in lines(recorded, "bareudp_uninit")] == ["t2", "t1", "t0"]
