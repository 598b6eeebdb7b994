"""24 small threaded programs: 18 with a fault, each with a right twin, and 6 right ones.

Plain Python: `threading` and `queue`, no declaration, no tool imported.  A fault shows as an
exception, a failed assertion or a deadlock in some schedule; a twin (`NAME_right`) is the same
program repaired and shows none in any.  `BUGGY` and `RIGHT` list the names.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

__all__ = ["BUGGY", "RIGHT", "SPEED", "TWINS"]


def together(*bodies: Callable[[], object]) -> None:
    """Run each in a thread of its own and wait for all."""
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Counter:
    """A number that threads count up."""

    def __init__(self) -> None:
        self.n = 0
        self.by_name = {"hits": 0}
        self.slots = [0, 0]


# -- nine faults in ordinary data ------------------------------------------------------------------


def attribute_update() -> None:
    counter = Counter()

    def add() -> None:
        counter.n += 1

    together(add, add)
    assert counter.n == 2


def attribute_update_right() -> None:
    counter = Counter()
    lock = threading.Lock()

    def add() -> None:
        with lock:
            counter.n += 1

    together(add, add)
    assert counter.n == 2


def dict_update() -> None:
    counter = Counter()

    def add() -> None:
        counter.by_name["hits"] += 1

    together(add, add)
    assert counter.by_name == {"hits": 2}


def dict_update_right() -> None:
    counter = Counter()
    lock = threading.Lock()

    def add() -> None:
        with lock:
            counter.by_name["hits"] += 1

    together(add, add)
    assert counter.by_name == {"hits": 2}


tally = 0
tally_lock = threading.Lock()


def global_update() -> None:
    global tally
    tally = 0

    def add() -> None:
        global tally
        tally += 1

    together(add, add)
    assert tally == 2


def global_update_right() -> None:
    global tally
    tally = 0

    def add() -> None:
        global tally
        with tally_lock:
            tally += 1

    together(add, add)
    assert tally == 2


def list_update() -> None:
    counter = Counter()

    def add() -> None:
        counter.slots[1] += 1

    together(add, add)
    assert counter.slots == [0, 2]


def list_update_right() -> None:
    counter = Counter()

    def add(place: int) -> None:
        counter.slots[place] += 1

    together(lambda: add(0), lambda: add(1))
    assert counter.slots == [1, 1]


def dict_check_then_act() -> None:
    stock = {"apple": 1}
    sold: list[str] = []

    def sell() -> None:
        if "apple" in stock:
            del stock["apple"]
            sold.append("apple")

    together(sell, sell)
    assert sold == ["apple"]


def dict_check_then_act_right() -> None:
    stock = {"apple": 1}
    sold: list[str] = []

    def sell() -> None:
        if stock.pop("apple", None) is not None:
            sold.append("apple")

    together(sell, sell)
    assert sold == ["apple"]


class Registry:
    """Makes its one connection when it is first asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: Connection | None = None
        self.made = 0

    def lazily(self) -> Connection:
        if self.connection is None:
            self.made += 1
            self.connection = Connection()
        return self.connection

    def lazily_right(self) -> Connection:
        with self.lock:
            return self.lazily()

    def double_checked(self) -> Connection:
        if self.connection is None:
            with self.lock:
                if self.connection is None:
                    self.connection = Connection()
                    self.connection.open = True
        return self.connection

    def double_checked_right(self) -> Connection:
        if self.connection is None:
            with self.lock:
                if self.connection is None:
                    made = Connection()
                    made.open = True
                    self.connection = made
        return self.connection


class Connection:
    """Something that must be opened before it is used."""

    def __init__(self) -> None:
        self.open = False


def lazy_singleton() -> None:
    registry = Registry()
    got: list[Connection] = []

    def use() -> None:
        got.append(registry.lazily())

    together(use, use)
    assert got[0] is got[1]


def lazy_singleton_right() -> None:
    registry = Registry()
    got: list[Connection] = []

    def use() -> None:
        got.append(registry.lazily_right())

    together(use, use)
    assert got[0] is got[1]


def double_checked() -> None:
    registry = Registry()

    def use() -> None:
        assert registry.double_checked().open, "used before it was opened"

    together(use, use)


def double_checked_right() -> None:
    registry = Registry()

    def use() -> None:
        assert registry.double_checked_right().open, "used before it was opened"

    together(use, use)


