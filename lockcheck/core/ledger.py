"""The findings of one checker: filed under the leaf, each once, and delivered with nothing held.

Detectors yield `Report`s and know of no other; here it is decided whether one is new, is the same
finding seen again, or makes a known one stronger.  Reports with the same `ident` (the classes of a
cycle) are the same finding; those without one are compared by their fingerprint.

`judge` is the one ritual around all detectors: shut re-entrance out, take the leaf, ask, file, and
deliver with nothing held.  Invariant: a thread in here has `tracing` set; operations of a finaliser
that the collector runs meanwhile are let through unjudged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from lockcheck.core.classes import Classes
from lockcheck.core.collecting import PAUSED
from lockcheck.core.held import ThreadState
from lockcheck.core.leaf import Leaf
from lockcheck.core.report import CLASS_ONLY, POSSIBLE, Report, stronger

__all__ = ["Host", "Ledger"]


class Host(Protocol):
    """Who the findings are for."""

    @property
    def observed(self) -> bool:
        """Is the order of this run wanted too (races are looked for)?"""
        ...

    def deliver(self, report: Report, ts: ThreadState) -> None:
        """A report is new, or stronger than before.

        Context: in the thread whose operation showed it, with no lock of ours.  It may raise.
        """
        ...


class Ledger:
    """Findings in the order in which they were filed.

    Args:
        leaf: the engine's lock, a leaf.
        host: who gets them; None: nobody.
        classes: where the locks of a finding are made.
    """

    def __init__(self, leaf: Leaf, host: Host | None, classes: Classes) -> None:
        self.reports: list[Report] = []
        self._leaf = leaf
        self.host = host
        self._classes = classes
        self._known: dict[tuple[str, ...], Report] = {}

    def judge(self, ts: ThreadState, detect: Callable[[], Iterable[Report]]) -> None:
        """Run a detector under the leaf; file and deliver what it finds."""
        ts.tracing += 1
        try:
            with PAUSED, self._leaf:
                news = self.enter(detect())
        finally:
            ts.tracing -= 1
        self.deliver(ts, news)

    def file(self, report: Report) -> Report | None:
        """Enter a report in the list, undelivered; None when it is no news."""
        with PAUSED, self._leaf:
            return next(iter(self.enter([report])), None)

    def report(self, ts: ThreadState, report: Report) -> Report | None:
        """File and deliver a finding; None when it is no news."""
        filed = self.file(report)
        if filed is not None:
            self.deliver(ts, [filed])
        return filed

    def deliver(self, ts: ThreadState, news: Sequence[Report]) -> None:
        """Hand findings to the host.  Locks: none of ours; the host may raise."""
        if self.host is not None:
            for report in news:
                self.host.deliver(report, ts)

    def enter(self, found: Iterable[Report]) -> list[Report]:
        """File what is new; returns what its reader has not seen like that before.

        Locks: the leaf.
        """
        return [filed for report in found if (filed := self._enter(report)) is not None]

    def _enter(self, report: Report) -> Report | None:
        if report.retracts:
            self._retract(report)
            return None
        marks = {report.ident or (report.fingerprint,), (report.fingerprint,)}
        for mark in sorted(marks, reverse=True):
            known = self._known.get(mark)
            if known is not None:
                self._known.setdefault(report.ident or mark, known)
                return self._strengthen(known, report) if report.ident else None
        for mark in marks:
            self._known[mark] = report
        self._add_sites(report)
        self.reports.append(report)
        return report

    def _strengthen(self, known: Report, report: Report) -> Report | None:
        if not stronger(report.severity, known.severity):
            return None
        known.severity, known.title, known.reason = report.severity, report.title, report.reason
        known.cycle, known.stacks, known.threads = report.cycle, report.stacks, report.threads
        known.locks, known.classes, known.held = report.locks, report.classes, report.held
        known.detail, known.advice = report.detail, report.advice or known.advice
        known.data = {**known.data, **report.data}  # the fingerprint stays
        self._add_sites(known)
        return known

    def _retract(self, report: Report) -> None:
        """What is known now speaks against a prediction; what was delivered stays delivered."""
        known = self._known.get(report.ident)
        if known is not None and known.severity == POSSIBLE:
            known.severity = CLASS_ONLY
            known.reason = report.reason

    def _add_sites(self, report: Report) -> None:
        """Say where the locks of its classes are made."""
        for name in report.classes:
            cls = self._classes.find(name) or self._classes.find(name.rpartition("/")[0])
            if cls is not None and cls.site:
                report.made[name] = cls.site
