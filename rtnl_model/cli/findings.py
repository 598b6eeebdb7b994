"""Findings for people, and which of them count for the exit status."""

from __future__ import annotations

from collections.abc import Sequence

import lockcheck
from lockcheck.render import heading, how_many

from ..kernel.documents import Document
from ..lab.catalogue import UnknownBug, entry

__all__ = ["counted", "finding_lines"]

Finding = Document


def counted(findings: Sequence[Finding], fail_on: str) -> list[Finding]:
    """Findings of `fail_on` or stronger that are no known defect of the regime."""
    return lockcheck.CountingRule(fail_on).sort(findings)["counts"]


def known_defect(tag: str) -> str:
    """What a tag such as `known:G.5` stands for."""
    bug = tag.removeprefix("known:")
    try:
        title = entry(bug).title
    except UnknownBug:
        title = "a defect of Linux 7.3 that is known"
    return f"{title} (rtnl-model bugs {bug}); does not count"


def finding_lines(findings: Sequence[Finding], fail_on: str, *, clean: bool = True) -> list[str]:
    """Each finding with its story; the last line says how many count.

    `clean` False: something else failed, so that no findings is not clean.
    """
    counting = counted(findings, fail_on)
    lines: list[str] = []
    causes = lockcheck.root_causes(findings)
    for finding in (each for cause in causes for each in cause.findings):
        lines.append(heading(finding))
        text = str(finding.get("text") or finding.get("detail") or "")
        lines += ["    " + line for line in text.splitlines()]
        if finding.get("replay"):
            lines.append(f"    replay: {finding['replay']}")
    for tag in dict.fromkeys(str(f["tag"]) for f in findings if f.get("tag")):
        lines.append(f"{tag}: {known_defect(tag)}")
    if not findings:
        return ["clean: no findings"] if clean else []
    many = how_many(len(findings), len(causes))
    lines.append(
        f"{many}, {len(counting)} count{'s' if len(counting) == 1 else ''} (--fail-on {fail_on})"
    )
    return lines
