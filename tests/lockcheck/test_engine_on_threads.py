"""The engine behind real locks and real threads: what only a run can show."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import lockcheck
from lockcheck.core.report import CERTAIN, CLASS_ONLY, POSSIBLE, Report
from tests.lockcheck.threads import in_turn, kinds


def test_abba_is_reported_without_having_hung() -> None:
    """Both stacks of both sides are in the report, with the functions that took the locks."""
    chk = lockcheck.Checker()
    a, b = chk.Lock("a"), chk.Lock("b")

    def forwards() -> None:
        with a, b:
            pass

    def backwards() -> None:
        with b, a:
            pass

    in_turn(chk, forwards, backwards)

    (report,) = chk.reports
    assert (report.kind, report.severity) == ("circular", POSSIBLE)
    functions = {stack.function.rpartition(".")[2] for _, _, stack in report.stacks}
    assert functions == {"forwards", "backwards"}
    assert len(report.stacks) == 4


def test_a_known_transition_does_not_enter_the_engine() -> None:
    """The second time round nothing of the engine is called."""
    chk = lockcheck.Checker()
    a, b = chk.Lock("a"), chk.Lock("b")

    def both() -> None:
        with a, b:
            pass

    both()
    called: list[str] = []

    def trace(frame: object, event: str, arg: object) -> None:
        code = sys._getframe(1).f_code
        if event == "call" and "/lockcheck/core/" in code.co_filename:
            called.append(code.co_name)

    sys.setprofile(trace)
    try:
        both()
    finally:
        sys.setprofile(None)

    assert called == []


def test_raise_undoes_the_operation() -> None:
    """With on_report="raise" the lock that would close the cycle is not taken."""
    chk = lockcheck.Checker(on_report="raise")
    a, b = chk.Lock("a"), chk.Lock("b")
    raised: list[BaseException] = []

    def forwards() -> None:
        with a, b:
            pass

    def backwards() -> None:
        with b:
            try:
                a.acquire()
            except lockcheck.Violation as violation:
                raised.append(violation)
            assert not a.locked()

    in_turn(chk, forwards, backwards)

    assert len(raised) == 1
    assert chk.reports[0].kind == "circular"


def test_raise_turns_a_deadlock_into_an_exception() -> None:
    """The thread that would close the cycle gets a Violation, and the other one goes on."""
    chk = lockcheck.Checker(on_report="raise")
    a, b = chk.Lock("a"), chk.Lock("b")
    both_hold = threading.Barrier(2)
    raised: list[str] = []

    def body(first: Any, second: Any) -> None:
        with first:
            both_hold.wait(30)
            try:
                second.acquire()
            except lockcheck.Violation as violation:
                raised.append(violation.report.kind)
            else:
                second.release()

    threads = [chk.Thread(target=body, args=pair) for pair in ((a, b), (b, a))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert raised
    assert {kind for kind, _ in kinds(chk)} <= {"circular", "deadlock"}
    assert all(thread.exception is None for thread in threads)


def test_a_callable_gets_every_report_once() -> None:
    """on_report may be a function; it may use locks of the checker."""
    seen: list[Report] = []
    inside = []
    chk = lockcheck.Checker(on_report=lambda report: (seen.append(report), inside.append(use())))
    a, own = chk.Lock("a"), chk.Lock("own")

    def use() -> bool:
        with own:
            return True

    for _ in range(2):
        with a:
            chk.assert_not_held(a)

    assert [report.kind for report in seen] == ["assertion"]
    assert inside == [True]


def test_a_real_deadlock_is_told_when_it_closes() -> None:
    """The last one to block finds the cycle; a time limit outside lets the test go on."""
    chk = lockcheck.Checker()
    a, b = chk.Lock("a"), chk.Lock("b")
    both_hold = threading.Barrier(2)
    told = threading.Event()
    chk.on_report = lambda report: told.set() if report.kind == "deadlock" else None

    def one() -> None:
        with a:
            both_hold.wait(30)
            b.acquire()
            b.release()

    def two() -> None:
        with b:
            both_hold.wait(30)
            a.acquire()
            a.release()

    threads = [chk.Thread(target=body, name=body.__name__) for body in (one, two)]
    for thread in threads:
        thread.start()
    assert told.wait(30)
    (report,) = [r for r in chk.reports if r.kind == "deadlock"]
    chk.aborted = True  # unwind it as the watchdog does
    for lock in (a, b):
        with contextlib.suppress(RuntimeError):  # the thread that unwinds may be faster
            lock.real.release()
    for thread in threads:
        threading.Thread.join(thread, 30)

    assert report.severity == CERTAIN
    assert set(report.threads) == {"one", "two"}
    assert {step.wanted.name for step in report.cycle} == {a.name, b.name}


def test_a_lock_released_by_another_thread_is_legal() -> None:
    """threading.Lock allows it; nobody holds it afterwards, and the graph counts it."""
    chk = lockcheck.Checker()
    a, b = chk.Lock("a"), chk.Lock("b")
    a.acquire()
    in_turn(chk, a.release)
    with b:
        pass

    assert chk.reports == []
    assert chk.held() == ()
    (row,) = [c for c in chk.graph.to_dict()["classes"] if c["name"] == "a"]
    assert row["foreign_releases"] == 1
    assert chk.graph.to_dict()["edges"] == []


def test_only_its_owner_edits_a_held_stack() -> None:
    """It may run while another thread releases its lock, and the next holder's stack is apart."""
    chk = lockcheck.Checker()
    signal, other = chk.Lock("signal"), chk.Lock("other")
    owner = chk.current()
    signal.acquire()
    tops: list[object] = []

    def release_and_take() -> None:
        tops.append(owner.top)
        signal.release()
        tops.append(owner.top)
        with signal:
            tops.append(chk.current().top)
            assert owner.stack() == []
            assert not owner.find(signal)

    in_turn(chk, release_and_take)

    before, after, theirs = tops
    assert after is before
    assert theirs is not signal
    with other:
        assert [entry.lock for entry in owner.stack()] == [other]
    assert owner.top is not before


