"""Commands that are not `ip`'s: modules, sysctl, leases, sleep, and the tool for physical devices.

`read_command` reads one command of any sort.  `nk` is the recording machine's tool (`/nk …`):
simulated physical devices, queue leases and users, a netkit with pairing single, channels, delays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rtnl_model.kernel.documents import Fields

from .commands import (
    Channels,
    Command,
    Lease,
    Modprobe,
    PhysAdd,
    PhysDel,
    PortDel,
    QueueClose,
    QueueOpen,
    Queues,
    Rmmod,
    Single,
    Sleep,
    Sysctl,
    Wipe,
)
from .lexer import Token
from .parse_ip import IpGrammar
from .reader import Reader, Rules

__all__ = ["read_command"]

_COMMANDS = ("ip", "modprobe", "rmmod", "sysctl", "lease", "sleep", "wait", "nk")
_SYSCTL_KEYS = ("addr_gen_mode", "disable_ipv6")
_QUEUE_USERS = ("xsk", "provider")


def read_command(words: Sequence[Token], place: Command, rules: Rules) -> Command:
    """Read one command; `place` holds its text, line, column and namespace."""
    reader = Reader(words)
    first = reader.next("a command")
    name = first.text.rpartition("/")[2]
    if name == "ip":
        grammar = IpGrammar(reader, place, rules)
        found = grammar.read()
        if isinstance(found, Command):
            return found
        inner = Command(text=place.text, line=place.line, column=place.column, netns=grammar.netns)
        return read_command(found, inner, rules)
    parse = _PARSERS.get(name)
    if parse is None:
        raise reader.unknown(
            "command", first, _COMMANDS, stderr=f"{first.text}: not found", status=127
        )
    return parse(reader, place)


def _at(place: Command) -> Fields:
    return {"text": place.text, "line": place.line, "column": place.column, "netns": place.netns}


def _modprobe(r: Reader, place: Command) -> Command:
    if r.peek() in ("-r", "--remove"):
        r.take("-r")
        return _rmmod(r, place)
    module = r.take("a module: the name of a kind")
    r.finish()
    return Modprobe(module=module, **_at(place))


def _rmmod(r: Reader, place: Command) -> Command:
    module = r.take("a module: the name of a kind or of a physical device's driver")
    r.finish()
    return Rmmod(module=module, **_at(place))


def _sleep(r: Reader, place: Command) -> Command:
    token = r.next("seconds")
    r.finish()
    try:
        seconds = float(token.text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise r.wrong("not a time", token, "seconds, 0 to 3600")
    return Sleep(seconds=seconds, **_at(place))


def _sysctl(r: Reader, place: Command) -> Command:
    while r.peek() in ("-w", "-q", "-n"):
        r.take("an option")
    token = r.next("net.ipv6.conf.DEV.KEY[=VALUE]")
    text = token.text + "".join(r.take("a value") for _ in range(len(r.words) - r.at))
    path, equals, value = text.partition("=")
    path = path.strip().replace("/", ".") if "/" in path and "." not in path else path.strip()
    prefix = "net.ipv6.conf."
    dev, _, key = path[len(prefix) :].rpartition(".")
    if not path.startswith(prefix) or not dev:
        raise r.wrong("unknown sysctl", token, "net.ipv6.conf.DEV.KEY[=VALUE]")
    if key not in _SYSCTL_KEYS:
        raise r.unknown(
            "sysctl",
            Token(key, token.line, token.column + len(prefix) + len(dev) + 1),
            _SYSCTL_KEYS,
            stderr="",
        )
    if equals and not value.strip().isdigit():
        raise r.wrong(f"{key} wants a number", token, f"{prefix}{dev}.{key}=N")
    return Sysctl(dev=dev, key=key, value=value.strip() if equals else None, **_at(place))


def _lease(r: Reader, place: Command) -> Command:
    phys = r.take("the physical device: [NS/]DEV")
    _literal(r, "queue")
    queue = _number(r, "a queue number")
    _literal(r, "to")
    target = r.take("the netkit device: [NS/]NETKIT")
    r.finish()
    phys_netns, _, phys = phys.rpartition("/")
    netns, slash, dev = target.rpartition("/")
    here = _at(place)
    here["netns"] = (
        (netns if slash else place.netns).replace("init", "", 1)
        if netns in ("init", "") and slash
        else (netns or place.netns)
    )
    return Lease(dev=dev, phys=phys, phys_netns=phys_netns or place.netns, queue=queue, **here)


def _literal(r: Reader, word: str) -> None:
    token = r.next(f"the word {word!r}")
    if token.text != word:
        raise r.wrong("unexpected word", token, repr(word))


def _number(r: Reader, expected: str, top: int = 1_000_000) -> int:
    token = r.next(expected)
    if not token.text.isdigit() or int(token.text) > top:
        raise r.wrong("not a number here", token, expected)
    return int(token.text)


def _ns(word: str) -> str:
    return "" if word == "init" else word


def _nk(r: Reader, place: Command) -> Command:
    """The recording machine's tool for physical devices and leases (`/nk …`)."""
    verb = r.next("a command of nk")
    parse = _NK.get(verb.text)
    if parse is None:
        raise r.unknown("command of nk", verb, _NK, stderr=f"nk: unknown command {verb.text}")
    return parse(r, place)


