"""The per-netns work `net->rtnl_work`, its threads, its queue and the flush.

Mirrors patch 3 of the series (c6cfaf97837e): rtnl_net_queue_work, rtnl_net_work_func and
rtnl_net_flush_workqueue.  Two ways to serve the works:

* `netns`: every namespace has a worker thread of its own (what the user of this model asked for).
* `percpu`: Linux 7.3's create_workqueue(): one item at a time per CPU; an item goes to the CPU of
  whoever queues it, a worker's own included, or to where the same item is still running.  An item
  that waits for a reference which only an item behind it can drop is stuck for ever (G.5).

An item that is pending is not queued twice; one that is running may be queued again and runs after.
No reference on the namespace is taken.  Left out: the rescuer, which does not help.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck import guarded, looking

from .errors import KernelBug
from .guards import Bookkeeping, Inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck import Thread
    from lockcheck.sync import LockMap, Parking

    from .kernel import Kernel
    from .net_namespace import Net
    from .probe import Task

__all__ = ["PercpuWork", "RtnlWork", "Work"]


IN_PARKING = Inside(lambda self: self.parking)


class Work:
    """struct work_struct of one namespace."""

    pending = guarded[bool](IN_PARKING, reads="any", default=False)
    running = guarded[bool](IN_PARKING, reads="any", default=False)
    queued = guarded[int](IN_PARKING, reads="any", default=0)
    """How often it was queued, and how many of these runs are over."""
    done = guarded[int](IN_PARKING, reads="any", default=0)
    cpu = guarded[int](IN_PARKING, reads="any", default=0)
    stop = guarded[bool](IN_PARKING, reads="any", default=False)
    taken = guarded[int](IN_PARKING, reads="any", default=0)
    """`queued` as it was when the running item was taken."""

    def __init__(self, net: Net, parking: Parking) -> None:
        self.net = net
        self.parking = parking
        self.chk = parking.chk


class Cpu:
    """One CPU's part of the workqueue."""

    items = guarded[list[Work]](IN_PARKING, reads="any")
    current = guarded[Work | None](IN_PARKING, reads="any", default=None)
    thread: Bookkeeping[Thread | None] = None
    task: Bookkeeping[Task | None] = None

    def __init__(self, number: int, parking: Parking) -> None:
        self.number = number
        self.parking = parking
        self.chk = parking.chk
        self.items = []


