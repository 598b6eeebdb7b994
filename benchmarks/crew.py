"""Running one function on many arguments, each in a process of its own that may be killed.

A process for each, forked from the main thread: what one of them does to its classes, its threads
or its memory is gone with it, and one that never ends is ended.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Generic, TypeVar

__all__ = ["crew"]

A = TypeVar("A")
R = TypeVar("R")
NICE = 10


class _Member(Generic[R]):
    """One process at work."""

    def __init__(self, number: int, process: ForkProcess, pipe: Connection) -> None:
        self.number = number
        self.process = process
        self.pipe = pipe
        self.began = time.monotonic()

    def end(self) -> None:
        """Join it; what does not end by itself is killed."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def crew(
    function: Callable[[A], R], arguments: Sequence[A], *, processes: int, seconds: float
) -> Iterator[tuple[int, R | None]]:
    """(Index, result) as they finish; None for one that had to be killed after `seconds`."""
    context = multiprocessing.get_context("fork")
    waiting = list(enumerate(arguments))
    members: list[_Member[R]] = []
    try:
        while waiting or members:
            while waiting and len(members) < processes:
                number, argument = waiting.pop(0)
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(function, argument, theirs))
                process.start()
                theirs.close()
                members.append(_Member(number, process, ours))
            wait([member.pipe for member in members], timeout=0.2)
            for member in list(members):
                answered = member.pipe.poll()
                if not answered and time.monotonic() - member.began < seconds:
                    continue
                try:
                    result: R | None = member.pipe.recv() if answered else None
                except EOFError:
                    result = None  # it died without an answer
                members.remove(member)
                member.end()
                yield member.number, result
    finally:
        for member in members:
            member.end()


def _work(function: Callable[[A], R], argument: A, pipe: Connection) -> None:
    os.nice(NICE)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 2)  # threads of a broken kernel die noisily
    pipe.send(function(argument))
    pipe.close()
    os._exit(0)  # whatever threads are left