def _nk_add(r: Reader, place: Command) -> Command:
    ident, queues = _number(r, "an id"), _number(r, "a number of queues", 1024)
    dev = r.take("a device name, or - for the driver's own").lstrip("-")
    here = _at(place)
    here["netns"] = _ns(r.take("a namespace")) if r.more else place.netns
    ports = _number(r, "a number of ports", 16) if r.more else 1
    r.finish()
    return PhysAdd(id=ident, queues=queues, dev=dev, ports=ports, **here)


def _nk_lease(r: Reader, place: Command) -> Command:
    here = _at(place)
    here["netns"] = _ns(r.take("a namespace"))
    dev, phys_netns, phys = (r.take("a device"), r.take("a namespace or -"), r.take("a device"))
    queue = _number(r, "a queue number")
    opts = tuple(r.take("an option") for _ in range(len(r.words) - r.at))
    return Lease(
        dev=dev,
        phys=phys,
        phys_netns=None if phys_netns == "-" else _ns(phys_netns),
        queue=queue,
        opts=opts,
        **here,
    )


def _nk_open(r: Reader, place: Command) -> Command:
    here = _at(place)
    here["netns"] = _ns(r.take("a namespace"))
    dev, queue = r.take("a device"), _number(r, "a queue number")
    kind = r.next("xsk or provider")
    if kind.text not in _QUEUE_USERS:
        raise r.unknown("user of a queue", kind, _QUEUE_USERS, stderr="")
    name = r.take("a name for the open file")
    r.finish()
    return QueueOpen(dev=dev, queue=queue, kind=kind.text, name=name, **here)


def _nk_close(r: Reader, place: Command) -> Command:
    name = r.take("the name of an open file")
    r.finish()
    return QueueClose(name=name, **_at(place))


def _nk_dev(make: Callable[..., Command], **counts: str) -> Callable[[Reader, Command], Command]:
    def parse(r: Reader, place: Command) -> Command:
        here = _at(place)
        here["netns"] = _ns(r.take("a namespace"))
        dev = r.take("a device")
        numbers = {key: _number(r, expected) for key, expected in counts.items()}
        r.finish()
        return make(dev=dev, **numbers, **here)

    return parse


def _nk_ids(make: Callable[..., Command], *keys: str) -> Callable[[Reader, Command], Command]:
    def parse(r: Reader, place: Command) -> Command:
        numbers = {key: _number(r, f"a number ({key})") for key in keys}
        r.finish()
        return make(**numbers, **_at(place))

    return parse


def _nk_after(r: Reader, place: Command) -> Command:
    delay = _number(r, "microseconds", 3_600_000_000)
    if not r.more:
        raise r.incomplete("a command")
    return replace(read_command(r.words[r.at :], place, Rules(strict=False)), delay_us=delay)


def _busybox(r: Reader, place: Command) -> Command:
    """`sh -c echo${IFS}"1${IFS}1">/sys/bus/netdevsim/new_device`: the recorder's way to write."""
    text = " ".join(w.text for w in r.words[1:]).replace("${IFS}", " ").replace('"', "")
    body, _, path = text.partition(">")
    numbers = [int(w) for w in body.split() if w.isdigit()]
    if path.endswith("netdevsim/new_device") and numbers:
        ident, ports, queues = (*numbers, 1, 1)[:3] if len(numbers) < 3 else numbers[:3]
        return PhysAdd(id=ident, queues=queues, dev="", ports=ports, **_at(place))
    if path.endswith("netdevsim/del_device") and numbers:
        return PhysDel(id=numbers[0], **_at(place))
    raise r.wrong(
        "a shell command",
        r.words[0],
        "netdevsim's new_device or del_device",
        stderr="sh: not found",
        status=127,
    )


_PARSERS: dict[str, Callable[[Reader, Command], Command]] = {
    "modprobe": _modprobe,
    "rmmod": _rmmod,
    "sysctl": _sysctl,
    "lease": _lease,
    "sleep": _sleep,
    "nk": _nk,
    "busybox": _busybox,
}
_NK: dict[str, Callable[[Reader, Command], Command]] = {
    "nsim-add": _nk_add,
    "nsim-del": _nk_ids(PhysDel, "id"),
    "port-del": _nk_ids(PortDel, "id", "port"),
    "wipe": _nk_ids(Wipe),
    "lease": _nk_lease,
    "open": _nk_open,
    "close": _nk_close,
    "queues": _nk_dev(Queues),
    "single": _nk_dev(Single, queues="a number of queues"),
    "channels": _nk_dev(Channels, count="a number of channels"),
    "after": _nk_after,
}