class RtnlWork:
    """`k.rtnl_work` with a thread per namespace."""

    works = guarded[list[Work]](Inside(lambda self: self.registry), reads="any")
    """Live works."""
    drains = guarded[int](Inside(lambda self: self.registry), reads="any", default=0)
    """Drains in progress anywhere: only the fix of G.15 looks at it."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.wq_map: LockMap = k.chk.LockMap("(wq_completion)rtnl_net")
        self.work_map: LockMap = k.chk.LockMap("(work_completion)(&net->rtnl_work)")
        self.chk = k.chk
        self.works = []
        self.registry: Parking = k.chk.Parking("rtnl_net workqueue")

    # -- namespaces come and go --

    def preinit_net(self, net: Net) -> None:
        """INIT_WORK, and the namespace's own worker thread."""
        net.work = work = self.make_work(net)
        self.registry.change(lambda: self.works.append(work))
        self.start_thread(net)

    def make_work(self, net: Net) -> Work:
        """The item, with a parking lot of its own."""
        return Work(net, self.k.chk.Parking(f"rtnl_work {net.label}"))

    def thread_of(self, work: Work) -> Thread | None:
        """Whose thread runs the work."""
        return work.net.worker

    def start_thread(self, net: Net) -> None:
        """kworker/NETNS."""
        task = self.k.probe.new_task(f"kworker/{net.name}")
        worker = self.k.make_thread(self.worker, f"kworker/{net.label}", net.work, task)
        worker.start()  # the system may refuse
        net.worker = worker

    def destroy_net(self, net: Net) -> None:
        """The namespace is gone: nothing may be pending; end its thread."""
        work: Work = net.work
        busy = work.parking.change(lambda: self._stop(work), why="netns gone")
        with looking(self.k.chk):
            left = bool(net.dev_unreg_head)
        if busy or left:
            self.k.report_invariant(
                f"namespace {net.name} is freed with work or devices pending",
                rule="pending-on-freed-netns",
            )
        self.registry.change(lambda: self.works.remove(work))
        self.stop_thread(net)

    def stop_thread(self, net: Net) -> None:
        """Join the namespace's worker."""
        if net.worker is not None:
            self.k.join(net.worker)

    def _stop(self, work: Work) -> bool:
        work.stop = True
        return work.pending or work.running

    def start(self) -> None:
        """Nothing that is not per namespace."""

    def stop(self) -> None:
        """End every thread (at shutdown; works run to their end first)."""
        for work in self.all_works():
            self.stop_work(work)
        for work in self.all_works():
            self.stop_thread(work.net)

    def stop_work(self, work: Work) -> None:
        """Ask its thread to end when nothing is pending."""
        work.parking.change(lambda: self._stop(work), why="shutdown")

    def all_works(self) -> list[Work]:
        """Live works, oldest first."""
        works: list[Work] = self.registry.peek(lambda: list(self.works))
        return works

    # -- queueing --

    def rtnl_net_queue_work(self, net: Net) -> None:
        """Queue the namespace's work; no-op while it is pending.  Locks: net.dev_unreg_lock."""
        with self.k.probe.fn("rtnl_net_queue_work", net=net):
            self.queue_work(net.work)

    def queue_work(self, work: Work) -> None:
        """The work's own thread will run it."""
        work.parking.change(lambda: self._queue(work), why=f"queue_work {work.net.label}")

    def _queue(self, work: Work) -> bool:
        if work.pending:
            return False
        work.pending = True
        work.queued += 1
        return True

    # -- running --

    def worker(self, work: Work, task: Task) -> None:
        """Serve one namespace until it is destroyed."""
        self.k.probe.adopt(task)
        parking = work.parking
        while True:
            go = parking.wait(
                lambda: work.pending or work.stop,
                lambda: self._take(work),
                why=f"work of {work.net.label}",
                idle=True,
            )
            if go == "stop":
                return
            self.process_one_work(work)
            parking.change(lambda: self._done(work))

    def _take(self, work: Work) -> str:
        if not work.pending:
            return "stop"
        work.pending = False
        work.running = True
        work.taken = work.queued
        return "run"

    def _done(self, work: Work) -> None:
        work.running = False
        work.done = work.taken

    def process_one_work(self, work: Work) -> None:
        """Run the item inside its pseudo-locks."""
        with self.k.probe.frame("process_one_work"), self.wq_map, self.work_map:
            task = self.k.probe.current()
            task.works = True
            try:
                self.rtnl_net_work_func(work.net)
            except KernelBug:
                pass  # reported where it happened; the worker survives as a kernel oops lets it
            finally:
                task.works = False

    def is_current(self) -> bool:
        """Does the calling thread run a work?  A flush waits for that one."""
        return self.k.probe.current().works

    def rtnl_net_work_func(self, net: Net) -> None:
        """Take and drop the namespace's lock: the unlock drains.

        7.3 looks at the list without a lock first, and so overlooks a drain in progress (G.15).
        """
        k = self.k
        with k.probe.fn("rtnl_net_work_func", net=net):
            if not self.work_has_something(net):
                return
            k.rtnl.rtnl_net_lock(net)
            k.rtnl.rtnl_net_unlock(net)

    def work_has_something(self, net: Net) -> bool:
        """!list_empty(&net->dev_unreg_head), without a lock."""
        pending: bool = net.has_pending
        return pending

    # -- flushing --

    def rtnl_net_flush_workqueue(self) -> None:
        """Wait for every item queued so far, of every namespace (G.17).  Locks: no RTNL."""
        if not self.k.regime.delegates:
            return
        with self.k.probe.frame("rtnl_net_flush_workqueue"):
            self.wq_map.sync()
            self.flush()

    def queued_so_far(self) -> list[tuple[Work, int]]:
        """Every work, and how often it was queued: what a flush that begins now waits for.

        A look of the checks' own: no operation that a schedule is made of.
        """
        with looking(self.k.chk):
            return [(work, work.queued) for work in list(self.works)]

    def assert_flushed(self, owed: Sequence[tuple[Work, int]], nets: Sequence[Net]) -> None:
        """invariant: behind the flush of an exit no work queued before it is pending or running.

        It might still use what the dying namespaces give away next (hazards 21 and 22).
        """
        if not self.k.regime.delegates:
            return
        with looking(self.k.chk):
            late = [work for work, target in owed if work.done < target]
        for work in late:
            dying = " ".join(net.name for net in nets)
            self.k.report_invariant(
                f"the exit of {dying} goes on with the work of {work.net.name} pending",
                rule="pending-on-freed-netns",
            )

    def flush(self) -> None:
        """Each work must reach what it was queued for by now."""
        for work in self.all_works():
            self.flush_one(work)

    def flush_one(self, work: Work) -> None:
        """Until every run queued so far is over; what a run did that is over comes before, too."""
        parking = work.parking
        target, done = parking.peek(lambda: (work.queued, work.done), acquire=True)
        if done < target:
            parking.wait(lambda: work.done >= target, why=f"flush of the work of {work.net.label}")

    def idle(self) -> bool:
        """Nothing pending, nothing running."""
        return all(self.work_idle(work) for work in self.all_works())

    def work_idle(self, work: Work) -> bool:
        """Every run that it was queued for is over."""
        idle: bool = work.parking.peek(lambda: work.done == work.queued)
        return idle


