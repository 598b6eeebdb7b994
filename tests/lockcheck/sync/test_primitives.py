"""The primitives behave as threading's do, on real threads, without a conductor."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

import lockcheck
from lockcheck.core.stacks import Stack, Stacks


def run_threads(chk: lockcheck.Checker, *bodies: Callable[[], Any]) -> list[Any]:
    threads = [chk.Thread(target=body, name=f"t{i}") for i, body in enumerate(bodies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return threads


@pytest.fixture
def chk() -> lockcheck.Checker:
    return lockcheck.Checker()


def test_a_lock_is_a_real_threading_lock(chk: lockcheck.Checker) -> None:
    """What excludes is threading's own lock, not a look-alike."""
    assert type(chk.Lock("a").real) is type(threading.Lock())


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_a_mutex_excludes(chk: lockcheck.Checker, kind: str) -> None:
    """Four threads that increment under the lock lose no update."""
    lock = getattr(chk, kind)("a")
    count = [0]

    def body() -> None:
        for _ in range(500):
            with lock:
                n = count[0]
                count[0] = n + 1

    run_threads(chk, *[body] * 4)

    assert count[0] == 2000
    assert chk.reports == []


def test_an_rlock_counts_its_owner(chk: lockcheck.Checker) -> None:
    """Re-entry by the owner is free, and makes no dependency."""
    lock = chk.RLock("r")
    with lock:
        with lock:
            assert lock.locked()
        assert lock.locked()

    assert not lock.locked()
    assert chk.reports == []


def test_try_acquire_tells(chk: lockcheck.Checker) -> None:
    """A non-blocking acquire of a held lock is False; a timed one gives up."""
    lock = chk.Lock("a")
    lock.acquire()
    got: list[bool] = []
    run_threads(chk, lambda: got.extend([lock.acquire(False), lock.acquire(timeout=0.001)]))
    lock.release()

    assert got == [False, False]


def test_a_lock_may_be_released_by_another_thread(chk: lockcheck.Checker) -> None:
    """threading.Lock allows it, so do we."""
    lock = chk.Lock("a")
    lock.acquire()
    run_threads(chk, lock.release)

    assert not lock.locked()


