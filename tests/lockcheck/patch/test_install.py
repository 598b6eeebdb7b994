"""`install()` is noticed by nobody but the checker: the traps of patching, one test each."""

from __future__ import annotations

import concurrent.futures
import gc
import logging
import os
import pickle
import queue
import signal
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

import pytest

import lockcheck
from lockcheck import patch, sync
from lockcheck.patch.faces import LOCK_IS_TYPE


class BeforeThread(threading.Thread):
    """A Thread subclass as most programs write it, defined before install()."""

    def __init__(self) -> None:
        threading.Thread.__init__(self)
        self.state = "mine"
        self.exception = "mine too"

    def run(self) -> None:
        self.state = "ran"


class BeforeEvent(threading.Event):
    def __init__(self) -> None:
        threading.Event.__init__(self)


class BeforeQueue(queue.Queue[Any]):
    def __init__(self) -> None:
        queue.Queue.__init__(self, 2)


BEFORE_LOCK = threading.Lock()
BEFORE_EVENT = threading.Event()


@pytest.fixture
def chk() -> Iterator[lockcheck.Checker]:
    """An installed checker; whatever the test did, everything is put back."""
    made = lockcheck.Checker()
    lockcheck.install(made)
    yield made
    lockcheck.uninstall()


def kinds(chk: lockcheck.Checker) -> list[str]:
    return [report.kind for report in chk.reports if report.severity != "class-only"]


def test_the_very_classes_of_sync_stand_in_threadings_place(chk: lockcheck.Checker) -> None:
    """Whatever threading and queue make is lockcheck's, bound to the installed checker."""
    made = {
        threading.Lock(): sync.Lock,
        threading.RLock(): sync.RLock,
        threading.Condition(): sync.Condition,
        threading.Event(): sync.Event,
        threading.Semaphore(): sync.Semaphore,
        threading.BoundedSemaphore(): sync.BoundedSemaphore,
        threading.Barrier(2): sync.Barrier,
        queue.Queue(): sync.Queue,
        queue.LifoQueue(): sync.Queue,
        queue.PriorityQueue(): sync.Queue,
        queue.SimpleQueue(): sync.SimpleQueue,
    }
    for thing, cls in made.items():
        assert isinstance(thing, cls)
        assert thing.chk is chk  # type: ignore[attr-defined]


def test_uninstall_puts_every_name_back() -> None:
    """Nothing of ours is left in threading, queue, signal, gc and os."""
    places: list[tuple[Any, str]] = [
        *((threading, name) for name in ("Lock", "RLock", "Condition", "Event", "Barrier")),
        *((threading.Thread, name) for name in ("start", "join", "__init__", "native_id")),
        *((queue, name) for name in ("Queue", "SimpleQueue")),
        (signal, "signal"),
        (os, "register_at_fork"),
        (logging, "_lock"),
    ]
    before = [vars(owner)[name] for owner, name in places]
    callbacks = list(gc.callbacks)
    lockcheck.install(lockcheck.Checker())
    during = [vars(owner)[name] for owner, name in places]
    lockcheck.uninstall()

    assert all(a is not b for a, b in zip(before, during, strict=True))
    assert [vars(owner)[name] for owner, name in places] == before
    assert gc.callbacks == callbacks


def test_installing_twice_is_once_and_another_checker_is_refused(chk: lockcheck.Checker) -> None:
    """The same checker is returned; a second one is an error."""
    assert lockcheck.install() is chk
    with pytest.raises(RuntimeError, match="installed already"):
        lockcheck.install(lockcheck.Checker())


def test_objects_made_before_are_still_instances(chk: lockcheck.Checker) -> None:
    """isinstance and issubclass know what was made or defined before."""
    if LOCK_IS_TYPE:
        assert isinstance(BEFORE_LOCK, threading.Lock)  # type: ignore[arg-type]
    else:
        with pytest.raises(TypeError, match="must be a type"):
            isinstance(BEFORE_LOCK, threading.Lock)  # type: ignore[arg-type]
    assert isinstance(BEFORE_EVENT, threading.Event)
    assert isinstance(BeforeQueue(), queue.Queue)
    assert isinstance(threading.main_thread(), threading.Thread)
    assert issubclass(threading.BoundedSemaphore, threading.Semaphore)
    assert issubclass(queue.PriorityQueue, queue.Queue)
    assert not isinstance(threading.Event(), threading.Condition)
    with BEFORE_LOCK:
        pass


