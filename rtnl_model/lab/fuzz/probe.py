"""One script under an adaptive budget of schedules: what it reached and what was found.

A first schedule is traced (branches of the kernel, answers of the commands).  Then rounds of
schedules: a round is followed by another, twice as long, while the last one brought features that
nobody has reached; an early one also for new final states, or mostly new orders, which alone would
spend everything on the largest scripts.  A finding that is no known defect ends it: it is pursued
by itself, and the other scripts wait.  Every strategy has a third of each round, so a script that
gets one short round has seen all of them.

Nothing unconfirmed counts: a finding whose strict replay does not show it again is listed with that
word, and the hunt never makes a cause of it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lockcheck.explore import Limits, Session, make_strategy
from rtnl_model.kernel.documents import Fields

from ...iproute import Script
from ..explore import ModelSubject, ModelWorld
from ..logical_run import record_logical
from ..model_run import ModelSetting
from .features import Branches, answers_of, chains_of, untraced
from .reduce import names_of

if TYPE_CHECKING:
    from lockcheck.conduct import ControlledConductor
    from lockcheck.explore import Finding

__all__ = ["Probed", "document_of", "probe"]

FIRST_ROUND: Final = 12
FIRST_SECONDS: Final = 5.0
"""What it gets at least, however long the traced schedule took."""
ROUNDS_MAX: Final = 7
STRATEGIES: Final = ("random", "pct", "pos")
EARLY: Final = 3
"""Rounds that new states and orders alone may bring about."""
NOVEL_ORDERS: Final = 0.4
"""Share of new orders from which a script is worth another round, on its own."""


@dataclass(slots=True)
class Probed:
    """What came of one script."""

    features: set[int] = field(default_factory=set)
    findings: list[Fields] = field(default_factory=list)
    schedules: int = 0
    orders: int = 0
    rounds: int = 0
    seconds: float = 0.0


class _Watched(ModelSubject):
    """The script as a subject whose worlds are looked at before they are thrown away."""

    def __init__(self, script: Script, setting: ModelSetting) -> None:
        super().__init__(script, setting)
        self.names = names_of(script)
        self.features: set[int] = set()
        self.looked = 0

    def world(self, conductor: ControlledConductor) -> ModelWorld:
        """A fresh kernel's world; its features are taken when it closes."""
        return _WatchedWorld(self, conductor)

    def look(self, world: ModelWorld) -> None:
        """Take what this schedule reached."""
        self.looked += 1
        self.features |= chains_of(world.chk, self.names)


class _WatchedWorld(ModelWorld):
    def __init__(self, subject: _Watched, conductor: ControlledConductor) -> None:
        super().__init__(subject, conductor)
        self._watched = subject

    def close(self) -> None:
        self._watched.look(self)
        super().close()


def probe(
    script: Script,
    setting: ModelSetting,
    *,
    seed: int,
    seconds: float,
    known: set[int] | frozenset[int] = frozenset(),
    clock: Callable[[], float] = time.monotonic,
) -> Probed:
    """Explore one script.  Raises: KeyboardInterrupt, and what is a defect of ours."""
    began = clock()
    probed = Probed()
    rng = random.Random(seed)
    watched = _Watched(script, setting)
    probed.features |= _traced(script, setting)
    with Session(watched, limits=Limits(shrink=False, seconds=seconds)) as session:
        size = FIRST_ROUND
        for number in range(ROUNDS_MAX):
            before = (len(session.coverage.orders), len(session.coverage.states))
            features = set(watched.features)
            left = seconds - (clock() - began)
            if left <= 0 and number > 0:
                break
            left = max(left, FIRST_SECONDS)
            for name in STRATEGIES:
                session.limits = Limits(
                    schedules=session.coverage.schedules + size // len(STRATEGIES),
                    seconds=left / len(STRATEGIES),
                    shrink=False,
                )
                if session.explore(make_strategy(name, rng.getrandbits(48))).interrupted:
                    raise KeyboardInterrupt
            probed.rounds += 1
            orders = len(session.coverage.orders) - before[0]
            states = len(session.coverage.states) - before[1]
            fresh = (watched.features - features) - known
            novel = states > 0 or orders > NOVEL_ORDERS * size
            if not (fresh or (novel and number + 1 < EARLY)):
                break
            if any(finding.token and finding.counts for finding in session.findings):
                break
            size *= 2
        probed.schedules = session.coverage.schedules
        probed.orders = len(session.coverage.orders)
        probed.findings = distinct(session.findings)
    probed.features |= watched.features
    probed.seconds = clock() - began
    return probed


def distinct(findings: Iterable[Finding]) -> list[Fields]:
    """Each finding once, whichever round met it; a confirmed one wins."""
    found: dict[tuple[str, ...], Fields] = {}
    for finding in findings:
        document = document_of(finding)
        report = finding.report
        tags = sorted(map(str, report.data.get("tags", ())))
        identity = (report.kind, report.title, report.fingerprint, *tags)
        if identity not in found or document["confirmed"]:
            found[identity] = document
    return list(found.values())


def document_of(finding: Finding) -> Fields:
    """A finding as a hunt keeps it: with whether its strict replay showed it again."""
    told = finding.to_dict()
    told["confirmed"] = finding.token is not None and not finding.note
    return told


def _traced(script: Script, setting: ModelSetting) -> set[int]:
    """Features of one schedule that is watched line by line."""
    if not untraced():
        return set()
    branches = Branches()
    with branches.watching():
        try:
            recorded = record_logical(replace(script, keep_going=True), setting)
        except RuntimeError:
            return branches.found  # it does not end; the rounds will say so
    answers = [
        (_first_words(str(cmd["cmd"])), int(cmd["rc"]), str(cmd.get("stderr", "")))
        for op in recorded.document["ops"]
        for cmd in op["cmds"]
    ]
    return branches.found | answers_of(answers, names_of(script))


def _first_words(command: str) -> str:
    """`ip link add type veth`: what kind of command it is."""
    words = command.split()
    kept = [word for word in words if word in _VERBS]
    if "type" in words[:-1]:
        kept += ["type", words[words.index("type") + 1]]
    return " ".join(kept)


_VERBS: Final = frozenset(
    [
        "ip",
        "link",
        "netns",
        "add",
        "del",
        "delete",
        "set",
        "up",
        "down",
        "name",
        "master",
        "nomaster",
        "address",
        "mtu",
        "group",
        "addr",
        "sysctl",
        "rmmod",
        "modprobe",
        "nk",
        "lease",
        "nsim-add",
        "nsim-del",
        "port-del",
        "channels",
    ]
)
