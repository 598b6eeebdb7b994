"""Builders for the tests of the drivers: run a script, boot a kernel, look at what is left."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import lockcheck
from rtnl_model.iproute.parser import parse_script
from rtnl_model.kernel.assembly import assemble
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.kernel.rtnetlink_request import LinkRequest, PeerRequest
from rtnl_model.lab.explore import ExploreOptions, explore
from rtnl_model.lab.model_run import ModelSetting, Recorded, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockcheck.explore.result import Outcome
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice

RTNL_REGIMES = ("global", "small", "pernet")


def run(script: str, rtnl: str = "small", **setting: Any) -> Recorded:
    """Run a script on real threads and quiesce after each command; failures do not stop it."""
    parsed = parse_script(script, "test", strict=False)
    return record(parsed, ModelSetting(rtnl=rtnl, **setting), keep_going=True)


def explored(script: str, rtnl: str, schedules: int, seed: int, **setting: Any) -> Outcome:
    """Try many schedules of a script's concurrent part."""
    parsed = parse_script(script, "test", strict=False)
    options = ExploreOptions(schedules=schedules, seed=seed, findings=1, shrink=False)
    return explore(parsed, ModelSetting(rtnl=rtnl, **setting), options)


def titles(recorded: Recorded) -> list[str]:
    """What was found, in words."""
    return [finding["title"] for finding in recorded.findings]


def names(recorded: Recorded, op: int = -1) -> dict[str, list[str]]:
    """Devices of each namespace after an op, without lo."""
    devices = recorded.document["ops"][op]["devices"]
    return {
        ns: [dev["ifname"] for dev in devs if dev["ifname"] != "lo"] for ns, devs in devices.items()
    }


def device(recorded: Recorded, netns: str, name: str, op: int = -1) -> dict[str, Any]:
    """One device as listed after an op."""
    devices = recorded.document["ops"][op]["devices"][netns]
    found: dict[str, Any] = next(dev for dev in devices if dev["ifname"] == name)
    return found


def answer(recorded: Recorded, op: int = -1) -> tuple[int, str, str]:
    """Status, errno and extack of a command."""
    cmd = recorded.document["ops"][op]["cmds"][0]
    errors = cmd.get("nlerr") or [{}]
    return cmd["rc"], errors[0].get("name", ""), errors[0].get("extack", "")


def lines(recorded: Recorded, fn: str, op: int = -1) -> list[tuple[str, str]]:
    """Trace lines of a function in an op: (comm, device)."""
    trace = recorded.document["ops"][op].get("trace", [])
    return [(line["comm"], line.get("dev", "")) for line in trace if line["fn"] == fn]


@contextmanager
def booted(rtnl: str = "small", **options: Any) -> Iterator[Kernel]:
    """A running kernel; at the end every thread is joined and nothing may have been found."""
    chk = lockcheck.Checker(on_report="collect")
    k = assemble(chk, rtnl, **options)
    k.start()
    try:
        yield k
        k.quiesce()
        assert [str(report) for report in chk.reports] == []
    finally:
        k.shutdown()


def add(k: Kernel, net: Net, name: str, kind: str, **fields: Any) -> NetDevice:
    """`ip link add`."""
    peer = fields.pop("peer", None)
    req = LinkRequest(
        sock_net=net,
        ifname=name,
        kind=kind,
        create=True,
        excl=True,
        peer=PeerRequest(**peer) if peer else None,
        **fields,
    )
    k.rtnetlink.rtnl_newlink(req)
    found = k.dev.dev_get_by_name(net, name)
    assert found is not None
    return found


def delete(k: Kernel, net: Net, name: str) -> None:
    """`ip link del`."""
    k.rtnetlink.rtnl_dellink(LinkRequest(sock_net=net, ifname=name))


def set_up(k: Kernel, net: Net, dev: NetDevice, *, up: bool = True) -> None:
    """`ip link set DEV up|down`."""
    k.rtnetlink.rtnl_newlink(LinkRequest(sock_net=net, ifindex=dev.ifindex, up=up))


def move(k: Kernel, net: Net, dev: NetDevice, target: Net) -> None:
    """`ip link set DEV netns TARGET`."""
    k.rtnetlink.rtnl_newlink(LinkRequest(sock_net=net, ifindex=dev.ifindex, tgt_net=target))
