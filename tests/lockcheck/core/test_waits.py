"""Waits and events: what closes a cycle, and the false alarms that ended crossrelease."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import lockcheck
from lockcheck.core import stuck
from lockcheck.core.describe import graph_dict
from lockcheck.core.report import CERTAIN, POSSIBLE, LockRef, Report
from tests.lockcheck.core.driver import Driver
from tests.lockcheck.core.play import play


def told(driver: Driver) -> list[Report]:
    return [report for report in driver.engine.reports if report.kind == "wait-cycle"]


def an_op(obj: Any, *, idle: bool = False, timeout: float | None = None) -> Any:
    """An operation as far as the engine looks."""
    return SimpleNamespace(obj=obj, aux=None, idle=idle, timeout=timeout, repeat=False, why="")


def test_a_setter_that_needs_what_the_waiter_holds() -> None:
    """Wait under A, set under A: reported from a run that happened to pass."""
    driver = play("T2: +A event_set(E) -A\nT1: +A event_wait(E) -A")

    (report,) = told(driver)
    assert report.severity == POSSIBLE
    assert report.cycle[0].op == "wait"
    assert "A" in report.locks


def test_one_setter_without_the_lock_is_enough() -> None:
    """Not everybody who sets needs A, so the waiter is not stuck for good."""
    driver = play("T2: +A event_set(E) -A\nT3: event_set(E)\nT1: +A event_wait(E) -A")

    assert told(driver) == []


def test_a_set_before_the_clear_is_another_event() -> None:
    """The generation counts: the setter under A made an earlier event happen."""
    driver = Driver({"A": {"class": "A", "kind": "py_lock"}})
    event = driver.event("E")
    driver.step("T2", "acquire", "A")
    driver.step("T2", "event_set", "E")
    driver.step("T2", "release", "A")
    driver.engine.waiting.cleared(event)
    driver.step("T3", "event_set", "E")
    driver.run([["T1", "acquire", "A"], ["T1", "event_wait", "E"], ["T1", "release", "A"]])

    assert told(driver) == []


def test_ping_pong_is_no_circle() -> None:
    """Each event's generation is made after the other's earlier one: a dialogue, not a deadlock."""
    driver = Driver({})
    there, back = driver.event("there"), driver.event("back")
    for _ in range(3):
        driver.step("main", "event_set", "there")
        driver.step("worker", "event_wait", "there")
        driver.settle(driver.thread("worker"))
        driver.engine.waiting.cleared(there)
        driver.step("worker", "event_set", "back")
        driver.step("main", "event_wait", "back")
        driver.settle(driver.thread("main"))
        driver.engine.waiting.cleared(back)

    assert driver.engine.reports == []


def test_a_work_that_waits_in_one_run_and_completes_in_another() -> None:
    """Crossrelease's false alarm: W waits for C in one run, completes C in another."""
    driver = play(
        "W1: task_begin(W) event_wait(C) task_end(W)\nW2: task_begin(W) event_set(C) task_end(W)"
    )

    assert driver.engine.reports == []


def test_a_flush_under_a_lock_that_the_work_takes() -> None:
    """The work need not run now: its class took A once, so flushing it under A is an inversion."""
    driver = play("W1: task_begin(W) +A -A task_end(W)\nT1: +A future_result(W) -A")

    (report,) = driver.engine.reports
    assert report.kind == "circular"
    assert {"A", "W"} <= set(report.classes)


def test_a_flush_of_another_work_is_none_of_its_business() -> None:
    """Another work's class has never taken A."""
    driver = play(
        "W1: task_begin(W) +A -A task_end(W)\nW2: task_begin(V) task_end(V)\n"
        "T1: +A future_result(V) -A"
    )

    assert driver.engine.reports == []


def test_a_work_that_flushes_itself() -> None:
    """It would wait for its own end."""
    driver = play("W1: task_begin(W) future_result(W) task_end(W)")

    assert [r.severity for r in driver.engine.reports] == [CERTAIN]


def test_joining_under_a_lock_that_the_thread_takes() -> None:
    """Reported whether the thread took it before the join or after."""
    after = play("T1: >T2 +A <T2 -A\nT2: +A -A")
    before = play("T1: >T2\nT2: +A -A thread_exit(T2)\nT1: +A <T2 -A")

    assert [r.severity for r in told(after)] == [POSSIBLE]
    assert [r.severity for r in told(before)] == [POSSIBLE]


def test_joining_under_another_lock_is_fine() -> None:
    """B is not A."""
    assert play("T1: >T2 +B <T2 -B\nT2: +A -A").engine.reports == []


def test_two_threads_that_join_each_other_are_stuck() -> None:
    """A live cycle, reported when the second one blocks."""
    driver = play("T1: <T2\nT2: <T1")

    assert [(r.kind, r.severity) for r in driver.engine.reports] == [("deadlock", CERTAIN)]


def test_an_idle_service_owes_nothing() -> None:
    """A worker that waits for work under its own lock is no dependency."""
    driver = Driver({"A": {"class": "A", "kind": "py_lock"}})
    worker = driver.thread("worker").state
    queue = driver.event("queue", once=False)
    driver.step("worker", "acquire", "A")
    op = an_op(queue, idle=True)
    driver.engine.waiting.before_wait(worker, op)
    driver.engine.waiting.after_wait(worker, op, True)
    driver.step("worker", "release", "A")
    driver.run([["T1", "acquire", "A"], ["T1", "queue_task_done", "queue"], ["T1", "release", "A"]])

    assert driver.engine.reports == []


def test_a_wait_with_a_limit_is_no_dependency() -> None:
    """It goes on by itself."""
    driver = Driver({"A": {"class": "A", "kind": "py_lock"}})
    state = driver.thread("T1").state
    event = driver.event("E")
    driver.step("T1", "acquire", "A")
    op = an_op(event, timeout=1.0)
    driver.engine.waiting.before_wait(state, op)
    driver.engine.waiting.after_wait(state, op, False)
    driver.step("T1", "release", "A")
    driver.run([["T2", "acquire", "A"], ["T2", "event_set", "E"], ["T2", "release", "A"]])

    assert driver.engine.reports == []


def test_waits_and_their_wakers_are_in_the_graph() -> None:
    """Who holds what while waiting for what, and who needs what to end it."""
    driver = play("T2: +A event_set(E) -A\nT1: +B event_wait(E) -B")

    waits = {(w["from"], w["to"], w["kind"]) for w in graph_dict(driver.engine)["waits"]}
    assert {("B", "E", "holds"), ("E", "A", "needs")} <= waits


def test_a_wait_cycle_through_a_lock_in_between() -> None:
    """T1 holds A and waits for E; E's setter needs B; B's holder wants A."""
    driver = play("T2: +B event_set(E) -B\nT3: +B +A -A -B\nT1: +A event_wait(E) -A")

    (report,) = told(driver)
    assert [step.thread for step in report.cycle] == ["T1", "T2", "T3"]


def test_a_wait_may_end_while_it_is_looked_at() -> None:
    """Nothing keeps a thread blocked while another one follows who waits for whom."""
    lock = lockcheck.Checker().Lock("L")

    class LetGo:
        """A thread that waits at the first look, and not at the second."""

        serial, name, blocked = 1, "let go", LockRef("L", "L", "lock")

        def __init__(self) -> None:
            self.looks = iter((lock, None))

        @property
        def blocked_on(self) -> object:
            return next(self.looks)

    assert stuck.live_cycle(LetGo()) == []  # type: ignore[arg-type]
