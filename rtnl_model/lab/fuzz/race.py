"""Commands that run at the same moment: about devices and namespaces that concern one another.

A race starts from one device and goes on with what it was made with or what was made on it: its
peer, its lower, its uppers, their namespaces.  Commands about unrelated things are as good as one
after the other, and so are commands that can only be refused: both are seldom drawn.  Every command
is canonical enough to be parsed; it need not succeed.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from ..scenarios import KINDS
from ..scenarios.kinds import Family
from .places import Place, near

__all__ = ["ETHERNET", "UPPERS", "command_about", "race_of", "upper_of"]

UPPERS: Final = ("ipvlan", "macvlan", "vlan", "ipvtap", "macvtap", "macsec")
STRAY: Final = 0.1
"""Chance of a command about something that does not concern the others."""
SEQUENCE: Final = 0.12
"""Chance that a branch is two commands, one after the other."""
BESIDE: Final = 0.6
"""Chance that a further command is about what stands beside the first one's device, not it."""
CARD_DELETED: Final = 0.5
"""How often a card is deleted by `ip link`: always refused, only unloading its driver does it."""
ETHERNET: Final = frozenset(
    {"dummy", "ifb", "veth", "netkit", "geneve", "vxlan", "gretap", "erspan", "bridge", "bond",
     "team", "hsr", "ipvlan", "ipvtap", "macvlan", "macvtap", "vlan", "macsec", "amt", "phys"}
)  # fmt: skip
"""Kinds that most uppers can stand on; the others are mostly refused."""


def race_of(
    rng: Random,
    places: Sequence[Place],
    spaces: Sequence[str],
    kinds: frozenset[str],
    count: int,
    about: set[str] | None = None,
) -> list[str]:
    """Up to `count` different commands at one moment.  `about`: names that it is to be about."""
    if not places or not spaces:
        return []
    related = [place for place in places if place.related or place.spaces]
    if about:
        related = [place for place in places if place.name in about]
    first = rng.choice(related if related and rng.random() > STRAY else list(places))
    hot = near(places, {first.name})
    beside = [place for place in near(places, {first.name}, steps=1) if place != first]
    branches: list[str] = []
    for _ in range(4 * count):
        subjects = [first]
        if branches:
            subjects = beside if beside and rng.random() < BESIDE else hot
        command = command_about(rng, subjects, places, spaces, kinds)
        if rng.random() < SEQUENCE:
            then = command_about(rng, hot, places, spaces, kinds)
            if "(" not in command and "(" not in then:
                command = f"( {command}; {then} )"
        if command not in branches:
            branches.append(command)
        if len(branches) == count:
            break
    return branches


def command_about(
    rng: Random,
    hot: Sequence[Place],
    places: Sequence[Place],
    spaces: Sequence[str],
    kinds: frozenset[str],
) -> str:
    """One command about one of the hot devices, or a namespace of theirs."""
    place = rng.choice(places) if rng.random() < STRAY else rng.choice(hot)
    theirs = sorted({p.netns for p in hot if p.netns} | {s for p in hot for s in p.spaces})
    concerned = rng.choice(theirs or list(spaces))
    target = rng.choice(list(spaces)) if rng.random() < 0.5 else concerned
    dev = f"link set dev {place.name}"
    choices = [
        (CARD_DELETED if place.kind == "phys" else 10.0, place.at(f"link del dev {place.name}")),
        (5.0, f"ip netns del {concerned}"),
        (5.0, place.at(f"{dev} netns {target}")),
        (3.0, place.at(f"{dev} up")),
        (3.0, place.at(f"{dev} down")),
        (1.5, place.at(f"{dev} mtu {rng.choice((1280, 1400, 1500))}")),
        (1.0, place.at(f"{dev} address 02:00:00:00:00:0{rng.randrange(1, 5)}")),
        (1.5, _sysctl(rng, place)),
        (0.3, place.at(f"{dev} name {place.name}n")),
        (0.3, f"( ip netns del {concerned}; ip netns add {concerned} )"),
    ]
    if place.group:
        choices.append((6.0, place.at(f"link del group {place.group}")))
    uppers = [kind for kind in UPPERS if kind in kinds]
    if uppers and (place.kind in ETHERNET or place.kind not in KINDS):
        there = [p.kind for p in hot if p.kind in uppers]
        kind = rng.choice(there if there and rng.random() < 0.6 else uppers)
        choices.append((4.0, upper_of(rng, place, kind, places, spaces)))
    choices += [(2.5, f"ip netns del {name}") for name in sorted(place.spaces)]
    choices += _of_its_kind(rng, place, hot, places, target)
    (text,) = rng.choices([text for _, text in choices], [weight for weight, _ in choices])
    return text


