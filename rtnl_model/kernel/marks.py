"""Devices marked for later, each with a reference, and the thread that comes for them.

What cannot be done where it is met, under whatever locks are held there, is marked on the device
and done by a worker: link events (`linkwatch`) and writes to a device of another namespace
(`netdev_work`).  A mark holds a reference on its device, so whoever takes a mark drops that.

`take` leaves a mark on the list until its worker, or somebody who cannot wait for that one, comes
for it.  The kernel has a list, a spinlock and a work_struct for each of the two; what they do with
a mark stands in their files.  Left out: delays; a mark that is not urgent waits for the next one
that is, or for `wait_idle`, unless somebody said that the list had `rest`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockcheck import guarded

from .guards import Bookkeeping, Inside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lockcheck import Thread
    from lockcheck.sync import Parking

    from .kernel import Kernel
    from .netdevice import NetDevice, RefTracker
    from .probe import Task

__all__ = ["Mark", "Marks"]


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """One device on the list."""

    dev: NetDevice
    tracker: RefTracker | None
    work: Callable[[NetDevice], None] | None = None
    """What is to be done, where that is not always the same."""


class Marks:
    """The list and its worker."""

    marks = guarded[list[Mark]](Inside(lambda self: self.parking), reads="any")
    scheduled = guarded[bool](Inside(lambda self: self.parking), reads="any", default=False)
    running = guarded[bool](Inside(lambda self: self.parking), reads="any", default=False)
    started = guarded[bool](Inside(lambda self: self.parking), reads="any", default=False)
    stopping = guarded[bool](Inside(lambda self: self.parking), reads="any", default=False)
    awaited = guarded[int](Inside(lambda self: self.parking), reads="any", default=0)
    """How many wait until it is idle: meanwhile nothing may wait for the next urgent one."""
    rested = guarded[bool](Inside(lambda self: self.parking), reads="any", default=False)
    """Nothing was served for a second: the next mark need not wait (linkwatch_nextevent)."""
    thread: Bookkeeping[Thread | None]
    pid: Bookkeeping[int] = 0
    """The task of the thread, for reports."""

    def __init__(self, k: Kernel, name: str, comm: str, serve: Callable[[], None]) -> None:
        self.k = k
        self.chk = k.chk
        self.name = name
        self.comm = comm
        self.serve = serve
        """What the worker does whenever it was scheduled; it takes the marks itself."""
        self.parking: Parking = k.chk.Parking(name)
        self.marks = []
        self.thread = None

    # -- the worker --

    def start(self) -> None:
        """Start the thread, which the first mark does otherwise.  Context: nobody else is there."""
        self.started = True
        self.launch()

    def launch(self) -> None:
        """Start the thread."""
        task = self.k.probe.new_task(self.comm)
        self.pid = task.pid
        self.thread = self.k.make_thread(self.worker, f"{self.comm}-{self.name}", task)
        self.thread.start()

    def stop(self) -> None:
        """Join it, if it was ever started; what is scheduled is done first."""
        if self.thread is not None:
            self.parking.change(lambda: setattr(self, "stopping", True), why="shutdown")
            self.k.join(self.thread)
            self.thread = None

    def worker(self, task: Task) -> None:
        """Serve whenever it was scheduled."""
        self.k.probe.adopt(task)
        while self.parking.wait(
            lambda: self.scheduled or self.stopping,
            self._begin,
            why=f"work for {self.name}",
            idle=True,
        ):
            self.serve()
            self.parking.change(lambda: setattr(self, "running", False))

    def _begin(self) -> bool:
        self.running, self.scheduled = self.scheduled, False
        return self.running

    def idle(self) -> bool:
        """Nothing marked, nothing running."""
        idle: bool = self.parking.peek(self._is_idle)
        return idle

    def _is_idle(self) -> bool:
        return not self.scheduled and not self.running and not self.marks

    def wait_idle(self) -> None:
        """Serve what is not urgent too, and block until idle()."""
        self.parking.change(self._schedule_rest, why="quiesce")
        self.parking.wait(self._is_idle, self._rest, why=f"{self.name} to finish")

    def _schedule_rest(self) -> None:
        self.awaited += 1
        self.scheduled = self.scheduled or bool(self.marks)

    def _rest(self) -> bool:
        self.awaited -= 1
        return True

    # -- the marks --

    def add(self, mark: Mark, *, urgent: bool = True, once: bool = False) -> bool:
        """Put it on the list; False: `once`, and its device is on it."""
        added, first = self.parking.change(
            lambda: self._add(mark, urgent, once), why=f"{self.name} of {mark.dev.label}"
        )
        if first:
            self.launch()
        return bool(added)

    def _add(self, mark: Mark, urgent: bool, once: bool) -> tuple[bool, bool]:
        if once and self._is_marked([mark.dev]):
            return False, False
        self.marks.append(mark)
        if mark.tracker is not None:
            mark.tracker.owner = self
        self.scheduled = self.scheduled or urgent or self.awaited > 0 or self.rested
        first, self.started = not self.started, True
        return True, first

    def is_marked(self, devs: Sequence[NetDevice]) -> bool:
        """Is one of them on the list?"""
        found: bool = self.parking.peek(lambda: self._is_marked(devs))
        return found

    def _is_marked(self, devs: Sequence[NetDevice]) -> bool:
        return any(mark.dev in devs for mark in self.marks)

    def take(self, devs: Sequence[NetDevice] | None = None) -> list[Mark]:
        """Take marks off the list: all, or those of devs."""
        taken: list[Mark] = self.parking.change(lambda: self._take(devs))
        return taken

    def _take(self, devs: Sequence[NetDevice] | None) -> list[Mark]:
        taken = [mark for mark in self.marks if devs is None or mark.dev in devs]
        self.marks = [mark for mark in self.marks if mark not in taken]
        self.rested = self.rested and devs is not None
        return taken

    def rest(self) -> None:
        """Let the second pass in which a mark that is not urgent waits."""
        self.parking.change(lambda: setattr(self, "rested", True), why="a second passes")
