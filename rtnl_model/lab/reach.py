"""Which places of the model a script comes by: what a mutant there is searched with.

The scripts are the topologies, the scenarios of the catalogue's pages (without their defects) and
some that the generator draws, which reach what nobody thought of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lockcheck.explore import Limits, Session, make_strategy

from ..iproute import load_script, parse_scenario, parse_script
from ..iproute.commands import LinkAdd, Script
from .audit import Audit
from .bugs import Entry
from .catalogue import entries
from .explore import ModelSubject, ModelWorld
from .masking import LockFacts, PlaceLocks
from .model_run import ModelSetting, link_kinds, usable_kinds
from .mutants import lock_class, note_lock_classes, note_places
from .scenarios import KINDS, PROFILES, Generator
from .topologies import topology, topology_names

if TYPE_CHECKING:
    from lockcheck import Checker, Lock
    from lockcheck.conduct import ControlledConductor

__all__ = ["ChangedSubject", "Seen", "reaching", "script_named", "script_names"]

SCHEDULES: Final = {"pernet": 10, "small": 30}
"""Of each script; in `small` the audit's list must be long enough to compare with."""
SEED: Final = 1
DRAWN: Final = 24
"""Scripts of the generator."""


def script_names(setting: ModelSetting) -> list[str]:
    """Every script whose kinds this setting has: topologies first, then pages, then drawn ones."""
    names = [*topology_names(), *(entry.id for entry in entries())]
    names += [f"drawn-{number}" for number in range(DRAWN)]
    usable = usable_kinds(setting)
    return [name for name in names if kinds_of(script_named(name, setting)) <= usable]


def script_named(name: str, setting: ModelSetting) -> Script:
    """A topology, a page's scenario, or a drawn script."""
    if name in topology_names():
        return load_script(f"@{name}", topology=topology, kinds=link_kinds(setting))
    if name.startswith("drawn-"):
        return drawn(int(name.removeprefix("drawn-")), setting)
    page: Entry = next(entry for entry in entries() if entry.id == name)
    return parse_script(page.scenario, name, strict=False)


def drawn(number: int, setting: ModelSetting) -> Script:
    """A random topology with commands that meet; every third one is about leases."""
    profile = ("ip", "modules", "leases")[number % 3]
    kinds = sorted(usable_kinds(setting) & set(KINDS))
    generator = Generator(SEED, kinds=kinds, weights=PROFILES[profile])
    return parse_scenario(generator.concurrent(number, threads=3, after=8))


def kinds_of(script: Script) -> frozenset[str]:
    """The kinds of devices that it makes."""
    adds = [command for command in script.commands() if isinstance(command, LinkAdd)]
    return frozenset(add.kind for add in adds if add.kind)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a script shows of a kernel in which nothing is missing."""

    places: frozenset[str]
    """Names of the mutants whose places it comes by; of a lock class, that it is taken."""
    audited: frozenset[tuple[str, str, str]]
    """What it puts on the audit's list."""
    findings: frozenset[str]
    """Titles of what is found though nothing is missing; known defects are left out."""
    locks: Mapping[str, PlaceLocks]
    """By mutants' names: what their locks exclude."""


def reaching(regime: str, names: Sequence[str]) -> dict[str, Seen]:
    """Run some schedules of each of these scripts.

    Context: a process of its own, for `note_places` is for good.
    """
    seen: set[str] = set()
    facts = LockFacts()
    note_places(seen.add, facts.at)
    found: dict[str, Seen] = {}
    for name in names:
        seen.clear()
        facts.clear()
        found[name] = _reached(regime, name, seen, facts)
    return found


def _reached(regime: str, name: str, seen: set[str], facts: LockFacts) -> Seen:
    setting = ModelSetting(rtnl=regime, timing="zero")
    subject = ReachSubject(script_named(name, setting), setting)
    subject.audit.script = name
    subject.taken, subject.facts = seen, facts
    limits = Limits(schedules=SCHEDULES[regime], shrink=False)
    with Session(subject, limits=limits) as session:
        session.explore(make_strategy("portfolio", SEED))
        found = frozenset(each.report.title for each in session.findings if not each.known)
    audited = frozenset(subject.audit.entries)
    return Seen(frozenset(seen), audited, found, facts.result())


class ChangedSubject(ModelSubject):
    """A script on a kernel whose checker is changed before it boots."""

    def __init__(self, script: Script, setting: ModelSetting) -> None:
        super().__init__(script, setting)
        self.audit = Audit()
        """Sees every access, where it has a script's name."""

    def change(self, chk: Checker) -> None:
        """Of a checker whose kernel has not booted."""

    def world(self, conductor: ControlledConductor) -> ModelWorld:
        """A fresh one."""
        world = super().world(conductor)
        self.change(world.chk)
        return self.watched(world)

    def kept(self, conductor: ControlledConductor) -> ModelWorld:
        """The one that set-up left: what boots and sets up is on nobody's list."""
        world = super().kept(conductor)
        if self.booted is None:
            self.change(world.chk)
        return self.watched(world)

    def watched(self, world: ModelWorld) -> ModelWorld:
        """With the audit's eyes."""
        if self.audit.script:
            self.audit.watch(world.chk, lambda: world.k)
        return world


class ReachSubject(ChangedSubject):
    """Notes which lock classes are taken, and under which other locks."""

    taken: set[str]
    facts: LockFacts

    def change(self, chk: Checker) -> None:
        """Look at every lock."""

        def note(name: str, lock: Lock) -> None:
            self.taken.add(lock_class(name).name)
            self.facts.taken(chk, lock)

        note_lock_classes(chk, note)
