"""What one page of the catalogue holds: the story of a bug, how it is put in, what must be seen.

An `Entry` is data. Its `classes` are the override of just the functions concerned, as an overlay
of the kernel takes them: part of the kernel (`"dev_queue"`, `"links.veth"`) -> a subclass of its
class. An entry without classes is a defect that a regime has by itself (`small` is 7.3 as
it is), or one that `pernet` mends and `--bug ID` lets back in.

The *twin* is the same scenario without the defect: it must end clean, or the entry shows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rtnl_model.kernel.overlay import Layer

__all__ = ["Entry", "Expected", "Setting"]


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that counts as having seen the bug."""

    kind: str
    """`Report.kind`; empty: any."""
    title: str
    """A fragment of its title; empty: any."""

    def matches(self, kind: str, title: str) -> bool:
        """Is this it?"""
        return self.kind in ("", kind) and self.title in title

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}" if self.title else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where a scenario runs."""

    regime: str = "small"
    workers: str = "netns"
    cpus: int = 2
    strict: str = "converted"
    timing: str = "zero"
    races: bool = False
    """Check `shared()` fields for races (their accesses become points)."""
    fixes: tuple[str, ...] = ()
    """Fixes that are added to `small`."""

    def __str__(self) -> str:
        return self.regime if self.workers == "netns" else f"{self.regime} --workers {self.workers}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One bug: story, override, scenario, finding."""

    id: str
    title: str
    kind: Literal["patch", "hazard", "known", "candidate", "fix"]
    what: str
    """What the code does wrong."""
    interleaving: str
    """Who must do what, in which order."""
    symptom: str
    """What a user of the kernel sees."""
    source: str
    """Commit, mail or section that describes it."""
    real_kernel: str = ""
    """What a real 7.3 was seen to do: rounds and output; empty: not tried."""
    scenario: str
    """A script that shows it; everything up to its last `wait` or command counts."""
    expected: tuple[Expected, ...]
    """Any of these."""
    setting: Setting = field(default_factory=Setting)
    twin: Setting | None = None
    """Where the same scenario is clean; None: the same setting without the override."""
    classes: Mapping[str, Layer] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    """Other entries that must be there for this one to be seen; its twin has them too."""
    search: Literal["run", "race", "explore"] = "run"
    """`run`: the scenario shows it each time.  `race`: some free runs show it.  `explore`: the
    controlled scheduler must find the interleaving."""
    rounds: int = 1
    """How many free runs, or schedules, `bugs --check` gives it."""
