"""Claims about the kernels that the benchmarks run, and about when a figure is valid."""

from __future__ import annotations

import threading
from dataclasses import fields
from typing import Any

import pytest

from benchmarks import scale_worker
from benchmarks.model import NO_LOCK, REGIMES, booted, stretched
from benchmarks.phases import LAYER, PHASES, phase_of
from benchmarks.point import CPU_SHARE_MAX, Point
from benchmarks.requesters import drive
from benchmarks.watch import BARRIER_LOCK, Wait, WatchedChecker
from benchmarks.workloads import WORKLOADS
from rtnl_model.kernel.overlay import Fix
from rtnl_model.kernel.timing import TIMINGS

ZERO = stretched("zero", 1.0)


class TestWorkloads:
    @pytest.mark.parametrize("regime", REGIMES)
    @pytest.mark.parametrize("name", WORKLOADS)
    def test_rounds_are_clean_and_leave_nothing(self, name: str, regime: str) -> None:
        """After some rounds every namespace has lo and nothing else; `booted` checks reports."""
        with booted(regime, ZERO) as k:
            for round_ in WORKLOADS[name].prepare(k, 3):
                for _ in range(2):
                    round_()
            k.quiesce()

            left = [dev.name for net in k.net_namespace.for_each_net() for dev in net.dev_list()]
            assert set(left) <= {"lo"}
            assert k.counts["registered"] == k.counts.get("freed", 0) + len(left)

    @pytest.mark.parametrize("regime", REGIMES)
    def test_requesters_run_at_once_without_a_failure(self, regime: str) -> None:
        """Independent rounds on threads of their own disturb nobody."""
        with booted(regime, ZERO) as k:
            rounds = WORKLOADS["veth-across"].prepare(k, 4)
            load = drive(rounds, seconds=0, seconds_max=60, thread=k.chk.Thread)

            assert load.failures == []
            assert load.starved == 0
            assert len(load.by_requester) == 4
            assert all(load.by_requester.values())
            assert (load.rate or 0) > 0


class TestNoLock:
    def test_no_rtnl_is_ever_taken(self) -> None:
        """The bound waits for nobody: neither mutex is in the graph of what was locked."""
        with booted(NO_LOCK, ZERO) as k:
            for round_ in WORKLOADS["veth-across"].prepare(k, 2):
                round_()
            k.quiesce()
            mutexes = [k.rtnl.rtnl_mutex, *(n.rtnl_mutex for n in k.net_namespace.for_each_net())]

            assert [m.name for m in mutexes if m.chain is not None] == []

    def test_every_question_is_answered_yes(self) -> None:
        """Assertions of the kernel's locks pass, for there is nothing to hold."""
        with booted(NO_LOCK, ZERO) as k:
            assert k.rtnl.is_rtnl_held()
            assert k.rtnl.is_net_held(k.init_net)


class TestWaits:
    def test_stretching_multiplies_every_length(self) -> None:
        """Timeouts too: a rebroadcast must not come 20 times too early."""
        plain, long = TIMINGS["idle"], stretched("idle", 20)
        for each in fields(plain):
            value = getattr(plain, each.name)
            if each.name != "name":
                assert getattr(long, each.name) == pytest.approx(20 * value)

    def test_a_contended_lock_is_recorded_under_its_class(self) -> None:
        """Waiting for somebody else is found in the records, taking a free lock is not."""
        chk = WatchedChecker()
        lock = chk.Lock("rtnl_mutex")
        lock.acquire()
        begun = threading.Event()

        def body() -> None:
            begun.set()
            with lock:
                pass

        thread = chk.Thread(target=body, name="requester 0")
        thread.start()
        begun.wait()
        while not any(ts.waiting for ts in list(chk.threads.values())):
            threading.Event().wait(0.001)
        lock.release()
        thread.join()

        assert [(w.kind, w.name, w.thread) for w in chk.waits] == [
            ("lock", "rtnl_mutex", "requester 0")
        ]

    @pytest.mark.parametrize("regime", ["global", "small", "pernet"])
    def test_every_wait_of_a_round_has_a_phase(self, regime: str) -> None:
        """What a stacked bar does not name would be taken for Python's time."""
        with booted(regime, stretched("busy", 0.001), overlays=[PHASES_LAYER]) as k:
            for round_ in WORKLOADS["veth-across"].prepare(k, 2):
                round_()
            k.quiesce()
            chk: Any = k.chk
            named = {phase_of(w) for w in chk.waits if w.kind != "work"}

        assert named <= set(PHASES)
        assert {"grace period 1", "grace period 2", "backlog flush", "rcu_barrier"} <= named

    def test_waiting_for_another_ones_barrier_is_barrier(self) -> None:
        """It is no lock contention: RTNL is not held there."""
        assert phase_of(Wait("lock", BARRIER_LOCK, "t", 0, 1)) == "rcu_barrier"
        assert phase_of(Wait("lock", "&net->rtnl_mutex", "t", 0, 1)) == "lock: RTNL"


PHASES_LAYER = Fix("phases", "", "", LAYER)


class TestValidity:
    def test_a_row_whose_python_time_is_large_says_so(self) -> None:
        """CPU time of ten percent of the stretched hold time is the border."""
        point = Point("veth", "idle", "global", 1, stretch=20, rate=50.0, hold=0.001)
        point.cpu = 0.9 * CPU_SHARE_MAX * 20 * 0.001
        assert point.invalid == ""

        point.cpu = 1.1 * CPU_SHARE_MAX * 20 * 0.001
        assert point.invalid == "CPU 11% of hold"

    def test_a_saturated_interpreter_is_no_model_of_a_lock(self) -> None:
        """Threads that queue for the interpreter do not queue for RTNL."""
        point = Point("veth", "idle", "global", 1, stretch=20, rate=50.0, hold=0.1)
        point.utilisation = 0.9

        assert point.invalid == "CPU 90% busy"

    def test_a_busy_machine_is_told(self) -> None:
        """A global RTNL that is held too long delays all; a netns' own only its own round."""
        point = Point("veth", "idle", "global", 1, stretch=20, rate=50.0, hold=0.1, p50=1.0)
        point.overrun = 0.04
        assert point.invalid == "machine busy: sleeps 40% over"

        point.regime = "pernet"
        assert point.invalid == ""

    def test_starved_requesters_are_no_rate(self) -> None:
        """A rate that was not measured is not zero."""
        point = Point("veth", "idle", "global", 8, stretch=20, starved=3)

        assert point.invalid == "3 of 8 ended no round"


def test_a_system_without_threads_is_status_2_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`scale` says how many threads there were, and joins them."""
    before = threading.active_count()
    name = (
        "_start_joinable_thread"
        if hasattr(threading, "_start_joinable_thread")
        else ("_start_new_thread")
    )
    start = getattr(threading, name)

    def refusing(*args: Any, **kwargs: Any) -> Any:
        if threading.active_count() > before + 20:
            raise RuntimeError("can't start new thread")
        return start(*args, **kwargs)

    monkeypatch.setattr(threading, name, refusing)
    stack = threading.stack_size()
    try:
        assert scale_worker.main("namespaces", 100) == 2
    finally:
        threading.stack_size(stack)

    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "threads" in err
    assert threading.active_count() == before
