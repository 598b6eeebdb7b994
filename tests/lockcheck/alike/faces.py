"""What a program sees of threading's and queue's objects, printed to be compared.

Run as a script, plainly and under `lockcheck run`: each function prints under its own heading.
Nothing here knows of lockcheck.
"""

from __future__ import annotations

import copy
import pickle
import queue
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

MAKERS: dict[str, Callable[[], Any]] = {
    "Lock": lambda: threading.Lock(),
    "RLock": lambda: threading.RLock(),
    "Condition": lambda: threading.Condition(),
    "Condition(Lock)": lambda: threading.Condition(threading.Lock()),
    "Event": lambda: threading.Event(),
    "Semaphore": lambda: threading.Semaphore(),
    "Semaphore(2)": lambda: threading.Semaphore(2),
    "BoundedSemaphore": lambda: threading.BoundedSemaphore(),
    "Barrier": lambda: threading.Barrier(2),
    "Queue": lambda: queue.Queue(),
    "Queue(1)": lambda: queue.Queue(1),
    "LifoQueue": lambda: queue.LifoQueue(),
    "PriorityQueue": lambda: queue.PriorityQueue(),
    "SimpleQueue": lambda: queue.SimpleQueue(),
}


def outcome(call: Callable[[], Any]) -> str:
    """What a call returns or raises, without addresses."""
    try:
        value = call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return f"{type(value).__name__} {value!r}" if isinstance(value, SIMPLE) else shape(value)


SIMPLE = (bool, int, float, str, bytes, tuple, list, type(None))


def shape(value: Any) -> str:
    """The type's name and module."""
    cls = type(value)
    return f"<{cls.__module__}.{cls.__qualname__}>"


def probe(maker: str, text: str) -> None:
    """Evaluate `text` with `x` a fresh object, and print what becomes of it."""
    x = MAKERS[maker]()
    names = {"x": x, "threading": threading, "queue": queue, "copy": copy, "pickle": pickle,
             "weakref": weakref}  # fmt: skip
    print(f"{maker}: {text} -> {outcome(lambda: eval(text, names))}")


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


LOCKING = lines("""
x.acquire("x")
x.acquire(subclass=1)
x.acquire(nest=x)
x.acquire(1, 2, 3)
x.acquire(False, 1)
x.acquire(True, -2)
x.acquire(True, 1e300)
x.acquire(True, "1")
x.acquire(True, None)
x.acquire(None)
x.acquire(blocking=0)
x.acquire(1, 1)
x.acquire(timeout=1)
x.acquire(timeout=0)
x.acquire(True, float("nan"))
x.acquire(blocked=1)
x.release()
x.release(1)
x.__enter__(1)
x.__exit__()
x.__exit__(1, 2)
x.foo
x.chk
x.name
setattr(x, "foo", 1)
x.locked()
x.locked(1)
x._is_owned()
x._recursion_count()
x._release_save()
x._acquire_restore(None)
x.acquire_lock(False)
x.release_lock()
x.locked_lock()
hasattr(x, "__dict__")
isinstance(hash(x), int)
x == x
len(x)
iter(x)
type(x)()
type(x)(1)
type(x).__name__
type(x).__module__
type(x).__qualname__
repr(x).split(" at ")[0]
str(x).split(" at ")[0]
isinstance(x, threading.Lock)
isinstance(x, threading.RLock)
isinstance(x, type(threading.Lock()))
type(x) is type(threading.Lock())
type(x) is type(threading.RLock())
type(x) is threading.Lock
pickle.dumps(x)
copy.copy(x)
copy.deepcopy(x)
copy.deepcopy([x])
weakref.ref(x)() is x
callable(x.acquire)
x.acquire.__name__
""")

