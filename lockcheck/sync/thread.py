"""`threading.Thread`: a real OS thread in every mode, known to the engine.

Free runs start it as `threading` does.  Under a controlled conductor the body runs on a pooled
real thread of the conductor's; `native_id` says which.  `join` is a wait like any other, so a
cycle through a join is seen and a stuck join can be unwound.

What the checker knows of a thread is kept in its `Life`, off the thread: a thread's attributes
belong to its author.  The functions below work on any `threading.Thread` that has a Life, so that
`install()` can put these very functions into threading's own class (`lockcheck.patch.threads`).
"""

from __future__ import annotations

import _thread
import functools
import sys
import threading
import weakref
from _thread import allocate_lock
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING

from lockcheck.core.stacks import EMPTY, Stack
from lockcheck.seam import Kind, Op, Unwind
from lockcheck.sync.frames import leave_out
from lockcheck.sync.parking import Parking
from lockcheck.sync.plain import Started, lend, take_back

if TYPE_CHECKING:
    from lockcheck.core.held import ThreadState
    from lockcheck.core.record import Leased
    from lockcheck.core.vector import Start
    from lockcheck.sync.host import Host

__all__ = ["Life", "Thread", "revived"]

# threading's own, bound before `install()` can have replaced them.
_plain_start = threading.Thread.start
_plain_join = threading.Thread.join
_plain_is_alive = threading.Thread.is_alive
_plain_bootstrap_inner: Callable[[threading.Thread], None] = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]  # private
_plain_native_id: Callable[[threading.Thread], int | None] = threading.Thread.native_id.fget  # type: ignore[attr-defined]  # private


class _Done(Parking):
    """The end of a thread: what a join waits for."""

    __slots__ = ("finished", "life")

    once = True

    def __init__(self, chk: Host, name: str, life: Life) -> None:
        super().__init__(chk, name)
        self.finished = False
        self.life = life

    @property
    def class_name(self) -> str:
        return "thread"

    def holders(self) -> Sequence[ThreadState]:
        """The thread whose end it is, once it has begun and until it has ended."""
        state = self.life.state
        return (state,) if state is not None and state.alive else ()

    def is_finished(self) -> bool:
        return self.finished

    def finish(self) -> None:
        with self._gate:
            self.finished = True
            self._hand_over()

    def end_here(self) -> None:
        """It ended, and nobody else is there: whoever held the gate or waited is gone, too."""
        self._gate = allocate_lock()
        self._waiters.clear()
        self.finished = True

    def ready(self, op: Op) -> bool:
        return self.finished if op.kind is Kind.WAIT else True


class Life:
    """One thread, from its making to its end, as the checker sees it.

    It refers to its thread weakly: being checked must not keep a thread object alive.
    """

    __slots__ = (
        "_ref", "chk", "done", "exception", "native_id", "origin", "parent_clock", "pooled",
        "started", "state", "unwound",
    )  # fmt: skip

    def __init__(self, chk: Host, thread: threading.Thread) -> None:
        self._ref = weakref.ref(thread)
        self.chk = chk
        self.exception: BaseException | None = None
        """What its body raised, if anything."""
        self.unwound = False
        """Ended by Unwind: the run was over before its body was."""
        self.state: ThreadState | None = None
        """The engine's ThreadState, from its first instruction on."""
        self.parent_clock: tuple[Start, tuple[Leased, ...]] | None = None
        self.origin: Stack = EMPTY
        """Where it was started."""
        self.started = False
        """Started by us: its end will be reported."""
        self.pooled = False
        self.native_id: int | None = None
        """The pooled thread's."""
        self.done = _Done(chk, f"end of {thread.name}", self)

    @property
    def name(self) -> str:
        thread = self._ref()
        return self.done.name.removeprefix("end of ") if thread is None else thread.name

    @property
    def runs(self) -> str:
        """Name of its target, or of the `run` that a subclass puts in place of that."""
        thread = self._ref()
        if thread is None:
            return ""
        run = type(thread).run
        if run not in (Thread.run, threading.Thread.run):
            return run.__qualname__
        target: object = thread.__dict__.get("_target")  # gone once it has run
        while isinstance(target, functools.partial):
            target = target.func
        if isinstance(target, FunctionType | MethodType | BuiltinFunctionType):
            return target.__qualname__
        return "" if target is None else type(target).__qualname__

    @property
    def ident(self) -> int | None:
        return None if self.state is None else self.state.ident

    def is_alive(self) -> bool:
        """Return whether it was started and has not ended."""
        return self.started and not self.done.finished


def life_of(thread: threading.Thread) -> Life | None:
    """Return the Life of a thread, None where it is not checked."""
    own: Life | None = thread.__dict__.get("_lockcheck")
    if own is not None:
        return own
    started = thread.__dict__.get("_started")
    if not isinstance(started, Started):
        return None
    life: Life = started.life
    return life


def start(thread: threading.Thread, life: Life) -> None:
    """Start it on a real thread."""
    chk = life.chk
    conductor = chk.conductor
    if conductor is not None:
        conductor.point(Op(Kind.SPAWN, life.done, thread))
    if life.started:
        chk.point(Kind.PROBE, life.done)  # it may have ended or not, so its end is a point, too
        raise RuntimeError("threads can only be started once")
    chk.engine.spawn(chk.current(), life)
    life.started = True
    if conductor is not None and conductor.spawn(thread, lambda: _pool_body(thread, life)):
        life.pooled = True
        return
    try:
        _plain_start(thread)
    except BaseException as error:  # refused; or an interrupt, which does not stop it
        leave_out(error)
        life.started = _is_started(thread)
        raise


