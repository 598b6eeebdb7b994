"""Severity and its reason: who can meet, what keeps them apart, what a later witness changes."""

from __future__ import annotations

from typing import Any

import pytest

from lockcheck.core.report import CERTAIN, CLASS_ONLY, POSSIBLE, Report
from tests.lockcheck.core.driver import Driver
from tests.lockcheck.core.play import play


def told(driver: Driver, kind: str = "circular") -> list[Report]:
    return [report for report in driver.engine.reports if report.kind == kind]


def test_two_threads_in_opposite_order_are_possible() -> None:
    """ABBA by two unordered threads without a common gate is `possible`."""
    driver = play("T1: +A +B -B -A\nT2: +B +A -A -B")

    (report,) = told(driver)
    assert report.severity == POSSIBLE
    assert {step.thread for step in report.cycle} == {"T1", "T2"}
    assert [s.wanted.name for s in report.cycle] == [
        report.cycle[1].held.name,
        report.cycle[0].held.name,
    ]


def test_one_thread_alone_is_class_only_and_says_so() -> None:
    """Both orders by one thread cannot deadlock by themselves."""
    (report,) = told(play("T1: +A +B -B -A +B +A -A -B"))

    assert report.severity == CLASS_ONLY
    assert "one thread did all" in report.reason


def test_the_cache_never_freezes_a_severity() -> None:
    """T1 does AB and BA (class-only), then T2 does BA: the same report becomes possible."""
    driver = play("T1: +A +B -B -A +B +A -A -B\nT2: +B +A -A -B")

    (report,) = told(driver)
    assert report.severity == POSSIBLE
    assert {step.thread for step in report.cycle} == {"T1", "T2"}


def test_a_raised_report_is_delivered_again() -> None:
    """The sink sees the report when it appears and when its severity rises."""
    seen: list[tuple[str, str]] = []
    driver = Driver({name: {"class": name, "kind": "py_lock"} for name in "AB"})

    class Host:
        @staticmethod
        def deliver(report: Report, ts: Any) -> None:
            seen.append((report.kind, report.severity))

    driver.engine.ledger.host = Host()
    for thread, word in [("T1", "AB"), ("T1", "BA"), ("T2", "BA")]:
        for operation, name in zip(
            ["acquire", "acquire", "release", "release"], [*word, *reversed(word)], strict=True
        ):
            driver.step(thread, operation, name)

    assert seen == [("circular", CLASS_ONLY), ("circular", POSSIBLE)]


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("T1: +G +A +B -B -A -G\nT2: +G +B +A -A -B -G", CLASS_ONLY),
        ("T1: +G +A +B -B -A -G\nT2: +H +B +A -A -B -H", POSSIBLE),
        ("T1: rG +A +B -B -A -G\nT2: rG +B +A -A -B -G", POSSIBLE),
        ("T1: rG +A +B -B -A -G\nT2: +G +B +A -A -B -G", CLASS_ONLY),
        ("T1: +G +A +B -B -A -G\nT2: +B +A -A -B", POSSIBLE),
    ],
    ids=["one gate", "two gates", "gate read by both", "gate read by one", "gate on one side"],
)
def test_gates_count_pairwise_and_not_when_both_read(text: str, severity: str) -> None:
    """A lock held by both, not by both as readers, keeps them apart."""
    (report,) = [r for r in told(play(text)) if {"A", "B"} <= set(r.locks) and "G" not in r.locks]

    assert report.severity == severity
    if severity == CLASS_ONLY:
        assert "G is held on both sides" in report.reason


@pytest.mark.parametrize(
    ("text", "severities"),
    [
        ("T1: +A tG +B -B -G -A\nT2: +G +B +A -A -B -G", []),
        ("T1: +A tG +B -B -G -A\nT2: +H +B +A -A -B -H", [POSSIBLE]),
        ("T1: tG +A +B -B -A -G\nT2: +G +B +A -A -B -G", [CLASS_ONLY]),
        ("T1: +A tG +B -B -G -A\nT2: +G +B +A -A -B -G\nT3: +G +A +B -B -A -G", [CLASS_ONLY]),
        ("T1: +A tG +B -B -G -A\nT2: +G +B +A -A -B -G\nT3: +B +A -A -B", [POSSIBLE]),
        ("T1: +A tG +B -B -G -A\nT2: +G +B +A -A -B -G\nT1: +B +A -A -B", [CLASS_ONLY]),
    ],
    ids=["tried", "another lock", "tried before", "not always", "not held", "one thread"],
)
def test_who_only_tries_under_its_lock_avoids_the_cycle(text: str, severities: list[str]) -> None:
    """Whoever waits for B holds G, which the other only tries while it holds A: nothing to say.

    A thread that does not try, or does not hold G, is another matter, also when it comes later.
    """
    found = [r for r in told(play(text)) if {"A", "B"} <= set(r.locks) and "G" not in r.locks]

    assert [r.severity for r in found] == severities