def test_a_lock_below_others_may_be_released_and_taken_by_another_thread() -> None:
    """Its earlier holder holds it no longer, orders nothing by it, and may release it again."""
    chk = lockcheck.Checker()
    a, b, c = chk.Lock("a"), chk.Lock("b"), chk.Lock("c")
    a.acquire()
    b.acquire()
    in_turn(chk, a.release)
    with c:
        pass
    held: list[tuple[str, ...]] = []
    taken, again = chk.Event("taken"), chk.Event("released again")

    def next_holder() -> None:
        a.acquire()
        held.append(tuple(entry.key.cls.name for entry in chk.held()))
        taken.set()
        again.wait()
        held.append(tuple(entry.key.cls.name for entry in chk.held()))

    thread = chk.Thread(target=next_holder)
    thread.start()
    taken.wait()
    assert [entry.key.cls.name for entry in chk.held()] == ["b"]
    a.release()
    b.release()
    again.set()
    thread.join()

    assert held == [("a",), ()]
    assert chk.held() == ()
    assert [r for r in chk.reports if r.kind in ("circular", "bad-unlock", "held-at-exit")] == []
    graph = chk.graph.to_dict()
    names = {row["id"]: row["name"] for row in graph["classes"]}
    edges = {(names[edge["from"]], names[edge["to"]]) for edge in graph["edges"]}
    assert edges == {("a", "b"), ("b", "c")}


def test_a_lock_that_another_thread_released_may_be_released_by_its_next_holder_alone() -> None:
    """The newest lock is dropped first, so that what stands for the other one comes to the top."""
    chk = lockcheck.Checker()
    a, b = chk.Lock("a"), chk.Lock("b")
    a.acquire()
    b.acquire()
    in_turn(chk, a.release)
    b.release()
    in_turn(chk, a.acquire, a.release)

    assert not a.locked()
    assert chk.held() == ()


def test_releasing_what_is_not_held_is_reported_and_raises() -> None:
    """As threading does, and a report beside it."""
    chk = lockcheck.Checker()
    a, r = chk.Lock("a"), chk.RLock("r")
    with pytest.raises(RuntimeError):
        a.release()
    with pytest.raises(RuntimeError):
        r.release()

    assert kinds(chk) == [("bad-unlock", CERTAIN), ("bad-unlock", CERTAIN)]


def test_a_thread_that_ends_with_a_lock_held() -> None:
    """Reported at its end, with the place where it was taken."""
    chk = lockcheck.Checker()
    a = chk.Lock("a")
    in_turn(chk, lambda: bool(a.acquire()) and None)

    (report,) = chk.reports
    assert report.kind == "held-at-exit"
    assert report.held[0].name == a.name


