"""Where the devices of a script are before its race, and which of them concern one another.

Read from the script's own set-up, so that it is the same for a script that was drawn, one that was
changed and one from a corpus.  Names are compared, not places: a script seldom has one name twice,
and what is said here only directs what is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...iproute import Script
from ...iproute.commands import Lease, LinkAdd, LinkSet, NetnsAdd, Option, PhysAdd

__all__ = ["Place", "near", "places_of", "spaces_of"]


@dataclass(frozen=True, slots=True)
class Place:
    """A device where the set-up leaves it."""

    netns: str
    name: str
    kind: str
    related: frozenset[str] = frozenset()
    """Names of its peer, lower, master, card: what it was made with."""
    spaces: frozenset[str] = frozenset()
    """Namespaces that it was made with besides its own: where its backend or lower is."""
    driver: str = ""
    """Of a physical device: whose it is."""
    group: str = ""
    """What several devices can be deleted by at once."""

    def at(self, words: str) -> str:
        """An `ip` command in its namespace."""
        return f"ip -n {self.netns} {words}" if self.netns else f"ip {words}"


def spaces_of(script: Script) -> list[str]:
    """Namespaces that the script makes before its race, in order."""
    return [step.name for step in script.steps if isinstance(step, NetnsAdd)]


def places_of(script: Script) -> list[Place]:
    """Devices that the script makes, where it leaves them before the race."""
    found: dict[tuple[str, str], Place] = {}
    for step in script.steps:
        if isinstance(step, LinkAdd):
            _made(step, found)
        elif isinstance(step, LinkSet):
            _set(step, found)
        elif isinstance(step, PhysAdd):
            found[step.netns, step.dev] = Place(step.netns, step.dev, "phys", driver=step.driver)
        elif isinstance(step, Lease):
            _relate(found, step.netns, step.dev, step.phys)
    return list(found.values())


def near(places: Sequence[Place], names: set[str], *, steps: int = 2) -> list[Place]:
    """The places within so many relations of these names, themselves included."""
    reached = set(names)
    for _ in range(steps):
        reached |= {
            name
            for place in places
            if place.name in reached or place.related & reached
            for name in (place.name, *place.related)
        }
    return [place for place in places if place.name in reached]


def _value(options: Sequence[Option], key: str) -> str:
    return next((o.value for o in options if o.key == key), "")


def _made(add: LinkAdd, found: dict[tuple[str, str], Place]) -> None:
    kind = add.kind or ""
    name = _value(add.options, "name") or _value(add.options, "dev")
    netns = _space(_value(add.options, "netns"), add.netns)
    lower = _value(add.options, "link")
    under = _value(add.kind_options, "dev")
    slaves = [_value(add.kind_options, key) for key in ("slave1", "slave2")]
    peer = _value(add.peer or (), "name")
    related = frozenset(word for word in (lower, under, peer, *slaves) if word)
    spaces = frozenset({add.netns, _value(add.options, "link-netns")} - {"", netns})
    if name:
        found[netns, name] = Place(netns, name, kind, related, spaces)
    if peer:
        there = _space(_value(add.peer or (), "netns"), netns)
        found[there, peer] = Place(there, peer, kind, frozenset({name} if name else ()))


def _set(link: LinkSet, found: dict[tuple[str, str], Place]) -> None:
    name, master = _value(link.options, "dev"), _value(link.options, "master")
    if master:
        _relate(found, link.netns, name, master)
    place = found.pop((link.netns, name), None)
    if place is not None:
        netns = _space(_value(link.options, "netns"), link.netns)
        name = _value(link.options, "name") or name
        group = _value(link.options, "group") or place.group
        found[netns, name] = replace(place, netns=netns, name=name, group=group)


def _space(asked: str, here: str) -> str:
    """Where a device goes; process 1 is in the initial namespace."""
    return "" if asked == "1" else asked or here


def _relate(found: dict[tuple[str, str], Place], netns: str, name: str, other: str) -> None:
    place = found.get((netns, name))
    if place is not None:
        found[netns, name] = replace(place, related=place.related | {other})