def test_a_known_contended_lock_takes_no_stack(
    chk: lockcheck.Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack is taken when something new is learned, not each time that somebody blocks."""
    lock, begun, over = chk.Lock("l"), queue.Queue[int](), queue.Queue[int]()
    taken: list[int] = []
    of = Stacks.of

    def counted(self: Stacks, frame: FrameType, depth: int = 20) -> Stack:
        taken.append(1)
        return of(self, frame, depth)

    def body() -> None:
        for turn in iter(begun.get, -1):
            with lock:
                over.put(turn)

    monkeypatch.setattr(Stacks, "of", counted)
    thread = chk.Thread(target=body)
    thread.start()
    numbers = []
    for turn in range(6):
        with lock:
            begun.put(turn)
            while not any(ts.waiting for ts in list(chk.threads.values())):
                time.sleep(0)
        assert over.get() == turn
        numbers.append(len(taken))
    begun.put(-1)
    thread.join()

    assert lock.cls.contentions >= 6
    assert numbers[2:] == numbers[2:3] * 4


def test_readers_share_and_a_writer_excludes(chk: lockcheck.Checker) -> None:
    """Two readers meet inside; a writer is alone."""
    rw = chk.RWLock("w")
    inside = threading.Barrier(2)
    values: list[int] = []

    def reader() -> None:
        with rw.reading():
            inside.wait(10)

    def writer() -> None:
        with rw.writing():
            values.append(len(values))

    run_threads(chk, reader, reader)
    run_threads(chk, *[writer] * 4)

    assert values == [0, 1, 2, 3]
    assert not rw.locked()


def test_warm_readers_and_writers_keep_each_other_out(chk: lockcheck.Checker) -> None:
    """Each way to take it a thousand times in four threads: a writer is alone, nothing stays."""
    rw = chk.RWLock("w")
    state = [0, 0]
    torn: list[tuple[int, ...]] = []

    def body() -> None:
        for turn in range(1000):
            if turn % 3:
                rw.acquire_read(recursive=bool(turn % 2))
                if state[0] != state[1]:
                    torn.append(tuple(state))
                rw.release_read()
            else:
                rw.acquire_write()
                state[0] += 1
                state[1] += 1
                rw.release_write()

    run_threads(chk, *[body] * 4)

    assert torn == []
    assert state == [4 * 334] * 2
    assert not rw.locked()
    assert list(rw.holders()) == []
    assert chk.reports == []


def test_what_held_showed_stays_as_it_was(chk: lockcheck.Checker) -> None:
    """An entry of `held()` names its lock after the release, and is nobody else's later."""
    rw = chk.RWLock("w")
    for _ in range(3):
        rw.acquire_read()
        rw.release_read()
    rw.acquire_read()
    (entry,) = chk.held()
    rw.release_read()
    rw.acquire_write()

    assert entry.name == "w#0"
    assert chk.held() != (entry,)
    rw.release_write()


def test_a_thread_started_under_a_warm_read_lock_knows_when_it_is_released(
    chk: lockcheck.Checker,
) -> None:
    """What the starter did up to its release is noted, on the warm path, too (`core.carried`)."""
    rw = chk.RWLock("w")
    for _ in range(3):
        rw.acquire_write()
        rw.release_write()
    rw.acquire_write()
    hold = chk.current().top
    thread = chk.Thread(target=lambda: None)
    thread.start()
    epoch = chk.current().epoch
    rw.release_write()
    thread.join()

    assert hold.since
    assert chk.current().epoch > epoch


def test_an_event_wakes_everybody(chk: lockcheck.Checker) -> None:
    """set() releases all waiters, and later ones do not wait."""
    event = chk.Event("go")
    woken: list[bool] = []
    waiters = [chk.Thread(target=lambda: woken.append(event.wait(30))) for _ in range(3)]
    for thread in waiters:
        thread.start()
    event.set()
    for thread in waiters:
        thread.join()

    assert woken == [True] * 3
    assert event.wait(0)


def test_an_event_wait_times_out(chk: lockcheck.Checker) -> None:
    """A timed wait for what never comes is False."""
    assert chk.Event().wait(0.001) is False


def test_a_condition_hands_over(chk: lockcheck.Checker) -> None:
    """Producer and consumer alternate through one condition."""
    cond = chk.Condition(chk.Lock("m"))
    items: list[int] = []
    got: list[int] = []

    def producer() -> None:
        for i in range(50):
            with cond:
                items.append(i)
                cond.notify()

    def consumer() -> None:
        for _ in range(50):
            with cond:
                cond.wait_for(lambda: items)
                got.append(items.pop(0))

    run_threads(chk, producer, consumer)

    assert got == list(range(50))
    assert chk.reports == []


def test_a_condition_needs_its_lock(chk: lockcheck.Checker) -> None:
    """wait and notify without the lock are errors, as in threading."""
    cond = chk.Condition()

    with pytest.raises(RuntimeError):
        cond.notify()
    with pytest.raises(RuntimeError):
        cond.wait()


def test_a_queue_keeps_order_and_bounds(chk: lockcheck.Checker) -> None:
    """Bounded queue: everything arrives, in order, and join waits for task_done."""
    q = chk.Queue(maxsize=2)
    got: list[int] = []

    def producer() -> None:
        for i in range(30):
            q.put(i)
        q.join()

    def consumer() -> None:
        for _ in range(30):
            got.append(q.get())
            q.task_done()

    run_threads(chk, producer, consumer)

    assert got == list(range(30))
    with pytest.raises(queue.Empty):
        q.get_nowait()


def test_a_semaphore_counts(chk: lockcheck.Checker) -> None:
    """As many acquires as units; a bounded one refuses too many releases."""
    sem = chk.BoundedSemaphore(2)

    assert sem.acquire()
    assert sem.acquire()
    assert not sem.acquire(blocking=False)
    sem.release(2)
    with pytest.raises(ValueError, match="too many"):
        sem.release()


def test_a_barrier_lets_all_pass_together(chk: lockcheck.Checker) -> None:
    """Every party gets its own number, once a generation."""
    barrier = chk.Barrier(3)
    numbers: list[int] = []
    run_threads(chk, *[lambda: numbers.append(barrier.wait(30))] * 3)

    assert sorted(numbers) == [0, 1, 2]


def test_waiting_for_any_of_several_counts(chk: lockcheck.Checker) -> None:
    """wait_refs returns the count that reached the value, or None when its timer fired."""
    refs = [chk.Refcount("a", 2), chk.Refcount("b", 3)]

    assert chk.wait_refs(refs, timeout=0.001) is None
    hit: list[Any] = []
    waiter = chk.Thread(target=lambda: hit.append(chk.wait_refs(refs)))
    waiter.start()
    refs[0].dec()
    waiter.join()

    assert hit == [refs[0]]
    assert refs[0].inc_not_zero()


def test_xchg_has_one_winner(chk: lockcheck.Checker) -> None:
    """Of many threads exchanging the same pointer away, exactly one gets it."""
    for _ in range(50):
        ref = chk.AtomicRef("peer", "v1")
        got: list[Any] = []
        run_threads(chk, *[lambda r=ref, g=got: g.append(r.xchg(None))] * 3)

        assert sorted(got, key=str) == [None, None, "v1"]


def test_a_parking_lot_hands_over_in_order(chk: lockcheck.Checker) -> None:
    """change() performs the waiter's take for it."""
    lot = chk.Parking("work")
    work: list[int] = []
    got: list[int] = []

    def service() -> None:
        while len(got) < 20:
            got.append(lot.wait(lambda: bool(work), lambda: work.pop(0), why="work", idle=True))

    def feeder() -> None:
        for i in range(1, 21):
            lot.change(lambda i=i: work.append(i))

    run_threads(chk, service, feeder)

    assert got == list(range(1, 21))


def test_counts_are_waited_for_singly_and_together(chk: lockcheck.Checker) -> None:
    """Several counts change at once; a wait is for one of them, or for the sum of all."""
    counts = chk.Counts("devices")
    order: list[str] = []
    first = chk.Event("first")

    def waits(name: str | None) -> Callable[[], None]:
        def body() -> None:
            counts.wait_until(0, name, why="none left")
            order.append(name or "all")
            first.set()

        return body

    def works() -> None:
        counts.add({"veth": -1})
        first.wait()
        counts.add({"bond": -2})

    counts.add({"veth": 1, "bond": 2})
    run_threads(chk, waits(None), waits("veth"), works)

    assert order == ["veth", "all"]
    assert (counts.total(), counts.total("bond"), counts.total("never")) == (0, 0, 0)


def test_a_shared_field_is_a_plain_attribute(chk: lockcheck.Checker) -> None:
    """Declared in the class body, used like any attribute."""

    class Account:
        balance = lockcheck.shared()

        def __init__(self, chk: lockcheck.Checker) -> None:
            self.chk = chk
            self.name = "account"
            self.balance = 0

    account = Account(chk)
    account.balance += 5

    assert account.balance == 5


def test_a_thread_is_a_real_one(chk: lockcheck.Checker) -> None:
    """It has a native id of its own, and reports what its body raised."""
    ids: list[int] = []
    thread = chk.Thread(target=lambda: ids.append(threading.get_native_id()))
    thread.start()
    thread.join()

    assert ids[0] != threading.get_native_id()
    assert isinstance(thread, threading.Thread)
    assert thread.exception is None


def test_joining_what_did_not_start_is_an_error(chk: lockcheck.Checker) -> None:
    """As in threading."""
    with pytest.raises(RuntimeError):
        chk.Thread(target=print).join()