def test_a_pinned_lock_must_stay() -> None:
    """Released while pinned: reported; unpinned with its cookie: not."""
    chk = lockcheck.Checker()
    a = chk.Lock("a")
    with a:
        cookie = chk.pin(a)
        chk.unpin(a, cookie)
    assert chk.reports == []

    with a:
        chk.pin(a)
    assert kinds(chk) == [("unpinned", CERTAIN)]


def test_a_nest_lock_orders_a_class() -> None:
    """Any order is right under the nest lock; without it that is reported."""
    chk = lockcheck.Checker()
    outer = chk.Lock("outer")
    inner = [chk.Lock("inner") for _ in range(3)]

    def under(order: list[int]) -> Callable[[], None]:
        def body() -> None:
            with outer:
                for i in order:
                    inner[i].acquire(nest=outer)
                for i in order:
                    inner[i].release()

        return body

    in_turn(chk, under([0, 1, 2]), under([2, 0, 1]))
    assert chk.reports == []

    inner[0].acquire(nest=outer)
    inner[0].release()
    assert kinds(chk) == [("nest-not-held", CERTAIN)]


def test_cmp_is_asked_each_time_beyond_the_64th_instance() -> None:
    """Locks that share a key are compared by themselves: a cached yes would hide a wrong order."""
    chk = lockcheck.Checker()
    number = {}
    locks = []
    for i in range(80):
        lock = chk.Lock("many", cmp=lambda held, wanted: number[held] - number[wanted])
        number[lock] = i
        locks.append(lock)
    for low, high in [(70, 71), (72, 75), (71, 79)]:
        with locks[low], locks[high]:
            pass
    assert chk.reports == []

    with locks[79], locks[71]:
        pass
    assert [kind for kind, _ in kinds(chk)] == ["recursive"]


def test_a_finaliser_that_takes_a_held_lock_is_seen_before_it_hangs() -> None:
    """A class taken in the collector's context and elsewhere held where it can run."""
    chk = lockcheck.Checker()
    a = chk.Lock("a")
    with a:
        pass
    with chk.context("gc"), a:
        pass

    assert [kind for kind, _ in kinds(chk)] == ["inverted-context"]


def test_disabling_the_context_makes_it_right() -> None:
    """The collector is off wherever the class is held."""
    chk = lockcheck.Checker()
    a = chk.Lock("a")
    with chk.disabled("gc"), a:
        pass
    with chk.context("gc"), a:
        pass

    assert chk.reports == []


def test_a_finaliser_run_by_a_reference_count_is_told_but_does_not_count() -> None:
    """The collector did not run it yet; in a cycle it would, anywhere."""
    chk = lockcheck.Checker()
    a, b = chk.Lock("a"), chk.Lock("b")

    class Resource:
        def __del__(self) -> None:
            with a:
                pass

    with a:
        pass
    resource = Resource()
    with b:
        del resource

    (report,) = chk.reports
    assert (report.kind, report.severity) == ("inverted-context", CLASS_ONLY)
    assert "reference" in report.reason


def test_a_collection_inside_the_engine_is_harmless() -> None:
    """A finaliser takes checked locks while the engine judges: no deadlock, no corruption."""
    chk = lockcheck.Checker()
    locks = [chk.Lock(f"l{i}") for i in range(12)]

    class Cyclic:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            with locks[0]:
                pass

    old = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for i in range(1, 12):
            for j in range(i + 1, 12):
                Cyclic()
                with locks[i], locks[j]:
                    pass
    finally:
        gc.set_threshold(*old)

    assert all(r.kind != "deadlock" for r in chk.reports)
    assert chk.held() == ()


def test_threads_that_hammer_the_same_classes_agree_with_one() -> None:
    """Many threads in parallel, then the graph is what the sum of them did."""
    chk = lockcheck.Checker()
    a, b, c = chk.Lock("a"), chk.Lock("b"), chk.Lock("c")

    def body() -> None:
        for _ in range(300):
            with a, b:
                with c:
                    pass
            with b, c:
                pass

    threads = [chk.Thread(target=body) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    names = {c["id"]: c["name"] for c in chk.graph.to_dict()["classes"]}
    edges = {(names[e["from"]], names[e["to"]]) for e in chk.graph.to_dict()["edges"]}
    assert edges == {("a", "b"), ("a", "c"), ("b", "c")}
    assert chk.reports == []
