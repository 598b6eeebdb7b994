"""Arranging kernels for the tests of the core: boot, requests, threads where they should be."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import lockcheck
from lockcheck.conduct.watchdog import Watchdog
from rtnl_model.kernel.assembly import assemble
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.kernel.rtnetlink_request import LinkRequest, PeerRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice
    from rtnl_model.kernel.probe import Record

REGIMES = ("global", "small", "pernet")
KINDS = ("dummy", "veth", "ipvlan", "bareudp")


@contextmanager
def running(regime: str = "small", *, kinds: Any = KINDS, **options: Any) -> Iterator[Kernel]:
    """A booted kernel under a watchdog; every thread is joined at the end."""
    chk = lockcheck.Checker(on_report="collect")
    k = assemble(chk, regime, kinds=kinds, **options)
    with Watchdog(chk, period=0.05):
        try:
            k.start()
            yield k
            if not chk.aborted:
                k.quiesce()
        finally:
            try:
                k.shutdown()
            except lockcheck.Unwind:
                pass


def nets(k: Kernel, *names: str) -> list[Net]:
    """Named namespaces."""
    return [k.net_namespace.create(name) for name in names]


def add(k: Kernel, net: Net, name: str, kind: str = "dummy", **fields: Any) -> NetDevice:
    """`ip link add`."""
    peer = fields.pop("peer", None)
    target = fields.get("tgt_net") or net
    k.rtnetlink.rtnl_newlink(
        LinkRequest(
            sock_net=net,
            ifname=name,
            kind=kind,
            create=True,
            excl=True,
            peer=PeerRequest(**peer) if peer else None,
            **fields,
        )
    )
    found = k.dev.dev_get_by_name(target, name)
    assert found is not None
    return found


def veth(k: Kernel, net: Net, name: str, peer_net: Net, peer: str) -> tuple[NetDevice, NetDevice]:
    """A pair, one end in each namespace."""
    one = add(k, net, name, "veth", peer={"ifname": peer, "net": peer_net})
    other = k.dev.dev_get_by_name(peer_net, peer)
    assert other is not None
    return one, other


def ipvlan(k: Kernel, net: Net, name: str, lower: NetDevice) -> NetDevice:
    """An upper in net on a lower elsewhere."""
    return add(
        k, net, name, "ipvlan", link=lower.ifindex, link_net=lower.peek_net(), data={"mode": "l2"}
    )


def delete(k: Kernel, net: Net, name: str) -> None:
    """`ip link del`."""
    k.rtnetlink.rtnl_dellink(LinkRequest(sock_net=net, ifname=name))


def move(k: Kernel, net: Net, name: str, to: Net, **fields: Any) -> None:
    """`ip link set NAME netns TO`."""
    dev = k.dev.dev_get_by_name(net, name)
    assert dev is not None
    k.rtnetlink.rtnl_newlink(LinkRequest(sock_net=net, ifindex=dev.ifindex, tgt_net=to, **fields))


def set_up(k: Kernel, net: Net, dev: NetDevice) -> None:
    """`ip link set DEV up`."""
    k.rtnetlink.rtnl_newlink(LinkRequest(sock_net=net, ifindex=dev.ifindex, up=True))


def begin(k: Kernel, comm: str, body: Callable[[], object]) -> Any:
    """A requester of its own, started."""
    task = k.probe.new_task(comm)

    def run() -> None:
        k.probe.adopt(task)
        body()

    thread = k.chk.Thread(target=run, name=comm)
    thread.start()
    return thread


def reached(k: Kernel, wanted: Callable[[Record], bool]) -> Any:
    """An event that is set at the first probe line like this."""
    event = k.chk.Event("reached")

    def look(line: Record) -> None:
        if wanted(line) and not event.is_set():
            event.set()

    k.probe.listeners.append(look)
    return event


def names(net: Net) -> list[str]:
    """Its devices but lo."""
    return [dev.name for dev in net.dev_list() if dev.name != "lo"]


def told(k: Kernel, since: int = 0) -> list[str]:
    """Trace lines as `function`, `function device` or `notify EVENT device`."""
    return [
        " ".join(str(line[key]) for key in ("fn", "val", "type", "dev", "net") if key in line)
        for line in k.probe.trace[since:]
    ]


def rules(k: Kernel) -> list[str]:
    """The rules whose breaking was found, lock findings by their kind."""
    return [str(report.data.get("rule", report.kind)) for report in k.chk.reports]


def tags(k: Kernel) -> set[str]:
    """Known defects that findings are tagged with."""
    return {tag for report in k.chk.reports for tag in report.data.get("tags", ())}
