"""Who owes a stuck thread what it waits for: holders of references, works that cannot start.

The checker knows locks, joins and events; that a reference belongs to a device, and that the work
which would drop it is queued behind the very work that waits, only the model knows.  A report of a
stuck run asks here (`lockcheck.conduct.deadlock.Owed`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck import Kind, Op, looking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck.sync import Refcount, ThreadState

    from ..kernel.kernel import Kernel
    from ..kernel.netdevice import NetDevice, RefTracker

__all__ = ["Debt", "owed"]

Debt = tuple[str, "ThreadState | None"]
"""In words, and the thread (its ThreadState) that would have to go first, or None."""


def owed(k: Kernel, op: Op) -> list[Debt]:
    """What a thread that waits in `op` is owed."""
    with looking(k.chk):
        if op.kind is not Kind.WAIT_REFS:
            return [] if op.idle else running_works(k, op)
        refs, value = op.aux
        return debts(k, refs, value)


def debts(k: Kernel, refs: Sequence[Refcount], value: int) -> list[Debt]:
    """Who holds each reference, and works that cannot start."""
    found: list[Debt] = []
    for ref in refs:
        dev = ref.owner
        if dev is None or ref.value == value:
            continue
        found += [holder(k, dev, tracker) for tracker in list(dev.trackers)]
    return found + waiting_works(k)


def holder(k: Kernel, dev: NetDevice, tracker: RefTracker) -> Debt:
    """One reference, and the thread that will drop it where that is known."""
    words = f"{dev.name} is held by {tracker.what}"
    owner = tracker.owner
    if owner is None or owner.thread is None:
        return words, None
    words = f"{words} of {owner.thread.name}"
    if dev in k.dev_todo.waiting.get(owner.pid, ()):
        words += ", which waits for a reference that it holds itself"
    return words, owner.thread.state


def running_works(k: Kernel, op: Op) -> list[Debt]:
    """The works whose end a flush waits for, with their threads."""
    found: list[Debt] = []
    for work in k.rtnl_work.works:
        thread = k.rtnl_work.thread_of(work) if work.parking is op.obj and work.running else None
        if thread is not None:
            found.append((f"the work of {work.net.name} runs", thread.state))
    return found


def waiting_works(k: Kernel) -> list[Debt]:
    """Works that are queued and cannot start, with the thread that they wait for."""
    found: list[Debt] = []
    for cpu in getattr(k.rtnl_work, "cpus", ()):  # percpu works alone have it
        if cpu.current is None:
            continue
        running = cpu.current.net.name
        ts = cpu.thread.state if cpu.thread is not None else None
        for work in cpu.items:
            devices = ", ".join(dev.name for dev in list(work.net.dev_unreg_head)) or "nothing"
            found.append(
                (
                    f"the work of {work.net.name} (to unregister {devices}) is queued on CPU "
                    f"{cpu.number} behind the work of {running}",
                    ts,
                )
            )
    return found
