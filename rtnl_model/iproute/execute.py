"""One `ip` process: a command becomes requests to the kernel, on the calling thread.

Mirrors what iproute2 does with its arguments: it opens namespaces, looks devices up, asks for the
nsid that `link-netns` needs, sends one rtnetlink message and turns the answer into status and
stderr.  The result has the shape of the recordings' `cmds`.

Context: the calling thread is the process; its model pid is the probe's.  A command never raises
for what a user did wrong; `KernelBug` and `Unwind` pass through.

One file: one process that types `ip`, a short method for each command.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lockcheck import looking
from rtnl_model.kernel.documents import Fields

from ..kernel.errors import KernelError
from ..kernel.rtnetlink_request import LinkRequest, PeerRequest
from .arguments import LinkArguments, valid_netns_name
from .commands import (
    AddrAdd,
    AddrShow,
    Command,
    LinkAdd,
    LinkDel,
    LinkSet,
    LinkShow,
    Modprobe,
    NetnsAdd,
    NetnsDel,
    NetnsShow,
    Refused,
    Rmmod,
    Sleep,
    Sysctl,
)
from .errors import (
    IpExit,
    argument_wrong,
    cannot_find_device,
    from_kernel,
    no_device,
)
from .execute_queues import QUEUE_COMMANDS
from .kind_data import kind_data
from .listing import human_links, json_links

if TYPE_CHECKING:
    from ..kernel.kernel import Kernel
    from ..kernel.net_namespace import Net
    from ..kernel.netdevice import NetDevice

__all__ = ["Outcome", "Process", "execute"]

RUN_NETNS = "/run/netns"
INIT_NAMES = frozenset({"init", "1"})
ENOENT_TEXT = "No such file or directory"


@dataclass(slots=True)
class Outcome:
    """How a command ended."""

    cmd: str
    rc: int = 0
    pid: int = 0
    stdout: str = ""
    stderr: str = ""
    nlerr: list[Fields] = field(default_factory=list)
    stuck: bool = False
    """It never ended: the run was hung in it."""

    def to_dict(self) -> Fields:
        """The recordings' shape."""
        out: Fields = {"cmd": self.cmd, "rc": self.rc, "pid": self.pid}
        for key in ("stuck", "stdout", "stderr", "nlerr"):
            value = getattr(self, key)  # a request's field
            if value:
                out[key] = value
        return out


def execute(k: Kernel, command: Command) -> Outcome:
    """Run `command` as the process that the calling thread is."""
    outcome = Outcome(command.text, pid=k.probe.current().pid)
    try:
        if command.delay_us:
            # A recorded race's delay is relative to the kernel's waits: ours are shorter.
            seconds = command.delay_us / 1e6 * k.timing.wait_refs_rebroadcast
            k.chk.sleep(seconds, name=f"after {command.delay_us} us")
        outcome.stdout = Process(k, command).run()
    except IpExit as exit_:
        outcome.rc, outcome.stderr, outcome.nlerr = exit_.status, exit_.stderr, exit_.nlerr
    return outcome


