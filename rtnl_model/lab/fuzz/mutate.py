"""Another script from one that brought coverage.

Devices are raised, moved, doubled, stacked on; concurrent commands come, go and are exchanged, and
concern mostly what the others concern.  A script is lines of canonical text while it is changed; a
change that does not parse is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from ...iproute import Script, parse_script
from ...iproute.commands import LinkAdd, Par
from ...iproute.normalise import step_text
from ...iproute.script_error import ScriptError
from .places import near, places_of, spaces_of
from .race import UPPERS, command_about, race_of, upper_of

__all__ = ["mutated"]

BRANCHES_MAX: Final = 4
STEPS_MAX: Final = 24
CHANGES: Final = (1, 1, 2, 3)
TRIES: Final = 20


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
        self.spaces = spaces_of(script)

    def draw(self) -> Script | None:
        """One change; None when what was drawn makes no sense here."""
        changes: tuple[Callable[[], list[str] | None], ...] = (
            self.raise_devices, self.raise_devices, self.another_branch, self.another_branch,
            self.other_branch, self.fewer_branches, self.fewer_steps, self.upper, self.upper,
            self.twin, self.move, self.another_race, self.another_race,
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
        kind = self.rng.choice(kinds)
        return self.before_race(upper_of(self.rng, lower, kind, self.places, self.spaces))

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
        """A command that mostly concerns what the others concern."""
        if not self.places or not self.spaces:
            return None
        words = {word for branch in self.branches() for word in branch.split()}
        named = {place.name for place in self.places if place.name in words}
        hot = near(self.places, named) or self.places
        return command_about(self.rng, hot, self.places, self.spaces, self.kinds)

    def another_race(self) -> list[str] | None:
        """Commands about the same devices, all drawn again."""
        words = {word for branch in self.branches() for word in branch.split()}
        about = {place.name for place in self.places if place.name in words}
        count = self.rng.choice((2, 2, 3))
        return self.with_branches(
            race_of(self.rng, self.places, self.spaces, self.kinds, count, about)
        )
