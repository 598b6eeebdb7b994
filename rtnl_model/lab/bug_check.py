"""`bugs --check`: is an entry's bug seen with its defect, and is the twin clean?

`run`: the scenario once.  `race`: free runs until one shows it.  `explore`: the controlled
scheduler looks for the interleaving, and the twin is explored as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rtnl_model.iproute import parse_script
from rtnl_model.kernel.documents import Document

from .bug_explore import explore_entry
from .bugs import Entry
from .check_result import CheckResult, model_setting
from .model_run import ModelSetting, record

if TYPE_CHECKING:
    from rtnl_model.iproute import Script

__all__ = ["check_entry"]

Finding = Document


def check_entry(entry: Entry, *, seed: int = 0) -> CheckResult:
    """Run the entry and its twin."""
    if entry.search == "explore":
        return explore_entry(entry, seed)
    script = parse_script(entry.scenario, entry.id)
    with_it = model_setting(entry.setting, [entry.id, *entry.also])
    without = model_setting(entry.twin or entry.setting, entry.also)
    twin_findings, devices = one_run(script, without)
    twin = unclean(twin_findings)
    found, rounds = "", 0
    while not found and rounds < entry.rounds:
        rounds += 1
        findings, end = one_run(script, with_it)
        found = shown(entry, findings, end != devices)
        if not found and entry.search == "race" and not twin:
            twin = unclean(one_run(script, without)[0])
    runs = "1 run" if rounds == 1 else f"{rounds} runs"
    return CheckResult(entry.id, found, twin, f"{entry.setting}, {runs}")


def one_run(script: Script, setting: ModelSetting) -> tuple[list[Finding], object]:
    """Findings of a run, and the devices at its end."""
    recorded = record(script, setting, keep_going=True)
    if recorded.interrupted:
        raise KeyboardInterrupt
    document = recorded.document
    ops = document["ops"]
    return document["findings"], ops[-1]["devices"] if ops else {}


def shown(entry: Entry, findings: Sequence[Finding], devices_differ: bool) -> str:
    """The title of the finding that shows the bug, or empty."""
    for expected in entry.expected:
        if expected.kind == "outcome":
            if devices_differ:
                return "other devices at the end than without it"
            continue
        for finding in findings:
            if expected.matches(finding["kind"], finding["title"]):
                return f"{finding['kind']}: {finding['title']}"
    return ""


def unclean(findings: Sequence[Finding]) -> str:
    """The first untagged finding, or empty."""
    return next(iter(untagged(findings)), "")


def untagged(findings: Sequence[Finding]) -> Iterator[str]:
    """Findings that are no known defect of the regime."""
    for finding in findings:
        if not finding.get("tag"):
            yield f"{finding['kind']}: {finding['title']}"
