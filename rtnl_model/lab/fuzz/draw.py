"""A fresh script: a topology of devices that concern one another, and the race about them.

A topology is one to three clusters over two to five namespaces: a pair, a lower with its uppers, a
tunnel and its backend, a master with its slaves, a leased card.  Its devices are mostly in
different namespaces, later clusters mostly stand on earlier ones, and most devices are up: what
crosses namespaces is what the model is about.  The race is drawn by `race.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from ...iproute import Script, parse_script
from ...iproute.script_error import ScriptError
from ..scenarios import KINDS
from ..scenarios.kinds import Family, Kind
from .places import Place, places_of, spaces_of
from .race import ETHERNET, race_of

__all__ = ["drawn"]

TRIES: Final = 30
SPACES: Final = (2, 2, 3, 3, 3, 4, 5)
CLUSTERS: Final = (1, 1, 1, 2, 2, 3)
BRANCHES: Final = (2, 2, 2, 3, 3, 4)
SAME_SPACE: Final = 0.2
"""Chance that what concerns something stands in its namespace, and not in another one."""
ON_WHAT_IS_THERE: Final = 0.6
ODD_LOWER: Final = 0.1
"""Chance that an upper is put on a device of any kind, which mostly refuses it."""
GROUPED: Final = 0.1
"""Chance that some devices of one namespace have a group of their own."""
INITIAL: Final = 0.06
USUAL: Final = 3.0


def drawn(
    rng: Random,
    kinds: frozenset[str],
    wanted: Sequence[str],
    name: str = "drawn",
    *,
    usual: frozenset[str] = frozenset(),
) -> Script:
    """A script of the wanted kinds.

    Args:
        kinds: all that the setting's scripts may name.
        usual: these come more often: the kinds whose conversion is looked at.
    """
    for _ in range(TRIES):
        draw = _Draw(rng, wanted, usual)
        draw.topology()
        try:
            script = parse_script("\n".join(draw.lines), name, kinds=kinds, strict=False)
        except ScriptError as error:
            raise AssertionError(f"a drawn topology does not parse: {error}") from error
        places, spaces = places_of(script), spaces_of(script)
        branches = race_of(rng, places, spaces, kinds, rng.choice(BRANCHES))
        if len(branches) > 1:
            text = "\n".join([*draw.lines, " & ".join(branches) + " & wait"])
            return parse_script(text, name, kinds=kinds, strict=False)
    raise AssertionError("nothing in thirty topologies could be raced")


@dataclass(slots=True)
class _Draw:
    """One topology in the making."""

    rng: Random
    wanted: Sequence[str]
    usual: frozenset[str]
    lines: list[str] = field(default_factory=list)
    spaces: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    cards: int = 0

    def topology(self) -> None:
        """Namespaces, clusters, and the state that they are left in."""
        rng = self.rng
        self.spaces = [f"ns{n}" for n in range(1, rng.choice(SPACES) + 1)]
        self.lines = [f"ip netns add {name}" for name in self.spaces]
        clusters = self.clusters()
        weights = [weight for weight, _ in clusters.values()]
        for _ in range(rng.choice(CLUSTERS)):
            (cluster,) = rng.choices([make for _, make in clusters.values()], weights)
            cluster()
        self.settled()

    def clusters(self) -> Mapping[str, tuple[float, Callable[[], object]]]:
        """What can be drawn from the kinds that are wanted, and how often."""
        makes: dict[str, tuple[float, Callable[[], object]]] = {
            "pair": (4, self.pair),
            "stack": (6, self.stack),
            "tunnel": (3, self.tunnel),
            "master": (1.2, self.master),
            "slaves": (0.4, self.slaves),
            "card": (3, self.card),
            "own": (5, self.own),
            "alone": (0.3, self.alone),
        }
        there = {
            "pair": bool(self.of(Family.PAIRED)),
            "stack": bool(self.of(Family.STACKED)),
            "tunnel": bool(self.of(Family.TUNNEL)),
            "master": bool(self.of(Family.MASTER)),
            "slaves": bool(self.of(Family.SLAVES)),
            "card": "phys" in self.wanted,
            "own": any(kind not in KINDS and kind != "phys" for kind in self.wanted),
            "alone": True,
        }
        return {name: row for name, row in makes.items() if there[name]}

    def of(self, family: Family) -> list[Kind]:
        """Wanted kinds of a family."""
        return [
            KINDS[name] for name in self.wanted if name in KINDS and KINDS[name].family is family
        ]

    def some(self, family: Family) -> Kind:
        """One of them, by how usual it is."""
        kinds = self.of(family)
        weights = [kind.weight * (USUAL if kind.name in self.usual else 1) for kind in kinds]
        return self.rng.choices(kinds, weights)[0]

    # -- choices --

    def somewhere(self) -> str:
        """A namespace, seldom the initial one."""
        return "" if self.rng.random() < INITIAL else self.rng.choice(self.spaces)

    def elsewhere(self, netns: str) -> str:
        """Mostly another namespace than this one."""
        others = [name for name in self.spaces if name != netns]
        if not others or self.rng.random() < SAME_SPACE:
            return netns
        return self.rng.choice(others)

    def fresh(self, short: str) -> str:
        """A name that no device has."""
        return f"{short}{len(self.places)}"

    def add(self, place: Place, words: str, *, run: str | None = None) -> Place:
        """`ip link add` of a device; `run`: where `ip` runs, if not where the device goes."""
        at = place.netns if run is None else run
        self.lines.append(replace_netns(at, f"link add {place.name} {words}"))
        self.places.append(place)
        return place

    def a_lower(self) -> Place:
        """Something for others to stand on: what is there, or a new pair's end or dummy."""
        fit = [p for p in self.places if p.kind in ETHERNET or p.kind not in KINDS]
        if self.rng.random() < ODD_LOWER:
            fit = self.places
        if fit and self.rng.random() < ON_WHAT_IS_THERE:
            return self.rng.choice(fit)
        if self.of(Family.PAIRED) and self.rng.random() < 0.5:
            return self.pair()
        return self.alone()

    # -- clusters --

    def alone(self) -> Place:
        """A device that needs nothing; a dummy where none is wanted."""
        kind = self.some(Family.ALONE).name if self.of(Family.ALONE) else "dummy"
        place = Place(self.somewhere(), self.fresh(KINDS[kind].short), kind)
        return self.add(place, f"type {kind}")

    def pair(self) -> Place:
        """Two ends, mostly of two namespaces."""
        kind = self.some(Family.PAIRED)
        one = Place(self.somewhere(), self.fresh(kind.short), kind.name)
        other = Place(self.elsewhere(one.netns), f"{one.name}p", kind.name)
        words = f"type {kind.name} {kind.options(self.rng)} peer name {other.name}"
        self.add(one, f"{words} netns {other.netns or '1'}")
        self.places.append(other)
        return self.rng.choice((one, other))

    def stack(self) -> Place:
        """One to three uppers of a lower, or on one another; mostly of one kind."""
        lower = self.a_lower()
        kind = self.some(Family.STACKED)
        for _ in range(self.rng.choice((1, 1, 2, 2, 3))):
            upper = self.upper(lower, kind)
            if self.rng.random() < 0.25:
                lower = upper
            if self.rng.random() < 0.2:
                kind = self.some(Family.STACKED)
        return lower

    def upper(self, lower: Place, kind: Kind) -> Place:
        """One more device on top of another."""
        place = Place(self.elsewhere(lower.netns), self.fresh(kind.short), kind.name)
        number = len(self.places)
        words = f"id {number + 1}" if kind.name == "vlan" else kind.options(self.rng)
        if kind.name == "macsec":
            words = f"sci {number + 1}"
        type_ = f"type {kind.name} {words}"
        if place.netns == lower.netns:
            return self.add(place, f"link {lower.name} {type_}")
        if lower.netns and self.rng.random() < 0.7:
            return self.add(place, f"link {lower.name} link-netns {lower.netns} {type_}")
        words = f"link {lower.name} netns {place.netns or '1'} {type_}"
        return self.add(place, words, run=lower.netns)

    def tunnel(self) -> None:
        """One or two tunnels whose sockets or tables are in one namespace, themselves elsewhere."""
        kind, backend = self.some(Family.TUNNEL), self.somewhere()
        for _ in range(self.rng.choice((1, 1, 2))):
            place = Place(self.elsewhere(backend), self.fresh(kind.short), kind.name)
            options = kind.options(self.rng)
            if kind.needs_lower or (kind.may_have_lower and self.rng.random() < 0.25):
                options += f" dev {self.lower_in(backend).name}"
            type_ = f"type {kind.name} {options}"
            if place.netns == backend:
                self.add(place, type_)
            elif backend and self.rng.random() < 0.5:
                self.add(place, f"link-netns {backend} {type_}")
            else:
                self.add(place, f"netns {place.netns or '1'} {type_}", run=backend)
            if self.rng.random() < 0.2:
                kind = self.some(Family.TUNNEL)

    def lower_in(self, netns: str) -> Place:
        """A device of that namespace; a dummy with an address when there is none."""
        found = [place for place in self.places if place.netns == netns]
        if found:
            return self.rng.choice(found)
        place = self.add(Place(netns, self.fresh("dm"), "dummy"), "type dummy")
        self.lines.append(place.at(f"addr add 10.0.0.1/24 dev {place.name}"))
        return place

    def master(self) -> None:
        """A master with one or two slaves."""
        kind, netns = self.some(Family.MASTER), self.somewhere()
        master = self.add(
            Place(netns, self.fresh(kind.short), kind.name),
            f"type {kind.name} {kind.options(self.rng)}",
        )
        if self.of(Family.PAIRED) and self.rng.random() < 0.5:
            self.pair()
        slaves = [place for place in self.places if place.netns == netns and place != master]
        for slave in self.rng.sample(slaves, min(len(slaves), 2)) or [self.slave_in(netns)]:
            self.lines.append(slave.at(f"link set {slave.name} master {master.name}"))

    def slave_in(self, netns: str) -> Place:
        """A new dummy there."""
        return self.add(Place(netns, self.fresh("dm"), "dummy"), "type dummy")

    def slaves(self) -> None:
        """A device on two others of its namespace."""
        kind, netns = self.some(Family.SLAVES), self.somewhere()
        one, other = self.slave_in(netns), self.slave_in(netns)
        self.add(
            Place(netns, self.fresh(kind.short), kind.name),
            f"type {kind.name} slave1 {one.name} slave2 {other.name}",
        )

    def card(self) -> Place:
        """A physical device, moved or leased or neither."""
        self.cards += 1
        card = Place("", f"card{self.cards}", "phys")
        self.add(card, f"type phys driver drv{self.cards} queues 4")
        if "netkit" in self.wanted and self.rng.random() < 0.6:
            return self.leased(card)
        if self.rng.random() < 0.7:
            netns = self.rng.choice(self.spaces)
            self.lines.append(card.at(f"link set {card.name} netns {netns}"))
            self.places[-1] = card = Place(netns, card.name, card.kind)
        return card

    def leased(self, card: Place) -> Place:
        """A netkit pair; one of its ends has a queue of the card, or will be given one."""
        kind = KINDS["netkit"]
        one = Place(self.somewhere(), self.fresh(kind.short), kind.name)
        other = Place(self.elsewhere(one.netns), f"{one.name}p", kind.name)
        words = f"numrxqueues 4 type netkit mode l3 peer name {other.name} numrxqueues 4"
        self.add(one, f"{words} netns {other.netns or '1'}")
        self.places.append(other)
        if self.rng.random() < 0.75:
            where = f"{other.netns}/{other.name}" if other.netns else other.name
            self.lines.append(f"lease {card.name} queue 1 to {where}")
        return card

    def own(self) -> None:
        """A device of a kind that only the user's driver knows: alone, or on a lower."""
        kinds = [kind for kind in self.wanted if kind not in KINDS and kind != "phys"]
        kind = self.rng.choice(kinds)
        netns, name = self.somewhere(), self.fresh("own")
        if self.rng.random() < 0.3:
            self.add(Place(netns, name, kind), f"type {kind}")
            return
        lower = self.a_lower()
        for _ in range(self.rng.choice((1, 1, 2))):
            self.upper(lower, Kind(kind, Family.STACKED, "own"))

    # -- the state that it is left in --

    def settled(self) -> None:
        """Most devices are up; now and then one was moved."""
        rng = self.rng
        if self.places and rng.random() < 0.25:
            at = rng.randrange(len(self.places))
            place = self.places[at]
            netns = rng.choice(self.spaces)
            if netns != place.netns:
                self.lines.append(place.at(f"link set {place.name} netns {netns}"))
                self.places[at] = Place(netns, place.name, place.kind)
        if self.places and rng.random() < GROUPED:
            netns = rng.choice(self.places).netns
            for place in self.places:
                if place.netns == netns and rng.random() < 0.8:
                    self.lines.append(place.at(f"link set {place.name} group 7"))
        share = rng.choice((0.0, 0.0, 0.5, 1.0, 1.0))
        for place in self.places:
            if rng.random() < share:
                self.lines.append(place.at(f"link set {place.name} up"))


def replace_netns(netns: str, words: str) -> str:
    """An `ip` command there."""
    return f"ip -n {netns} {words}" if netns else f"ip {words}"