def join(thread: threading.Thread, life: Life, timeout: float | None) -> None:
    """Block until it ended.  Raises: RuntimeError when not started or itself, Unwind."""
    chk = life.chk
    if not life.started:
        chk.point(Kind.PROBE, life.done)  # somebody else may be about to start it
    if not life.started:
        raise RuntimeError("cannot join thread before it is started")
    if life.state is not None and life.state is chk.current():
        raise RuntimeError("cannot join current thread")
    done = life.done
    if timeout is not None:
        timeout = max(timeout, 0)  # raises what threading's own would
    got = done.wait(
        done.is_finished, why=f"{life.name} to end", timeout=timeout, timer=f"{life.name}.join"
    )
    if got is None:
        return
    chk.engine.joined(chk.current(), life, sure=timeout is None)
    if not life.pooled:
        _plain_join(thread)


def ended_by_fork(thread: threading.Thread) -> None:
    """In the child of a fork: a thread that was left behind can be joined at once."""
    life = life_of(thread)
    if life is not None:
        life.done.end_here()


def is_alive(thread: threading.Thread, life: Life) -> bool:
    """Return whether it was started and has not ended."""
    life.chk.point(Kind.PROBE, life.done)
    return life.is_alive() if life.pooled else _plain_is_alive(thread)


def native_id(thread: threading.Thread, life: Life) -> int | None:
    """Native id of the real thread that runs it, or ran it."""
    return life.native_id if life.pooled else _plain_native_id(thread)


def wait_out(thread: threading.Thread, seconds: float) -> None:
    """Wait for the end of a thread that is being unwound, unseen by anybody.

    An interrupt may have come before it was started, or while its starter waited for that.
    """
    if _is_started(thread) and thread._started.wait(seconds):  # type: ignore[attr-defined]  # private
        _plain_join(thread, seconds)


def _is_started(thread: threading.Thread) -> bool:
    """Has it begun, or is it about to?"""
    return thread.ident is not None or thread in threading._limbo  # type: ignore[attr-defined]  # private


def bootstrap_inner(thread: threading.Thread, life: Life) -> None:
    """Enter the engine before `run`, leave it after (threading's own hook)."""
    own = thread.__dict__.get("run")
    body = thread.run

    def restore() -> None:
        if own is None:
            thread.__dict__.pop("run", None)
        else:
            thread.run = own  # type: ignore[method-assign]  # of this thread alone

    run = functools.partial(_run_free, restore, body, life)  # has no frame of its own
    thread.run = run  # type: ignore[method-assign]  # of this thread alone
    life.state = life.chk.begin_thread(life)
    try:
        _plain_bootstrap_inner(thread)
    finally:
        restore()
        _leave(life)


def _leave(life: Life) -> None:
    def wake() -> None:
        life.chk.point(Kind.RELEASE, life.done)
        life.done.finish()

    life.chk.end_thread(life, wake)


def _run_free(restore: Callable[[], None], body: Callable[[], None], life: Life) -> None:
    restore()
    try:
        body()
    except Unwind:
        life.unwound = True
    except SystemExit:
        raise
    except BaseException as error:
        leave_out(error)
        life.exception = error
        life.chk.failures.append((life.name, error))
        raise  # threading's excepthook prints it, as always


def revived(thread: threading.Thread) -> Callable[[], None] | None:
    """The body of a thread that a restored world knows as running: it runs from its start.

    For services, whose place in the loop is their only state.  None: it is not checked.
    """
    life = life_of(thread)
    return None if life is None else lambda: _pool_body(thread, life, again=True)


def _pool_body(thread: threading.Thread, life: Life, *, again: bool = False) -> None:
    """The body on a pooled thread; the conductor sees Unwind, nobody else does."""
    life.native_id = _thread.get_native_id()
    ident = _thread.get_ident()
    lend(ident, thread)  # current_thread() is the program's thread, not the worker
    if again and life.state is not None:
        life.chk.resume_thread(life.state)
    else:
        life.state = life.chk.begin_thread(life)
    tracer = threading.gettrace()  # as threading does where it starts a thread itself
    if tracer is not None:
        sys.settrace(tracer)
    try:
        thread.run()
    except Unwind:
        life.unwound = True
    except SystemExit:
        pass
    except BaseException as error:
        life.exception = error
        life.chk.failures.append((life.name, error))
    finally:
        if tracer is not None:
            sys.settrace(None)
        take_back(ident)
        _leave(life)


class Thread(threading.Thread):
    """As `threading.Thread`; `.exception` is what its body raised, if anything."""

    def __init__(
        self,
        chk: Host,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[object] = (),
        kwargs: Mapping[str, object] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        super().__init__(group, target, name, args, kwargs, daemon=daemon)
        self.chk = chk
        self._lockcheck = Life(chk, self)

    @property
    def exception(self) -> BaseException | None:
        return self._lockcheck.exception

    @property
    def unwound(self) -> bool:
        return self._lockcheck.unwound

    @property
    def started(self) -> bool:
        """Was `start` called, and not refused?"""
        return self._lockcheck.started

    @property
    def state(self) -> ThreadState | None:
        return self._lockcheck.state

    def start(self) -> None:
        """Start it on a real thread."""
        start(self, self._lockcheck)

    def run(self) -> None:
        """The thread's own body: what a subclass overrides, as with `threading.Thread`."""
        super().run()

    def join(self, timeout: float | None = None) -> None:
        """Block until it ended.  Raises: RuntimeError when not started, Unwind."""
        join(self, self._lockcheck, timeout)

    def is_alive(self) -> bool:
        """Return whether it was started and has not ended."""
        return is_alive(self, self._lockcheck)

    @property
    def native_id(self) -> int | None:
        return native_id(self, self._lockcheck)

    def _bootstrap_inner(self) -> None:
        bootstrap_inner(self, self._lockcheck)