FACTORIES = lines("""
threading.Lock(1)
threading.Lock(name="x")
threading.RLock(1)
threading.RLock(name="x")
threading.Condition(1)
threading.Condition(threading.Event())
threading.Condition(None, 1)
threading.Event(1)
threading.Semaphore("x")
threading.Semaphore(-1)
threading.Semaphore(1.5)
threading.Semaphore(value=2)
threading.BoundedSemaphore(-1)
threading.Barrier(0)
threading.Barrier(-1)
threading.Barrier("x")
threading.Barrier()
queue.Queue("x")
queue.Queue(None)
queue.SimpleQueue(1)
queue.Queue(maxsize=-1).full()
threading.Thread(1)
threading.Thread(target=1).name.split("-")[0]
threading.Lock.__name__
threading.RLock.__name__
threading.Lock.__module__
threading.RLock.__module__
threading.Lock.__qualname__
queue.SimpleQueue.__module__
queue.Queue.__module__
queue.Queue.__name__
threading.Event.__module__
threading.Condition.__qualname__
threading.Lock | None and 1
pickle.loads(pickle.dumps(threading.Lock)) is threading.Lock
pickle.loads(pickle.dumps(threading.RLock)) is threading.RLock
pickle.loads(pickle.dumps(threading.Event)) is threading.Event
pickle.loads(pickle.dumps(queue.SimpleQueue)) is queue.SimpleQueue
issubclass(threading.BoundedSemaphore, threading.Semaphore)
issubclass(queue.LifoQueue, queue.Queue)
threading.Event.__mro__[-2].__name__
[c.__name__ for c in threading.Semaphore.__mro__]
[c.__name__ for c in queue.PriorityQueue.__mro__]
threading.active_count()
[t.name for t in threading.enumerate()]
threading.get_ident() == threading.main_thread().ident
threading.Lock.__doc__ is None
threading.Event.__doc__.split(".")[0]
""")

KINDS: dict[str, str] = {
    "Condition": """
x._lock.acquire()
x._waiters
list(x._waiters)
x.acquire(False)
x.acquire("x")
x.acquire(subclass=1)
x.release()
x.wait()
x.wait("x")
x.notify()
x.notify("x")
x.notify_all()
x.wait_for(1)
x.wait_for(lambda: 1)
x._is_owned()
x.acquire() and x.wait(0)
x.acquire() and x.wait(-1)
x.acquire() and x.wait(float("nan"))
x.acquire() and x.notify(0)
x.acquire() and x.notify("x")
x.acquire() and x.wait_for(lambda: 0, 0)
x.acquire() and x.wait("x")
x.acquire() and x.notify_all()
x.acquire() and x.locked()
repr(x).split("(")[0]
""",
    "Event": """
x._cond
x._cond.acquire()
x._cond.acquire() and x._cond.notify_all()
x._cond._lock.locked()
x._flag
x.wait(0)
x.wait(-1)
x.wait(float("nan"))
x.wait("x")
x.set(1)
x.set() or x.wait("x")
x.set() or x._flag
x.set() or x.is_set()
x.isSet()
x.clear()
x.clear(1)
repr(x).split(" at ")[0]
repr(x).split(": ")[-1]
x.acquire()
""",
    "Semaphore": """
x._cond
x._cond.acquire()
x._cond._lock.locked()
x._value
x.acquire(False)
x.acquire(False, 1)
x.acquire("x")
x.acquire(True, "x")
x.acquire() and x.acquire(True, "x")
x.acquire(subclass=1)
x.acquire() and x.acquire(timeout=0)
x.acquire() and x.acquire(timeout=-1)
x.acquire() and x._value
x.release(0)
x.release("x")
x.release(2) or x._value
x.release(1.5)
x.locked()
repr(x).split(": ")[-1]
x.__enter__(1)
""",
    "BoundedSemaphore": """
x.release()
x._initial_value
x._cond
x.acquire() and x.release(2)
x.acquire() and x.release(0)
repr(x).split(": ")[-1]
""",
    "Barrier": """
x._state
x._count
x._cond
x._parties
x._action
x._timeout
x.parties
x.n_waiting
x.broken
x.wait(0)
x.wait(-1)
x.wait("x")
x.abort() or x._state
x.abort() or x.wait()
x.abort() or x.broken
x.reset() or x._state
x.abort() or x.reset() or x.broken
x.reset(1)
repr(x).split(": ")[-1]
""",
    "Queue": """
x.mutex
x.mutex.acquire()
x.mutex.locked()
x.not_empty
x.not_full
x.all_tasks_done
x.not_empty._lock is x.mutex
x.not_empty.notify()
x.not_empty.wait()
x.not_empty.acquire() and x.not_empty.notify()
x.not_empty.acquire() and x.mutex.locked()
x.not_empty.acquire() and x.not_empty.wait(0)
x.mutex.acquire() and x.not_empty.notify_all()
list(x.not_empty._waiters)
x.queue
x.maxsize
x.unfinished_tasks
x.is_shutdown
x.task_done()
x.get(False)
x.get(timeout=-1)
x.get(timeout="x")
x.get(True, 0)
x.get_nowait()
x.put(1)
x.put(1, timeout=-1)
x.put(1) or x.get()
x.put(1) or x.qsize()
x.put(1) or list(x.queue)
x.put(1) or x.queue.clear() or x.empty()
x.put()
x.get(1, 2, 3)
x.join()
x.empty()
x.full()
sorted(n for n in vars(x) if not n.startswith("_lockcheck"))
""",
    "SimpleQueue": """
x.get(False)
x.get(timeout=-1)
x.get(timeout="x")
x.get_nowait()
x.put(1) or x.get()
x.put(1, block=False, timeout=-1)
x.put()
x.put(1) or x.qsize()
x.empty()
x.full()
x.task_done()
x.mutex
x.queue
x.maxsize
x.foo
setattr(x, "foo", 1)
hasattr(x, "__dict__")
weakref.ref(x)() is x
""",
}

