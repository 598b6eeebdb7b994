"""The smallest script that still shows a finding.

Greedy, largest cuts first: whole namespaces, then runs of steps, concurrent commands, devices that
are raised by the command that makes them, one namespace in the place of another, options.  A cut
stays when the finding's cause is seen again, and the pass goes on at its place; passes repeat until
none gains anything, or time is up.  A script that does not parse, or whose set-up now fails, is an
ordinary candidate: either it shows the cause or it does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ...iproute import Script, parse_script
from ...iproute.commands import (
    Command,
    LinkAdd,
    LinkDel,
    LinkSet,
    NetnsAdd,
    NetnsDel,
    Option,
    Par,
    Seq,
    Step,
)
from ...iproute.normalise import normalise
from ...iproute.script_error import ScriptError

__all__ = ["Reduced", "names_of", "namespaces_of", "reduce_script"]

NEEDED = frozenset({"name", "dev", "link"})
"""Options without which a command means nothing."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """What came of it."""

    script: Script
    tries: int
    finished: bool
    """No further cut gains anything; False: time was up first."""


def reduce_script(
    script: Script,
    shows: Callable[[Script], bool],
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Reduced:
    """Cut while `shows` says that the cause is seen again."""
    until = clock() + seconds
    tries = 0
    seen = {normalise(script)}
    gained = True
    while gained:
        gained = False
        for candidates_of in PASSES:
            at = 0
            while at < len(candidates := candidates_of(script)):
                candidate = candidates[at]
                at += 1
                text = normalise(candidate)
                if text in seen or not candidate.steps:
                    continue
                if clock() > until:
                    return Reduced(script, tries, finished=False)
                seen.add(text)
                tries += 1
                if shows(candidate):
                    script, gained = candidate, True
                    at -= 1  # what stands at this place now; those before it were tried
    return Reduced(script, tries, finished=True)


def namespaces_of(script: Script) -> list[str]:
    """Namespaces that the script makes, in order."""
    return list(dict.fromkeys(c.name for c in script.commands() if isinstance(c, NetnsAdd)))


def names_of(script: Script) -> set[str]:
    """Every name that the script gives: namespaces and devices."""
    found = set(namespaces_of(script))
    for command in script.commands():
        options: tuple[Option, ...] = ()
        if isinstance(command, LinkAdd):
            options = (*command.options, *(command.peer or ()))
        elif isinstance(command, LinkSet | LinkDel):
            options = command.options
        found.update(o.value for o in options if o.key in ("name", "dev", "link"))
        for word in ("dev", "phys"):
            value = getattr(command, word, "")  # several commands name devices; none else has these
            if isinstance(value, str) and value:
                found.add(value)
    return found


def _without_namespace(script: Script, name: str) -> Script:
    """Drop every command that names it."""
    return _filtered(script, lambda command: name not in _words(command))


def _without_namespaces(script: Script) -> Iterator[Script]:
    for name in namespaces_of(script):
        yield _without_namespace(script, name)


def _merged_namespaces(script: Script) -> Iterator[Script]:
    spaces = namespaces_of(script)
    for at, name in enumerate(spaces):
        for other in spaces[:at]:
            yield _merged(script, name, other)


def _without_runs(script: Script) -> Iterator[Script]:
    """Drop runs of steps: halves, quarters, … single ones."""
    steps = script.steps
    length = len(steps) // 2
    while length >= 1:
        for at in range(len(steps) - length, -1, -1):
            yield replace(script, steps=steps[:at] + steps[at + length :])
        length //= 2


def _without_branches(script: Script) -> Iterator[Script]:
    """Drop one command of those that run at the same moment, or one of a sequence."""
    for at, step in enumerate(script.steps):
        for smaller in _smaller(step):
            yield replace(script, steps=(*script.steps[:at], smaller, *script.steps[at + 1 :]))


def _smaller(step: Step) -> Iterator[Step]:
    if isinstance(step, Command):
        return
    for at, inner in enumerate(step.steps):
        rest = step.steps[:at] + step.steps[at + 1 :]
        if len(rest) == 1:
            yield rest[0]
        elif rest:
            yield replace(step, steps=rest)
        for smaller in _smaller(inner):
            yield replace(step, steps=(*step.steps[:at], smaller, *step.steps[at + 1 :]))


def _raised_when_made(script: Script) -> Iterator[Script]:
    """`ip link add NAME up …` in the place of that and a later `ip link set NAME up`."""
    for at, step in enumerate(script.steps):
        if not isinstance(step, LinkSet):
            continue
        up = next((o for o in step.options if o.key == "up"), None)
        name = next((o.value for o in step.options if o.key == "dev"), "")
        if up is None or len(step.options) != 2:
            continue
        for earlier in range(at):
            made = script.steps[earlier]
            if isinstance(made, LinkAdd) and any(
                o.key in ("name", "dev") and o.value == name for o in made.options
            ):
                raised = replace(made, options=(*made.options, up))
                rest = (*script.steps[earlier + 1 : at], *script.steps[at + 1 :])
                yield replace(script, steps=(*script.steps[:earlier], raised, *rest))


def _merged(script: Script, name: str, into: str) -> Script:
    """Let one namespace stand for two."""
    lines = []
    for line in normalise(script).splitlines():
        words = [into if word == name else word for word in line.split(" ")]
        text = " ".join(words)
        if text not in lines or not text.startswith("ip netns add "):
            lines.append(text)
    return _parsed("\n".join(lines), script)


def _without_options(script: Script) -> Iterator[Script]:
    for at, step in enumerate(script.steps):
        for changed in _with_fewer_options(step):
            yield replace(script, steps=(*script.steps[:at], changed, *script.steps[at + 1 :]))


def _with_fewer_options(step: Step) -> Iterator[Step]:
    if isinstance(step, Par | Seq):
        for at, inner in enumerate(step.steps):
            for changed in _with_fewer_options(inner):
                yield replace(step, steps=(*step.steps[:at], changed, *step.steps[at + 1 :]))
        return
    if isinstance(step, LinkAdd):
        for rest in _fewer(step.options):
            yield replace(step, options=rest)
        for rest in _fewer(step.kind_options):
            yield replace(step, kind_options=rest)
        if step.peer is not None:
            for rest in _fewer(step.peer):
                yield replace(step, peer=rest)
    elif isinstance(step, LinkSet):
        for rest in _fewer(step.options):
            yield replace(step, options=rest)


def _fewer(options: tuple[Option, ...]) -> Iterator[tuple[Option, ...]]:
    for at, option in enumerate(options):
        if option.key not in NEEDED:
            yield options[:at] + options[at + 1 :]


def _filtered(script: Script, keep: Callable[[Command], bool]) -> Script:
    steps = [kept for step in script.steps if (kept := _kept(step, keep)) is not None]
    return replace(script, steps=tuple(steps))


def _kept(step: Step, keep: Callable[[Command], bool]) -> Step | None:
    if isinstance(step, Command):
        return step if keep(step) else None
    inner = tuple(kept for each in step.steps if (kept := _kept(each, keep)) is not None)
    if not inner:
        return None
    return inner[0] if len(inner) == 1 else replace(step, steps=inner)


def _words(command: Command) -> set[str]:
    text = normalise(Script((replace(command, delay_us=0),)))
    return set(text.split()) | (
        {command.name} if isinstance(command, NetnsAdd | NetnsDel) else set()
    )


def _parsed(text: str, like: Script) -> Script:
    try:
        return parse_script(text, like.name, strict=False)
    except ScriptError:
        return replace(like, steps=())


def _listed(makes: Callable[[Script], Iterator[Script]]) -> Callable[[Script], list[Script]]:
    return lambda script: list(makes(script))


PASSES: Final = tuple(
    map(
        _listed,
        (
            _without_namespaces,
            _without_runs,
            _without_branches,
            _raised_when_made,
            _merged_namespaces,
            _without_options,
        ),
    )
)
"""What is left out, the largest first."""
