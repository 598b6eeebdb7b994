"""What is said of cycles through waits, of events that wait for each other, and of barriers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lockcheck.core.events import Part
from lockcheck.core.report import (
    CLASS_ONLY,
    POSSIBLE,
    LockRef,
    Report,
    Severity,
    Step,
    cycle_report,
    fingerprint,
)

__all__ = ["EVERYBODY_JOINTLY", "free_after_all", "left_over", "wait_cycle"]

FREE_AFTER_ALL = (
    "another thread was seen later that may make it happen without what the waiter holds"
)
EVERYBODY = "every thread that was seen making it happen needed what the waiter holds"
EVERYBODY_JOINTLY = (
    "every thread that was seen making it happen needed something that its waiters hold"
)
NOBODY_LEFT = "another thread was seen later that can meet whoever was left over"


def wait_cycle(steps: Sequence[Step], severity: Severity, reason: str = EVERYBODY) -> Report:
    """The report of a cycle that some thread's wait is part of; why it is, if it is possible."""
    first = steps[0]
    return cycle_report(
        "wait-cycle",
        severity,
        f"possible wait cycle: {first.thread} waits for {first.wanted.name} and holds "
        f"{first.held.name}, which is needed to make it happen"
        if first.op == "wait" and first.held.cls != "event"
        else "possible wait cycle: " + " -> ".join(s.held.name for s in steps),
        steps,
        ident=("wait", *sorted({s.held.cls + ":" + s.wanted.name for s in steps})),
        reason=reason
        if severity == POSSIBLE
        else "the threads seen may never meet: another lock, or what they waited for before, may "
        "keep them apart",
        advice=f"Wait for {first.wanted.name} without holding {first.held.name}, or make it "
        "happen without needing it.",
    )


def free_after_all(ident: tuple[str, ...]) -> Report:
    """Takes back what was called possible: somebody else may make it happen."""
    return Report("wait-cycle", CLASS_ONLY, "", FREE_AFTER_ALL, ident=ident, retracts=True)


def left_over(part: Part) -> Iterator[Report]:
    """May some of those who come to a barrier be left, with nobody to come any more?"""
    meetings = part.meetings
    if meetings is None or not meetings.varied:
        return
    there = meetings.left_over()
    ident = ("left over", part.name)
    if there is None:
        yield Report("wait-cycle", CLASS_ONLY, "", NOBODY_LEFT, ident=ident, retracts=True)
        return
    sure = all(arrival.alone for arrival in meetings.arrivals)
    steps = [
        Step(
            each.thread,
            LockRef(part.name, "event", "meet", each.stack),
            LockRef(part.name, "event", "wait", each.stack),
            each.refs,
            "wait",
            f"{each.thread} waits at {part.name} and no thread arrives: the others have met "
            + ("each other, or need what it holds" if each.refs else "each other"),
        )
        for each in there
    ]
    names = " and ".join(dict.fromkeys(each.thread for each in there))
    report = cycle_report(
        "wait-cycle",
        POSSIBLE if sure else CLASS_ONLY,
        f"possible wait cycle: {names} may be left over at {part.name}, which meets "
        f"{part.parties} threads and is used by more",
        steps,
        ident=ident,
        reason="the same arrivals in another order leave fewer threads than a round needs"
        if sure
        else "the same arrivals in another order leave fewer threads than a round needs, but "
        "some of them wait for other things, too, which may rule that order out",
        advice=f"Let as many threads use {part.name} as it has parties, or give each group of "
        "threads that meets a barrier of its own.",
    )
    report.fingerprint = fingerprint("left over", (part.name,))  # whoever it is this time
    yield report
