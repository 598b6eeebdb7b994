"""A pool of real OS threads, re-armed for every schedule.

Starting a thread costs more than a whole short schedule, so the controlled conductor borrows
workers: it gives one a job, wakes its baton, and gets it back when the schedule is over.  A worker
serves one model thread a schedule at most, so two model threads of a schedule never share a native
id.

Invariant: outside a schedule every worker of the pool is parked without a job.
A worker that hangs outside the seam cannot be ended by anybody; it is abandoned and reported.
For its sake the workers are plain threads: a hung one does not keep the process from ending.
"""

from __future__ import annotations

from collections.abc import Callable

from lockcheck.conduct.baton import Baton, make_baton
from lockcheck.sync.plain import PlainThread, take_back

__all__ = ["HandlerRefusedError", "Pool", "ThreadRefusedError", "Worker"]


class ThreadRefusedError(Exception):
    """The system gives no more threads, or no more descriptors to park them on."""


class HandlerRefusedError(ThreadRefusedError):
    """The program sets a signal's handler, which only the interpreter's main thread may."""


class Worker:
    """One real thread: parked, or running the job it was given."""

    __slots__ = ("baton", "job", "stopping", "thread")

    def __init__(self, number: int) -> None:
        self.baton: Baton = make_baton()
        self.job: Callable[[], None] | None = None
        """What to run when woken; written by whoever holds control."""
        self.stopping = False
        self.thread = PlainThread(self._serve, f"lockcheck worker {number}", masked=False)
        try:
            self.thread.start()
        except BaseException:
            self.baton.close()
            raise

    def _serve(self) -> None:
        park = self.baton.park
        while True:
            park()
            if self.stopping:
                return
            job, self.job = self.job, None
            assert job is not None, "a worker was woken without a job"
            job()
            del job  # keeps no world alive while parked


class Pool:
    """Workers in order of creation; a context manager that leaves no thread behind."""

    def __init__(self) -> None:
        self._workers: list[Worker] = []
        self._used = 0
        self._closed = False
        self.home: Baton = make_baton()
        """Where the controller waits for the end of a schedule."""

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._workers)

    @property
    def first(self) -> Worker:
        """The worker of a schedule's first thread."""
        return self._workers[0]

    def take(self) -> Worker:
        """Return a worker that has not served in this schedule.  Raises: ThreadRefusedError."""
        assert not self._closed, "the pool was closed"
        if self._used == len(self._workers):
            try:
                self._workers.append(Worker(len(self._workers) + 1))
            except (RuntimeError, OSError) as error:
                raise ThreadRefusedError(
                    f"the system refused thread {len(self._workers) + 1} of a schedule ({error}); "
                    "end other programs, or raise the limits of processes and open files"
                ) from error
        worker = self._workers[self._used]
        self._used += 1
        return worker

    def reclaim(self) -> None:
        """Take all workers back; every job must have ended."""
        self._used = 0

    def close(self, *, abandon: bool = False) -> None:
        """Join every worker and close every baton; with `abandon`, leave the hung ones."""
        if self._closed:
            return
        self._closed = True
        if abandon:
            # Somebody hangs in there: a closed descriptor would be reused under its feet.
            for worker in self._workers:
                take_back(worker.thread.ident)
            return
        for worker in self._workers:
            worker.stopping = True
            worker.baton.wake()
        for worker in self._workers:
            worker.thread.join()
            worker.baton.close()
        self._workers.clear()
        self.home.close()
