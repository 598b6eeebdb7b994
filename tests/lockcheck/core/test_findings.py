"""The finding pipeline: what counts, what is known, what has one cause."""

from __future__ import annotations

import pytest

from lockcheck.core.document import Json
from lockcheck.core.findings import CountingRule, is_counted, known_as, root_causes


def finding(kind: str = "circular", severity: str = "possible", **fields: object) -> Json:
    """A finding's document."""
    document: Json = {"kind": kind, "severity": severity, "title": kind, "fingerprint": kind}
    return {**document, **fields}


@pytest.mark.parametrize(
    ("severity", "fail_on", "standing"),
    [
        ("certain", "certain", "counts"),
        ("possible", "certain", "lower"),
        ("possible", "possible", "counts"),
        ("class-only", "possible", "lower"),
        ("class-only", "class-only", "counts"),
    ],
)
def test_a_finding_counts_from_the_demanded_severity(
    severity: str, fail_on: str, standing: str
) -> None:
    """--fail-on is the least severity that counts."""
    assert CountingRule(fail_on).standing(severity, "f") == standing


@pytest.mark.parametrize(
    "known",
    [
        {"tag": "known:G.1"},
        {"known": "G.1"},
        {"tags": ["seen", "known:G.1"]},
        {"data": {"tags": ("known:G.1",)}},
    ],
)
def test_a_known_finding_never_counts_however_it_is_marked(known: Json) -> None:
    """A tag of the run, of the search and of the report mean the same."""
    marked = finding(severity="certain", **known)

    assert known_as(marked) == "known:G.1"
    assert not is_counted(marked)
    assert not CountingRule("class-only").counts(marked)


def test_what_a_baseline_has_is_known() -> None:
    """A fingerprint of the baseline explains a finding as a tag does."""
    sorted_ = CountingRule("possible", ["circular"]).sort([finding(), finding("race")])

    assert [each["kind"] for each in sorted_["known"]] == ["circular"]
    assert [each["kind"] for each in sorted_["counts"]] == ["race"]


def test_views_of_one_wrong_order_are_one_cause_led_by_the_surest() -> None:
    """A cycle, its recursion and its deadlock concern the same classes."""
    cycle = finding(classes=["a", "b"])
    deadlock = finding("deadlock", "certain", classes=["b", "a"])
    other = finding(classes=["a", "c"])

    causes = root_causes([cycle, other, deadlock])

    assert [each.lead for each in causes] == [deadlock, other]
    assert causes[0].findings == [deadlock, cycle]


def test_known_findings_come_last_and_each_defect_once() -> None:
    """What explains two findings is their cause; what counts is shown before it."""
    known = [finding("hang", "certain", known="G.1"), finding("warn", "certain", known="G.1")]
    fresh = finding("race", "class-only")

    causes = root_causes([*known, fresh])

    assert [len(each.findings) for each in causes] == [1, 2]
    assert causes[0].lead is fresh
