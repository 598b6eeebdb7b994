"""The crew of a hunt: worker processes that perform tasks, and are replaced before they grow.

Processes and not threads: a schedule runs one thread at a time, so a core needs a process.  Each
worker serves `TASKS_MAX` tasks and ends, which keeps memory flat over hours whatever a task leaves
behind.  Ctrl-C is the parent's business: workers ignore it, and end when their pipe is closed, or
at once when the parent is gone, however it ended.

Invariant: a worker that is `busy` owes exactly one answer.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final

from rtnl_model.kernel.documents import Fields

from ..model_run import ModelSetting
from .task import Answer, Task, Worker

__all__ = ["Crashed", "Crew"]

TASKS_MAX: Final = 60
JOIN_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Crashed:
    """A worker could not perform its task: a defect of ours, or its process died."""

    task: Task
    why: str


@dataclass(slots=True, eq=False)
class _Member:
    process: BaseProcess
    pipe: Connection
    busy: Task | None = None
    served: int = 0
    learned: int = 0
    """How many of the corpus's features, in order, it has been sent."""


class Crew:
    """`size` workers; a context manager that leaves no process behind."""

    def __init__(self, size: int, setting: ModelSetting) -> None:
        self.size = size
        self.setting = setting
        self._members: list[_Member] = []
        self._context = multiprocessing.get_context("spawn")

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_exc: object) -> None:
        for member in self._members:
            member.pipe.close()
        for member in self._members:
            if member.busy is not None:
                member.process.terminate()  # in the middle of a script that nobody waits for
            member.process.join(JOIN_SECONDS)
            if member.process.is_alive():
                member.process.kill()
                member.process.join()
        self._members.clear()

    @property
    def tasks(self) -> list[Task]:
        """What is being worked on: the answers that are owed."""
        return [member.busy for member in self._members if member.busy is not None]

    def idle(self) -> _Member | None:
        """A worker without a task; a new one while there are fewer than `size`."""
        for member in self._members:
            if member.busy is None:
                return member
        if len(self._members) < self.size:
            return self._start()
        return None

    def give(self, member: _Member, task: Task) -> None:
        """Ask it.  Invariant: it is idle."""
        assert member.busy is None, "a worker has one task at a time"
        member.busy = task
        member.pipe.send(task)

    def answers(self, seconds: float) -> Iterator[Answer | Crashed]:
        """What comes within `seconds`; ends with the first moment at which nothing is there."""
        owing = {member.pipe: member for member in self._members if member.busy is not None}
        for pipe in wait(list(owing), seconds):
            member = owing[pipe]  # type: ignore[index]  # `wait` returns what it was given
            yield self._answer(member)

    def _answer(self, member: _Member) -> Answer | Crashed:
        task, member.busy = member.busy, None
        assert task is not None, "it owed an answer"
        try:
            answer: Answer | str = member.pipe.recv()
        except (EOFError, OSError):
            member.process.join(JOIN_SECONDS)
            code = member.process.exitcode
            self._drop(member)
            return Crashed(task, f"its process ended with {code}")
        member.served += 1
        if member.served >= TASKS_MAX:
            member.pipe.close()
            member.process.join(JOIN_SECONDS)
            self._drop(member)
        return Crashed(task, answer) if isinstance(answer, str) else answer

    def _drop(self, member: _Member) -> None:
        member.pipe.close()
        if member.process.is_alive():
            member.process.kill()
        member.process.join()
        self._members.remove(member)

    def _start(self) -> _Member:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, asdict(self.setting)), name="fuzz worker"
        )
        process.start()
        theirs.close()
        member = _Member(process, ours)
        self._members.append(member)
        return member


def _serve(pipe: Connection, setting: Fields) -> None:
    """A worker's life: tasks until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (results go through the pipe)
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    worker = Worker(ModelSetting(**setting))
    while True:
        try:
            task: Task = pipe.recv()
        except (EOFError, OSError):
            return
        answer: Answer | str
        try:
            answer = worker.perform(task)
        except Exception:
            answer = traceback.format_exc(limit=-6)
        try:
            pipe.send(answer)
        except OSError:
            return


def _end_with_parent() -> None:
    """A killed parent closes no pipe in time: its worker would finish a script for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is a child"
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)  # its default action: no step of a schedule can delay it
