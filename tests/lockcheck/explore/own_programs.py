"""Functions as people write them, with a checker of their own, prints and sleeps."""

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

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
            time.sleep(0.05)  # logical time where it is explored: takes none
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


def waits_again_and_again() -> None:
    """A wait whose timer repeats it: what is done meanwhile is over when it waits again."""
    _wait_again_and_again(rings=False)


def rings_again_and_again() -> None:
    """The same, and each round wakes somebody, who does not care."""
    _wait_again_and_again(rings=True)


def _wait_again_and_again(*, rings: bool) -> None:
    chk = lockcheck.Checker()
    lock, bell = chk.Lock("lock"), chk.Event("bell")
    users = chk.Refcount("users", 2)

    def waiter() -> None:
        while chk.wait_refs([users], 1, timeout=1.0, timer="again", repeat=True) is None:
            with lock:
                pass
            if rings:
                bell.set()

    def user() -> None:
        with lock:
            users.dec()

    threads = [chk.Thread(target=body) for body in (waiter, user)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def takes_results_as_they_come() -> None:
    """Futures in sets, and their locks in the order of their addresses."""
    total = 0
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(abs, n) for n in range(2)]
        for future in as_completed(futures):
            total += future.result()
    assert total == 1


class Account:
    """One with a lock, ordered by its address."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.money = 10


def orders_by_address() -> None:
    """Locks in the order of `id`, threads and accounts in sets."""
    accounts = {Account(), Account()}
    one, other = accounts

    def move(source: Account, target: Account) -> None:
        first, second = sorted((source, target), key=id)
        with first.lock, second.lock:
            source.money -= 1
            target.money += 1

    threads = {threading.Thread(target=move, args=pair) for pair in ((one, other), (other, one))}
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(account.money for account in accounts) == 20


def walks_a_set_of_names() -> None:
    """The order of strings in a set; and a deadlock, for a token."""
    names = ("ann", "bob", "cyd", "dan")
    locks = {name: threading.Lock() for name in names}

    def each() -> None:
        for name in set(names):
            with locks[name]:
                pass

    def cross(first: str, second: str) -> None:
        with locks[first], locks[second]:
            pass

    threads = [
        threading.Thread(target=each),
        threading.Thread(target=cross, args=("ann", "dan")),
        threading.Thread(target=cross, args=("dan", "ann")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def crosses_in_a_pool() -> None:
    """Two jobs of a pool take two locks in both orders."""
    one, other = threading.Lock(), threading.Lock()

    def forth() -> None:
        with one, other:
            pass

    def back() -> None:
        with other, one:
            pass

    with ThreadPoolExecutor(2) as pool:
        pool.submit(forth)
        pool.submit(back)
