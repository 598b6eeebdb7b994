"""What one worker process of a hunt is asked, and what it answers; values that can be pickled."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from rtnl_model.kernel.documents import Fields

from ...iproute import Script, normalise, parse_script
from ..explore import ExploreOptions, explore
from ..model_run import ModelSetting
from .cause import Cause, cause_of
from .probe import Probed, document_of, probe
from .reduce import names_of, reduce_script

__all__ = ["Answer", "Pursue", "Pursued", "Search", "Searched", "Task", "Worker"]

SCHEDULES_AGAIN: Final = (60, 600)
"""What a shorter script gets to show the cause: six times what the last that showed it took, within
these bounds."""
SECONDS_AGAIN: Final = 300.0
"""For machines on which even that takes long."""
SAMPLING: Final = ("random", "pct", "pos")
"""Of these, the one that found a cause finds it again soonest, in a shorter script too."""


@dataclass(frozen=True, slots=True)
class Search:
    """Explore one script."""

    number: int
    script: str
    origin: str
    seed: int
    seconds: float
    learned: tuple[int, ...]
    """Features that the corpus has got since this worker was asked last."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What came of it."""

    task: Search
    probed: Probed


@dataclass(frozen=True, slots=True)
class Pursue:
    """Make a finding's script and schedule as small as they get."""

    script: str
    cause: Cause
    seed: int
    seconds: float
    """Of the worker's own CPU time: on a loaded machine a script is cut as short as elsewhere."""
    first: Fields
    """The finding as it was found."""


@dataclass(frozen=True, slots=True)
class Pursued:
    """The smallest script, and the finding as it shows there."""

    task: Pursue
    script: str
    finding: Fields
    tries: int
    finished: bool


Task = Search | Pursue
Answer = Searched | Pursued


@dataclass(slots=True)
class Worker:
    """What a worker process keeps between tasks."""

    setting: ModelSetting
    known: set[int] = field(default_factory=set)
    schedules: int = SCHEDULES_AGAIN[1]
    """What the next shorter script gets."""
    strategy: str = "portfolio"
    """How it is looked for there."""

    def perform(self, task: Task) -> Answer:
        """Do what was asked.  Raises: what is a defect of ours, KeyboardInterrupt."""
        if isinstance(task, Search):
            self.known.update(task.learned)
            script = parse_script(task.script, f"script {task.number}", strict=False)
            return Searched(
                task,
                probe(script, self.setting, seed=task.seed, seconds=task.seconds, known=self.known),
            )
        return self.pursue(task)

    def pursue(self, task: Pursue) -> Pursued:
        """Cut the script, then let the explorer shrink the schedule."""
        script = parse_script(task.script, "finding", strict=False)
        self.schedules = SCHEDULES_AGAIN[1]
        by = str(task.first.get("strategy", ""))
        self.strategy = by if by in SAMPLING else "portfolio"
        last = self.seen(script, task, shrink=False)
        if last is None:
            self.strategy = "portfolio"
            last = self.seen(script, task, shrink=False)

        def shows(smaller: Script) -> bool:
            nonlocal last
            found = self.seen(smaller, task, shrink=False)
            last = found or last
            return found is not None

        reduced = reduce_script(script, shows, seconds=task.seconds, clock=time.process_time)
        small = self.seen(reduced.script, task, shrink=True) or last
        if small is None:
            return Pursued(task, task.script, task.first, reduced.tries, finished=False)
        text = normalise(reduced.script)
        return Pursued(task, text, small, reduced.tries, reduced.finished)

    def seen(self, script: Script, task: Pursue, *, shrink: bool) -> Fields | None:
        """The finding of that cause on this script, confirmed; None: not within the budget."""
        names = names_of(script)
        options = ExploreOptions(
            strategy=self.strategy,
            schedules=SCHEDULES_AGAIN[1] if shrink else self.schedules,
            seconds=SECONDS_AGAIN,
            seed=task.seed,
            shrink=shrink,
            until=lambda report: cause_of(report.to_dict(), names) == task.cause,
        )
        outcome = explore(script, self.setting, options)
        for finding in outcome.findings:
            document = document_of(finding)
            if document["confirmed"] and cause_of(document, names) == task.cause:
                least, most = SCHEDULES_AGAIN
                self.schedules = min(most, max(least, 6 * (finding.run + 1)))
                return document
        return None
