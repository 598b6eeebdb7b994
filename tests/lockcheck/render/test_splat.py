"""A splat shows what a lockdep user looks for, in lockdep's order."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from lockcheck.render.scenario import scenario
from lockcheck.render.splat import HEADERS, splat_of

sys.path.insert(0, str(Path(__file__).parent))

from reports import finding, frames, lock, ring, step


def test_a_circle_is_told_in_lockdeps_order() -> None:
    """Who wants what, what it holds, the chain in reverse, the scenario, the held locks."""
    text = splat_of(finding("circular", ring("b", "a")))

    order = [
        "possible circular locking dependency detected",
        "T1 is trying to acquire lock:",
        "but it is already holding lock:",
        "which lock already depends on the new lock.",
        "the existing dependency chain (in reverse order) is:",
        "-> #1 (b)",
        "-> #0 (a)",
        "Possible unsafe locking scenario:",
        "*** DEADLOCK ***",
        "1 lock held by T1:",
        "1 lock held by T2:",
        "what to do:",
        "fingerprint: 00ff",
    ]
    places = [text.index(phrase) for phrase in order]
    assert places == sorted(places)


def test_every_step_has_both_its_stacks() -> None:
    """The place where a lock was wanted and the place where the one below it was taken."""
    text = splat_of(finding("circular", ring("a", "b", "c")))

    for name in "abc":
        assert f"want_{name}#0 (app.py:11)" in text
        assert f"hold_{name}#0 (app.py:10)" in text


def test_the_chain_in_one_line_needs_an_intermediate_lock() -> None:
    """`Chain exists of` is printed for three locks and more, as in the kernel."""
    assert "Chain exists of" not in splat_of(finding("circular", ring("a", "b")))
    assert "  b --> c --> a" in splat_of(finding("circular", ring("a", "b", "c")))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_scenario_has_a_column_a_thread(count: int) -> None:
    """Any number of columns, each line in its thread's own."""
    lines = scenario(ring(*"abcde"[:count]))
    head = next(line for line in lines if "T1" in line)

    assert [f"T{i + 1}" for i in range(count)] == head.split()
    for number in range(count):
        column = head.index(f"T{number + 1}")
        rows = [line for line in lines if line.startswith(" " * column + "lock(")]
        assert len(rows) == 2


def test_a_thread_that_plays_two_parts_gets_two_columns() -> None:
    """A cycle seen in one thread needs somebody else to run the same code."""
    cycle = [step("T1", lock("a#0"), lock("b#0")), step("T1", lock("b#0"), lock("a#0"))]

    assert "T1 (another time)" in splat_of(finding("circular", cycle))


def test_modes_are_told_by_their_verbs() -> None:
    """Readers are rlock(), flushes sync(), as in the kernel's tables."""
    cycle = [
        step("T1", lock("a#0", "read"), lock("b#0", "sync"), op="sync"),
        step("T2", lock("b#0"), lock("a#0", "rread")),
    ]
    text = splat_of(finding("circular", cycle))

    assert "rlock(a#0);" in text
    assert "sync(b#0);" in text
    assert "(recursive reader)" in text


def test_waits_are_told_as_holds_waits_owes() -> None:
    """Each thread of a waiting cycle: what it holds, waits for, owes."""
    cycle = [
        step("T1", lock("a#0"), lock("done", "wait", "event"), op="wait"),
        step("T2", lock("the event", "owed", "event"), lock("a#0"), told="T2 sets it under a#0"),
    ]
    text = splat_of(finding("wait-cycle", cycle))

    assert "[holds] a#0, at: hold_a#0 (app.py:10)" in text
    assert "[waits] done, at: want_done (app.py:11)" in text
    assert "[owes]  the release of a#0 to T2" in text
    assert "[waits] T2 sets it under a#0" in text
    assert "wait(done);" in text


@pytest.mark.parametrize("kind", sorted(HEADERS))
def test_every_kind_of_the_contract_has_its_layout(kind: str) -> None:
    """Banner, header phrase, severity with its reason, stack, fingerprint, replay token."""
    found = finding(
        kind,
        held=[{**lock("a#0"), "stack": frames("take app.py 3")}],
        stacks=[{"title": "here", "thread": "T1", "frames": frames("f app.py 7")}],
        detail="what happened",
        replay="v1/0x1/…",
    )
    lines = splat_of(found).split("\n")

    assert re.fullmatch("=+", lines[0])
    assert HEADERS[kind] in lines[1]
    assert lines[3] == "severity: possible (a reason)"
    assert re.fullmatch("-+", lines[4])
    assert any("f (app.py:7)" in line for line in lines)
    assert lines[-2:] == ["fingerprint: 00ff", "replay: v1/0x1/…"]


@pytest.mark.parametrize("kind", ["circular", "recursive", "inverted-context", "deadlock"])
def test_a_kind_without_a_cycle_is_still_told(kind: str) -> None:
    """A finding that lacks its usual parts prints what it has."""
    assert "what happened" in splat_of(finding(kind, detail="what happened"))


def test_plumbing_is_left_out_of_stacks() -> None:
    """Frames of threading's bootstrap and of the checker are not the user's."""
    cycle = ring("a", "b")
    cycle[0]["wanted_stack"] += frames(
        "Thread.run /usr/lib/python3.11/threading.py 982",
        "bootstrap_inner /x/lockcheck/sync/thread.py 9",
    )
    text = splat_of(finding("circular", cycle))

    assert "Thread.run" not in text
    assert "bootstrap_inner" not in text
