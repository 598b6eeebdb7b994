"""Drives the pure engine through lock programs: operations in, verdicts out, no real thread.

A program is a list of `[thread, operation, object]` steps as in the recorded lock cases
(`tests/data/lock-cases.json.gz`); the order of the list is the order of events.  A step that would
block is reported to the engine as a thread that blocks and then continues, as in the recorded
traces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockcheck.core.engine import Engine
from lockcheck.core.freed import freed_held
from lockcheck.core.held import READ, RECURSIVE_READ, WRITE, Hold, ThreadState, ref_of
from tests.lockcheck.core.driver_ww import WwSteps
from tests.lockcheck.core.stub import StubEvent, StubLock, Threads
from tests.lockcheck.core.wait_types import SLEEP, WaitTypes
from tests.lockcheck.core.ww import Ww, WwMutex

REENTRANT = ("py_rlock", "py_condition")


class DriverLock(StubLock):
    """A lock of the program: what kind it is, who holds it how often."""

    def __init__(self, engine: Engine, name: str, spec: dict[str, Any]) -> None:
        self.kind = str(spec.get("kind", "py_lock"))
        cmp = _by_name if spec.get("cmp") == "less" else _equal if spec.get("cmp") else None
        key = engine.lock_key(
            str(spec.get("class", name)), name, cmp=cmp, kind=ENGINE_KINDS.get(self.kind, "lock")
        )
        super().__init__(key)
        self.name = name
        key.cls.base.percpu = self.kind == "local"
        self.inner: int = spec.get("inner", SLEEP)
        self.outer: int = spec.get("outer", self.inner)
        self.counts: dict[int, int] = {}


ENGINE_KINDS = {
    "py_rlock": "rlock",
    "py_condition": "rlock",
    "py_semaphore1": "semaphore",
    "rwlock": "rwlock",
    "rwsem": "rwlock",
}


def _equal(held: Any, wanted: Any) -> int:
    return 0


def _by_name(held: Any, wanted: Any) -> int:
    return -1 if held.name < wanted.name else 1


class DriverMap(StubLock):
    """A pseudo-lock: a task, an executor."""

    inner = outer = SLEEP

    def __init__(self, engine: Engine, name: str) -> None:
        super().__init__(engine.lock_key(name, name, kind="map"))


class _End(StubEvent):
    """The end of a thread."""

    class_name = "thread"

    def __init__(self, thread: DriverThread) -> None:
        super().__init__(f"end of {thread.state.name}")
        self.thread = thread

    def holders(self) -> tuple[ThreadState, ...]:
        return (self.thread.state,) if self.thread.state.alive else ()


class DriverThread:
    """A thread of the program."""

    def __init__(self, state: ThreadState) -> None:
        self.state = state
        self.parent_clock = None
        self.end = _End(self)
        self.after: Callable[[], None] | None = None
        """What follows the wait that it is in."""
        self.ended = False


class _Wait:
    """As `seam.Op`, as far as the engine looks."""

    def __init__(self, obj: Any, why: str = "") -> None:
        self.obj = obj
        self.aux = None
        self.timeout = None
        self.repeat = False
        self.idle = False
        self.why = why


class Driver(WwSteps):
    """Runs one program."""

    def __init__(self, locks: dict[str, dict[str, Any]], *, queued: bool = False) -> None:
        self.engine = Engine()
        self.ww = Ww(self.engine)
        self.wait_types = WaitTypes(self.engine)
        self.states = Threads(self.engine)
        self.queued = queued
        self.specs = locks
        self.locks: dict[str, Any] = {}
        self.threads: dict[str, DriverThread] = {}
        self.objects: dict[str, Any] = {}
        for name, spec in locks.items():
            if spec.get("kind") == "ww":
                self.locks[name] = WwMutex(self.engine.lock_key(str(spec["class"]), name))
            else:
                self.locks[name] = DriverLock(self.engine, name, spec)

    def run(self, steps: list[list[Any]]) -> list[Any]:
        """Perform every step, end every thread that was joined; return the reports."""
        for name, operation, obj in steps:
            self.step(name, operation, obj)
        for thread in list(self.threads.values()):
            self.settle(thread)
        for thread in list(self.threads.values()):
            if not thread.ended and not thread.state.holds:
                self.end(thread)
        return self.engine.reports

    def thread(self, name: str) -> DriverThread:
        if name not in self.threads:
            self.threads[name] = DriverThread(self.states.new(name))
        return self.threads[name]

    def step(self, name: str, operation: str, obj: str | None) -> None:
        thread = self.thread(name)
        self.settle(thread)
        verb, _, parameter = operation.partition(":")
        getattr(self, f"do_{verb}")(thread, obj, parameter)

    def settle(self, thread: DriverThread) -> None:
        """A thread that goes on has come back from its wait."""
        if thread.after is not None:
            after, thread.after = thread.after, None
            after()

    def end(self, thread: DriverThread) -> None:
        thread.ended = True
        self.engine.thread_end(thread.state)

    def event(self, name: str, *, once: bool = True) -> StubEvent:
        if name not in self.objects:
            self.objects[name] = StubEvent(name, once=once)
        found: StubEvent = self.objects[name]
        return found

    def map(self, name: str) -> DriverMap:
        if name not in self.objects:
            self.objects[name] = DriverMap(self.engine, name)
        found: DriverMap = self.objects[name]
        return found

    # -- locks --------------------------------------------------------------------------------

    def do_acquire(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.take(thread, name)

    def do_acquire_nest(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.take(thread, name, nest=self.locks[parameter])

    def do_acquire_sub(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.take(thread, name, subclass=int(parameter))

    def do_try_acquire(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.take(thread, name, trylock=True)

    def do_timeout_acquire(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.take(thread, name, trylock=True)

    def do_read_acquire(self, thread: DriverThread, name: str, parameter: str) -> None:
        lock = self.locks[name]
        fair = lock.kind == "rwsem" or (self.queued and not thread.state.contexts)
        self.take(thread, name, mode=READ if fair else RECURSIVE_READ)

    def do_queued_acquire(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.take(thread, name, mode=READ)

    def do_release(self, thread: DriverThread, name: str, parameter: str) -> None:
        lock = self.locks[name]
        state = thread.state
        if lock.kind in REENTRANT and lock.counts.get(state.serial, 0) > 1:
            lock.counts[state.serial] -= 1
            return
        lock.counts.pop(state.serial, None)
        self.engine.releases.release(state, lock)

    do_read_release = do_release

    def take(
        self,
        thread: DriverThread,
        name: str,
        *,
        mode: int = WRITE,
        nest: Any = None,
        subclass: int = 0,
        trylock: bool = False,
    ) -> None:
        lock = self.locks[name]
        state = thread.state
        if lock.kind in REENTRANT and lock.counts.get(state.serial):
            lock.counts[state.serial] += 1
            return
        hold = Hold(lock, mode)
        owner = next(iter(lock.holders()), None)
        held = owner is not None and owner.find(lock) is not None
        if held and owner is not state and not trylock:
            self.engine.acquires.prepare(hold, subclass=subclass, nest=nest)
            self.engine.acquires.before_block(state, hold, _Wait(lock))
            self.engine.acquires.after_block(state, lock, True)
        if not trylock:
            self.wait_types.check(state, lock)
        self.engine.acquires.push(state, hold, nest=nest, subclass=subclass, trylock=trylock)
        lock.counts[state.serial] = lock.counts.get(state.serial, 0) + 1

    def do_init(self, thread: DriverThread, name: str, parameter: str) -> None:
        """A held lock is initialised again; one that nobody refers to any more: see `freed`."""
        lock = self.locks[name]
        for holder in (thread.state, *lock.holders()):
            entry = holder.find(lock)
            if entry is not None:
                where = self.engine.capture()
                again = freed_held(thread.state, lock, ref_of(entry), "made again", where)
                self.engine.ledger.report(thread.state, again)
                return

    def do_set_subclass(self, thread: DriverThread, name: str, parameter: str) -> None:
        key = self.engine.acquires.variant(self.locks[name].key, WRITE, False, int(parameter))
        assert key.cls.base.name == self.locks[name].key.cls.name
        assert key.name == self.locks[name].key.name

    def do_pin(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.pin(thread.state, self.locks[name])

    def do_assert_held(self, thread: DriverThread, name: str, parameter: str) -> None:
        if thread.state.find(self.locks[name]) is None:
            self.engine.assertion(thread.state, self.locks[name], held=True)

    # -- contexts: the kernel's hard interrupt is the signal, the soft one the collector -------

    def do_hardirq_enter(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.interruptions.disable(thread.state, "gc")
        self.engine.interruptions.enter(thread.state, "signal")

    def do_hardirq_exit(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.interruptions.leave(thread.state, "signal")
        self.engine.interruptions.enable(thread.state, "gc")

    def do_hardirq_disable(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.interruptions.disable(thread.state, "signal")
        self.engine.interruptions.disable(thread.state, "gc")

    def do_hardirq_enable(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.interruptions.enable(thread.state, "gc")
        self.engine.interruptions.enable(thread.state, "signal")

    def do_softirq_enter(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.interruptions.enter(thread.state, "gc")

    def do_softirq_exit(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.interruptions.leave(thread.state, "gc")

    def do_softirq_disable(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.interruptions.disable(thread.state, "gc")

    def do_softirq_enable(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.interruptions.enable(thread.state, "gc")

    def do_signal_enter(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.interruptions.enter(thread.state, "signal")

    def do_signal_exit(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.interruptions.leave(thread.state, "signal")

    do_gc_enter = do_softirq_enter
    do_gc_exit = do_softirq_exit

    def do_ctx(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.wait_types.contexts[f"ctx {parameter}"] = int(parameter)
        self.engine.interruptions.enter(thread.state, f"ctx {parameter}")

    # -- waits --------------------------------------------------------------------------------

    def wait(self, thread: DriverThread, obj: Any, part: str = "") -> None:
        op = _Wait(obj, obj.name)
        self.engine.waiting.before_wait(thread.state, op, part)
        thread.after = lambda: self.engine.waiting.after_wait(thread.state, op, True, part)

    def do_event_wait(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.wait(thread, self.event(name))

    def do_event_set(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.waiting.wake(thread.state, self.event(name))

    def do_cond_wait(self, thread: DriverThread, name: str, parameter: str) -> None:
        lock = self.locks[name]
        lock.counts.pop(thread.state.serial, None)
        self.engine.releases.release(thread.state, lock)
        self.wait(thread, self.event(f"{name} notify", once=False))
        back = thread.after

        def come_back() -> None:
            assert back is not None
            back()
            self.take(thread, name)

        thread.after = come_back

    def do_cond_notify(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.waiting.wake(thread.state, self.event(f"{name} notify", once=False))

    def do_queue_put_full(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.wait(thread, self.event(name, once=False), "room")

    def do_queue_get(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.waiting.wake(thread.state, self.event(name, once=False), "room")

    def do_queue_join(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.wait(thread, self.event(name, once=False), "done")

    def do_queue_task_done(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.waiting.wake(thread.state, self.event(name, once=False), "done")

    def do_sem_acquire(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.wait(thread, self.event(name, once=False))

    def do_sem_release(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.waiting.wake(thread.state, self.event(name, once=False))

    def do_barrier_wait(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.waiting.wake(thread.state, self.event(name, once=False))
        self.wait(thread, self.event(name, once=False))

    def do_thread_start(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.states.started(thread.state, self.thread(name).state)

    def do_thread_join(self, thread: DriverThread, name: str, parameter: str) -> None:
        other = self.thread(name)
        self.wait(thread, other.end)
        back = thread.after

        def come_back() -> None:
            assert back is not None
            back()
            self.engine.joined(thread.state, other)

        thread.after = come_back

    def do_thread_exit(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.end(thread)

    def do_submit(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.map(name)

    def do_task_begin(self, thread: DriverThread, name: str, parameter: str) -> None:
        for each in ("P", name):
            self.engine.acquires.push(thread.state, Hold(self.map(each), WRITE), pseudo=True)

    def do_task_end(self, thread: DriverThread, name: str, parameter: str) -> None:
        for each in (name, "P"):
            self.engine.releases.release(thread.state, self.map(each))

    def do_future_result(self, thread: DriverThread, name: str, parameter: str) -> None:
        self.engine.acquires.might_lock(thread.state, self.map(name), sync=True)

    do_executor_shutdown = do_future_result

    def do_future_cancel(self, thread: DriverThread, name: str, parameter: str) -> None:
        """Never blocks: nothing to judge."""

    def do_os_fork(self, thread: DriverThread, name: str, parameter: str) -> None:
        states = [t.state for t in self.threads.values()]
        self.engine.held_at_fork(thread.state, states)