def test_names_work_as_types_attributes_and_values(chk: lockcheck.Checker) -> None:
    """`Lock | None`, `Queue[int]`, a class attribute that is called through self, pickling."""

    class Holder:
        make = threading.Lock
        maker = queue.Queue

    if LOCK_IS_TYPE:
        assert isinstance(None, threading.Lock | None)  # type: ignore[operator,arg-type]
    assert isinstance(Holder().make(), sync.Lock)
    assert isinstance(Holder().maker(), sync.Queue)
    assert isinstance(queue.Queue[int], types.GenericAlias)
    for thing in (threading.Lock, threading.Event, queue.Queue):
        assert pickle.loads(pickle.dumps(thing)) is thing


@pytest.mark.parametrize("name", ["Lock", "RLock", "Event", "Condition", "Semaphore"])
def test_a_lock_is_as_unpicklable_as_ever(chk: lockcheck.Checker, name: str) -> None:
    """A lock cannot be copied to another process by mistake."""
    with pytest.raises(TypeError):
        pickle.dumps(getattr(threading, name)())


def test_subclasses_defined_before_keep_working(chk: lockcheck.Checker) -> None:
    """`threading.Thread.__init__(self)` in their bodies, and attributes named as ours."""
    thread = BeforeThread()
    thread.start()
    thread.join()
    event = BeforeEvent()
    event.set()
    line = BeforeQueue()
    line.put(1)

    assert (thread.state, thread.exception) == ("ran", "mine too")
    assert event.wait(0)
    assert line.get() == 1
    assert chk.reports == []


def test_subclasses_defined_afterwards_keep_working(chk: lockcheck.Checker) -> None:
    """Of Thread, Event, Condition, and a Queue with storage of its own."""

    class Once(queue.Queue[Any]):
        def _init(self, maxsize: int) -> None:
            self.queue: Any = {}

        def _qsize(self) -> int:
            return len(self.queue)

        def _put(self, item: Any) -> None:
            self.queue[item] = None

        def _get(self) -> Any:
            return self.queue.popitem()[0]

    class Told(threading.Thread):
        def run(self) -> None:
            self.told = threading.current_thread() is self

    class Flag(threading.Event):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.label = name

    line = Once()
    for item in (1, 1, 2):
        line.put(item)
    thread = Told()
    thread.start()
    thread.join()

    assert line.qsize() == 2
    assert thread.told
    assert Flag("x").label == "x"


def test_the_well_known_way_to_empty_a_queue_works(chk: lockcheck.Checker) -> None:
    """`with q.mutex: q.queue.clear()`, and its conditions notified by hand."""
    line: queue.Queue[int] = queue.Queue(1)
    line.put(1)
    full = threading.Thread(target=line.put, args=(2,))
    full.start()
    with line.mutex:
        line.queue.clear()
        line.unfinished_tasks = 0
        line.not_full.notify_all()
        line.all_tasks_done.notify_all()
    full.join(30)

    assert line.get() == 2


def test_simple_queue_put_is_reentrant(chk: lockcheck.Checker) -> None:
    """A finaliser may put while the same thread is inside the same queue."""
    line: queue.SimpleQueue[str] = queue.SimpleQueue()
    with line._gate:  # type: ignore[attr-defined]
        line.put("from a finaliser")

    assert line.get(timeout=30) == "from a finaliser"


def test_the_allocation_site_names_the_class(chk: lockcheck.Checker) -> None:
    """By what it is assigned to; two on one line are two classes."""

    class Account:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.a, self.b = threading.Lock(), threading.RLock()

    one, two = Account(), Account()

    assert one.lock.cls is two.lock.cls  # type: ignore[attr-defined]
    assert one.lock.cls.name.endswith("Account.__init__.lock")  # type: ignore[attr-defined]
    assert {one.a.cls.name[-1], one.b.cls.name[-1]} == {"a", "b"}  # type: ignore[attr-defined]