class Process:
    """What one `ip` process knows: the kernel and the namespace that it is in."""

    def __init__(self, k: Kernel, command: Command) -> None:
        self.k = k
        self.command = command
        self.net: Net
        self.opened: list[Net] = []
        """Namespaces that it has open, and so keeps alive."""

    def run(self) -> str:
        """Do it; the result is what is printed. Raises: IpExit."""
        try:
            found = self.netns(self.command.netns)
            if found is None:
                raise IpExit(
                    255, f'Cannot open network namespace "{self.command.netns}": {ENOENT_TEXT}'
                )
            self.net = found
            handler = _HANDLERS.get(type(self.command))
            if handler is not None:
                return handler(self, self.command) or ""
            return QUEUE_COMMANDS[type(self.command)](self.k, self.net, self.command)
        finally:
            while self.opened:
                self.k.net_namespace.put_net(self.opened.pop())

    def netns(self, name: str) -> Net | None:
        """Open a namespace by its name; empty: the initial one.  Closed when the process ends.

        `init`, and `1` for the process that lives there, name the initial one too.
        """
        space = self.k.net_namespace
        try:
            net = space.open("" if name in INIT_NAMES and space.get(name) is None else name)
        except KernelError:
            return None
        self.opened.append(net)
        return net

    def device(self, name: str | None) -> NetDevice:
        """A device of this namespace. Raises: IpExit."""
        dev = self.k.dev.dev_get_by_name(self.net, name) if name else None
        if dev is None:
            raise cannot_find_device(name or "")
        return dev

    def find_device(self, name: str) -> int:
        """The ifindex of a device; as in RTM_GETLINK, no move comes between name and index.

        Raises: IpExit.
        """
        dev = self.device(name)
        with looking(self.k.chk):
            return dev.ifindex

    # -- ip netns --

    def netns_add(self, command: NetnsAdd) -> None:
        name = self.checked_name(command.name)
        try:
            self.k.net_namespace.create(name)
        except KernelError as error:
            if error.name == "EEXIST":
                raise IpExit(
                    1, f'Cannot create namespace file "{RUN_NETNS}/{name}": File exists'
                ) from error
            text = from_kernel("", error).stderr.partition(": ")[2]
            raise IpExit(1, f'Failed to create a new network namespace "{name}": {text}') from error

    def netns_del(self, command: NetnsDel) -> None:
        name = self.checked_name(command.name)
        try:
            self.k.net_namespace.delete(name)
        except KernelError as error:
            raise IpExit(
                1, f'Cannot remove namespace file "{RUN_NETNS}/{name}": {ENOENT_TEXT}'
            ) from error

    def checked_name(self, name: str) -> str:
        if not valid_netns_name(name):
            raise IpExit(255, f'Invalid netns name "{name}"')
        return name

    def netns_show(self, _command: NetnsShow) -> str:
        return "\n".join(reversed(self.k.net_namespace.named()))

    # -- ip link --

    def arguments(self) -> LinkArguments:
        return LinkArguments(self.netns, self.link_netns, self.find_master)

    def link_netns(self, name: str, arguments: LinkArguments) -> None:
        """`link-netns NS`: find the namespace's nsid, or make one."""
        found = self.netns(name)
        if found is None:
            raise argument_wrong('Invalid "link-netns" value', name)
        space = self.k.net_namespace
        if space.peernet2id(self.net, found) < 0:
            try:
                space.rtnl_net_newid(self.net, found)
            except KernelError:
                pass  # somebody else was first
        arguments.link_net = found

    def find_master(self, name: str) -> int:
        dev = self.k.dev.dev_get_by_name(self.net, name)
        if dev is None:
            raise argument_wrong("Device does not exist", name, no_device())
        return dev.ifindex

    def link_add(self, command: LinkAdd) -> None:
        arguments = self.arguments()
        req = LinkRequest(sock_net=self.net, kind=command.kind, create=True, excl=True)
        arguments.fill(req, command.options)
        req.ifindex = arguments.index
        req.ifname = arguments.new_name or arguments.dev
        if command.kind:
            req.data = kind_data(command.kind, command.kind_options, self.find_device)
        if command.peer is not None:
            req.peer = self.peer(command)
        if arguments.link is not None:
            where = arguments.link_net or self.net
            lower = self.k.dev.dev_get_by_name(where, arguments.link)
            if lower is None:
                raise cannot_find_device(
                    arguments.link, in_link_netns=arguments.link_net is not None
                )
            if arguments.link_net is not None:
                self.getlink_elsewhere(where, lower.ifindex)
            req.link = lower.ifindex
        req.link_net = arguments.link_net
        self.talk("RTM_NEWLINK", self.k.rtnetlink.rtnl_newlink, req)

    def peer(self, command: LinkAdd) -> PeerRequest:
        arguments = self.arguments()
        peer = PeerRequest()
        assert command.peer is not None
        arguments.fill(peer, command.peer)
        peer.ifname = arguments.new_name or arguments.dev
        peer.ifindex = arguments.index
        return peer

    def link_set(self, command: LinkSet) -> None:
        arguments = self.arguments()
        req = LinkRequest(sock_net=self.net)
        arguments.fill(req, command.options)
        name = arguments.dev or arguments.new_name
        if name is None and req.group is None:
            raise IpExit(255, 'Not enough information: "dev" argument is required.')
        if command.kind:
            req.kind = command.kind
            req.data = kind_data(command.kind, command.kind_options, self.find_device)
        if name is not None:
            if req.address is not None and not self.k.dev.dev_get_by_name(self.net, name):
                raise IpExit(1, f'Cannot find device "{name}"', [*no_device(), *no_device()])
            req.ifindex = self.find_device(name)
            req.ifname = arguments.new_name
            req.new_ifindex = arguments.index
            if req.address is not None:
                self.check_address_length(name, req.address)
        self.talk("RTM_NEWLINK", self.k.rtnetlink.rtnl_newlink, req)

    def check_address_length(self, name: str, address: str) -> None:
        """nl_get_ll_addr_len: how long is an address of this device?  Raises: IpExit."""
        self.getlink_under_rtnl()
        given, wanted = len(address.split(":")), self.device(name).addr_len
        if wanted and given != wanted:
            raise IpExit(1, f"Invalid address length {given} - must be {wanted} bytes")

    def link_del(self, command: LinkDel) -> None:
        arguments = self.arguments()
        req = LinkRequest(sock_net=self.net, kind=command.kind)
        arguments.fill(req, command.options)
        name = arguments.dev or arguments.new_name
        if name is None and req.group is None:
            raise IpExit(255, 'Not enough information: "dev" argument is required.')
        if name is not None:
            req.ifindex = self.find_device(name)
            req.group = None
        self.talk("RTM_DELLINK", self.k.rtnetlink.rtnl_dellink, req)

    def talk(self, name: str, handler: Callable[[LinkRequest], None], req: LinkRequest) -> None:
        """Send one message and read the answer (rtnl_talk)."""
        try:
            handler(req)
        except KernelError as error:
            raise from_kernel(name, error) from error

    def getlink_under_rtnl(self) -> None:
        """rtnl_getlink, where it wants RTNL: asked for virtual functions or another namespace."""
        self.k.rtnl.rtnl_lock()
        self.k.rtnl.rtnl_unlock()
        self.user_space()

    def user_space(self) -> None:
        """iproute2 thinks."""
        if self.k.chk.timed and self.k.timing.user_space:
            self.k.chk.sleep(self.k.timing.user_space, "user space")

    def getlink_elsewhere(self, where: Net, ifindex: int) -> None:
        """RTM_GETLINK of a device of another namespace, named by its nsid.

        The answer names the namespace of the device's lower, peer or backend by an nsid of *ours*
        (rtnl_fill_link_netnsid), which is given out here if there was none; it may be our own.
        """
        self.k.rtnl.rtnl_lock()
        with self.k.rcu.reading():
            dev = self.k.dev.dev_get_by_index(where, ifindex)
            ops = dev.rtnl_link_ops if dev is not None else None
            link_net = ops.get_link_net(dev) if ops is not None and dev is not None else None
        if link_net is not None and link_net is not where:
            self.k.net_namespace.peernet2id_alloc(self.net, link_net)
        self.k.rtnl.rtnl_unlock()
        self.user_space()

    def link_show(self, command: LinkShow) -> str:
        only = self.device_shown(command.dev)
        if only is not None:
            self.getlink_under_rtnl()
        if command.json:
            return json_links(self.k, self.net, only)
        return human_links(self.k, self.net, only, details=command.details)

    def addr_show(self, command: AddrShow) -> str:
        return human_links(self.k, self.net, self.device_shown(command.dev), addresses=True)

    def device_shown(self, name: str) -> NetDevice | None:
        if not name:
            return None
        dev = self.k.dev.dev_get_by_name(self.net, name)
        if dev is None:
            raise IpExit(1, f'Device "{name}" does not exist.', no_device())
        return dev

    # -- ip addr, sysctl, modules --

    def addr_add(self, command: AddrAdd) -> None:
        try:
            ipaddress.ip_interface(command.address)
        except ValueError:
            raise IpExit(
                1,
                f'Error: any valid prefix is expected rather than "{command.address}".',
            ) from None
        dev = self.device(command.dev)
        try:
            self.k.inet.addr_add(self.net, dev.ifindex, command.address)
        except KernelError as error:
            raise from_kernel("RTM_NEWADDR", error) from error

    def sysctl(self, command: Sysctl) -> str:
        path = f"net/ipv6/conf/{command.dev}/{command.key}"
        try:
            now = self.k.inet.sysctl(self.net, command.dev, command.key, command.value)
        except KernelError as error:
            if error.name == "ENOENT":
                raise IpExit(255, f"sysctl: cannot stat /proc/sys/{path}: {ENOENT_TEXT}") from error
            text = from_kernel("", error).stderr.partition(": ")[2]
            raise IpExit(255, f'sysctl: setting key "{path}": {text}') from error
        return f"{path.replace('/', '.')} = {now if command.value is None else command.value}"

    def modprobe(self, command: Modprobe) -> None:
        try:
            self.k.modprobe(command.module)
        except KernelError as error:
            raise IpExit(
                1, f"modprobe: FATAL: Module {command.module} not found in directory /lib/modules"
            ) from error

    def rmmod(self, command: Rmmod) -> None:
        try:
            self.k.rmmod(command.module)
        except KernelError as error:
            why = {"ENOENT": "is not currently loaded", "EBUSY": "is in use"}.get(
                error.name, str(error)
            )
            raise IpExit(1, f"rmmod: ERROR: Module {command.module} {why}") from error

    def sleep(self, command: Sleep) -> None:
        self.k.chk.sleep(command.seconds, name="sleep")

    def refused(self, command: Refused) -> None:
        raise IpExit(command.status, command.stderr)


_HANDLERS: dict[
    type[Command], Callable[[Process, Any], str | None]  # its own command
] = {  # each takes its own command
    NetnsAdd: Process.netns_add,
    NetnsDel: Process.netns_del,
    NetnsShow: Process.netns_show,
    LinkAdd: Process.link_add,
    LinkSet: Process.link_set,
    LinkDel: Process.link_del,
    LinkShow: Process.link_show,
    AddrShow: Process.addr_show,
    AddrAdd: Process.addr_add,
    Sysctl: Process.sysctl,
    Modprobe: Process.modprobe,
    Rmmod: Process.rmmod,
    Sleep: Process.sleep,
    Refused: Process.refused,
}
