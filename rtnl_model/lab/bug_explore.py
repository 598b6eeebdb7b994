"""Entries that need an interleaving: the controlled scheduler looks for it.

With the defect until the promised finding is there; the twin through all the entry's schedules, and
it must stay clean.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rtnl_model.iproute import parse_script

from .check_result import CheckResult, model_setting
from .explore import ExploreOptions, explore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck import Report
    from lockcheck.explore import Finding

    from .bugs import Entry

__all__ = ["explore_entry"]

SECONDS_MAX = 60.0
"""For each of the two searches."""
OTHERS = 4
"""Findings other than the promised one after which a search gives up."""


def explore_entry(entry: Entry, seed: int) -> CheckResult:
    """Look for the bug, then look for anything in its twin."""
    script = parse_script(entry.scenario, entry.id)
    options = ExploreOptions(
        strategy="portfolio",
        schedules=entry.rounds,
        seconds=SECONDS_MAX,
        seed=seed,
        findings=OTHERS,
    )
    with_it = explore(
        script,
        model_setting(entry.setting, [entry.id, *entry.also]),
        replace(options, until=lambda report: is_promised(entry, report)),
    )
    found, token = promised(entry, with_it.findings)
    without = explore(script, model_setting(entry.twin or entry.setting, entry.also), options)
    other = [f for f in without.findings if f.counts]
    twin = f"{other[0].report.kind}: {other[0].report.title}" if other else ""
    ends = " (all there are)" if without.exhausted else ""
    effort = (
        f"{entry.setting}, {with_it.coverage.schedules} schedules with it,"
        f" {without.coverage.schedules} without{ends}"
    )
    return CheckResult(entry.id, found, twin, effort, token)


def promised(entry: Entry, findings: Sequence[Finding]) -> tuple[str, str]:
    """The finding that shows the bug and its token, or two empty texts."""
    for finding in findings:
        report = finding.report
        if is_promised(entry, report):
            token = str(finding.token) if finding.token is not None else ""
            return f"{report.kind}: {report.title}", token
    return "", ""


def is_promised(entry: Entry, report: Report) -> bool:
    """Is it what the entry says it shows?"""
    return any(expected.matches(report.kind, report.title) for expected in entry.expected)
