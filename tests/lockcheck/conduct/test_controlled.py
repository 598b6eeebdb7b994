"""The controlled conductor: real threads, one at a time, and nothing left behind."""

from __future__ import annotations

import _thread
import os
import threading
from collections.abc import Callable

import pytest

from lockcheck import Checker, Unwind
from lockcheck.conduct import baton
from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.pool import Pool
from lockcheck.conduct.verdict import DEADLOCK, END, HUNG, POINTS
from lockcheck.explore.follow import Replay
from lockcheck.explore.random_walk import RandomWalk
from lockcheck.explore.subject import FirstThread

Body = Callable[[Checker], object]


def run(
    conductor: ControlledConductor, body: Body, *, choices: list[int] | None = None, n: int = 0
) -> int:
    """Run `body(chk)` under the given choices and then the default, or randomly (run n)."""
    chk = Checker(conductor=conductor)
    conductor.checkers = [chk]
    strategy = Replay(choices or []) if n == 0 else RandomWalk(n)
    strategy.begin(conductor, n)

    def main() -> None:
        with FirstThread(chk):
            body(chk)

    verdict = conductor.run(main, strategy)
    strategy.end(verdict)
    if conductor.error is not None:
        raise conductor.error
    return verdict


def pair(chk: Checker, one: Callable[[], object], two: Callable[[], object]) -> None:
    threads = [chk.Thread(target=one, name="one"), chk.Thread(target=two, name="two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def crossed(chk: Checker) -> None:
    a, b = chk.Lock("a"), chk.Lock("b")

    def forward() -> None:
        with a, b:
            pass

    def backward() -> None:
        with b, a:
            pass

    pair(chk, forward, backward)


def test_threads_and_locks_are_real(conductor: ControlledConductor) -> None:
    """Each thread of the run has a native id of its own; each lock is a threading.Lock."""
    seen: list[int | None] = []

    def body(chk: Checker) -> None:
        lock = chk.Lock("a")
        assert isinstance(lock.real, type(_thread.allocate_lock()))
        threads = [chk.Thread(target=lambda: seen.append(_thread.get_native_id())) for _ in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [thread.native_id for thread in threads] == seen
        seen.append(_thread.get_native_id())

    assert run(conductor, body) == END
    assert len(set(seen)) == 4
    assert threading.get_native_id() not in seen


def test_a_thousand_schedules_leave_no_thread_and_no_descriptor() -> None:
    """The pool is re-armed, not grown; closing it gives everything back."""
    threads = set(threading.enumerate())
    descriptors = len(os.listdir("/proc/self/fd"))
    with Pool() as pool:
        conductor = ControlledConductor(pool)
        for number in range(1, 1001):
            assert run(conductor, crossed, n=number) in (END, DEADLOCK)
        assert len(pool) == 3
    assert set(threading.enumerate()) <= threads
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_held_lock_that_was_dropped_is_told_in_a_controlled_run(
    conductor: ControlledConductor,
) -> None:
    """What the conductor remembers of the lock's operations does not keep it."""
    seen: list[str] = []

    def body(chk: Checker) -> None:
        def drop() -> None:
            lock = chk.Lock("dropped")
            with lock:
                pass
            lock.acquire()

        def other() -> None:
            with chk.Lock("other"):
                pass

        def both() -> None:
            drop()
            other()

        pair(chk, both, other)
        seen.extend(report.kind for report in chk.reports)

    for n in range(20):
        seen.clear()
        run(conductor, body, n=n)
        assert seen == ["freed-held"]


def test_a_run_is_repeated_by_its_choices(conductor: ControlledConductor) -> None:
    """The same choices lead to the same operations, two hundred times."""
    for number in range(1, 21):
        run(conductor, crossed, n=number)
        record = list(conductor.record)
        ops = [(choice, op.kind, op.obj.name) for choice, op in conductor.events]
        for _ in range(10):
            run(conductor, crossed, choices=record)

            assert [(choice, op.kind, op.obj.name) for choice, op in conductor.events] == ops


def test_unwinding_runs_with_and_finally_one_thread_at_a_time(
    conductor: ControlledConductor,
) -> None:
    """After a deadlock every parked thread leaves through its `finally`, alone."""
    left: list[str] = []
    inside = [0]

    def body(chk: Checker) -> None:
        a, b = chk.Lock("a"), chk.Lock("b")

        def take(first: object, second: object, name: str) -> None:
            try:
                with first, second:  # type: ignore[attr-defined]
                    pass
            finally:
                inside[0] += 1
                assert inside[0] == 1
                left.append(name)
                inside[0] -= 1

        pair(chk, lambda: take(a, b, "one"), lambda: take(b, a, "two"))

    verdicts = {run(conductor, body, n=number) for number in range(1, 40)}

    assert verdicts == {END, DEADLOCK}
    assert left.count("one") == left.count("two") == 39


def test_what_unwinds_may_wait_again_and_is_unwound_again(conductor: ControlledConductor) -> None:
    """A wait inside a `finally` of an aborted run raises too, instead of hanging."""
    reached: list[str] = []

    def body(chk: Checker) -> None:
        never = chk.Event("never")
        try:
            never.wait()
        finally:
            reached.append("finally")
            with pytest.raises(Unwind):
                never.wait()
            raise Unwind

    assert run(conductor, body) == DEADLOCK
    assert reached == ["finally"]


def test_an_idle_service_does_not_keep_a_run_alive(conductor: ControlledConductor) -> None:
    """A worker that waits for work at the end is unwound; the run has passed."""
    worked: list[int] = []

    def body(chk: Checker) -> None:
        queue: list[int] = [1, 2]
        parking = chk.Parking("work")

        def serve() -> None:
            while True:
                worked.append(
                    parking.wait(lambda: bool(queue), lambda: queue.pop(0), why="work", idle=True)
                )

        chk.Thread(target=serve, name="worker").start()

    assert run(conductor, body) == END
    assert worked == [1, 2]


def test_a_repeating_timer_is_no_progress(conductor: ControlledConductor) -> None:
    """A wait for references that only repeats itself is a deadlock, however often it fires."""

    def body(chk: Checker) -> None:
        count = chk.Refcount("refs of dev", 2)
        while chk.wait_refs([count], 1, timeout=1.0, timer="again", repeat=True) is None:
            pass

    assert run(conductor, body) == DEADLOCK


def test_a_repeating_timer_that_changes_something_goes_on(conductor: ControlledConductor) -> None:
    """The same wait ends when firing brings the count down."""
    rounds = [0]

    def body(chk: Checker) -> None:
        count = chk.Refcount("refs of dev", 4)
        while chk.wait_refs([count], 1, timeout=1.0, timer="again", repeat=True) is None:
            rounds[0] += 1
            count.dec()

    assert run(conductor, body) == END
    assert rounds == [3]


def test_a_round_may_depend_on_the_round_of_another(conductor: ControlledConductor) -> None:
    """Nobody is stuck as long as a repeating timer changes what another one's round looks at."""

    def body(chk: Checker) -> None:
        counts = [chk.Refcount(f"refs {n}", 2) for n in range(4)]
        told = [chk.AtomicRef(f"told {n}", n == 3) for n in range(4)]

        def poll(n: int) -> None:
            while chk.wait_refs([counts[n]], 1, timeout=1.0, timer="again", repeat=True) is None:
                if told[n].get():
                    told[n - 1].set(True)
                    if counts[n].value > 1:
                        counts[n].dec()

        for n in range(4):
            chk.Thread(target=poll, args=(n,)).start()

    assert run(conductor, body) == END


def test_a_round_that_changes_nothing_is_not_repeated_early(conductor: ControlledConductor) -> None:
    """Its locks, its looks, a count that is put back: then the timer fires when nobody can go."""

    def body(chk: Checker) -> None:
        lock, other = chk.Lock("lock"), chk.Refcount("other", 2)
        count = chk.Refcount("refs of dev", 2)

        def poll() -> None:
            while chk.wait_refs([count], 1, timeout=1.0, timer="again", repeat=True) is None:
                with lock:
                    other.inc()
                    other.dec()

        chk.Thread(target=poll).start()
        for _ in range(30):
            with lock:
                pass
        count.dec()

    for number in range(20):
        assert run(conductor, body, n=number) == END
        fired = [op for choice, op in conductor.events if choice.fires]
        assert len(fired) <= 1


def test_a_round_that_somebody_saw_may_be_repeated(conductor: ControlledConductor) -> None:
    """A try that fails because of the round's lock is a change; so there may be many of them."""
    most = 0

    def body(chk: Checker) -> None:
        lock, other = chk.Lock("lock"), chk.Lock("other")
        count = chk.Refcount("refs of dev", 2)

        def poll() -> None:
            while chk.wait_refs([count], 1, timeout=1.0, timer="again", repeat=True) is None:
                with lock, other:
                    pass

        chk.Thread(target=poll).start()
        for _ in range(30):
            if lock.acquire(False):
                lock.release()
        count.dec()

    for number in range(40):
        assert run(conductor, body, n=number) == END
        most = max(most, sum(choice.fires for choice, _op in conductor.events))

    assert most == 2  # the bound


def test_time_is_logical(conductor: ControlledConductor) -> None:
    """An hour of sleep takes no time, and the clock shows it."""

    def body(chk: Checker) -> None:
        began = chk.now()
        chk.sleep(3600.0, "long")
        assert chk.now() - began in (0.0, 3600.0)  # 0: the timer was chosen to fire early
        chk.sleep(3600.0, "long")
        assert chk.now() - began >= 3600.0  # a name fires early once

    for number in range(1, 10):
        assert run(conductor, body, n=number) == END


def test_a_timed_run_keeps_to_the_clock() -> None:
    """No order of choices lets a later timer fire before an earlier one, or before its time."""
    fired: list[tuple[str, float]] = []

    def program(chk: Checker) -> None:
        def sleeper(name: str, seconds: float) -> None:
            for number in range(3):
                chk.sleep(seconds, f"{name}{number}")
                fired.append((name, chk.now()))

        pair(chk, lambda: sleeper("slow", 2.5), lambda: sleeper("fast", 1.0))

    expected = [("fast", 1.0), ("fast", 2.0), ("slow", 2.5), ("fast", 3.0), ("slow", 5.0)]
    for timed in (True, False):
        orders = set()
        with Pool() as pool:
            conductor = ControlledConductor(pool, timed=timed)
            for n in range(60):
                fired.clear()
                assert run(conductor, program, n=n) == END
                orders.add(tuple(fired))
        assert (orders == {(*expected, ("slow", 7.5))}) is timed


def test_set_up_in_quiet_has_no_points_and_ends_in_one_state(
    conductor: ControlledConductor,
) -> None:
    """Threads of the set-up run until they block; nothing of it is recorded."""

    def body(chk: Checker) -> None:
        done: list[int] = []
        with conductor.quiet():
            lock = chk.Lock("a")
            threads = [chk.Thread(target=lambda: done.append(1)) for _ in range(5)]
            for thread in threads:
                thread.start()
            with lock:
                pass
        assert done == [1] * 5
        assert conductor.record == []

    for number in range(1, 5):
        assert run(conductor, body, n=number) == END


def test_settle_waits_for_everybody_else(conductor: ControlledConductor) -> None:
    """It comes back when the others are gone, under every schedule."""

    def body(chk: Checker) -> None:
        done: list[int] = []
        for _ in range(3):
            chk.Thread(target=lambda: done.append(1)).start()
        conductor.settle()
        assert done == [1] * 3

    for number in range(1, 30):
        assert run(conductor, body, n=number) == END


def test_an_endless_loop_ends_at_the_limit_of_points() -> None:
    """And is reported as such, never as a pass."""
    with Pool() as pool:
        conductor = ControlledConductor(pool, max_points=200)

        def body(chk: Checker) -> None:
            cell = chk.AtomicRef("cell")
            while True:
                cell.set(1)

        assert run(conductor, body) == POINTS


def test_a_thread_that_blocks_outside_the_seam_is_hung() -> None:
    """The controller gives up after the asked silence, and the process can go on."""
    gate = _thread.allocate_lock()
    gate.acquire()
    pool = Pool()
    conductor = ControlledConductor(pool, hang_after=0.05)

    verdict = run(conductor, lambda _chk: gate.acquire())

    assert verdict == HUNG
    gate.release()
    pool.close(abandon=True)


def test_a_thread_of_the_programs_own_is_refused(conductor: ControlledConductor) -> None:
    """A plain thread that touches a controlled object gets a clear error, not a corrupt run."""
    errors: list[str] = []

    def body(chk: Checker) -> None:
        lock = chk.Lock("a")

        def stray() -> None:
            try:
                lock.acquire()
            except RuntimeError as error:
                errors.append(str(error))

        thread = threading.Thread(target=stray)
        thread.start()
        thread.join()

    assert run(conductor, body) == END
    assert "did not start" in errors[0]


def test_choices_of_the_program_are_recorded_and_replayed(conductor: ControlledConductor) -> None:
    """`choose` goes through the same list as everything else."""
    got: list[int] = []

    def body(chk: Checker) -> None:
        got.append(chk.choose(5, "which"))

    for number in range(1, 10):
        run(conductor, body, n=number)
        run(conductor, body, choices=list(conductor.record))

        assert got[-1] == got[-2]


@pytest.mark.parametrize("make", [baton.EventfdBaton, baton.LockBaton])
def test_both_batons_hand_over(
    make: Callable[[], baton.Baton], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fallback schedules as the eventfd does."""
    monkeypatch.setattr("lockcheck.conduct.pool.make_baton", make)
    records = []
    with Pool() as pool:
        conductor = ControlledConductor(pool)
        for number in range(1, 30):
            run(conductor, crossed, n=number)
            records.append(tuple(conductor.record))
    assert len(set(records)) > 5


def test_a_baton_may_be_woken_before_it_is_parked_on() -> None:
    """And a park with a time limit says whether it was woken."""
    for make in (baton.EventfdBaton, baton.LockBaton):
        each = make()
        assert not each.park_for(0.0)
        each.wake()
        assert each.park_for(5.0)
        each.wake()
        each.park()
        each.close()
