"""Functions as people write them, with a checker of their own, prints and sleeps."""

import queue
import threading
import time

import lockcheck


def own_checker():
    chk = lockcheck.Checker()
    a, b = chk.Lock("a"), chk.Lock("b")

    def one():
        with a, b:
            pass

    def two():
        with b, a:
            pass

    threads = [chk.Thread(target=each) for each in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def prints():
    lock = threading.Lock()
    order = []

    def work(name):
        with lock:
            order.append(name)
            print("it was", name)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order == ["ann", "bob"]


def behind_sleeps():
    a, b = threading.Lock(), threading.Lock()

    def cross(first, second):
        with first:
            time.sleep(0.05)
            with second:
                pass

    threads = [threading.Thread(target=cross, args=pair) for pair in ((a, b), (b, a))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def twice_too_late():
    event = threading.Event()
    seen = []

    def wait():
        seen.append(event.wait(1.0))
        seen.append(event.wait(1.0))

    thread = threading.Thread(target=wait)
    thread.start()
    event.set()
    thread.join()
    assert seen != [False, False]


def long():
    lock = threading.Lock()

    def work():
        for _ in range(80):
            with lock:
                pass

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def rarely_crossed():
    a, b, other = threading.Lock(), threading.Lock(), threading.Lock()

    def work(first, second, before, after):
        for _ in range(before):
            with other:
                pass
        with first, second:
            pass
        for _ in range(after):
            with other:
                pass

    threads = [
        threading.Thread(target=work, args=(a, b, 12, 12)),
        threading.Thread(target=work, args=(b, a, 0, 30)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def kept_apart():
    a, b = threading.Lock(), threading.Lock()
    done = []

    def one():
        with a, b:
            done.append(1)

    def two():
        if done:
            with b, a:
                pass

    threads = [threading.Thread(target=each) for each in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def waits_under_the_wakers_lock() -> None:
    """The item is put by a thread that takes the waiter's lock first."""
    lock, items = threading.Lock(), queue.Queue[int]()

    def waiter() -> None:
        with lock:
            items.get()

    def waker() -> None:
        with lock:
            pass
        items.put(1)

    threads = [threading.Thread(target=body) for body in (waker, waiter)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def one_too_many_at_a_barrier() -> None:
    """Three threads meet in twos: the two who come once meet each other, or one comes twice."""
    meeting = threading.Barrier(2)

    def twice() -> None:
        meeting.wait()
        meeting.wait()

    threads = [threading.Thread(target=body) for body in (meeting.wait, meeting.wait, twice)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
