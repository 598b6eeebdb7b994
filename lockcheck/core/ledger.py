"""The findings of one checker, each root cause once.

Detectors yield `Report`s and know of no other; here it is decided whether one is new, is the same
finding seen again, or makes a known one stronger.  Reports with the same `ident` (the classes of a
cycle) are the same finding; those without one are told apart by their fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lockcheck.core.report import CLASS_ONLY, POSSIBLE, Report, stronger

if TYPE_CHECKING:
    from lockcheck.core.classes import Classes

__all__ = ["Ledger"]

_GROWS = (
    "severity", "title", "reason", "cycle", "stacks", "threads", "locks", "classes", "detail",
    "held",
)  # fmt: skip
"""What a stronger sighting replaces; the fingerprint stays."""


class Ledger:
    """Findings in the order in which they were filed.  Locks: the engine's leaf."""

    def __init__(self, classes: Classes) -> None:
        self.reports: list[Report] = []
        self._classes = classes
        self._known: dict[tuple[str, ...], Report] = {}

    def enter(self, found: Iterable[Report]) -> list[Report]:
        """File what is new; returns what its reader has not seen like that before."""
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
        for name in _GROWS:
            setattr(known, name, getattr(report, name))
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