def test_a_gate_between_two_of_three_is_enough() -> None:
    """Two members of a cycle of three that share a gate can never both be in place."""
    driver = play("T1: +G +A +B -B -A -G\nT2: +G +B +C -C -B -G\nT3: +C +A -A -C")

    (report,) = told(driver)
    assert report.severity == CLASS_ONLY


def test_a_circle_of_three_needs_three_threads() -> None:
    """Two threads cannot be in three places."""
    two = play("T1: +A +B -B -A +B +C -C -B\nT2: +C +A -A -C +B +C -C -B +A +B -B -A")
    three = play("T1: +A +B -B -A +B +C -C -B\nT2: +C +A -A -C\nT3: +B +C -C -B")

    assert [r.severity for r in told(two)] == [CLASS_ONLY]
    assert [r.severity for r in told(three)] == [POSSIBLE]


def test_start_and_join_order_the_sides() -> None:
    """What a thread did before it started another, or after it joined it, cannot overlap it."""
    before = play("T1: +A +B -B -A >T2\nT2: +B +A -A -B")
    after = play("T1: >T2\nT2: +A +B -B -A\nT1: <T2 +B +A -A -B")
    between = play("T1: >T2 +A +B -B -A\nT2: +B +A -A -B")

    assert [r.severity for r in told(before)] == [CLASS_ONLY]
    assert [r.severity for r in told(after)] == [CLASS_ONLY]
    assert "start and join order them" in told(after)[0].reason
    assert [r.severity for r in told(between)] == [POSSIBLE]


def test_the_same_order_again_in_a_later_segment_is_seen() -> None:
    """AB before the start is harmless, the same AB after it is not: the cache must not hide it."""
    driver = play("T1: +A +B -B -A >T2\nT2: +B +A -A -B\nT1: +A +B -B -A")

    (report,) = told(driver)
    assert report.severity == POSSIBLE


def test_an_events_only_set_orders_what_was_before_it() -> None:
    """T2 waits for T1's set before it turns the order round."""
    driver = play("T1: +A +B -B -A event_set(E)\nT2: event_wait(E) +B +A -A -B")

    assert [r.severity for r in told(driver)] == [CLASS_ONLY]


def test_a_lock_held_around_a_whole_thread_is_its_gate() -> None:
    """Started and joined under L, the thread runs inside L, in either order of events."""
    first = play("T1: +L >T2\nT2: +A +B -B -A\nT1: <T2 -L\nT3: +L +B +A -A -B -L")
    last = play("T3: +L +B +A -A -B -L\nT1: +L >T2\nT2: +A +B -B -A\nT1: <T2 -L")

    assert [r.severity for r in told(first)] == [CLASS_ONLY]
    assert [r.severity for r in told(last)] == [CLASS_ONLY]


def test_a_lock_dropped_before_the_join_is_no_gate() -> None:
    """L is released while the thread runs: it protects nothing."""
    driver = play("T1: +L >T2 -L\nT2: +A +B -B -A\nT3: +L +B +A -A -B -L")

    assert [r.severity for r in told(driver)] == [POSSIBLE]


def test_the_lock_around_a_thread_does_not_part_it_from_its_starter() -> None:
    """Starter and thread run at once, both inside L."""
    driver = play("T1: +L >T2 +B +A -A -B\nT2: +A +B -B -A\nT1: <T2 -L")

    assert [r.severity for r in told(driver)] == [POSSIBLE]


def test_instances_that_cannot_meet_make_class_only() -> None:
    """Class order X -> Y -> X over different instances is no deadlock of those seen."""
    driver = play(
        "T1: +x1 +y1 -y1 -x1\nT2: +y2 +x2 -x2 -y2",
        x1={"class": "X"}, x2={"class": "X"}, y1={"class": "Y"}, y2={"class": "Y"},
    )  # fmt: skip

    (report,) = told(driver)
    assert report.severity == CLASS_ONLY
    assert "cannot meet" in report.reason


