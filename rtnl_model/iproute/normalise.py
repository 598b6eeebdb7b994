"""The canonical text of a script: what a replay token holds.

Reading the canonical text gives the same steps again (comments, abbreviations, prompts, places and
the order of independent words are gone), and normalising twice changes nothing.  Recorded
scenarios have a canonical text too; the tool for physical devices is spelt `nk` there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .commands import (
    AddrAdd,
    AddrShow,
    Channels,
    Command,
    Lease,
    LinkAdd,
    LinkDel,
    LinkSet,
    LinkShow,
    Modprobe,
    NetnsAdd,
    NetnsDel,
    NetnsShow,
    Option,
    Par,
    PhysAdd,
    PhysDel,
    PortDel,
    QueueClose,
    QueueOpen,
    Queues,
    Refused,
    Rmmod,
    Script,
    Single,
    Sleep,
    Step,
    Sysctl,
    Wipe,
)

__all__ = ["command_text", "normalise", "step_text"]


def normalise(script: Script) -> str:
    """Return the canonical text, one step a line."""
    return "".join(step_text(step) + "\n" for step in script.steps)


def step_text(step: Step) -> str:
    """One step on one line."""
    if isinstance(step, Command):
        return command_text(step)
    if isinstance(step, Par):
        threads = (
            f"( {step_text(s)} )" if isinstance(s, Par) else step_text(s) for s in step.steps
        )
        return " & ".join(threads) + " & wait"
    return "( " + "; ".join(step_text(s) for s in step.steps) + " )"


def command_text(command: Command) -> str:
    """One command in full words."""
    if isinstance(command, Refused):
        return command.text
    for kind, render in _TEXTS.items():
        if type(command) is kind:
            text = " ".join(filter(None, render(command)))
            break
    else:
        raise AssertionError(f"no text for {type(command).__name__}")
    if command.delay_us:
        text = f"nk after {command.delay_us} {text}"
    return text + (" || true" if command.may_fail else "")


def _ip(command: Command) -> list[str]:
    return ["ip", "-n", _quoted(command.netns)] if command.netns else ["ip"]


def _quoted(word: str) -> str:
    if word and all(c.isprintable() and c not in " ;&()#\"'|<>`$*{}" for c in word):
        return word
    return f'"{word}"' if '"' not in word else f"'{word}'"


def _words(options: Sequence[Option]) -> list[str]:
    out: list[str] = []
    for option in options:
        if option.key == "dev":
            out += ["dev", _quoted(option.value)]
        else:
            out += [option.key] if option.flag else [option.key, _quoted(option.value)]
    return out


def _link_add(c: LinkAdd) -> list[str]:
    kind = ["type", _quoted(c.kind or ""), *_words(c.kind_options)]
    peer = ["peer", *_words(c.peer)] if c.peer is not None else []
    return [*_ip(c), "link", "add", *_words(c.options), *kind, *peer]


def _link_set(c: LinkSet) -> list[str]:
    kind = ["type", _quoted(c.kind), *_words(c.kind_options)] if c.kind else []
    return [*_ip(c), "link", "set", *_words(c.options), *kind]


def _link_del(c: LinkDel) -> list[str]:
    return [
        *_ip(c),
        "link",
        "delete",
        *_words(c.options),
        *(["type", _quoted(c.kind)] if c.kind else []),
    ]


def _phys(c: PhysAdd) -> list[str]:
    if c.id < 0:
        return [
            *_ip(c),
            "link",
            "add",
            "dev",
            _quoted(c.dev),
            "type",
            "phys",
            "driver",
            _quoted(c.driver),
            "queues",
            str(c.queues),
        ]
    return [
        "nk",
        "nsim-add",
        str(c.id),
        str(c.queues),
        _quoted(c.dev or "-"),
        _netns(c.netns),
        str(c.ports),
    ]


def _netns(name: str | None) -> str:
    return "-" if name is None else _quoted(name) if name else "init"


def _sysctl(c: Sysctl) -> list[str]:
    front = ["ip", "netns", "exec", _quoted(c.netns)] if c.netns else []
    value = f"={c.value}" if c.value is not None else ""
    return [*front, "sysctl", f"net.ipv6.conf.{c.dev}.{c.key}{value}"]


def _lease(c: Lease) -> list[str]:
    return [
        "nk",
        "lease",
        _netns(c.netns),
        _quoted(c.dev),
        _netns(c.phys_netns),
        _quoted(c.phys),
        str(c.queue),
        *c.opts,
    ]


_TEXTS: dict[type[Command], Callable[..., list[str]]] = {
    NetnsAdd: lambda c: ["ip", "netns", "add", _quoted(c.name)],
    NetnsDel: lambda c: ["ip", "netns", "delete", _quoted(c.name)],
    NetnsShow: lambda _c: ["ip", "netns", "list"],
    LinkAdd: _link_add,
    LinkSet: _link_set,
    LinkDel: _link_del,
    LinkShow: lambda c: [
        *_ip(c),
        *(["-json"] if c.json else []),
        *(["-details"] if c.details else []),
        "link",
        "show",
        _quoted(c.dev) if c.dev else "",
    ],
    AddrShow: lambda c: [*_ip(c), "address", "show", _quoted(c.dev) if c.dev else ""],
    AddrAdd: lambda c: [*_ip(c), "address", "add", _quoted(c.address), "dev", _quoted(c.dev)],
    Sysctl: _sysctl,
    Modprobe: lambda c: ["modprobe", _quoted(c.module)],
    Rmmod: lambda c: ["rmmod", _quoted(c.module)],
    Sleep: lambda c: ["sleep", f"{c.seconds:g}"],
    Lease: _lease,
    PhysAdd: _phys,
    PhysDel: lambda c: ["nk", "nsim-del", str(c.id)],
    PortDel: lambda c: ["nk", "port-del", str(c.id), str(c.port)],
    QueueOpen: lambda c: [
        *("nk", "open", _netns(c.netns), _quoted(c.dev), str(c.queue), c.kind, _quoted(c.name))
    ],
    QueueClose: lambda c: ["nk", "close", _quoted(c.name)],
    Queues: lambda c: ["nk", "queues", _netns(c.netns), _quoted(c.dev)],
    Single: lambda c: ["nk", "single", _netns(c.netns), _quoted(c.dev), str(c.queues)],
    Channels: lambda c: ["nk", "channels", _netns(c.netns), _quoted(c.dev), str(c.count)],
    Wipe: lambda _c: ["nk", "wipe"],
}
