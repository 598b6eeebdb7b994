"""Probe points: function entry and return with device, netns, thread and the model's call stack.

Mirrors what the recordings were made with: kprobes on named functions, in one total order, with
the fields of the golden trace (`pid comm fn dev ns net qnet type val change stack`).  Every thread
has a `Task`: a model pid, a comm, and the stack of the kernel functions it is in, which reads like
the kernel's because functions have the kernel's names.  Findings print the same stack.

A function opens itself with `with self.k.probe.fn("veth_dellink", dev):`; a function that the
recordings do not name uses `frame(name)`, which only stands on the stack.

Left out: inlining, which makes some of a real kernel's callers vanish from its stacks.
"""

from __future__ import annotations

import _thread
import threading
from typing import TYPE_CHECKING

from .documents import Fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import NetDevice
    from .rtnl import Section

__all__ = ["Frame", "Probe", "Task"]

RETURNS = frozenset(
    {
        "cleanup_net",
        "default_device_exit_batch",
        "netdev_run_todo",
        "netdev_nl_queue_create_doit",
        "nsim_destroy",
        "rtnl_dellink",
        "rtnl_net_work_func",
        "unregister_netdevice_many_notify",
    }
)
"""Functions whose return is a line of its own (`FN_ret`)."""

STACKED = (
    "dellink",
    "_del_link",
    "_link_delete",
    "_uninit",
    "wg_destruct",
    "free_netdev",
    "unregister_netdevice_queue",
    "unregister_netdevice_queue_net",
    "unregister_vlan_dev",
)
"""Endings of functions whose line has the call stack."""
STACK_MAX = 9

Record = Fields


class Frame:
    """The functions on one task's stack: leaving it leaves the innermost one.

    `fn` and `frame` have put that one there, so a task needs one object for all of them.
    """

    __slots__ = ("stack",)

    def __init__(self, stack: list[str]) -> None:
        self.stack = stack

    def __enter__(self) -> None:
        """The function has been entered."""

    def __exit__(self, kind: type[BaseException] | None, *_exc: object) -> None:
        self.stack.pop()


class TwoFrames(Frame):
    """As Frame, for a function that does nothing but call another."""

    __slots__ = ()

    def __exit__(self, kind: type[BaseException] | None, *_exc: object) -> None:
        del self.stack[-2:]


class ReturningFrame(Frame):
    """One function whose return is a line of the trace."""

    __slots__ = ("probe", "task")

    def __init__(self, probe: Probe, task: Task) -> None:
        super().__init__(task.stack)
        self.probe = probe
        self.task = task

    def __exit__(self, kind: type[BaseException] | None, *_exc: object) -> None:
        name = self.stack.pop()
        if kind is None or issubclass(kind, Exception):
            self.probe.emit({"pid": self.task.pid, "comm": self.task.comm, "fn": f"{name}_ret"})


class Task:
    """What the model knows of one thread."""

    __slots__ = (
        "comm",
        "cpu",
        "drains",
        "frame",
        "notifier_depth",
        "pid",
        "rcu_depth",
        "request",
        "section",
        "stack",
        "two_frames",
        "unregistering",
        "works",
    )

    def __init__(self, pid: int, comm: str, cpu: int) -> None:
        self.pid = pid
        self.comm = comm
        self.cpu = cpu
        self.stack: list[str] = []
        self.frame = Frame(self.stack)
        """What a `with` on a function of this stack leaves."""
        self.two_frames = TwoFrames(self.stack)
        self.section: Section | None = None
        """The open RTNL section of this thread (`rtnl.Section`)."""
        self.drains = True
        """Unlocks of this thread drain (`rtnl.leaving_drains`)."""
        self.request = ""
        """What this thread was asked, in words, for reports."""
        self.notifier_depth = 0
        self.rcu_depth = 0
        """Read-side sections of RCU that this thread is inside."""
        self.unregistering: list[NetDevice] = []
        """Devices whose NETDEV_UNREGISTER this thread is sending, outermost first."""
        self.works = False
        """It runs a namespace's work."""