def test_instances_beyond_the_64th_are_told_apart() -> None:
    """Locks that share a key meet when they are the same lock."""
    specs = {f"x{i}": {"class": "X"} for i in range(70)} | {"y": {"class": "Y"}}
    apart = play("T1: +x68 +y -y -x68\nT2: +y +x69 -x69 -y", **specs)
    same = play("T1: +x68 +y -y -x68 +x69 +y -y -x69\nT2: +y +x69 -x69 -y", **specs)
    gated = play("T1: +x68 +y +z -z -y -x68\nT2: +x68 +z +y -y -z -x68", **specs)

    assert [r.severity for r in told(apart)] == [CLASS_ONLY]
    assert "cannot meet" in told(apart)[0].reason
    assert [r.severity for r in told(same)] == [POSSIBLE]
    assert [r.severity for r in told(gated)] == [CLASS_ONLY]


def test_instances_of_a_nesting_seen_very_often_may_be_any() -> None:
    """Late instances are not kept apart: a report too many is better than a missed deadlock."""
    specs = {f"x{i}": {"class": "X"} for i in range(400)} | {"y": {"class": "Y"}}
    many = " ".join(f"+x{i} +y -y -x{i}" for i in range(70, 400))
    driver = play(f"T1: {many}\nT2: +y +x69 -x69 -y", **specs)

    assert [r.severity for r in told(driver)] == [POSSIBLE]


def test_a_large_class_that_nests_in_itself_is_no_circle_by_itself() -> None:
    """Two threads nest different pairs beyond the 64th: nothing says that they turn round."""
    specs = {f"x{i}#*": {"class": "X"} for i in range(80)}
    driver = play("T1: +x70#* +x71#* -x71#* -x70#*\nT2: +x75#* +x78#* -x78#* -x75#*", **specs)

    assert {r.severity for r in driver.engine.reports} == {CLASS_ONLY}


def test_subclasses_do_not_hide_a_real_inversion() -> None:
    """X1/0 -> X2/1 here and X2/0 -> X1/1 there: lockdep is content, the instances are not."""
    driver = Driver({name: {"class": "X", "kind": "mutex"} for name in ("X1", "X2")})
    reports = driver.run(
        [
            ["T1", "acquire", "X1"], ["T1", "acquire_sub:1", "X2"],
            ["T1", "release", "X2"], ["T1", "release", "X1"],
            ["T2", "acquire", "X2"], ["T2", "acquire_sub:1", "X1"],
            ["T2", "release", "X1"], ["T2", "release", "X2"],
        ]
    )  # fmt: skip

    assert [(r.kind, r.severity) for r in reports] == [("circular", POSSIBLE)]


def test_hand_over_hand_that_excludes_itself_is_not_possible() -> None:
    """L, dropped before the point, keeps the two apart on the way there; no gate shows it."""
    driver = play("T1: +L +M -M +P +Q -Q -P -L\nT2: +L +M -L +Q +P -P -Q -M")

    (report,) = [r for r in told(driver) if {"P", "Q"} == set(r.locks)]
    assert report.severity == CLASS_ONLY
    assert "taken earlier" in report.reason


def test_a_queued_reader_waits_only_with_a_writer_in_between() -> None:
    """read(X) lock(Y) against lock(Y) read(X): queued readers need a third thread that writes."""
    alone = play("T1: qX +Y -Y -X\nT2: +Y qX -X -Y")
    writer = play("T3: +X -X\nT1: qX +Y -Y -X\nT2: +Y qX -X -Y", X={"class": "X", "kind": "rwlock"})
    later = play("T1: qX +Y -Y -X\nT2: +Y qX -X -Y\nT3: +X -X", X={"class": "X", "kind": "rwlock"})
    recursive = play("T1: rX +Y -Y -X\nT2: +Y rX -X -Y")

    assert [r.severity for r in told(alone)] == [CLASS_ONLY]
    assert [r.severity for r in told(writer)] == [POSSIBLE]
    assert [r.severity for r in told(later)] == [POSSIBLE]
    assert told(recursive) == []


def test_the_same_lock_again_is_certain() -> None:
    """A thread that wants what it holds is stuck."""
    (report,) = told(play("T1: +A +A"), "recursive")

    assert report.severity == CERTAIN


def test_never_a_stop_after_the_first_report() -> None:
    """Independent cycles are all reported."""
    driver = play("T1: +A +B -B -A +C +D -D -C\nT2: +B +A -A -B +D +C -C -D")

    assert len(told(driver)) == 2


def test_each_circle_is_told_once() -> None:
    """A thousand more rounds of the same inversion add nothing."""
    driver = play("\n".join(f"T{i % 7}: +A +B -B -A +B +A -A -B" for i in range(200)))

    assert len(driver.engine.reports) == 1
