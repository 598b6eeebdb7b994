"""Another script from one that brought coverage, or that was just drawn.

What exploration needs and random topologies seldom have: devices that are up, uppers and pairs
across namespaces, twins of what is there, and concurrent commands of every kind that concern the
same devices.  A script is lines of canonical text while it is changed; a change that does not parse
is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from ...iproute import Script, parse_script
from ...iproute.commands import LinkAdd, LinkSet, Option, Par
from ...iproute.normalise import step_text
from ...iproute.script_error import ScriptError

__all__ = ["Place", "mutated", "places_of"]

BRANCHES_MAX: Final = 4
STEPS_MAX: Final = 24
CHANGES: Final = (1, 1, 2, 3)
TRIES: Final = 20
UPPERS: Final = ("ipvlan", "macvlan", "vlan", "ipvtap", "macvtap", "macsec")


@dataclass(frozen=True, slots=True)
class Place:
    """A device where the set-up makes it."""

    netns: str
    name: str
    kind: str

    def at(self, words: str) -> str:
        """An `ip` command in its namespace."""
        return f"ip -n {self.netns} {words}" if self.netns else f"ip {words}"


def places_of(script: Script) -> list[Place]:
    """Devices that the script makes, where it leaves them before the race."""
    found: dict[tuple[str, str], Place] = {}
    for step in script.steps:
        if isinstance(step, LinkAdd):
            _made(step, found)
        elif isinstance(step, LinkSet):
            _moved(step, found)
    return list(found.values())


def _value(options: Sequence[Option], key: str) -> str:
    return next((o.value for o in options if o.key == key), "")


def _made(add: LinkAdd, found: dict[tuple[str, str], Place]) -> None:
    kind = add.kind or ""
    name = _value(add.options, "name") or _value(add.options, "dev")
    netns = _value(add.options, "netns") or add.netns
    if name:
        found[netns, name] = Place(netns, name, kind)
    peer = _value(add.peer or (), "name")
    if peer:
        there = _value(add.peer or (), "netns") or netns
        found[there, peer] = Place(there, peer, kind)


def _moved(link: LinkSet, found: dict[tuple[str, str], Place]) -> None:
    name, to = _value(link.options, "dev"), _value(link.options, "netns")
    place = found.pop((link.netns, name), None)
    if place is not None:
        netns = to or link.netns
        found[netns, name] = Place(netns, name, place.kind)


def mutated(script: Script, rng: Random, kinds: frozenset[str]) -> Script:
    """The script with a few changes; itself when none of them makes sense."""
    for _ in range(rng.choice(CHANGES)):
        for _attempt in range(TRIES):
            changed = _Change(script, rng, kinds).draw()
            if changed is not None:
                script = changed
                break
    return script


class _Change:
    """One change of one script."""

    def __init__(self, script: Script, rng: Random, kinds: frozenset[str]) -> None:
        self.script = script
        self.rng = rng
        self.kinds = kinds
        self.lines = [step_text(step) for step in script.steps]
        self.race = next(
            (i for i, step in enumerate(script.steps) if isinstance(step, Par)), len(self.lines)
        )
        self.places = places_of(script)
        self.spaces = [line.split()[-1] for line in self.lines if line.startswith("ip netns add ")]

    def draw(self) -> Script | None:
        """One change; None when what was drawn makes no sense here."""
        changes: tuple[Callable[[], list[str] | None], ...] = (
            self.raise_devices, self.raise_devices, self.another_branch, self.another_branch,
            self.other_branch, self.fewer_branches, self.fewer_steps, self.upper, self.upper,
            self.twin, self.move,
        )  # fmt: skip
        lines = self.rng.choice(changes)()
        if not lines or len(lines) > STEPS_MAX:
            return None
        try:
            made = parse_script("\n".join(lines), self.script.name, kinds=self.kinds, strict=False)
        except ScriptError:
            return None
        races = [step.steps for step in made.steps if isinstance(step, Par)]
        distinct = all(len(set(branches)) == len(branches) for branches in races)
        return made if distinct else None

    # -- the set-up --

    def before_race(self, *lines: str) -> list[str]:
        """Lines put in front of the race."""
        return [*self.lines[: self.race], *lines, *self.lines[self.race :]]

    def raise_devices(self) -> list[str] | None:
        """Half of the devices, or all, are up."""
        chosen = [p for p in self.places if self.rng.random() < self.rng.choice((0.3, 0.6, 1.0))]
        up = [p.at(f"link set dev {p.name} up") for p in chosen]
        return self.before_race(*(line for line in up if line not in self.lines)) if up else None

    def fewer_steps(self) -> list[str] | None:
        """Leave a step of the set-up out."""
        if self.race < 3:
            return None
        at = self.rng.randrange(self.race)
        return [*self.lines[:at], *self.lines[at + 1 :]]

    def upper(self) -> list[str] | None:
        """One more device on top of another, mostly elsewhere."""
        kinds = [kind for kind in UPPERS if kind in self.kinds]
        if not self.places or not self.spaces or not kinds:
            return None
        lower = self.rng.choice(self.places)
        return self.before_race(self.upper_of(lower, self.rng.choice(kinds)))

    def upper_of(self, lower: Place, kind: str) -> str:
        """The command that makes it."""
        netns = self.rng.choice([*self.spaces, lower.netns] if lower.netns else [lower.netns])
        words = {"vlan": " id 10", "ipvlan": " mode l2", "macvlan": " mode bridge"}.get(kind, "")
        link = f"link {lower.name}"
        if netns != lower.netns:
            link += f" link-netns {lower.netns}"
        name = self.fresh_name("u")
        return Place(netns, name, kind).at(f"link add name {name} {link} type {kind}{words}")

    def fresh_name(self, short: str) -> str:
        """A name that no device has."""
        taken = {place.name for place in self.places}
        return next(f"{short}{n}" for n in range(99) if f"{short}{n}" not in taken)

    def twin(self) -> list[str] | None:
        """Another device like one that is there, with names of its own."""
        adds = [i for i in range(self.race) if isinstance(self.script.steps[i], LinkAdd)]
        if not adds:
            return None
        at = self.rng.choice(adds)
        taken = {place.name for place in self.places}
        words: list[str] = []
        for word in self.lines[at].split():
            fresh = word + "t" if word in taken and words[-1:] != ["link"] else word
            words.append(fresh)
        return [*self.lines[: at + 1], " ".join(words), *self.lines[at + 1 :]]

    def move(self) -> list[str] | None:
        """A device goes to another namespace before the race."""
        if not self.places or not self.spaces:
            return None
        place = self.rng.choice(self.places)
        netns = self.rng.choice(self.spaces)
        return self.before_race(place.at(f"link set dev {place.name} netns {netns}"))

    # -- the race --

    def branches(self) -> list[str]:
        """Concurrent commands, as text."""
        if self.race == len(self.lines):
            return []
        step = self.script.steps[self.race]
        assert isinstance(step, Par), "the race is a Par"
        return [step_text(inner) for inner in step.steps]

    def with_branches(self, branches: Sequence[str]) -> list[str] | None:
        """The script with these concurrent commands."""
        if not 2 <= len(branches) <= BRANCHES_MAX:
            return None
        race = " & ".join(branches) + " & wait"
        return [*self.lines[: self.race], race, *self.lines[self.race + 1 :]]

    def another_branch(self) -> list[str] | None:
        """One more concurrent command."""
        command = self.command()
        return None if command is None else self.with_branches([*self.branches(), command])

    def other_branch(self) -> list[str] | None:
        """Another command in the place of one."""
        branches, command = self.branches(), self.command()
        if not branches or command is None:
            return None
        branches[self.rng.randrange(len(branches))] = command
        return self.with_branches(branches)

    def fewer_branches(self) -> list[str] | None:
        """One concurrent command less."""
        branches = self.branches()
        if len(branches) < 3:
            return None
        del branches[self.rng.randrange(len(branches))]
        return self.with_branches(branches)

    def command(self) -> str | None:
        """A command that concerns something of the set-up."""
        if not self.places or not self.spaces:
            return None
        rng, place = self.rng, self.rng.choice(self.places)
        netns = rng.choice(self.spaces)
        dev = f"link set dev {place.name}"
        inside = f"ip netns exec {place.netns} " if place.netns else ""
        conf = f"{inside}sysctl net.ipv6.conf.{place.name}"
        kinds = [kind for kind in UPPERS if kind in self.kinds]
        choices = [
            (10, place.at(f"link del dev {place.name}")),
            (5, f"ip netns del {netns}"),
            (5, place.at(f"{dev} netns {netns}")),
            (6, place.at(f"{dev} up")),
            (3, place.at(f"{dev} down")),
            (2, place.at(f"{dev} mtu {rng.choice((1280, 1400, 1500))}")),
            (1, place.at(f"{dev} address 02:00:00:00:00:0{rng.randrange(1, 5)}")),
            (1, f"{conf}.addr_gen_mode"),
            (1, f"{conf}.disable_ipv6=1"),
            (1, f"( rmmod {place.kind}; modprobe {place.kind} )"),
        ]
        if kinds:
            choices.append((5, self.upper_of(place, rng.choice(kinds))))
        if place.kind in ("ipvlan", "ipvtap"):
            mode = rng.choice(("l2", "l3", "l3s"))
            choices.append((8, place.at(f"{dev} type {place.kind} mode {mode}")))
        if place.kind in ("macvlan", "macvtap"):
            choices.append((4, place.at(f"{dev} type {place.kind} mode private")))
        weights = [weight for weight, _ in choices]
        return rng.choices([text for _, text in choices], weights)[0]
