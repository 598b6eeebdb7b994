"""Physical devices, queue leases and users, and channels: what the recording machine's tool does.

Queue requests go to the netdev netlink family, without RTNL; a physical device comes and goes
through its driver (`links/netdevsim`).  Answers are spelt as that tool spells them; the place of a
bad attribute in its message is a property of the message, so it stands in a table here.

Left out: a queue that carries traffic.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from errno import ENODEV, ENOENT, ERANGE
from typing import TYPE_CHECKING, Any, cast

from ..kernel.errors import KernelError
from ..kernel.netdev_genl import QueueCreateRequest
from ..kernel.rtnetlink_request import LinkRequest
from .commands import (
    Channels,
    Command,
    Lease,
    PhysAdd,
    PhysDel,
    PortDel,
    QueueClose,
    QueueOpen,
    Queues,
    Single,
    Wipe,
)
from .errors import IpExit, from_kernel, netlink_error

if TYPE_CHECKING:
    from ..kernel.kernel import Kernel
    from ..kernel.links.netdevsim import Netdevsim
    from ..kernel.net_namespace import Net

__all__ = ["QUEUE_COMMANDS", "cards"]

_BAD_ATTRIBUTE = {
    "tx": " [bad attr at 28]",
    "ltx": " [bad attr at 60]",
    "noq": " [missing attr 2]",
    "nolease": " [missing attr 8]",
}
_BAD_QUEUE = " [bad attr at 52]"


def ifindex_of(k: Kernel, net: Net, name: str) -> int:
    """A device by name or `#N`; 0 when there is none."""
    if name.startswith("#") and name[1:].isdigit():
        return int(name[1:])
    dev = k.dev.dev_get_by_name(net, name)
    return dev.ifindex if dev is not None else 0


def refused(what: str, error: KernelError, detail: str = "") -> IpExit:
    """`queue-create: errno 16 Device or resource busy: …`."""
    text = f"{what}: errno {error.errno} {os.strerror(error.errno)}: {error.extack}{detail}"
    return IpExit(1, text.rstrip(), [netlink_error(0, error.errno, error.extack)])


def lease(k: Kernel, net: Net, command: Lease) -> str:
    """queue-create."""
    where = net
    if command.phys_netns is not None:
        found = k.net_namespace.get(command.phys_netns) if command.phys_netns else k.init_net
        if found is None:
            raise IpExit(1, f'queue-create: no namespace "{command.phys_netns}"')
        where = found
        k.net_namespace.peernet2id_alloc(net, where)  # the request names it by nsid
    opts = set(command.opts)
    nsid = any(o.startswith("nsid=") for o in opts)
    request = QueueCreateRequest(
        sock_net=net,
        ifindex=ifindex_of(k, net, command.dev),
        lease_ifindex=ifindex_of(k, where, command.phys),
        lease_queue=None if "noq" in opts else command.queue,
        lease_net=None if command.phys_netns is None else where,
        unknown_nsid=nsid,
        queue_type="tx" if "tx" in opts else "rx",
        lease_queue_type="tx" if "ltx" in opts else "rx",
        has_lease="nolease" not in opts,
    )
    try:
        created = k.netdev_genl.netdev_nl_queue_create_doit(request)
    except KernelError as error:
        detail = next((_BAD_ATTRIBUTE[o] for o in command.opts if o in _BAD_ATTRIBUTE), "")
        raise refused(
            "queue-create", error, detail or (_BAD_QUEUE if error.errno == ERANGE else "")
        ) from error
    return f"queue {created} created"


def queues(k: Kernel, net: Net, command: Queues) -> str:
    """queue-get, dump."""
    try:
        lines = k.netdev_genl.queue_get_dump(net, ifindex_of(k, net, command.dev))
    except KernelError as error:
        raise refused("queue-get", error) from error
    out = []
    for line in lines:
        text = f"rx {line.index}"
        if line.lease_ifindex is not None:
            text += f" leased to ifindex {line.lease_ifindex} queue {line.lease_queue}"
            text += f" nsid {line.lease_nsid}" if line.lease_nsid is not None else ""
        out.append(text)
    return "\n".join(out)


def open_queue(k: Kernel, net: Net, command: QueueOpen) -> str:
    """A program's file on a queue."""
    index = ifindex_of(k, net, command.dev)
    try:
        k.queue_files.open(net, index, command.queue, command.kind, command.name)
    except KernelError as error:
        raise refused("queue-open", error) from error
    return ""


def close_queue(k: Kernel, _net: Net, command: QueueClose) -> str:
    """The program closes it."""
    try:
        k.queue_files.close(command.name)
    except KernelError as error:
        raise refused("queue-close", error) from error
    return ""


def single(k: Kernel, net: Net, command: Single) -> str:
    """A netkit with pairing single."""
    request = LinkRequest(
        sock_net=net,
        ifname=command.dev,
        kind="netkit",
        create=True,
        excl=True,
        num_rx_queues=command.queues,
        data={"pairing": "single", "mode": "l2"},
    )
    try:
        k.rtnetlink.rtnl_newlink(request)
    except KernelError as error:
        raise from_kernel("RTM_NEWLINK", error) from error
    return ""


def channels(k: Kernel, net: Net, command: Channels) -> str:
    """ethtool -L, through the ioctl: no extended acknowledgement."""
    dev = k.dev.dev_get_by_name(net, command.dev)
    if dev is None:
        raise IpExit(1, f"get-channels: errno {ENODEV} {os.strerror(ENODEV)}")
    now = dev.real_num_rx_queues
    try:
        old, new = k.netdev_genl.ethnl_set_channels(net, dev.ifindex, command.count)
    except KernelError as error:
        raise IpExit(
            1,
            f"set-channels {now} -> {command.count}: errno {error.errno} "
            f"{os.strerror(error.errno)}",
        ) from error
    return f"combined {old} -> {new}"


def cards(k: Kernel) -> Netdevsim:
    """The driver of physical devices."""
    return cast("Netdevsim", k.links["netdevsim"])


def phys_add(k: Kernel, net: Net, command: PhysAdd) -> str:
    """A bus device with its ports appears."""
    try:
        names = cards(k).add(
            net,
            command.id,
            command.queues,
            command.dev or None,
            ports=command.ports,
            driver=command.driver,
            renamed=command.renamed,
        )
    except KernelError as error:
        raise refused("nsim-add", error) from error
    return "" if command.id < 0 else "\n".join(names)


def phys_del(k: Kernel, _net: Net, command: PhysDel) -> str:
    """The bus device is pulled."""
    try:
        cards(k).remove(command.id)
    except KernelError as error:
        raise IpExit(1, f"nsim-del: errno {ENOENT} {os.strerror(ENOENT)}") from error
    return ""


def port_del(k: Kernel, _net: Net, command: PortDel) -> str:
    """One port goes."""
    try:
        cards(k).port_remove(command.id, command.port)
    except KernelError as error:
        raise IpExit(1, f"port-del: errno {ENOENT} {os.strerror(ENOENT)}") from error
    return ""


def wipe(k: Kernel, _net: Net, _command: Wipe) -> str:
    """Every simulated device is pulled."""
    return f"{cards(k).wipe()} netdevsim removed"


QUEUE_COMMANDS: dict[
    type[Command], Callable[[Kernel, Net, Any], str]  # its own command
] = {  # each takes its own command
    Lease: lease,
    QueueOpen: open_queue,
    QueueClose: close_queue,
    Queues: queues,
    Single: single,
    Channels: channels,
    PhysAdd: phys_add,
    PhysDel: phys_del,
    PortDel: port_del,
    Wipe: wipe,
}
