"""Several processes at one search: `--jobs`.

Each worker is a fork of this process with a session of its own, on a processor of its own; it gets
tasks and answers with batches, both plain values, over a pipe.  Only the coordinator hears Ctrl-C:
it ends the workers, and what they had answered counts.  Shrinking and confirming what was met is
done by the coordinator itself when the workers are gone.

Left out: systems without fork (there the search runs on one process, and says so).
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from multiprocessing.connection import Connection, Pipe, wait
from types import TracebackType

from lockcheck.explore.batch import Batch, Candidate, Task
from lockcheck.explore.portfolio import Portfolio
from lockcheck.explore.result import Finding, Limits, Outcome
from lockcheck.explore.search import Here, Search, prepared
from lockcheck.explore.session import Session
from lockcheck.explore.strategy import Strategy

__all__ = ["Forked", "WorkerFailedError", "available_jobs", "run_search"]

Opened = Callable[[int | None], AbstractContextManager[Session]]
"""Opens a session at a place among the processors; None: where the process is."""


class WorkerFailedError(Exception):
    """A worker ended without an answer, or failed: its own words."""


def run_search(
    opened: Opened,
    strategy: Callable[[], Strategy],
    limits: Limits,
    *,
    shard: tuple[int, int] = (0, 1),
    jobs: int = 1,
    on_progress: Callable[[Search], None] | None = None,
) -> Outcome:
    """Search on `jobs` processes; Ctrl-C ends it, and what was done counts.

    Raises: what the subject raises; WorkerFailedError; ThreadRefusedError.
    """
    with _Interrupts() as interrupts:
        if jobs <= 1 or not hasattr(os, "fork"):
            chosen = strategy()
            with opened(shard[0] if shard[1] > 1 else None) as session:
                alone = Search(Here(session, chosen), chosen, limits, shard)
                alone.on_progress = on_progress
                interrupts.go_to(session.interrupt)
                return alone.run()
        with Forked(jobs, opened, strategy, place=shard[0] * jobs) as crew:
            joint = Search(crew, strategy(), limits, shard)
            joint.on_progress = on_progress
            interrupts.go_to(crew.interrupt)
            return joint.run()


class _Interrupts:
    """Ctrl-C asks a search to end, instead of raising somewhere inside it; a context manager.

    One that comes before there is a search ends it as soon as it begins.
    """

    def __init__(self) -> None:
        self._handle: Callable[[], None] | None = None
        self._pending = False
        self._here = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> _Interrupts:
        if self._here:
            self._before = signal.signal(signal.SIGINT, self._arrived)
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._here:
            signal.signal(signal.SIGINT, self._before)

    def go_to(self, handle: Callable[[], None]) -> None:
        """Who is to end."""
        self._handle = handle
        if self._pending:
            handle()

    def _arrived(self, _number: int, _frame: object) -> None:
        self._pending = True
        if self._handle is not None:
            self._handle()


def available_jobs() -> int:
    """Return how many processes a search has by default: one a core, or LOCKCHECK_JOBS."""
    asked = os.environ.get("LOCKCHECK_JOBS", "")
    if asked.isdigit() and int(asked):
        return int(asked)
    if not hasattr(os, "fork"):
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _fork() -> int:
    """Fork, beside whatever threads there are: a worker uses none of them, nor what they hold."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This process .* multi-threaded", DeprecationWarning)
        return os.fork()


class _Worker:
    """The coordinator's end of one worker."""

    def __init__(self, pid: int, pipe: Connection) -> None:
        self.pid = pid
        self.pipe = pipe
        self.task: int | None = None
        """Number of the task it is at."""


