"""Values of a search: limits in, findings and the outcome out.

Outcomes: `passed` (as much as was asked, nothing found), `failed`, `incomplete` (an exhaustive
strategy stopped by a limit, a run that reached the limit of points, an interruption), `diverged`
(the program is not deterministic), `hung`.  A limit never looks like a pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from lockcheck.conduct.stuck import EARLY_TIMERS, SLEEPS
from lockcheck.core.document import Json
from lockcheck.core.findings import with_causes
from lockcheck.core.report import CERTAIN, Report, fingerprint
from lockcheck.core.stacks import Stack
from lockcheck.explore.coverage import Coverage
from lockcheck.explore.schedule import segments_of
from lockcheck.explore.token import Token

__all__ = [
    "CHECK_EVERY", "Finding", "Identity", "Limits", "Outcome", "Replayed", "exception_report",
    "identity_of", "timers",
]  # fmt: skip

CHECK_EVERY: Final = 10
"""`--check-determinism` repeats every so many schedules."""
Identity = tuple[str, ...]
"""What makes two findings different: the fingerprint, then the tags in order."""


def identity_of(report: Report) -> Identity:
    """Return what identifies `report`: a known defect and a new one may share a fingerprint."""
    return (report.fingerprint, *sorted(map(str, report.data.get("tags", ()))))


def timers(early: int | None) -> str:
    """Say how many timers may fire early."""
    if early is None:
        return "any number of early timers"
    return (
        f"{early} early timers a schedule (sleeps: {early * SLEEPS} a thread; "
        f"a wait that repeats itself: {early} rounds that change something)"
    )


@dataclass(frozen=True)
class Limits:
    """When to stop."""

    schedules: int | None = None
    seconds: float | None = None
    findings: int | None = None
    """Stop after so many different findings that count."""
    until: Callable[[Report], bool] | None = None
    """Stop after a finding that is what was looked for."""
    early_timers: int | None = EARLY_TIMERS
    """How many timers may fire early in one schedule; None: any number."""
    max_points: int = 20_000
    hang_after: float = 10.0
    shrink: bool = True
    check_every: int = 0
    """Repeat every so many schedules, and compare the operations; 0: none."""


@dataclass
class Finding:
    """One finding and the schedule that shows it."""

    report: Report
    token: Token | None
    run: int
    strategy: str
    known: str = ""
    """`known:…` when the subject expects it; it then does not count."""
    counts: bool = True
    tries: int = 0
    """Runs that shrinking took."""
    switches_before: int = 0
    note: str = ""
    output: str = ""
    """What the program printed in the reported schedule."""
    where: str = ""
    """The file that a long token was written to."""

    @property
    def switches(self) -> int:
        """Switches of the token's schedule."""
        return 0 if self.token is None else max(0, len(segments_of(self.token.record)) - 1)

    def to_dict(self) -> Json:
        """As it stands in the result document."""
        document = self.report.to_dict()
        document["replay"] = self.where or ("" if self.token is None else str(self.token))
        document.update(
            run=self.run, strategy=self.strategy, switches=self.switches, counts=self.counts
        )
        if self.tries:
            document.update(tries=self.tries, switches_before=self.switches_before)
        for name, value in (("known", self.known), ("note", self.note), ("output", self.output)):
            if value:
                document[name] = value
        return document


@dataclass
class Outcome:
    """What came of a search."""

    strategy: str
    seed: int
    outcome: str
    coverage: Coverage
    findings: list[Finding]
    exhausted: bool
    seconds: float
    reasons: list[str] = field(default_factory=list)
    """Why it is incomplete, diverged or hung."""
    shard: tuple[int, int] = (0, 1)
    details: dict[str, object] = field(default_factory=dict)
    interrupted: bool = False
    subject: Json = field(default_factory=dict)
    early_timers: int | None = EARLY_TIMERS
    cut: bool = False
    """The bound on early timers forbade some."""
    scheduled: bool = True
    """Some schedule had a second thread."""
    cut_short: bool = False
    """Some schedule was given up at the limit of points."""
    drew: bool = False
    """Some schedule drew random numbers: the same ones in each."""

    def to_dict(self, schema: str = "lockcheck/explore/1") -> Json:
        """The result document."""
        counts = self.coverage.to_dict()
        return {
            "schema": schema,
            "strategy": self.strategy,
            "seed": self.seed,
            **counts,
            "exhausted": self.exhausted,
            "outcome": self.outcome,
            "reasons": self.reasons,
            "findings": with_causes([finding.to_dict() for finding in self.findings]),
            "seconds": round(self.seconds, 3),
            "shard": f"{self.shard[0] + 1}/{self.shard[1]}",
            "subject": self.subject,
            "details": self.details,
            "early_timers": self.early_timers,
            "random_numbers": self.drew,
            **(self.coverage.hashes() if self.shard[1] > 1 else {}),
        }


@dataclass
class Replayed:
    """What came of one replay."""

    verdict: int
    reports: list[Report]
    divergence: str
    ops: list[tuple[int, str]]
    """(thread, operation in words) of every step; -1 for values chosen."""
    threads: list[str]
    output: str = ""
    """What the program printed."""


def exception_report(thread: str, error: BaseException) -> Report:
    """Report an exception that ended a thread."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append((trace.tb_frame.f_code, trace.tb_lasti))
        trace = trace.tb_next
    stack = Stack(tuple(reversed(frames)))
    report = Report(
        "assertion" if isinstance(error, AssertionError) else "exception",
        CERTAIN,
        f"{thread}: {type(error).__name__}: {error}".rstrip(": "),
        reason="this schedule raised it",
        threads=(thread,),
        stacks=(("raised", thread, stack),),
    )
    report.fingerprint = fingerprint("exception", (type(error).__name__, stack.function))
    return report