class Probe:
    """All probe points of one kernel, and the tasks they run on."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.trace: list[Record] = []
        """Lines in the order they happened; appended by every thread."""
        self.enabled = True
        self.with_stacks = True
        self.returns = set(RETURNS)
        """Functions whose return is a line; the recordings of queue leases have one more."""
        self.listeners: list[Callable[[Record], None]] = []
        """Called with each line as it happens (`run --trace`)."""
        self._local = threading.local()
        self._next_pid = 0
        self._pid_gate = _thread.allocate_lock()

    # -- tasks --

    def new_task(self, comm: str, *, cpu: int | None = None) -> Task:
        """Make the task of a thread that is yet to start: pids are given in a fixed order."""
        with self._pid_gate:
            self._next_pid += 1
            pid = self._next_pid
        return Task(pid, comm, pid % self.k.cpus if cpu is None else cpu)

    def adopt(self, task: Task) -> None:
        """Make `task` the current thread's."""
        self._local.task = task

    def current(self) -> Task:
        """The current thread's task; made on the first look."""
        try:
            task: Task = self._local.task
        except AttributeError:
            task = self._local.task = self.new_task("ip")
        return task

    def stack(self) -> list[str]:
        """The current model stack, innermost first."""
        return self.current().stack[::-1]

    # -- points --

    def fn(
        self,
        name: str,
        dev: NetDevice | None = None,
        *,
        net: Net | None = None,
        qnet: Net | None = None,
    ) -> Frame:
        """Enter a function that has a line of its own."""
        try:
            task: Task = self._local.task
        except AttributeError:
            task = self.current()
        if not self.enabled:
            task.stack.append(name)
            return task.frame
        if not self.is_inlined(task, name, dev):
            record: Record = {"pid": task.pid, "comm": task.comm, "fn": name}
            if dev is not None:
                record["dev"] = dev.peek_name()
                record["ns"] = dev.peek_net().name
            if net is not None:
                record["net"] = net.name
            if qnet is not None:
                record["qnet"] = qnet.name
            if self.with_stacks and name.endswith(STACKED):
                record["stack"] = [name, *task.stack[:-STACK_MAX:-1]]
            self.emit(record)
        task.stack.append(name)
        return ReturningFrame(self, task) if name in self.returns else task.frame

    def is_inlined(self, task: Task, name: str, dev: NetDevice | None) -> bool:
        """Did the build that was recorded inline this call, so that no kprobe saw it?

        A kind's dellink is called through a pointer, never inlined.
        """
        inlined = self.k.regime.inlined
        if not inlined or not task.stack or dev is None or dev.rtnl_link_ops is not None:
            return False
        return (name, task.stack[-1]) in inlined

    def frame(self, name: str) -> Frame:
        """Enter a function that only stands on the stack."""
        try:
            task: Task = self._local.task
        except AttributeError:
            task = self.current()
        task.stack.append(name)
        return task.frame

    def frames(self, outer: str, inner: str) -> Frame:
        """Enter two functions that only stand on the stack; the outer one just calls the inner."""
        task = self.current()
        task.stack += (outer, inner)
        return task.two_frames

    def note(self, name: str, dev: NetDevice, **fields: str) -> None:
        """A line without a frame (`notify`, `rtmsg_ifinfo_build_skb`)."""
        if not self.enabled:
            return
        task = self.current()
        record: Record = {"pid": task.pid, "comm": task.comm, "fn": name}
        record.update(fields)
        record["dev"] = dev.peek_name()
        record["ns"] = dev.peek_net().name
        self.emit(record)

    def emit(self, record: Record) -> None:
        """Append a line and call the listeners."""
        if not self.enabled:
            return
        self.trace.append(record)
        for listener in self.listeners:
            listener(record)