def _sysctl(rng: Random, place: Place) -> str:
    inside = f"ip netns exec {place.netns} " if place.netns else ""
    key = rng.choice(("addr_gen_mode", "addr_gen_mode=1", "disable_ipv6=1"))
    return f"{inside}sysctl net.ipv6.conf.{place.name}.{key}"


def _of_its_kind(
    rng: Random, place: Place, hot: Sequence[Place], places: Sequence[Place], target: str
) -> list[tuple[float, str]]:
    """What only devices of some kinds can be asked."""
    kind, dev = place.kind, f"link set dev {place.name}"
    found: list[tuple[float, str]] = []
    if kind == "phys":
        found.append((10.0, f"rmmod {place.driver or 'netdevsim'}"))
    else:
        found.append((0.6, f"( rmmod {kind}; modprobe {kind} )"))
    if kind in ("ipvlan", "ipvtap"):
        mode = rng.choice(("l2", "l3", "l3s"))
        found.append((4.0, place.at(f"{dev} type {kind} mode {mode}")))
    if kind in ("macvlan", "macvtap"):
        found.append((2.0, place.at(f"{dev} type {kind} mode private")))
    cards = [p for p in places if p.kind == "phys"]
    if kind == "netkit" and cards:
        to = f"{place.netns}/{place.name}" if place.netns else place.name
        card = rng.choice(cards)
        of = f"{card.netns}/{card.name}" if card.netns else card.name
        found.append((6.0, f"lease {of} queue {rng.randrange(1, 4)} to {to}"))
    masters = [p for p in hot if p.netns == place.netns and _is_master(p) and p != place]
    if masters:
        found.append((4.0, place.at(f"{dev} master {rng.choice(masters).name}")))
        found.append((3.0, place.at(f"{dev} nomaster")))
    if place.spaces and kind in KINDS and KINDS[kind].family is Family.TUNNEL:
        backend = min(place.spaces)
        name = fresh_name(places, "tn")
        options = KINDS[kind].options(rng)
        if not KINDS[kind].needs_lower:
            words = f"link add {name} netns {target} type {kind} {options}"
            found.append((3.0, f"ip -n {backend} {words}"))
    return found


def _is_master(place: Place) -> bool:
    return place.kind in KINDS and KINDS[place.kind].family is Family.MASTER


def upper_of(
    rng: Random, lower: Place, kind: str, places: Sequence[Place], spaces: Sequence[str]
) -> str:
    """The command that makes one more device on top of another, mostly elsewhere."""
    netns = rng.choice([*spaces, lower.netns] if lower.netns else [lower.netns])
    words = {"vlan": " id 10", "ipvlan": " mode l2", "macvlan": " mode bridge"}.get(kind, "")
    link = f"link {lower.name}"
    if netns != lower.netns:
        link += f" link-netns {lower.netns}"
    name = fresh_name(places, "u")
    return Place(netns, name, kind).at(f"link add name {name} {link} type {kind}{words}")


def fresh_name(places: Sequence[Place], short: str) -> str:
    """A name that no device has."""
    taken = {place.name for place in places}
    return next(f"{short}{n}" for n in range(99) if f"{short}{n}" not in taken)
