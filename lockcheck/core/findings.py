"""From findings to what is shown: which count, which are known, and which have one root cause.

Detectors yield `Report`s and the ledger files them.  From there on a finding is its document
(`Report.to_dict()`), the same whether it comes from a live checker, from a search or from a file,
and every face goes through this room: `run`, pytest, `explore`, the model, the report page.

    severity        `report.SEVERITIES`, its order in `report.stronger`
    known           `known_as`: a tag of the finding's own, or its entry in a baseline
    does it count?  `CountingRule`
    root cause      `root_causes`: findings of one cause, the worst first

What this says in words stands in `render` (`listing`, `sentences`, `splat`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from lockcheck.core.document import Document, Json
from lockcheck.core.report import POSSIBLE, SEVERITIES, counts
from lockcheck.core.report import known_as as known_tag

__all__ = [
    "CountingRule", "Finding", "RootCause", "Standing", "cause_key", "is_counted", "known_as",
    "root_causes", "with_causes",
]  # fmt: skip

Finding = Document
F = TypeVar("F", bound=Finding)
Standing = Literal["counts", "lower", "known"]

HAPPENED: Final = ("deadlock", "hang")
"""Kinds that say what happened, before what foretold it."""
_INSTANCE: Final = re.compile(r"(#[\d*]+)?( \(\w+\))?$")
"""What a name has beyond its object's kind: the number, the part that is waited for."""
ORDERS: Final = ("circular", "recursive", "deadlock", "wait-cycle", "hang")
"""Kinds that may be several views of one wrong order."""


class CountingRule:
    """The counting rule of one run: a least severity and what a baseline knows."""

    def __init__(self, fail_on: str = POSSIBLE, baseline: Iterable[str] = ()) -> None:
        self.fail_on = fail_on
        self._baseline = frozenset(baseline)

    def standing(self, severity: str, fingerprint: str, known: str = "") -> Standing:
        """Sort a finding; `known`: the known defect that its own tags name."""
        if known or fingerprint in self._baseline:
            return "known"
        return "counts" if counts(severity, self.fail_on) else "lower"

    def counts(self, finding: Finding) -> bool:
        """Does it decide the exit status?"""
        return self._of(finding) == "counts"

    def sort(self, findings: Iterable[F]) -> dict[Standing, list[F]]:
        """All findings by standing, in their order."""
        found: dict[Standing, list[F]] = {"counts": [], "lower": [], "known": []}
        for finding in findings:
            found[self._of(finding)].append(finding)
        return found

    def _of(self, finding: Finding) -> Standing:
        fingerprint = str(finding.get("fingerprint", ""))
        return self.standing(finding["severity"], fingerprint, known_as(finding))


def known_as(finding: Finding) -> str:
    """`known:G.5` of a finding that is a known defect, or empty."""
    if finding.get("tag"):
        return str(finding["tag"])
    data = finding.get("data") or {}
    tags = finding.get("tags") or data.get("tags")
    words = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list | tuple) else []
    known = finding.get("known") or known_tag(words)
    return f"known:{known}" if known else ""


def is_counted(finding: Finding) -> bool:
    """Is it neither known nor marked as one that does not count?"""
    return not known_as(finding) and bool(finding.get("counts", True))


@dataclass
class RootCause:
    """One cause: the finding that shows it best, and the others that have it too."""

    lead: Finding
    parts: list[Finding] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        """All of them, the lead first."""
        return [self.lead, *self.parts]


def root_causes(findings: Iterable[Finding], lead: str = "") -> list[RootCause]:
    """Findings joined by cause, the worst first; that with the fingerprint `lead` before all."""
    ranked = sorted(findings, key=lambda f: (f.get("fingerprint") != (lead or None), *_weight(f)))
    found: dict[object, RootCause] = {}
    for number, finding in enumerate(ranked):
        key = cause_key(finding) or number
        if key in found:
            found[key].parts.append(finding)
        else:
            found[key] = RootCause(finding)
    return list(found.values())


def with_causes(findings: Sequence[Finding]) -> list[Json]:
    """The findings in their order, each with the fingerprint of its cause's lead as `cause`."""
    leads = {cause_key(root.lead): root.lead for root in root_causes(findings)}
    found = []
    for each in findings:
        key = cause_key(each)
        lead = each if key is None else leads[key]  # alone, or with others
        found.append({**each, "cause": lead.get("fingerprint", "")})
    return found


def cause_key(finding: Finding) -> object:
    """What findings of one cause have in common; None: it stands alone."""
    known = known_as(finding)
    if known:
        return known
    things = _things(finding) if finding["kind"] in ORDERS else frozenset()
    if things:
        return (frozenset(), things)
    if finding["kind"] == "race" and finding.get("locks"):
        return ("race", frozenset(map(str, finding["locks"])))
    return None


def _things(finding: Finding) -> frozenset[str]:
    """What the threads of a finding hold and wait for: classes of locks; other things by name."""
    found = set()
    for step in finding.get("cycle") or ():
        for lock in (step["held"], step["wanted"]):
            cls, mode = str(lock["class"]), lock.get("mode")
            is_lock = cls != "event" and mode not in ("wait", "owed", "meet")
            found.add(cls if is_lock or cls == "thread" else _INSTANCE.sub("", str(lock["name"])))
    if not found and finding.get("classes"):
        return frozenset(map(str, finding["classes"]))
    return frozenset(found or (_INSTANCE.sub("", str(name)) for name in finding.get("locks") or ()))


def _weight(finding: Finding) -> tuple[bool, bool, int, bool, bool]:
    """What comes first: what counts, the surest, of these what happened, then the cycles."""
    severity: str = finding["severity"]
    rank = SEVERITIES.index(severity) if severity in SEVERITIES else -1
    return (
        bool(known_as(finding)),
        not finding.get("counts", True),
        -rank,
        finding["kind"] not in HAPPENED,
        not finding.get("cycle"),
    )