def test_an_inversion_in_plain_threading_code_is_found(chk: lockcheck.Checker) -> None:
    """Two threads that nothing orders, but a flag no checker sees."""
    a, b = threading.Lock(), threading.Lock()
    turn = [0]

    def one() -> None:
        with a, b:
            pass
        turn[0] = 1

    def two() -> None:
        while not turn[0]:
            pass
        with b, a:
            pass

    threads = [threading.Thread(target=body) for body in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert kinds(chk) == ["circular"]


def test_threads_are_known_by_start_and_join(chk: lockcheck.Checker) -> None:
    """The same inversion, the threads one after the other: not possible, not reported so."""
    a, b = threading.Lock(), threading.Lock()

    def body(x: Any, y: Any) -> None:
        with x, y:
            pass

    for args in ((a, b), (b, a)):
        thread = threading.Thread(target=body, args=args)
        thread.start()
        thread.join()

    assert kinds(chk) == []


def test_a_lock_held_at_the_end_of_a_thread_is_reported(chk: lockcheck.Checker) -> None:
    """Also in a subclass that was defined before."""
    lock = threading.Lock()
    thread = threading.Thread(target=lock.acquire, name="forgetful")
    thread.start()
    thread.join()

    assert kinds(chk) == ["held-at-exit"]
    assert "forgetful" in chk.reports[0].title


def test_a_lock_released_by_another_thread_is_a_signal_not_a_recursion(
    chk: lockcheck.Checker,
) -> None:
    """threading.Lock allows it, and waiting for it is no deadlock."""
    lock = threading.Lock()
    lock.acquire()
    thread = threading.Thread(target=lock.release)
    thread.start()
    lock.acquire()
    thread.join()
    lock.release()

    assert kinds(chk) == []


def test_an_executor_is_clean(chk: lockcheck.Checker) -> None:
    """map, wait, as_completed, exceptions, shutdown: no finding."""
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(abs, range(30))) == sum(range(30))
        failed = pool.submit(lambda: 1 // 0)
        assert isinstance(failed.exception(), ZeroDivisionError)
        done, _ = concurrent.futures.wait([pool.submit(abs, -1) for _ in range(9)])
        assert len(done) == 9

    assert kinds(chk) == []


def test_loggings_own_locks_are_covered(chk: lockcheck.Checker) -> None:
    """Half of the best-known inversion: a handler that takes a lock which is held while logging."""
    assert isinstance(logging._lock, sync.RLock)  # type: ignore[attr-defined]
    account = threading.Lock()

    class Taking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            with account:
                pass

    log = logging.Logger("odd")
    log.addHandler(Taking())
    turn = [0]

    def logs() -> None:
        log.warning("x")
        turn[0] = 1

    def works() -> None:
        while not turn[0]:
            pass
        with account:
            handler = log.handlers[0]
            handler.acquire()
            handler.release()

    threads = [threading.Thread(target=body) for body in (logs, works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert kinds(chk) == ["circular"]


def test_a_signal_handler_that_takes_a_lock_is_found(chk: lockcheck.Checker) -> None:
    """The lock is also held where the signal can strike; getsignal shows the program's handler."""
    lock = threading.Lock()

    def handler(_number: int, _frame: object) -> None:
        with lock:
            pass

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        assert signal.getsignal(signal.SIGUSR1) is handler
        with lock:
            pass
        os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        assert signal.signal(signal.SIGUSR1, before) is handler

    assert kinds(chk) == ["inverted-context"]


@pytest.mark.parametrize(
    ("blocked", "found"), [(signal.SIGUSR1, []), (signal.SIGUSR2, ["inverted-context"])]
)
def test_only_the_handlers_own_signal_keeps_it_away(
    chk: lockcheck.Checker, blocked: signal.Signals, found: list[str]
) -> None:
    """A lock that USR1's handler takes is safe with USR1 blocked, whoever else has a handler."""
    lock = threading.Lock()

    def handler(number: int, frame: object) -> None:
        with lock:
            pass

    before = {each: signal.signal(each, handler) for each in (signal.SIGUSR1, signal.SIGUSR2)}
    signal.signal(signal.SIGUSR2, lambda number, frame: None)
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, {blocked})
        with lock:
            pass
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {blocked})
        os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        for each, own in before.items():
            signal.signal(each, own)

    assert kinds(chk) == found


def test_a_lock_taken_with_its_signal_blocked_cannot_be_struck(chk: lockcheck.Checker) -> None:
    """pthread_sigmask keeps handlers away, while it blocks every signal that has one."""
    masked, open_ = threading.Lock(), threading.Lock()
    handled = {signal.SIGUSR1, signal.SIGALRM}  # pytest-timeout has a handler, too

    def handler(number: int, frame: object) -> None:
        with masked:
            pass

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, handled)
        with masked:
            pass
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handled)
        with open_:
            pass
        os.kill(os.getpid(), signal.SIGUSR1)
        assert [r.kind for r in chk.reports] == []

        with masked:
            pass
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert [r.kind for r in chk.reports] == ["inverted-context"]