class PercpuWork(RtnlWork):
    """One worker per CPU, one item at a time (WQ_PERCPU, max_active 1)."""

    stopping = guarded[bool](IN_PARKING, reads="any", default=False)

    def __init__(self, k: Kernel) -> None:
        super().__init__(k)
        self.parking: Parking = k.chk.Parking("rtnl_net percpu")
        self.cpus = [Cpu(n, self.parking) for n in range(k.cpus)]

    def make_work(self, net: Net) -> Work:
        """All items share the workqueue's parking lot."""
        return Work(net, self.parking)

    def start_thread(self, net: Net) -> None:
        """No thread of its own."""

    def thread_of(self, work: Work) -> Thread | None:
        """The CPU's."""
        return next((cpu.thread for cpu in self.cpus if cpu.current is work), None)

    def start(self) -> None:
        """One thread per CPU."""
        for cpu in self.cpus:
            cpu.task = self.k.probe.new_task(f"kworker/{cpu.number}:1", cpu=cpu.number)
            cpu.thread = self.k.make_thread(self.cpu_worker, f"kworker/{cpu.number}:1", cpu)
            cpu.thread.start()

    def stop(self) -> None:
        """Join the CPUs' threads."""
        self.parking.change(lambda: setattr(self, "stopping", True), why="shutdown")
        for cpu in self.cpus:
            if cpu.thread is not None:
                self.k.join(cpu.thread)

    def queue_work(self, work: Work) -> None:
        """On the caller's CPU, or where the item is still running."""
        here = self.k.probe.current().cpu
        self.parking.change(lambda: self._queue_on(work, here), why=f"queue_work {work.net.label}")

    def _queue_on(self, work: Work, here: int) -> None:
        if not self._queue(work):
            return
        cpu = self.cpus[work.cpu if work.running else here]
        work.cpu = cpu.number
        cpu.items.append(work)

    def cpu_worker(self, cpu: Cpu) -> None:
        """Serve one CPU's items in order."""
        assert cpu.task is not None
        self.k.probe.adopt(cpu.task)
        while True:
            work: Any = self.parking.wait(  # an RtnlWork or the end
                lambda: bool(cpu.items) or self.stopping,
                lambda: self._take_next(cpu),
                why=f"work on CPU {cpu.number}",
                idle=True,
            )
            if work == "stop":
                return
            self.process_one_work(work)
            self.done_on(cpu, work)

    def _take_next(self, cpu: Cpu) -> Work | str:
        if not cpu.items:
            return "stop"
        work = cpu.items.pop(0)
        self._take(work)
        cpu.current = work
        return work

    def done_on(self, cpu: Cpu, work: Work) -> None:
        """The CPU is free for the next item."""
        self.parking.change(lambda: self._done_on(cpu, work))

    def _done_on(self, cpu: Cpu, work: Work) -> None:
        cpu.current = None
        self._done(work)
