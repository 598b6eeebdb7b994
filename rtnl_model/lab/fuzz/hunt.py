"""The loop of a hunt: which script next, who explores it, what is kept, when it ends.

Half of the scripts are newly drawn, half are changed ones of the corpus.  A finding of a new cause
is pursued at once (its script and schedule are cut down) by whichever worker is idle next.  What
was seen stands in `Tally`; what is found goes to `folder` and never changes the search.

A hunt of seed K draws script number N from (K, N) alone; what is made from the corpus depends on
what the machine managed before, so a hunt is not repeated by its seed: its scripts and tokens are.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from lockcheck import CountingRule
from lockcheck.render import write_text
from rtnl_model.kernel.documents import Fields

from ...iproute import Script, normalise, parse_script
from ..model_run import ModelSetting, link_kinds, usable_kinds
from ..scenarios import KINDS
from ..scenarios.kinds import Family
from .cause import Cause, cause_of
from .corpus import Corpus, Kept, NotACorpus
from .crew import Crashed, Crew
from .draw import drawn
from .folder import read_finding, write_finding
from .mutate import mutated
from .reduce import names_of
from .task import Pursue, Pursued, Search, Searched, Task

__all__ = ["Found", "Hunt", "HuntOptions", "Tally"]

FROM_CORPUS: Final = 0.5
KINDS_MAX: Final = 6
BELOW: Final = ("dummy", "veth", "phys")
"""Kinds that others stand on or lease from."""
SCRIPT_SECONDS: Final = 15.0
"""What one script gets at most."""
PURSUE_SECONDS: Final = 240.0
LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntOptions:
    """How to hunt."""

    seconds: float
    jobs: int
    seed: int
    shard: tuple[int, int] = (0, 1)
    kinds: tuple[str, ...] = ()
    """Kinds of devices to draw; empty: all that the regime takes."""
    folder: Path
    script_seconds: float = SCRIPT_SECONDS
    until: Callable[[Found], bool] | None = None
    """Stop after such a finding."""
    findings: int | None = None
    """Stop after so many causes that count, cut down."""
    fail_on: str = "possible"


@dataclass(slots=True)
class Found:
    """One cause."""

    cause: Cause
    finding: Fields
    script: str
    confirmed: bool
    counts: bool
    times: int = 1
    """In so many scripts; 0: an earlier hunt, or one that was merged, left it in the folder."""
    first_script: int = 0
    first_seconds: float = 0.0
    home: Path | None = None


@dataclass(slots=True)
class Tally:
    """How far the hunt is."""

    scripts: int = 0
    schedules: int = 0
    orders: int = 0
    newest: float = 0.0
    """Seconds since the beginning at which coverage grew last."""
    crashes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier hunts into the same folder did, by its `state.json`."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    scripts: int = 0
    schedules: int = 0


class Hunt:
    """One hunt with one setting."""

    def __init__(
        self,
        setting: ModelSetting,
        options: HuntOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.setting = setting
        self.options = options
        self.clock = clock
        self.began = clock()
        self.corpus = Corpus(options.folder / "corpus")
        self.tally = Tally()
        self.found: dict[Cause, Found] = {}
        self.interrupted = False
        self.past = Past()
        self._cpu = cpu_seconds()
        self._features: list[int] = []
        """The corpus's features in the order in which they came, for the workers."""
        self._pursuits: list[Pursue] = []
        self._number = 0
        self._usable = link_kinds(setting)
        self.own = tuple(driver.kind for driver in setting.own_drivers())
        self.converted = frozenset(
            driver.kind
            for driver in setting.drivers()
            if driver.converted
            and driver.kind in KINDS
            and KINDS[driver.kind].family is not Family.ALONE
        )
        """Kinds that unregister devices of other namespaces in the new way: drawn more often."""
        wanted = options.kinds or (*KINDS, "phys", *self.own)
        usable = usable_kinds(setting)
        self.kinds = tuple(dict.fromkeys(kind for kind in wanted if kind in usable))

    # -- the loop ------------------------------------------------------------------------------

    def run(self, on_progress: Callable[[Hunt], None] | None = None) -> None:
        """Hunt until the time is up.  Ctrl-C ends it early, with the corpus whole."""
        try:
            with Crew(self.options.jobs, self.setting) as crew:
                while not self._over() or self._pursuits or crew.tasks:
                    self._hand_out(crew)
                    for answer in crew.answers(LOOK_SECONDS):
                        self._take(answer)
                    if on_progress is not None:
                        on_progress(self)
                    if self._stopped() and not self._pursuits and not self._pursuing(crew):
                        break
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self.save()

    def _over(self) -> bool:
        return self.seconds >= self.options.seconds or self._stopped()

    def _stopped(self) -> bool:
        until, enough = self.options.until, self.options.findings
        met = [found for found in self.found.values() if found.times]
        if enough is not None and sum(found.counts for found in met) >= enough:
            return True
        return until is not None and any(until(found) for found in met if found.confirmed)

    @staticmethod
    def _pursuing(crew: Crew) -> bool:
        return any(isinstance(task, Pursue) for task in crew.tasks)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self.clock() - self.began

    def _hand_out(self, crew: Crew) -> None:
        while (member := crew.idle()) is not None:
            task: Task
            if self._pursuits:
                task = self._pursuits.pop(0)
            elif self._over():
                return
            else:
                learned = tuple(self._features[member.learned :])
                member.learned = len(self._features)
                task = self._next(learned)
            crew.give(member, task)

    # -- scripts -------------------------------------------------------------------------------

    def _next(self, learned: tuple[int, ...]) -> Search:
        shard, shards = self.options.shard
        number = self._number * shards + shard
        self._number += 1
        rng = Random(f"{self.options.seed}/{number}")
        kept = self.corpus.draw(rng) if rng.random() < FROM_CORPUS else None
        if kept is not None:
            script = parse_script(kept.script, kept.name, kinds=self._usable, strict=False)
            origin = kept.name
            script = mutated(script, rng, self._usable)
        else:
            script = self._drawn(rng, number)
            origin = f"seed {self.options.seed} script {number}"
        return Search(
            number,
            normalise(script),
            origin,
            rng.getrandbits(48),
            min(self.options.script_seconds, max(1.0, self.options.seconds - self.seconds)),
            learned,
        )

    def _drawn(self, rng: Random, number: int) -> Script:
        """A fresh topology with its race; few kinds in one, so that they concern one another."""
        kinds = self.kinds
        if len(kinds) > KINDS_MAX:
            kinds = tuple(rng.sample(kinds, rng.randint(3, KINDS_MAX)))
            kinds += tuple(kind for kind in BELOW if kind in self.kinds and rng.random() < 0.4)
            converted = [kind for kind in self.kinds if kind in self.converted]
            kinds += tuple(rng.sample(converted, min(2, len(converted))))
            kinds += tuple(kind for kind in self.own if kind in self.kinds)
            kinds = tuple(dict.fromkeys(kinds))
        return drawn(rng, self._usable, kinds, f"script {number}", usual=self.converted)

    # -- answers -------------------------------------------------------------------------------

    def _take(self, answer: Searched | Pursued | Crashed) -> None:
        if isinstance(answer, Searched):
            self._searched(answer)
        elif isinstance(answer, Pursued):
            self._pursued(answer)
        elif isinstance(answer.task, Search):
            self.tally.crashes.append(
                f"script {answer.task.number}: {answer.why}\n{answer.task.script}"
            )
        else:
            self._write(self.found[answer.task.cause])

    def _searched(self, answer: Searched) -> None:
        task, probed = answer.task, answer.probed
        self.tally.scripts += 1
        self.tally.schedules += probed.schedules
        self.tally.orders += probed.orders
        features = tuple(sorted(probed.features))
        new = self.corpus.new_of(probed.features)
        kept = Kept(task.script, features, probed.schedules, probed.orders, task.origin)
        if self.corpus.take(kept):
            self._features += sorted(new)
            self.tally.newest = self.seconds
        names = names_of(parse_script(task.script, "script", strict=False))
        for finding in probed.findings:
            self._note(finding, names, task)

    def _note(self, finding: Fields, names: set[str], task: Search) -> None:
        cause = cause_of(finding, names)
        old = self.found.get(cause)
        confirmed = bool(finding["confirmed"])
        if old is not None:
            old.times += 1
            if old.confirmed or not confirmed:
                return
        found = Found(
            cause, finding, task.script, confirmed,
            counts=confirmed and CountingRule(self.options.fail_on).counts(finding),
            times=1 if old is None else old.times,
            first_script=task.number, first_seconds=self.seconds,
        )  # fmt: skip
        self.found[cause] = found
        if found.counts:
            self._pursuits.append(Pursue(task.script, cause, task.seed, PURSUE_SECONDS, finding))
        elif confirmed:
            self._write(found)  # a known one, or a weak one: as it was found

    def _pursued(self, answer: Pursued) -> None:
        found = self.found[answer.task.cause]
        found.script, found.finding = answer.script, answer.finding
        self._write(found)

    def _write(self, found: Found) -> None:
        in_the_way = sorted(
            {
                tag
                for other in self.found
                if other.known
                for tag in other.tags
                if tag.startswith("known:")
            }
        )
        found.home = write_finding(
            self.options.folder / "findings", found.cause, found.script, self.setting,
            found.finding, in_the_way=in_the_way,
        )  # fmt: skip

    # -- what is left --------------------------------------------------------------------------

    def resume(self) -> int:
        """Go on from the folder: its corpus, and the next script number.  Raises: OSError, …"""
        count = self.corpus.load()
        self._features = sorted(self.corpus.features)
        state = self.options.folder / "state.json"
        if state.is_file():
            document = json.loads(state.read_text(encoding="utf-8"))
            if not isinstance(document, dict):
                raise ValueError(f"{state}: not the state of a hunt")
            self._number = max(0, number_of(document, "next"))
            self.past = Past(
                float(number_of(document, "seconds")),
                float(number_of(document, "cpu_seconds")),
                number_of(document, "scripts"),
                number_of(document, "schedules"),
            )
        self._remember()
        return count

    def _remember(self) -> None:
        """Take up the causes that the folder holds: they are listed, and not cut down again.

        Those of another setting, which came with a merge, stay in the folder and are not ours.
        Raises: NotAFinding, OSError.
        """
        for path in sorted((self.options.folder / "findings").glob("*/finding.json")):
            home = path.parent
            left = read_finding(home)
            ours = (left.rtnl, left.workers) == (self.setting.rtnl, self.setting.workers)
            if ours and left.cause not in self.found:
                self.found[left.cause] = Found(
                    left.cause, left.finding, left.script, confirmed=True, times=0, home=home,
                    counts=CountingRule(self.options.fail_on).counts(left.finding),
                )  # fmt: skip

    def merge(self, folder: Path) -> int:
        """Take what another hunt, perhaps another machine's, left; returns how many scripts.

        Raises: NotACorpus, OSError.
        """
        theirs = Corpus(folder / "corpus")
        if not theirs.load():
            raise NotACorpus(f"{folder}: no corpus of a hunt in it")
        taken = 0
        for kept in theirs.kept:
            new = self.corpus.new_of(set(kept.features))
            if self.corpus.take(kept):
                self._features += sorted(new)
                taken += 1
        for home in sorted((folder / "findings").glob("*/")):
            here = self.options.folder / "findings" / home.name
            if not here.exists():
                shutil.copytree(home, here)
        self._remember()
        return taken

    def save(self) -> None:
        """Write how far it came."""
        document = {
            "schema": "rtnl-model/hunt/1",
            "next": self._number,
            "seed": self.options.seed,
            "rtnl": self.setting.rtnl,
            "workers": self.setting.workers,
            "seconds": round(self.past.seconds + self.seconds),
            "cpu_seconds": round(self.past.cpu_seconds + cpu_seconds() - self._cpu),
            "scripts": self.past.scripts + self.tally.scripts,
            "schedules": self.past.schedules + self.tally.schedules,
            "features": len(self.corpus.features),
        }
        write_text(self.options.folder / "state.json", json.dumps(document, indent=1) + "\n")

    def sorted_findings(self) -> Sequence[Found]:
        """Those that count first, then by how often."""
        return sorted(
            self.found.values(),
            key=lambda f: (not f.counts, f.cause.known, not f.confirmed, -f.times, f.cause.ident),
        )


def cpu_seconds() -> float:
    """Of this process and of those of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def number_of(document: Mapping[str, object], key: str) -> int:
    """A count of a hunt's state; 0 where it is not there.  Raises: ValueError."""
    value = document.get(key, 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise ValueError(f"state.json: {key} is {value!r}, not a count")
    return int(value)