def test_a_lock_held_by_other_threads_cannot_be_struck_by_a_signal(chk: lockcheck.Checker) -> None:
    """Python's handlers run in the main thread only."""
    lock = threading.Lock()

    def handler(_number: int, _frame: object) -> None:
        with lock:
            pass

    def body() -> None:
        with lock:
            pass

    before = signal.signal(signal.SIGUSR1, handler)
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)

    assert kinds(chk) == []


def test_a_finaliser_that_takes_a_lock_is_found(chk: lockcheck.Checker) -> None:
    """`__del__` of an object in a cycle runs wherever the collector does."""
    lock = threading.Lock()

    class Cyclic:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            with lock:
                pass

    with lock:
        pass
    Cyclic()
    gc.collect()

    assert kinds(chk) == ["inverted-context"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_while_another_thread_holds_a_lock_is_reported(chk: lockcheck.Checker) -> None:
    """Not for locks that logging makes again in the child; the child itself continues."""
    lock = threading.Lock()
    held, over = threading.Event(), threading.Event()

    def holder() -> None:
        with lock:
            held.set()
            over.wait(30)

    def forked() -> int:
        pid = os.fork()
        if pid == 0:
            alone = threading.active_count() == 1
            threading.Thread(target=lambda: None).start()
            os._exit(0 if alone else 1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert forked() == 0
    assert kinds(chk) == []
    thread = threading.Thread(target=holder)
    thread.start()
    held.wait(30)
    assert forked() == 0
    over.set()
    thread.join()

    assert kinds(chk) == ["held-at-fork"]


def test_names_imported_before_are_exchanged_and_put_back() -> None:
    """A module that said `from threading import Lock` follows."""
    module = types.ModuleType("early")
    exec("from threading import Lock, Event\nfrom queue import Queue", module.__dict__)
    sys.modules["early"] = module
    try:
        chk = lockcheck.install(lockcheck.Checker())
        assert module.Lock().chk is chk
        assert module.Queue().chk is chk
        lockcheck.uninstall()
        assert module.Lock is threading.Lock
        assert module.Event is threading.Event
    finally:
        lockcheck.uninstall()
        del sys.modules["early"]


def test_what_was_made_while_installed_works_afterwards() -> None:
    """Locks and threads outlive the checker."""
    lockcheck.install(lockcheck.Checker())
    lock = threading.Lock()
    line: queue.Queue[int] = queue.Queue()
    thread = threading.Thread(target=lambda: line.put(1))
    thread.start()
    lockcheck.uninstall()
    with lock:
        assert line.get(timeout=30) == 1
    thread.join()

    assert not thread.is_alive()


def test_the_machinery_itself_is_never_checked(chk: lockcheck.Checker) -> None:
    """A plain thread is no thread of the program; rebinding changes who owns what is new."""
    from lockcheck.sync.plain import PlainThread

    seen = len(chk.threads)
    thread = PlainThread(lambda: None, "mine")
    thread.start()
    thread.join()
    other = lockcheck.Checker()
    patch.rebind(other)

    assert len(chk.threads) == seen
    assert threading.Lock().chk is other  # type: ignore[attr-defined]


def test_a_signal_handler_may_take_an_rlock_that_its_thread_holds(chk: lockcheck.Checker) -> None:
    """Re-entry by the owner is no deadlock."""
    lock = threading.RLock()

    def handler(_number: int, _frame: object) -> None:
        with lock:
            pass

    before = signal.signal(signal.SIGUSR1, handler)
    with lock:
        os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)

    assert kinds(chk) == []
