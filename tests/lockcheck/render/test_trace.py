"""`trace.json` opens: it keeps the rules of the format, whatever the locks did."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

import lockcheck
from lockcheck.explore.steps import step_timeline
from lockcheck.render.chrome import trace
from lockcheck.seam import Choice, Kind, Op
from lockcheck.sync.recorder import Recorder
from tests.lockcheck.render.trace_rules import broken_rules


def span(kind: str, thread: int, since: float, until: float) -> dict[str, Any]:
    return {"kind": kind, "thread": thread, "name": "x", "from": since, "to": until, "open": False}


def test_locks_released_out_of_order_are_asynchronous() -> None:
    """a, b taken, a released first: one slice stands on its own."""
    chk = lockcheck.Checker(recorder=Recorder())
    a, b = chk.Lock("a"), chk.Lock("b")
    ticks = iter(range(100))
    chk.now = lambda: float(next(ticks))  # type: ignore[method-assign]
    a.acquire()
    b.acquire()
    a.release()
    b.release()
    assert chk.recorder is not None
    events = trace(chk.recorder.to_dict(chk))["traceEvents"]

    assert broken_rules({"traceEvents": events}) == []
    assert [event["ph"] for event in events if event["ph"] in "be"] == ["b", "e"]
    assert sum(event["ph"] == "X" for event in events) == 1


@pytest.mark.parametrize("axis", ["seconds", "steps"])
def test_any_time_line_keeps_the_rules(axis: str) -> None:
    """Spans and arrows at random, touching and overlapping."""
    rng = random.Random(3)
    for _ in range(200):
        times = sorted(
            rng.choice((rng.random() * 1e-4, float(rng.randrange(9)))) for _ in range(40)
        )
        spans = [
            span(
                rng.choice(("hold", "wait", "idle")),
                rng.randrange(3),
                *sorted(rng.sample(times, 2)),
            )
            for _ in range(30)
        ]
        arrows = [
            {"from": 0, "to": 1, "at": a, "until": b, "name": "wakes"}
            for a, b in [sorted(rng.sample(times, 2)) for _ in range(5)]
        ]
        threads = [{"serial": n, "name": f"T{n}"} for n in range(3)]
        document = trace({"axis": axis, "spans": spans, "arrows": arrows, "threads": threads})

        assert broken_rules(json.loads(json.dumps(document))) == []


def test_the_checker_sees_what_is_wrong() -> None:
    """It is a test that can fail."""
    base = {"name": "x", "cat": "c", "pid": 1, "tid": 1}
    half = [{**base, "ph": "X", "ts": 0, "dur": 2}, {**base, "ph": "X", "ts": 1, "dur": 2}]

    assert broken_rules({"traceEvents": half})
    assert broken_rules({"traceEvents": [{**base, "ph": "b", "ts": 0, "id": 1}]})
    assert broken_rules({"traceEvents": [{**base, "ph": "X", "ts": float("nan"), "dur": 1}]})
    assert broken_rules({})


class Thing:
    """Something to lock and to wait for."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ready(self, op: Op) -> bool:
        return True


def test_a_schedule_is_drawn_by_its_steps() -> None:
    """Every span has a length, a wait ends where somebody let it, and that is an arrow."""
    lock, event = Thing("lock"), Thing("event")
    events = [
        (Choice.go(0), Op(Kind.ACQUIRE, lock)),
        (Choice.go(1), Op(Kind.BEGIN, event)),
        (Choice.go(0), Op(Kind.WAKE, event)),
        (Choice.go(1), Op(Kind.WAIT, event)),
        (Choice.go(0), Op(Kind.RELEASE, lock)),
        (Choice.go(1), Op(Kind.ACQUIRE, lock)),
    ]
    line = step_timeline(events, ["main", "worker"])
    spans = {(s["kind"], s["thread"], s["name"]): (s["from"], s["to"]) for s in line["spans"]}

    assert all(s["to"] > s["from"] for s in line["spans"])
    assert spans["hold", 0, "lock"] == (0, 5)
    assert spans["wait", 1, "event"] == (2, 3)
    assert [(a["from"], a["to"], a["at"], a["until"]) for a in line["arrows"]] == [
        (0, 1, 2, 3),
        (0, 1, 4, 5),
    ]
    assert broken_rules(trace(line)) == []
