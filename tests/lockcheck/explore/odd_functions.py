"""Functions that an explorer must survive."""

from __future__ import annotations

import queue
import random
import select
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import lockcheck


def nothing() -> None:
    pass


def raises_at_once() -> None:
    raise ValueError("at once")


def raises_in_a_thread() -> None:
    def fail() -> None:
        raise LookupError("in a thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def leaves_with_zero() -> None:
    sys.exit(0)


def leaves_with_three() -> None:
    sys.exit(3)


def sleeps_long() -> float:
    began = time.monotonic()
    time.sleep(3600)  # logical time: takes none
    return time.monotonic() - began


def waits_in_time() -> bool:
    return threading.Event().wait(5)


def has_a_daemon() -> None:
    items: queue.Queue[int] = queue.Queue()

    def serve() -> None:
        while True:
            items.get()

    threading.Thread(target=serve, daemon=True).start()
    items.put(1)


def uses_an_executor() -> int:
    with ThreadPoolExecutor(2) as executor:
        return sum(executor.map(lambda x: x + 1, [1, 2, 3]))


def uses_a_timer() -> list[int]:
    done: list[int] = []
    timer = threading.Timer(5, lambda: done.append(1))
    timer.start()
    timer.join()
    return done


def meets_at_a_barrier() -> None:
    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=barrier.wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def counts_threads() -> None:
    assert threading.current_thread() is threading.main_thread()
    assert threading.enumerate().count(threading.main_thread()) == 1
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    assert threading.enumerate().count(thread) == 1
    gate.set()
    thread.join()
    assert thread not in threading.enumerate()


def draws_random_numbers() -> int:
    lock = threading.Lock()
    total = [0]

    def add() -> None:
        for _ in range(random.randint(1, 4)):
            with lock:
                total[0] += 1

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return total[0]


def never_starts_it() -> None:
    threading.Thread(target=nothing)


def spins() -> None:
    flag = lockcheck.Shared(0)
    while flag.value == 0:
        pass


def blocks_outside() -> None:
    thread = threading.Thread(target=lambda: select.select([], [], [], 1.5))
    thread.start()
    thread.join()


def hangs_where_told() -> None:
    """Wait for a plain lock of the test's, while there is one."""
    gate = sys.modules.get("gate of the test that hangs")
    thread = threading.Thread(target=gate.acquire if gate else print)
    thread.start()
    thread.join()