def dict_iteration() -> None:
    users = {"ann": 1, "bob": 2}

    def report() -> None:
        for _name in users:
            pass

    def arrive() -> None:
        users["cid"] = 3

    together(report, arrive)


def dict_iteration_right() -> None:
    users = {"ann": 1, "bob": 2}

    def report() -> None:
        for _name in list(users):
            pass

    def arrive() -> None:
        users["cid"] = 3

    together(report, arrive)


class Gate:
    """Says in which order two locks are taken."""

    def __init__(self) -> None:
        self.reverse = False
        self.a = threading.Lock()
        self.b = threading.Lock()


def gated_abba() -> None:
    gate = Gate()

    def one() -> None:
        gate.reverse = True
        with gate.a, gate.b:
            gate.reverse = False

    def other() -> None:
        if gate.reverse:
            with gate.b, gate.a:
                pass

    together(one, other)


def gated_abba_right() -> None:
    gate = Gate()

    def one() -> None:
        gate.reverse = True
        with gate.a, gate.b:
            gate.reverse = False

    def other() -> None:
        if gate.reverse:
            with gate.a, gate.b:
                pass

    together(one, other)


# -- nine faults in the use of locks and waits -----------------------------------------------------


def abba() -> None:
    a, b = threading.Lock(), threading.Lock()

    def one() -> None:
        with a, b:
            pass

    def other() -> None:
        with b, a:
            pass

    together(one, other)


def abba_right() -> None:
    a, b = threading.Lock(), threading.Lock()

    def both() -> None:
        with a, b:
            pass

    together(both, both)


def philosophers() -> None:
    forks = [threading.Lock() for _ in range(3)]

    def dine(seat: int) -> None:
        with forks[seat], forks[(seat + 1) % 3]:
            pass

    together(lambda: dine(0), lambda: dine(1), lambda: dine(2))


def philosophers_right() -> None:
    forks = [threading.Lock() for _ in range(3)]

    def dine(seat: int) -> None:
        low, high = sorted((seat, (seat + 1) % 3))
        with forks[low], forks[high]:
            pass

    together(lambda: dine(0), lambda: dine(1), lambda: dine(2))


def split_critical_section() -> None:
    counter = Counter()
    lock = threading.Lock()

    def add() -> None:
        with lock:
            seen = counter.n
        with lock:
            counter.n = seen + 1

    together(add, add)
    assert counter.n == 2


def split_critical_section_right() -> None:
    counter = Counter()
    lock = threading.Lock()

    def add() -> None:
        with lock:
            seen = counter.n
            counter.n = seen + 1

    together(add, add)
    assert counter.n == 2


def join_under_lock() -> None:
    lock = threading.Lock()

    def work() -> None:
        with lock:
            pass

    worker = threading.Thread(target=work)
    worker.start()
    with lock:
        worker.join()


def join_under_lock_right() -> None:
    lock = threading.Lock()

    def work() -> None:
        with lock:
            pass

    worker = threading.Thread(target=work)
    worker.start()
    with lock:
        pass
    worker.join()


def queue_check_then_act() -> None:
    jobs: queue.Queue[int] = queue.Queue()
    jobs.put(1)

    def work() -> None:
        if not jobs.empty():
            jobs.get(block=False)

    together(work, work)


def queue_check_then_act_right() -> None:
    jobs: queue.Queue[int] = queue.Queue()
    jobs.put(1)

    def work() -> None:
        try:
            jobs.get(block=False)
        except queue.Empty:
            pass

    together(work, work)


def lost_wakeup() -> None:
    condition = threading.Condition()

    def wait() -> None:
        with condition:
            condition.wait()

    def wake() -> None:
        with condition:
            condition.notify()

    together(wait, wake)


def lost_wakeup_right() -> None:
    condition = threading.Condition()
    ready: list[bool] = []

    def wait() -> None:
        with condition:
            while not ready:
                condition.wait()

    def wake() -> None:
        with condition:
            ready.append(True)
            condition.notify()

    together(wait, wake)


def if_instead_of_while() -> None:
    condition = threading.Condition()
    items: list[int] = []

    def take() -> None:
        with condition:
            if not items:
                condition.wait()
            items.pop()

    def steal() -> None:
        with condition:
            if items:
                items.pop()

    def refill() -> None:
        for item in (1, 2):
            with condition:
                items.append(item)
                condition.notify_all()

    together(take, refill, steal)


