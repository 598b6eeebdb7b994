"""What is possible and what is not: small programs of every primitive, each with its cause.

Each program runs its threads one after the other, joined by plain `threading`, so that the checker
sees no order between them; the verdict is a prediction from a run that went well.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import pytest

import lockcheck
from lockcheck.core.report import CLASS_ONLY, Report
from lockcheck.sync import Barrier, Lock, Thread

Body = Callable[[], None]
Program = Callable[[lockcheck.Checker], None]


def unordered(*bodies: Body) -> None:
    """Run each body in a thread of its own; nothing that the checker sees orders them."""
    for body in bodies:
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()


def started_to_be_over(chk: lockcheck.Checker, body: Body) -> tuple[Thread, threading.Event]:
    """A checked thread, and a plain event that says that its body is over.

    The checker sees no order between the two threads, and they do not really meet: that would be
    a deadlock, not a prediction.
    """
    over = threading.Event()

    def run() -> None:
        body()
        over.set()

    return chk.Thread(target=run), over


def nested(*locks: Lock) -> Body:
    """Take the locks one inside the other, and drop them."""

    def body() -> None:
        for lock in locks:
            lock.acquire()
        for lock in reversed(locks):
            lock.release()

    return body


def findings(program: Program) -> list[Report]:
    chk = lockcheck.Checker()
    program(chk)
    return [report for report in chk.reports if report.severity != CLASS_ONLY]


# -- semaphores ------------------------------------------------------------------------------------


def permit_under_a_lock(permits: int, taken: int) -> Program:
    def program(chk: lockcheck.Checker) -> None:
        lock, units = chk.Lock("L"), chk.Semaphore(permits, "units")

        def body() -> None:
            with lock:
                for _ in range(taken):
                    units.acquire()
                for _ in range(taken):
                    units.release()

        unordered(body, body)

    return program


def lock_under_a_permit(permits: int, holders: int) -> Program:
    """`holders` threads want the lock with a permit held; one wants a permit with the lock held."""

    def program(chk: lockcheck.Checker) -> None:
        lock, units = chk.Lock("L"), chk.Semaphore(permits, "units")

        def holder() -> None:
            with units, lock:
                pass

        def other() -> None:
            with lock, units:
                pass

        unordered(*[holder] * holders, other)

    return program


def two_of_two_permits_each(chk: lockcheck.Checker) -> None:
    units = chk.Semaphore(2, "units")

    def body() -> None:
        with units, units:
            pass

    unordered(body, body)


def more_permits_than_there_are(chk: lockcheck.Checker) -> None:
    """Both hold units when they want what the other one has; but all together there are two."""
    lock, units = chk.Lock("L"), chk.Semaphore(2, "units")

    def both() -> None:
        if units.acquire(blocking=False):
            if units.acquire(blocking=False):
                nested(lock)()
                units.release()
            units.release()

    def one_more() -> None:
        with lock:
            if units.acquire(blocking=False):
                with units:
                    pass
                units.release()

    unordered(both, one_more)


def a_semaphore_as_a_signal(chk: lockcheck.Checker) -> None:
    lock, ready = chk.Lock("L"), chk.Semaphore(0, "ready")

    def sender() -> None:
        with lock:
            ready.release()

    def receiver() -> None:
        with lock:
            ready.acquire()

    unordered(sender, receiver)


# -- events ----------------------------------------------------------------------------------------


def sets_waits_sets(chk: lockcheck.Checker) -> None:
    event = chk.Event("event")

    def body() -> None:
        event.set()
        event.wait()
        event.set()

    unordered(body, body)


def a_waiter_sets_again(chk: lockcheck.Checker) -> None:
    lock, event = chk.Lock("L"), chk.Event("event")

    def waiter() -> None:
        with lock:
            event.wait()
            event.set()

    unordered(event.set, waiter, waiter)


def the_setter_took_and_dropped_the_lock(chk: lockcheck.Checker) -> None:
    lock, event = chk.Lock("L"), chk.Event("event")

    def setter() -> None:
        with lock:
            pass
        event.set()

    def waiter() -> None:
        with lock:
            event.wait()

    unordered(setter, waiter)


def the_setter_took_the_lock_later(chk: lockcheck.Checker) -> None:
    lock, event = chk.Lock("L"), chk.Event("event")

    def setter() -> None:
        event.set()
        with lock:
            pass

    def waiter() -> None:
        with lock:
            event.wait()

    unordered(setter, waiter)


def it_sets_again_without(chk: lockcheck.Checker) -> None:
    """Where its try fails it comes to the second `set`, which needs nothing."""
    lock, other, event = chk.Lock("L"), chk.Lock("other"), chk.Event("event")

    def setter() -> None:
        if lock.acquire(blocking=False):
            event.set()
            lock.release()
        with other:
            event.set()

    def waiter() -> None:
        with lock:
            event.wait()

    unordered(setter, waiter)


def another_setter_is_free(chk: lockcheck.Checker) -> None:
    lock, event = chk.Lock("L"), chk.Event("event")

    def setter() -> None:
        with lock:
            pass
        event.set()

    def waiter() -> None:
        with lock:
            event.wait()

    unordered(setter, event.set, waiter)


def it_sets_the_event_itself(chk: lockcheck.Checker) -> None:
    """As others do under that lock, but it needs none of them."""
    lock, event = chk.Lock("L"), chk.Event("event")

    def setter() -> None:
        with lock:
            event.set()

    def waiter() -> None:
        with lock:
            event.set()
            event.wait()

    unordered(setter, setter, waiter)


def setters_behind(one_waiter: bool) -> Program:
    """Each setter needs one lock of two, which one waiter holds, or two waiters."""

    def program(chk: lockcheck.Checker) -> None:
        one, two, event = chk.Lock("one"), chk.Lock("two"), chk.Event("event")

        def under(lock: Lock, body: Body) -> Body:
            def run() -> None:
                with lock:
                    body()

            return run

        waiters = [under(one, event.wait), under(two, event.wait)]
        if one_waiter:
            waiters = [under(one, under(two, event.wait))]
        unordered(under(one, event.set), under(two, event.set), *waiters)

    return program


def the_setter_waits_behind_a_lock(chk: lockcheck.Checker) -> None:
    one, two, event = chk.Lock("one"), chk.Lock("two"), chk.Event("event")

    def setter() -> None:
        with two:
            event.set()

    def waiter() -> None:
        with one:
            event.wait()

    unordered(setter, nested(two, one), waiter)


# -- queues and barriers ---------------------------------------------------------------------------


def a_pool_under_a_lock(chk: lockcheck.Checker) -> None:
    lock, pool = chk.Lock("L"), chk.Queue(0, "pool")
    pool.put(object())

    def body() -> None:
        with lock:
            item = pool.get()
            pool.put(item)

    unordered(body, body)
    body()


def the_producer_took_and_dropped_the_lock(chk: lockcheck.Checker) -> None:
    lock, queue = chk.Lock("L"), chk.Queue(0, "queue")

    def producer() -> None:
        with lock:
            pass
        queue.put(1)

    def consumer() -> None:
        with lock:
            queue.get()

    unordered(producer, consumer)


def an_item_given_back(chk: lockcheck.Checker) -> None:
    """Who gets the item and puts it back is no producer: the only one needs the lock."""
    lock, items = chk.Lock("L"), chk.Queue(0, "items")

    def producer() -> None:
        with lock:
            pass
        items.put(1)

    def consumer() -> None:
        with lock:
            items.get()

    unordered(producer, lambda: items.put(items.get()), consumer)


def several_producers_and_one_is_free(chk: lockcheck.Checker) -> None:
    lock, items = chk.Lock("L"), chk.Queue(0, "items")

    def producer() -> None:
        with lock:
            pass
        items.put(1)

    def consumer() -> None:
        with lock:
            items.get()

    unordered(producer, producer, producer, lambda: items.put(1), consumer)


def it_puts_the_item_itself(chk: lockcheck.Checker) -> None:
    """As others do under that lock, but it needs none of them."""
    lock, items = chk.Lock("L"), chk.Queue(0, "items")

    def producer() -> None:
        with lock:
            items.put(1)

    def consumer() -> None:
        with lock:
            items.put(2)
            items.get()

    unordered(producer, producer, consumer)


def a_unit_of_two_in_both_hands(chk: lockcheck.Checker) -> None:
    """The waiter holds one permit of two; who sets the event has the other."""
    units, event = chk.Semaphore(2, "units"), chk.Event("event")

    def setter() -> None:
        with units:
            event.set()

    def waiter() -> None:
        with units:
            event.wait()

    unordered(setter, waiter)


def a_producer_seen_later(chk: lockcheck.Checker) -> None:
    """The first waits behind a thread that wants the consumer's lock; the later one does not."""
    lock, outer, other = chk.Lock("L"), chk.Lock("outer"), chk.Lock("other")
    items = chk.Queue(0, "items")

    def first() -> None:
        with outer:
            pass
        items.put(1)

    def consumer() -> None:
        with lock:
            items.get()
        nested(other, lock)()

    def later() -> None:
        with other:
            items.put(2)

    unordered(first, consumer, nested(outer, lock), later)


