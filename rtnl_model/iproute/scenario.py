"""Scenario files: the recordings' JSON, read into the same steps as a script.

A scenario is `{"name", "kind", "ops": [...]}`; a file holds one, a list of them, or
`{"scenarios": [...]}`, of which `FILE#NAME` picks one.  An op's `cmd` is what runs; ops beyond
`ip` (`phys-add phys-del port-del lease queues single channels wipe`) are understood from their
fields when they have no `cmd`.  A command that `ip` would refuse is a command that fails, not a
wrong file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from rtnl_model.kernel.documents import Fields

from .commands import (
    Channels,
    Command,
    Lease,
    LinkDel,
    LinkSet,
    NetnsAdd,
    NetnsDel,
    Option,
    Par,
    PhysAdd,
    PhysDel,
    PortDel,
    Queues,
    Script,
    Seq,
    Single,
    Step,
    Wipe,
)
from .lexer import TEXT_CHARS_MAX
from .parser import parse_command, parse_script
from .script_error import ScriptError, nearest

__all__ = ["load_script", "looks_like_json", "parse_scenario", "parse_scenarios"]

FILE_BYTES_MAX = 16 << 20
NESTING_MAX = 10


def load_script(
    path: str, *, topology: Callable[[str], str] | None = None, kinds: Collection[str] = ()
) -> Script:
    """Read a script or scenario from `path`, `path#scenario`, `-` or `@topology`.

    Raises: ScriptError, which also stands for a file that cannot be read.
    """
    if path.startswith("@") and topology is not None:
        return parse_script(topology(path[1:]), path, kinds=kinds)
    name, _, member = path.partition("#") if not Path(path).exists() else (path, "", "")
    text = _read(name)
    if looks_like_json(text):
        scenarios = parse_scenarios(text, name)
        if member:
            scenarios = [s for s in scenarios if s.name == member] or _no_scenario(
                name, member, [s.name for s in scenarios]
            )
        if len(scenarios) != 1:
            raise ScriptError(
                f"{len(scenarios)} scenarios",
                source=name,
                expected=f"one; pick it with {name}#NAME",
            )
        return scenarios[0]
    return parse_script(text, name, kinds=kinds)


def _read(path: str) -> str:
    """Read a file or standard input. Raises: ScriptError in one line."""
    import sys

    try:
        if path == "-":
            if sys.stdin is None:
                raise ScriptError("cannot read it: standard input is closed", source=path)
            data = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ScriptError(f"cannot read it: {error.strerror or error}", source=path) from error
    if len(data) > FILE_BYTES_MAX:
        raise ScriptError(f"too long: more than {FILE_BYTES_MAX} bytes", source=path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScriptError(
            f"not a text file: byte {error.start} is not UTF-8",
            source=path,
            expected="a script or a JSON scenario",
        ) from None
    if len(text) > TEXT_CHARS_MAX and not looks_like_json(text):
        raise ScriptError(
            f"too long: {len(text)} characters",
            source=path,
            expected=f"a script of at most {TEXT_CHARS_MAX}",
        )
    return text


def _no_scenario(path: str, member: str, names: list[str]) -> list[Script]:
    raise ScriptError(f"no scenario {member!r}", source=path, hint=nearest(member, names))


def looks_like_json(text: str) -> bool:
    """Scripts never begin with a brace or bracket."""
    return text.lstrip()[:1] in ("{", "[")


def parse_scenarios(text: str, source: str) -> list[Script]:
    """Read every scenario of a JSON text. Raises: ScriptError."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ScriptError(
            f"not JSON: {error.msg}", line=error.lineno, column=error.colno, source=source
        ) from None
    except RecursionError:
        raise ScriptError("not a scenario: nested too deep", source=source) from None
    if isinstance(document, dict) and isinstance(document.get("scenarios"), list):
        document = document["scenarios"]
    entries = document if isinstance(document, list) else [document]
    if not entries:
        raise ScriptError("no scenarios", source=source)
    return [parse_scenario(entry, source) for entry in entries]


def parse_scenario(entry: object, source: str = "scenario") -> Script:
    """Read one scenario. Raises: ScriptError that names the op."""
    if not isinstance(entry, dict) or not isinstance(entry.get("ops"), list):
        raise ScriptError(
            'not a scenario: no list "ops"',
            source=source,
            expected='{"name": …, "ops": [{"op": …, "cmd": …}, …]}',
        )
    name = str(entry.get("name", ""))
    steps = [_step(op, f"ops[{i}]", source) for i, op in enumerate(entry["ops"])]
    if not steps:
        raise ScriptError("no ops", source=source)
    return Script(tuple(steps), name=name, kind=str(entry.get("kind", "")), keep_going=True)


