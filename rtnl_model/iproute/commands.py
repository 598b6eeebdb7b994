"""Commands as values: what a script or a scenario asks for, before any name is looked up.

A `Script` is steps; a step is a command, a `Seq` (in a `par`: one thread's commands; in a recorded
scenario: no settling between) or a `Par` (threads of their own, let go at one moment).  Commands
are frozen, compare without their place in the source, and hold words as they were written: whether
a name or number is right is found out when the command runs, in the order in which `ip` looks at
its arguments (`arguments.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "AddrAdd",
    "AddrShow",
    "Channels",
    "Command",
    "Lease",
    "LinkAdd",
    "LinkDel",
    "LinkSet",
    "LinkShow",
    "Modprobe",
    "NetnsAdd",
    "NetnsDel",
    "NetnsShow",
    "Option",
    "Par",
    "PhysAdd",
    "PhysDel",
    "PortDel",
    "QueueClose",
    "QueueOpen",
    "Queues",
    "Refused",
    "Rmmod",
    "Script",
    "Seq",
    "Single",
    "Sleep",
    "Step",
    "Sysctl",
    "Wipe",
]


@dataclass(frozen=True, slots=True)
class Option:
    """One argument of `ip link`: the keyword in full, and its value (empty for a flag)."""

    key: str
    value: str = ""
    flag: bool = False

    def words(self) -> list[str]:
        """As it is typed."""
        return [self.key] if self.flag else [self.key, self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What all have: the text as given, its place, and whether its failure matters."""

    text: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)
    netns: str = ""
    """Where the command runs (`ip -n NS`); empty: the initial namespace."""
    may_fail: bool = False
    delay_us: int = 0
    """Wait so long before it starts (recorded races)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Command):
    """A command that `ip` itself refuses to understand."""

    stderr: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NetnsAdd(Command):
    """`ip netns add NAME`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetnsDel(Command):
    """`ip netns del NAME`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetnsShow(Command):
    """`ip netns [list]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAdd(Command):
    """`ip link add …`; `options` in the order given, the device's name among them."""

    options: tuple[Option, ...] = ()
    kind: str | None = None
    kind_options: tuple[Option, ...] = ()
    peer: tuple[Option, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSet(Command):
    """`ip link set …`."""

    options: tuple[Option, ...] = ()
    kind: str | None = None
    kind_options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDel(Command):
    """`ip link del DEV [type KIND]` or `ip link del group G`."""

    options: tuple[Option, ...] = ()
    kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkShow(Command):
    """`ip link [show [DEV]]`."""

    dev: str = ""
    json: bool = False
    details: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AddrShow(Command):
    """`ip addr [show [DEV]]`."""

    dev: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddrAdd(Command):
    """`ip addr add ADDRESS dev DEV`."""

    address: str
    dev: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sysctl(Command):
    """`sysctl [-w] net.ipv6.conf.DEV.KEY[=VALUE]`; `value` None reads."""

    dev: str
    key: str
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Modprobe(Command):
    """`modprobe KIND`."""

    module: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rmmod(Command):
    """`rmmod KIND`."""

    module: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep(Command):
    """`sleep S`: logical time in a controlled run."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease(Command):
    """Lease `phys`'s queue to `dev` (netdev family, queue-create); `phys_netns` None: not named."""

    dev: str
    phys: str
    phys_netns: str | None
    queue: int
    opts: tuple[str, ...] = ()
    """`tx`, `ltx`, `nolease`, `noq`, `nsid=N`: deliberately wrong requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysAdd(Command):
    """A physical device appears: `ports` devices with `queues` queues each, made in `netns`."""

    id: int
    queues: int
    dev: str
    ports: int = 1
    driver: str = "netdevsim"
    renamed: bool = True
    """netdevsim registers `eth%d` and user space gives the name; False: registered as `dev`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysDel(Command):
    """The physical device is pulled."""

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PortDel(Command):
    """One port of a physical device goes."""

    id: int
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues(Command):
    """List the queues of a device (queue-get)."""

    dev: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOpen(Command):
    """A program opens a receive queue: `kind` is `xsk` (AF_XDP) or `provider` (zero-copy receive).

    The recording machine's tool has no such verb: this one is ours.
    """

    dev: str
    queue: int
    kind: str
    name: str
    """Of its open file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueClose(Command):
    """The program closes that file."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Single(Command):
    """A netkit with pairing single, which iproute2 cannot make."""

    dev: str
    queues: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels(Command):
    """`ethtool -L DEV combined N`."""

    dev: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wipe(Command):
    """Remove every simulated physical device."""


@dataclass(frozen=True, slots=True)
class Seq:
    """One after the other."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Par:
    """At the same moment, a thread each."""

    steps: tuple[Step, ...]


Step = Command | Seq | Par


@dataclass(frozen=True, slots=True)
class Script:
    """A whole script or scenario."""

    steps: tuple[Step, ...]
    name: str = field(default="", compare=False)
    kind: str = field(default="", compare=False)
    keep_going: bool = field(default=False, compare=False)
    """A recorded scenario goes on after a failed command."""

    def commands(self) -> list[Command]:
        """All commands, in listed order."""
        return [c for step in self.steps for c in commands_of(step)]


def commands_of(step: Step) -> list[Command]:
    """The commands of a step in listed order."""
    if isinstance(step, Command):
        return [step]
    return [c for inner in step.steps for c in commands_of(inner)]
