"""`threading.Thread`: a real OS thread in every mode, known to the engine.

Free runs start it as `threading` does.  Under a controlled conductor the body runs on a pooled
real thread of the conductor's; `native_id` tells which.  `join` is a wait like any other, so a
circle through a join is seen and a stuck join can be unwound.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lockcheck.seam import Kind, Op, Unwind
from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from lockcheck.checker import Checker

__all__ = ["Thread"]


class _Done(Parking):
    """The end of a thread: what a join waits for."""

    __slots__ = ("finished", "thread")

    def __init__(self, chk: Checker, name: str, thread: Thread) -> None:
        super().__init__(chk, name)
        self.finished = False
        self.thread = thread

    def is_finished(self) -> bool:
        return self.finished

    def finish(self) -> None:
        with self._gate:
            self.finished = True
            self._hand_over()

    def ready(self, op: Op) -> bool:
        return self.finished if op.kind in (Kind.WAIT, Kind.JOIN) else True


class Thread(threading.Thread):
    """As `threading.Thread`; `.exception` is what its body raised, if anything."""

    def __init__(
        self,
        chk: Checker,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        super().__init__(group, target, name, args, kwargs, daemon=daemon)
        self.chk = chk
        self.exception: BaseException | None = None
        self.unwound = False
        """Ended by Unwind: the run was over before its body was."""
        self.state: Any = None
        """The engine's ThreadState, from its first instruction on."""
        self.parent_clock: Any = None
        self._done_parking = _Done(chk, f"end of {self.name}", self)
        self._pooled = False
        self._pool_native_id: int | None = None

    def start(self) -> None:
        """Start it on a real thread."""
        chk = self.chk
        conductor = chk.conductor
        if conductor is not None:
            conductor.point(Op(Kind.SPAWN, self._done_parking, self))
        chk.engine.spawn(chk.current(), self)
        chk.adopt(self)
        if conductor is not None and conductor.spawn(self, self._pool_body):
            self._pooled = True
            return
        super().start()

    def run(self) -> None:
        """The thread's own body: what a subclass overrides, as with `threading.Thread`."""
        super().run()

    def join(self, timeout: float | None = None) -> None:
        """Block until it ended.  Raises: RuntimeError when not started, Unwind."""
        chk = self.chk
        if not self._pooled and not self._started.is_set():  # type: ignore[attr-defined]
            raise RuntimeError("cannot join thread before it is started")
        if self.state is not None and self.state is chk.current():
            raise RuntimeError("cannot join current thread")
        got = self._done_parking.wait(
            self._done_parking.is_finished,
            why=f"{self.name} to end",
            timeout=timeout,
            timer=f"{self.name}.join",
        )
        if got is None:
            return
        chk.engine.joined(chk.current(), self)
        if not self._pooled:
            super().join()

    def is_alive(self) -> bool:
        """Return whether it was started and has not ended."""
        if self._pooled:
            return not self._done_parking.finished
        return super().is_alive()

    @property
    def native_id(self) -> int | None:
        return self._pool_native_id if self._pooled else super().native_id

    def _bootstrap_inner(self) -> None:
        """Enter the engine before `run`, leave it after (threading's own hook)."""
        body = self.run
        self.run = lambda: self._run_free(body)  # type: ignore[method-assign]
        self._enter()
        try:
            super()._bootstrap_inner()  # type: ignore[misc]
        finally:
            del self.run
            self._leave()

    def _run_free(self, body: Callable[[], None]) -> None:
        try:
            body()
        except Unwind:
            self.unwound = True
        except SystemExit:
            raise
        except BaseException as error:
            self.exception = error
            self.chk.failures.append((self.name, error))
            raise  # threading's excepthook tells it, as always

    def _enter(self) -> None:
        chk = self.chk
        self.state = chk.begin_thread(self)

    def _leave(self) -> None:
        self.chk.end_thread(self)
        self._done_parking.finish()

    def _pool_body(self) -> None:
        """The body on a pooled thread; the conductor sees Unwind, nobody else does."""
        self._pool_native_id = _thread.get_native_id()
        self._enter()
        try:
            self._run_checked()
        finally:
            self._leave()

    def _run_checked(self) -> None:
        try:
            self.run()
        except Unwind:
            self.unwound = True
        except SystemExit:
            pass
        except BaseException as error:
            self.exception = error
            self.chk.failures.append((self.name, error))