def if_instead_of_while_right() -> None:
    condition = threading.Condition()
    items: list[int] = []

    def take() -> None:
        with condition:
            while not items:
                condition.wait()
            items.pop()

    def steal() -> None:
        with condition:
            if items:
                items.pop()

    def refill() -> None:
        for item in (1, 2):
            with condition:
                items.append(item)
                condition.notify_all()

    together(take, refill, steal)


def permits_taken_piecemeal() -> None:
    permits = threading.Semaphore(2)

    def work() -> None:
        permits.acquire()
        permits.acquire()
        permits.release()
        permits.release()

    together(work, work)


def permits_taken_piecemeal_right() -> None:
    permits = threading.Semaphore(2)
    both = threading.Lock()

    def work() -> None:
        with both:
            permits.acquire()
            permits.acquire()
        permits.release()
        permits.release()

    together(work, work)


def event_cleared() -> None:
    ready = threading.Event()

    def wait() -> None:
        ready.wait()

    def pulse() -> None:
        ready.set()
        ready.clear()

    together(wait, pulse)


def event_cleared_right() -> None:
    ready = threading.Event()

    def wait() -> None:
        ready.wait()

    together(wait, ready.set)


# -- six right programs ----------------------------------------------------------------------------


class Account:
    """Accounts are locked in the order of their numbers."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = threading.Lock()
        self.balance = 100


def ordered_accounts() -> None:
    accounts = [Account(1), Account(2)]

    def transfer(source: Account, target: Account) -> None:
        first, second = sorted((source, target), key=lambda account: account.number)
        with first.lock, second.lock:
            source.balance -= 10
            target.balance += 10

    together(lambda: transfer(*accounts), lambda: transfer(*reversed(accounts)))
    assert [account.balance for account in accounts] == [100, 100]


def producer_and_consumer() -> None:
    jobs: queue.Queue[int | None] = queue.Queue(1)
    done: list[int] = []

    def produce() -> None:
        jobs.put(1)
        jobs.put(2)
        jobs.put(None)

    def consume() -> None:
        while (job := jobs.get()) is not None:
            done.append(job)

    together(produce, consume)
    assert done == [1, 2]


class Worker(threading.Thread):
    """A subclass with a result."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.square = 0

    def run(self) -> None:
        self.square = self.number**2


def thread_subclass() -> None:
    workers = [Worker(2), Worker(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.square for worker in workers] == [4, 9]


def phases() -> None:
    barrier = threading.Barrier(2)
    first = [0, 0]
    second = [0, 0]

    def work(place: int) -> None:
        first[place] = place + 1
        barrier.wait()
        second[place] = sum(first)

    together(lambda: work(0), lambda: work(1))
    assert second == [3, 3]


def reentrant() -> None:
    lock = threading.RLock()
    counter = Counter()

    def inner() -> None:
        with lock:
            counter.n += 1

    def outer() -> None:
        with lock:
            inner()

    together(outer, outer)
    assert counter.n == 2


def atomic_steps() -> None:
    found: list[int] = []
    by_name: dict[str, int] = {}

    def work(number: int) -> None:
        found.append(number)
        by_name.setdefault("first", number)

    together(lambda: work(1), lambda: work(2))
    assert sorted(found) == [1, 2]
    assert by_name["first"] in (1, 2)


def locked_counter() -> None:
    """Three threads count twice under a lock: for speed."""
    counter = Counter()
    lock = threading.Lock()

    def add() -> None:
        for _ in range(2):
            with lock:
                counter.n += 1

    together(add, add, add)
    assert counter.n == 6


def plain_counter() -> None:
    """Two threads count twice without one: for speed, so nothing is asserted."""
    counter = Counter()

    def add() -> None:
        for _ in range(2):
            counter.n += 1

    together(add, add)


DATA = (
    "attribute_update", "dict_update", "global_update", "list_update", "dict_check_then_act",
    "lazy_singleton", "double_checked", "dict_iteration", "gated_abba",
)  # fmt: skip
"""Faults in ordinary data."""
WAITS = (
    "abba", "philosophers", "split_critical_section", "join_under_lock", "queue_check_then_act",
    "lost_wakeup", "if_instead_of_while", "permits_taken_piecemeal", "event_cleared",
)  # fmt: skip
"""Faults in the use of locks and waits."""
BUGGY = DATA + WAITS
RIGHT = (
    "ordered_accounts", "producer_and_consumer", "thread_subclass", "phases", "reentrant",
    "atomic_steps",
)  # fmt: skip
TWINS = tuple(f"{name}_right" for name in BUGGY)
SPEED = ("locked_counter", "plain_counter")