def an_item_made_where_there_is_none(chk: lockcheck.Checker) -> None:
    """Who gives an item back that it need not have waited for can always make one."""
    lock, items = chk.Lock("L"), chk.Queue(0, "items")

    def producer() -> None:
        with lock:
            pass
        items.put(1)

    def user() -> None:
        try:
            item = items.get_nowait()
        except queue.Empty:
            item = 2
        items.put(item)

    def consumer() -> None:
        with lock:
            items.get()

    unordered(producer, user, consumer)


def request_and_answer(chk: lockcheck.Checker) -> None:
    """The server's use of the lock comes before the request is heard: it is over by then."""
    lock, request, answer = chk.Lock("L"), chk.Queue(0, "request"), chk.Queue(0, "answer")

    def server() -> None:
        with lock:
            pass
        request.put(1)
        answer.put(1)

    def client() -> None:
        request.get()
        with lock:
            answer.get()

    unordered(server, client)


def a_party_took_and_dropped_the_lock(chk: lockcheck.Checker) -> None:
    lock, meeting = chk.Lock("L"), chk.Barrier(2, name="meeting")

    def early() -> None:
        with lock:
            pass
        meeting.wait()

    def late() -> None:
        with lock:
            meeting.wait()

    thread = threading.Thread(target=early)
    thread.start()
    while not meeting.n_waiting:
        pass
    unordered(late)
    thread.join()