COMMON = lines("""
x.foo
setattr(x, "foo", 1)
hasattr(x, "__dict__")
type(x).__name__
type(x).__module__
pickle.dumps(x)
copy.copy(x)
copy.deepcopy(x)
x.chk
x.name
""")


def locks() -> None:
    for text in LOCKING:
        probe("Lock", text)


def rlocks() -> None:
    for text in LOCKING:
        if "_recursion_count" not in text:
            probe("RLock", text)


def factories() -> None:
    for text in FACTORIES:
        probe("Event", text)


def conditions() -> None:
    for maker in ("Condition", "Condition(Lock)"):
        _all(maker, "Condition")


def events() -> None:
    _all("Event", "Event")


def semaphores() -> None:
    for maker in ("Semaphore", "Semaphore(2)", "BoundedSemaphore"):
        _all(maker, "Semaphore")
    _all("BoundedSemaphore", "BoundedSemaphore")


def barriers() -> None:
    _all("Barrier", "Barrier")


def queues() -> None:
    for maker in ("Queue", "Queue(1)", "LifoQueue", "PriorityQueue"):
        _all(maker, "Queue")


def simple_queues() -> None:
    _all("SimpleQueue", "SimpleQueue")


def _all(maker: str, kind: str) -> None:
    for text in [*lines(KINDS[kind]), *COMMON]:
        probe(maker, text)


def shutdown_queue() -> None:
    """3.13's `shutdown`, where it is."""
    if not hasattr(queue.Queue, "shutdown"):
        return
    made: Any = queue.Queue()
    made.put(1)
    made.put(2)
    made.shutdown()
    print(outcome(lambda: made.put(3)), outcome(made.get), made.is_shutdown)
    made.shutdown(immediate=True)
    print(outcome(made.get), made.qsize(), made.unfinished_tasks)


def notify_by_hand() -> None:
    """A waiter on `not_empty` is woken by a notify, whatever is in the queue."""
    made: Any = queue.Queue()
    woken = []

    def wait() -> None:
        with made.not_empty:
            woken.append(made.not_empty.wait(5))

    thread = threading.Thread(target=wait)
    thread.start()
    while not made.not_empty._waiters:
        time.sleep(0.001)  # nothing says that a thread waits now; asked until it does
    with made.mutex:
        made.not_empty.notify()
    thread.join()
    print(woken, made.qsize())


def event_cond_by_hand() -> None:
    """`Event._cond` guards the flag, and notifies who waits."""
    event: Any = threading.Event()
    done = []
    thread = threading.Thread(target=lambda: done.append(event.wait(5)))
    thread.start()
    with event._cond:
        event._flag = True
        event._cond.notify_all()
    thread.join()
    print(done, event.is_set())


def subclasses() -> None:
    """Subclasses with state of their own and overridden methods."""

    class MyEvent(threading.Event):
        def __init__(self, tag: str) -> None:
            super().__init__()
            self.tag = tag

        def set(self) -> None:
            self.tag += "!"
            super().set()

    class MyCondition(threading.Condition):
        def notify(self, n: int = 1) -> None:
            print("notify", n)
            super().notify(n)

    class MySemaphore(threading.Semaphore):
        pass

    event = MyEvent("t")
    event.set()
    print(event.tag, event.is_set(), event.wait(0))
    with MyCondition() as got:
        print(got)
    with MyCondition() as _, MySemaphore() as unit:
        print(unit)
    condition = MyCondition()
    with condition:
        condition.notify()
        condition.notify_all()
    for base in ("Lock", "RLock"):
        print(
            base, outcome(lambda base=base: type("Mine", (getattr(threading, base),), {}).__name__)
        )  # type: ignore[misc]


PROGRAMS = (
    locks, rlocks, factories, conditions, events, semaphores, barriers, queues, simple_queues,
    shutdown_queue, notify_by_hand, event_cond_by_hand, subclasses,
)  # fmt: skip


def main() -> None:
    names = sys.argv[1:]
    for program in PROGRAMS:
        if not names or program.__name__ in names:
            print(f"## {program.__name__}", flush=True)
            program()


if __name__ == "__main__":
    main()