class Forked:
    """Some workers (`search.Crew`); a context manager that leaves no process behind.

    Args:
        jobs: how many.
        opened: makes the session, in each worker and at the end here.
        strategy: makes a strategy of its own for each worker.
        place: the first worker's place among the processors.
    """

    def __init__(
        self, jobs: int, opened: Opened, strategy: Callable[[], Strategy], *, place: int = 0
    ) -> None:
        self._opened = opened
        self._strategy = strategy
        self._jobs = jobs
        self._place = place
        self._workers: list[_Worker] = []
        self._subject: dict[str, object] = {}
        self._interrupted = threading.Event()

    def __enter__(self) -> Forked:
        sys.stdout.flush()
        sys.stderr.flush()
        for number in range(self._jobs):
            ours, theirs = Pipe()
            pid = _fork()
            if pid == 0:
                ours.close()
                for worker in self._workers:
                    worker.pipe.close()
                _serve(theirs, self._opened, self._strategy, self._place + number)
            theirs.close()
            self._workers.append(_Worker(pid, ours))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every worker."""
        for worker in self._workers:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
            worker.pipe.close()
        for worker in self._workers:
            with suppress(ChildProcessError):
                os.waitpid(worker.pid, 0)
        self._workers.clear()

    def interrupt(self) -> None:
        """Wait for no further answer; from a signal handler."""
        self._interrupted.set()

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Batch]]:
        """Hand tasks out as workers get free; the first process does those that stick to one."""
        if self._interrupted.is_set():
            yield 0, Batch(interrupted=True)
            return
        todo = list(range(len(tasks)))
        for worker in self._workers:
            worker.task = None
            self._hand_out(worker, todo, tasks)
        while busy := {worker.pipe: worker for worker in self._workers if worker.task is not None}:
            for pipe in wait(list(busy), timeout=0.2):
                assert isinstance(pipe, Connection)
                worker = busy[pipe]
                answer = _received(pipe)
                number = worker.task
                assert number is not None, "a busy worker has a task"
                worker.task = None
                self._hand_out(worker, todo, tasks)
                yield number, answer
            if self._interrupted.is_set():
                number = next(self._at_work(), todo[0] if todo else None)
                if number is not None:
                    yield number, Batch(interrupted=True)
                return

    def _at_work(self) -> Iterator[int]:
        for worker in self._workers:
            if worker.task is not None:
                yield worker.task

    def _hand_out(self, worker: _Worker, todo: list[int], tasks: Sequence[Task]) -> None:
        first = worker is self._workers[0]
        for number in todo:
            if first or not tasks[number].sticky:
                todo.remove(number)
                worker.task = number
                try:
                    worker.pipe.send(tasks[number])
                except OSError as error:
                    raise WorkerFailedError("a worker of the search has died") from error
                return

    def pursue(self, candidates: Sequence[Candidate], *, shrinks: bool) -> list[Finding]:
        """End the workers, and look into what they met."""
        self.close()
        with self._opened(None) as session:
            self._subject = session.subject.describe()
            found = [session.pursue(each, shrinks=shrinks) for each in candidates]
            if shrinks and session.limits.shrink:
                session.confirm(found)
            return found

    def describe(self) -> dict[str, object]:
        """What the subject says; known when the workers are gone."""
        return self._subject


def _received(pipe: Connection) -> Batch:
    """The answer of a worker.  Raises: WorkerFailedError, and what the subject raised."""
    try:
        answer = pipe.recv()
    except (EOFError, OSError) as error:
        raise WorkerFailedError("a worker of the search has died") from error
    if isinstance(answer, BaseException):
        raise answer
    assert isinstance(answer, Batch)
    return answer


def _serve(pipe: Connection, opened: Opened, make: Callable[[], Strategy], place: int) -> None:
    """A worker's life; does not return."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    status = 1
    try:
        strategy = make()
        members = strategy.members if isinstance(strategy, Portfolio) else [strategy]
        strategies = {member.name: member for member in members}
        with opened(place) as session:
            while True:
                task: Task = pipe.recv()
                pipe.send(session.work(task, prepared(strategies[task.strategy], task)))
    except (EOFError, OSError):
        status = 0  # the coordinator has what it wanted
    except BaseException as error:
        with suppress(OSError):
            pipe.send(_portable(error))
    finally:
        os._exit(status)


def _portable(error: BaseException) -> BaseException:
    """The exception itself where it can travel, else its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return WorkerFailedError("".join(traceback.format_exception(error)))
    return error