def _step(op: object, where: str, source: str, depth: int = 0) -> Step:
    if not isinstance(op, dict) or not isinstance(op.get("op"), str):
        raise ScriptError(
            f'{where}: not an op: no "op"', source=source, expected='{"op": …, "cmd": …}'
        )
    if op["op"] in ("seq", "par"):
        inner = op.get("ops")
        if not isinstance(inner, list) or not inner or depth > NESTING_MAX:
            raise ScriptError(f'{where}: {op["op"]} without "ops"', source=source)
        steps = tuple(_step(o, f"{where}.ops[{i}]", source, depth + 1) for i, o in enumerate(inner))
        return Seq(steps) if op["op"] == "seq" else Par(steps)
    try:
        return _command(op)
    except ScriptError as error:
        raise ScriptError(
            f"{where}: {error.what}", source=source, expected=error.expected, hint=error.hint
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        raise ScriptError(
            f"{where}: {op['op']} lacks or misuses the field {error}", source=source
        ) from None


def _command(op: Fields) -> Step:
    cmd = op.get("cmd")
    if cmd is not None and not isinstance(cmd, str):
        raise TypeError("'cmd'")
    if cmd:
        step = parse_command(cmd)
        assert isinstance(step, Command)
        return step
    make = _FIELDS.get(op["op"])
    if make is None:
        raise ScriptError(
            f"unknown op {op['op']!r}", hint=nearest(op["op"], _FIELDS), expected='one with a "cmd"'
        )
    command = make(op)
    return replace(command, delay_us=_number(op, "after_us", 0))


def _ns(op: Fields, key: str = "netns") -> str:
    name = op.get(key) or ""
    if not isinstance(name, str):
        raise TypeError(repr(key))
    return "" if name == "init" else name


def _text(op: Fields, key: str) -> str:
    """A name: one word. Raises: KeyError, TypeError."""
    value = op[key]
    if not isinstance(value, str) or len(value.split()) != 1:
        raise TypeError(repr(key))
    return value


def _number(op: Fields, key: str, default: int | None = None) -> int:
    """A whole number from zero. Raises: KeyError, TypeError."""
    value = op[key] if default is None else op.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
        raise TypeError(repr(key))
    return value


def _lease(op: Fields) -> Command:
    phys_netns = None if op.get("phys_netns", "") in (None, "-") else _ns(op, "phys_netns")
    opts = op.get("opts", ())
    if not isinstance(opts, (list, tuple)) or not all(isinstance(o, str) for o in opts):
        raise TypeError("'opts'")
    return Lease(
        netns=_ns(op),
        dev=_text(op, "dev"),
        phys=_text(op, "phys"),
        phys_netns=phys_netns,
        queue=_number(op, "queue"),
        opts=tuple(opts),
    )


def _phys(op: Fields) -> Command:
    dev = op.get("dev", "")
    return PhysAdd(
        netns=_ns(op),
        id=_number(op, "id"),
        queues=_number(op, "queues", 1),
        dev=_text(op, "dev") if dev else "",
        ports=_number(op, "ports", 1),
    )


def _link_add(op: Fields) -> Command:
    if op.get("pairing") == "single" or op["op"] == "single":
        return Single(netns=_ns(op), dev=_text(op, "dev"), queues=_number(op, "numrxqueues", 1))
    queues = ["numrxqueues", str(_number(op, "numrxqueues"))] if "numrxqueues" in op else []
    words = ["ip", *(["-n", _ns(op)] if _ns(op) else []), "link", "add", _text(op, "dev"), *queues]
    words += ["type", _text(op, "type")]
    if "peer" in op:
        words += ["peer", "name", _text(op, "peer"), *queues]
        words += ["netns", _text(op, "peer_netns")] if op.get("peer_netns") else []
    step = parse_command(" ".join(words))
    assert isinstance(step, Command)
    return step


_FIELDS: dict[str, Callable[[Fields], Command]] = {
    "netns-add": lambda op: NetnsAdd(name=_text(op, "netns")),
    "netns-del": lambda op: NetnsDel(name=_text(op, "netns")),
    "link-add": _link_add,
    "single": _link_add,
    "link-del": lambda op: LinkDel(netns=_ns(op), options=(Option("dev", _text(op, "dev")),)),
    "link-set-netns": lambda op: LinkSet(
        netns=_ns(op), options=(Option("dev", _text(op, "dev")), Option("netns", _text(op, "to")))
    ),
    "lease": _lease,
    "phys-add": _phys,
    "phys-del": lambda op: PhysDel(id=_number(op, "id")),
    "port-del": lambda op: PortDel(id=_number(op, "id"), port=_number(op, "port")),
    "queues": lambda op: Queues(netns=_ns(op), dev=_text(op, "dev")),
    "channels": lambda op: Channels(netns=_ns(op), dev=_text(op, "dev"), count=_number(op, "n")),
    "wipe": lambda _op: Wipe(),
}