def meets_at(meeting: Barrier, *bodies: Body) -> None:
    """Run each body and then the barrier, in threads that the checker sees no order between."""
    threads = [threading.Thread(target=run, args=(body, meeting)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run(body: Body, meeting: Barrier) -> None:
    body()
    meeting.wait()


def one_is_left_over_at_a_barrier(chk: lockcheck.Checker) -> None:
    """Who comes once meets who comes twice, or the two who come once meet each other."""
    meeting = chk.Barrier(2, name="meeting")
    twice = threading.Thread(target=run, args=(meeting.wait, meeting))
    once, last = (threading.Thread(target=meeting.wait) for _ in range(2))
    twice.start()
    while not meeting.n_waiting:
        pass
    once.start()
    while once.is_alive() or not meeting.n_waiting:
        pass  # the two who come once must not meet
    last.start()
    for thread in (twice, once, last):
        thread.join()


def all_pairs_do_at_a_barrier(chk: lockcheck.Checker) -> None:
    meeting = chk.Barrier(2, name="meeting")
    meets_at(meeting, *[lambda: None] * 4)


def phases_between_barriers(chk: lockcheck.Checker) -> None:
    one, two, meeting = chk.Lock("one"), chk.Lock("two"), chk.Barrier(2, name="meeting")

    def early() -> None:
        nested(one, two)()
        meeting.wait()

    def late() -> None:
        meeting.wait()
        nested(two, one)()

    meets_at(meeting, early, late)


def rounds_of_a_barrier(chk: lockcheck.Checker) -> None:
    """The first round is over when one takes the lock that the other held in it."""
    lock, meeting = chk.Lock("L"), chk.Barrier(2, name="meeting")

    def first() -> None:
        with lock:
            meeting.wait()

    def second() -> None:
        meeting.wait()
        with lock:
            pass

    meets_at(meeting, first, second)


def comes_after_a_party_is_joined(*, takes_it_late: bool) -> Program:
    """Who is joined has met the other, and taken its lock before that, or after it."""

    def program(chk: lockcheck.Checker) -> None:
        lock, meeting = chk.Lock("L"), chk.Barrier(2, name="meeting")

        def early() -> None:
            if not takes_it_late:
                nested(lock)()
            meeting.wait()
            if takes_it_late:
                nested(lock)()

        first, over = started_to_be_over(chk, early)

        def other() -> None:
            meeting.wait()
            over.wait()
            with lock:
                meeting.wait()

        second = chk.Thread(target=other)
        first.start()
        second.start()
        first.join()
        meeting.wait()
        second.join()

    return program


def an_order_that_an_item_brings(chk: lockcheck.Checker) -> None:
    one, two, queue = chk.Lock("one"), chk.Lock("two"), chk.Queue(0, "queue")

    def producer() -> None:
        nested(one, two)()
        queue.put(1)

    def consumer() -> None:
        queue.get()
        nested(two, one)()

    unordered(producer, consumer)


def room_in_a_queue_that_never_fills(chk: lockcheck.Checker) -> None:
    lock, queue = chk.Lock("L"), chk.Queue(4, "queue")

    def producer() -> None:
        with lock:
            queue.put(1)

    def consumer() -> None:
        with lock:
            pass
        queue.get()

    unordered(producer, consumer)


def room_in_a_queue_that_fills(chk: lockcheck.Checker) -> None:
    lock, queue = chk.Lock("L"), chk.Queue(1, "queue")

    def producer() -> None:
        with lock:
            queue.put(1)

    def consumer() -> None:
        with lock:
            pass
        queue.get()

    unordered(producer, consumer, producer, consumer)


# -- locks released by others ----------------------------------------------------------------------


def released_by_who_needs_what_the_waiter_holds(chk: lockcheck.Checker) -> None:
    outer, signal = chk.Lock("outer"), chk.Lock("signal")
    signal.acquire()

    def sender() -> None:
        with outer:
            signal.release()

    def receiver() -> None:
        with outer:
            signal.acquire()

    unordered(sender, receiver, sender)


def released_by_others_and_taken_once(chk: lockcheck.Checker) -> None:
    outer, signal = chk.Lock("outer"), chk.Lock("signal")

    def sender() -> None:
        with outer:
            signal.release()

    def receiver() -> None:
        with outer:
            signal.acquire()
        taken.set()
        released.wait()

    taken, released = threading.Event(), threading.Event()
    thread = threading.Thread(target=receiver)
    thread.start()
    taken.wait()
    unordered(sender)
    released.set()
    thread.join()


def released_by_who_wants_it(chk: lockcheck.Checker) -> None:
    """What the other one can have taken only before, this one releases before it takes it."""
    outer, signal = chk.Lock("outer"), chk.Lock("signal")
    taken, released = threading.Event(), threading.Event()

    def holder() -> None:
        with outer:
            signal.acquire()
        with outer:
            pass
        taken.set()
        released.wait()

    def releaser() -> None:
        with outer:
            signal.release()
            with signal:
                pass

    thread = threading.Thread(target=holder)
    thread.start()
    taken.wait()
    unordered(releaser)
    released.set()
    thread.join()


def released_again_by_who_had_lost_it(chk: lockcheck.Checker) -> None:
    """It releases what another one has taken since, and that one's release fails."""
    outer, signal = chk.Lock("outer"), chk.Lock("signal")
    taken, lost, again, over = (threading.Event() for _ in range(4))

    def holder() -> None:
        signal.acquire()
        taken.set()
        again.wait()
        signal.release()  # as its own
        over.set()

    def releaser() -> None:
        taken.wait()
        nested(outer)()
        signal.release()
        lost.set()

    def third() -> None:
        lost.wait()
        with outer:
            signal.acquire()
            again.set()
            over.wait()
            with pytest.raises(RuntimeError):
                signal.release()

    threads = [threading.Thread(target=body) for body in (holder, releaser, third)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# -- readers ---------------------------------------------------------------------------------------


def readers_joined_under(recursive: bool, writes: bool) -> Program:
    """A reader joins a reader; with a writer in between a queued one waits for ever."""

    def program(chk: lockcheck.Checker) -> None:
        rwlock = chk.RWLock("rw")

        def reads() -> None:
            with rwlock.reading(recursive=recursive):
                pass

        def write() -> None:
            with rwlock.writing():
                pass

        if writes:
            unordered(write)
        thread, over = started_to_be_over(chk, reads)
        with rwlock.reading(recursive=recursive):
            thread.start()
            over.wait()
            thread.join()

    return program


# -- start and join --------------------------------------------------------------------------------


def a_joined_thread_joins(chk: lockcheck.Checker) -> None:
    lock, over = chk.Lock("L"), threading.Event()

    def last() -> None:
        with lock:
            pass

    def middle() -> None:
        thread = chk.Thread(target=last)
        thread.start()
        thread.join()
        over.set()

    thread = chk.Thread(target=middle)
    thread.start()
    over.wait()
    with lock:
        thread.join()


def an_order_closes_through_a_join(chk: lockcheck.Checker) -> None:
    one, two = chk.Lock("one"), chk.Lock("two")
    unordered(nested(two, one))
    thread = chk.Thread(target=nested(two))
    thread.start()
    with one:
        thread.join()


def joined_for_a_time(chk: lockcheck.Checker) -> None:
    lock = chk.Lock("L")
    thread, over = started_to_be_over(chk, nested(lock))
    thread.start()
    over.wait()
    with lock:
        thread.join(60)


def what_is_joined_was_done_with_the_lock(chk: lockcheck.Checker) -> None:
    lock, done = chk.Lock("L"), chk.Event("done")

    def body() -> None:
        with lock:
            pass
        done.set()

    thread = chk.Thread(target=body)
    thread.start()
    done.wait()
    with lock:
        thread.join()


def started_under_a_lock_that_it_takes_first(chk: lockcheck.Checker) -> None:
    gate, one, two = chk.Lock("gate"), chk.Lock("one"), chk.Lock("two")

    def child() -> None:
        with gate:
            pass
        nested(two, one)()

    thread = chk.Thread(target=child)
    with gate:
        thread.start()
        nested(one, two)()
    thread.join()


def started_under_a_lock_that_it_never_takes(chk: lockcheck.Checker) -> None:
    gate, one, two = chk.Lock("gate"), chk.Lock("one"), chk.Lock("two")
    thread, over = started_to_be_over(chk, nested(two, one))
    with gate:
        thread.start()
        over.wait()
        nested(one, two)()
    thread.join()


def an_order_seen_again_after_the_start(chk: lockcheck.Checker) -> None:
    one, two = chk.Lock("one"), chk.Lock("two")
    nested(one, two)()
    thread, over = started_to_be_over(chk, nested(two, one))
    thread.start()
    over.wait()
    nested(one, two)()
    thread.join()


def a_gate_dropped_on_the_way(chk: lockcheck.Checker) -> None:
    gate, one, two = chk.Lock("gate"), chk.Lock("one"), chk.Lock("two")

    def body() -> None:
        gate.acquire()
        one.acquire()
        gate.release()
        with two:
            pass
        one.release()

    unordered(body, nested(gate, two, one))


# -- contexts --------------------------------------------------------------------------------------


def a_handler_takes_it(chk: lockcheck.Checker) -> None:
    lock = chk.Lock("L")
    nested(lock)()
    with chk.context("signal"), lock:
        pass


def a_handler_only_tries(chk: lockcheck.Checker) -> None:
    lock = chk.Lock("L")
    nested(lock)()
    with chk.context("signal"):
        if lock.acquire(blocking=False):
            lock.release()


def reentrant_locks_of_one_thread(chk: lockcheck.Checker) -> None:
    outer, inner = chk.RLock("outer"), chk.RLock("inner")
    with outer, inner:
        pass
    with chk.context("signal"), outer, inner:
        pass


def a_handler_waits_for_another_thread(chk: lockcheck.Checker) -> None:
    outer, inner = chk.RLock("outer"), chk.RLock("inner")

    def both() -> None:
        with outer, inner:
            pass

    unordered(both)
    with inner:
        pass
    with chk.context("signal"), outer:
        pass


# -- classes ---------------------------------------------------------------------------------------


def two_of_a_class_in_one_order(chk: lockcheck.Checker) -> None:
    locks = [chk.Lock("X") for _ in range(2)]
    unordered(nested(*locks), nested(*locks))


def two_late_instances_both_ways(chk: lockcheck.Checker) -> None:
    locks = [chk.Lock("X") for _ in range(100)]
    unordered(nested(locks[80], locks[90]), nested(locks[90], locks[80]))


def late_instances_that_never_meet(chk: lockcheck.Checker) -> None:
    locks, other = [chk.Lock("X") for _ in range(100)], chk.Lock("other")
    unordered(nested(locks[80], other), nested(other, locks[90]))


def a_late_instance_among_many(chk: lockcheck.Checker) -> None:
    locks, other = [chk.Lock("X") for _ in range(100)], chk.Lock("other")

    def every() -> None:
        for lock in locks:
            nested(lock, other)()

    unordered(every, nested(other, locks[90]))


def a_violated_order_under_a_gate(chk: lockcheck.Checker) -> None:
    gate = chk.Lock("gate")
    low, high = (
        chk.Lock("X", instance=name, cmp=lambda a, b: (a.name > b.name) - (a.name < b.name))
        for name in ("x1", "x2")
    )
    unordered(nested(gate, high, low))


POSSIBLE: dict[str, Program] = {
    "both permits, each wanted under the other": two_of_two_permits_each,
    "one permit": lock_under_a_permit(1, 1),
    "two permits, two holders": lock_under_a_permit(2, 2),
    "five permits, five holders": lock_under_a_permit(5, 5),
    "nine permits, twelve holders": lock_under_a_permit(9, 12),
    "a semaphore as a signal": a_semaphore_as_a_signal,
    "each setter needs a lock of one waiter": setters_behind(one_waiter=True),
    "each setter needs a lock of some waiter": setters_behind(one_waiter=False),
    "an item given back": an_item_given_back,
    "the setter took and dropped the lock": the_setter_took_and_dropped_the_lock,
    "the setter waits behind a lock": the_setter_waits_behind_a_lock,
    "the producer took and dropped the lock": the_producer_took_and_dropped_the_lock,
    "a party took and dropped the lock": a_party_took_and_dropped_the_lock,
    "one is left over at a barrier": one_is_left_over_at_a_barrier,
    "who is joined takes the lock after it came": comes_after_a_party_is_joined(takes_it_late=True),
    "room in a queue that fills": room_in_a_queue_that_fills,
    "released by who needs what the waiter holds": released_by_who_needs_what_the_waiter_holds,
    "queued readers joined, a writer between": readers_joined_under(recursive=False, writes=True),
    "a joined thread joins": a_joined_thread_joins,
    "an order closes through a join": an_order_closes_through_a_join,
    "started under a lock that it never takes": started_under_a_lock_that_it_never_takes,
    "an order seen again after the start": an_order_seen_again_after_the_start,
    "a gate dropped on the way": a_gate_dropped_on_the_way,
    "a handler takes it": a_handler_takes_it,
    "a handler waits for another thread": a_handler_waits_for_another_thread,
    "two late instances, both ways": two_late_instances_both_ways,
    "a late instance among many": a_late_instance_among_many,
    "a violated order under a gate": a_violated_order_under_a_gate,
}

PREDICTIONS = ("circular", "recursive", "wait-cycle", "inverted-context")

NOT_POSSIBLE: dict[str, Program] = {
    "one permit under a lock": permit_under_a_lock(1, 1),
    "five permits under a lock": permit_under_a_lock(5, 1),
    "all five permits under a lock": permit_under_a_lock(5, 5),
    "two permits, one holder": lock_under_a_permit(2, 1),
    "five permits, four holders": lock_under_a_permit(5, 4),
    "twenty permits, nineteen holders": lock_under_a_permit(20, 19),
    "more permits than there are": more_permits_than_there_are,
    "set, wait, set": sets_waits_sets,
    "it sets the event itself": it_sets_the_event_itself,
    "several producers, and one is free": several_producers_and_one_is_free,
    "it puts the item itself": it_puts_the_item_itself,
    "a unit of two in both hands": a_unit_of_two_in_both_hands,
    "a producer seen later": a_producer_seen_later,
    "an item made where there is none": an_item_made_where_there_is_none,
    "released by who wants it": released_by_who_wants_it,
    "a waiter sets again": a_waiter_sets_again,
    "the setter took the lock later": the_setter_took_the_lock_later,
    "it sets again without": it_sets_again_without,
    "another setter is free": another_setter_is_free,
    "a pool under a lock": a_pool_under_a_lock,
    "request and answer": request_and_answer,
    "all pairs do at a barrier": all_pairs_do_at_a_barrier,
    "phases between barriers": phases_between_barriers,
    "rounds of a barrier": rounds_of_a_barrier,
    "who is joined took the lock before it came": comes_after_a_party_is_joined(
        takes_it_late=False
    ),
    "an order that an item brings": an_order_that_an_item_brings,
    "room in a queue that never fills": room_in_a_queue_that_never_fills,
    "joined for a time": joined_for_a_time,
    "released by others and taken once": released_by_others_and_taken_once,
    "queued readers joined": readers_joined_under(recursive=False, writes=False),
    "recursive readers joined": readers_joined_under(recursive=True, writes=True),
    "what is joined was done with the lock": what_is_joined_was_done_with_the_lock,
    "started under a lock that it takes first": started_under_a_lock_that_it_takes_first,
    "a handler only tries": a_handler_only_tries,
    "reentrant locks of one thread": reentrant_locks_of_one_thread,
    "late instances that never meet": late_instances_that_never_meet,
    "two of a class in one order": two_of_a_class_in_one_order,
}


@pytest.mark.parametrize("name", POSSIBLE)
def test_what_can_get_stuck_is_possible(name: str) -> None:
    """Some schedule of these threads gets stuck, and the run that went well shows it."""
    chk = lockcheck.Checker()
    POSSIBLE[name](chk)
    said = [(r.kind, r.severity, r.reason) for r in chk.reports]

    assert [kind for kind, how, _ in said if how != CLASS_ONLY and kind in PREDICTIONS], said


@pytest.mark.parametrize("name", NOT_POSSIBLE)
def test_what_cannot_get_stuck_is_never_possible(name: str) -> None:
    """No schedule of these threads gets stuck; what is reported may be class-only at most."""
    assert [str(report) for report in findings(NOT_POSSIBLE[name])] == []


def test_a_lock_that_another_thread_released_as_its_own_is_a_bad_unlock_and_no_cycle() -> None:
    """What only the releases that were seen could end, this one ended; it is no prediction."""
    chk = lockcheck.Checker()
    released_again_by_who_had_lost_it(chk)
    counted = [(r.kind, r.severity) for r in chk.reports if r.severity != CLASS_ONLY]

    assert counted == [("bad-unlock", "certain")]


def test_a_wait_cycle_shows_where_the_joined_thread_takes_the_lock() -> None:
    """Both sides have a stack, and the end of a thread is not shown as a lock that it holds."""
    chk = lockcheck.Checker()
    an_order_closes_through_a_join(chk)
    (report,) = [report for report in chk.reports if report.kind == "wait-cycle"]

    wait, taken = report.cycle[0], report.cycle[1]
    assert wait.op == "wait"
    assert "nested" in taken.wanted.stack.function
    assert taken.held.mode == "owed"


def test_writes_under_a_shared_lock_race_with_other_readers() -> None:
    """Readers do not exclude each other: what one writes is not ordered before the next."""
    chk = lockcheck.Checker(races=True)
    rwlock = chk.RWLock("rw")

    class Owner:
        name = "owner"
        value = lockcheck.shared()

        def __init__(self) -> None:
            self.chk = chk
            self.value = 0

    owner = Owner()

    def writes() -> None:
        with rwlock.reading():
            owner.value = 1

    def reads() -> None:
        with rwlock.reading():
            assert owner.value in (0, 1)

    unordered(writes, reads)

    assert [report.kind for report in chk.reports] == ["race"]


def test_a_writer_is_ordered_with_every_reader() -> None:
    """The writer excludes readers, before and after."""
    chk = lockcheck.Checker(races=True)
    rwlock = chk.RWLock("rw")

    class Owner:
        name = "owner"
        value = lockcheck.shared()

        def __init__(self) -> None:
            self.chk = chk
            self.value = 0

    owner = Owner()

    def writes() -> None:
        with rwlock.writing():
            owner.value = 1

    def reads() -> None:
        with rwlock.reading():
            assert owner.value in (0, 1)

    unordered(reads, writes, reads, writes)

    assert chk.reports == []
