"""What happens to unregistered devices after RTNL was dropped: netdev_run_todo.

Mirrors netdev_run_todo and netdev_wait_allrefs_any of net/core/dev.c in Linux 7.3 (patches
0fa296dd520e and af3634d4ac65): rcu_barrier, UNREGISTERED, then wait for *any* device whose
references are gone.  While it waits it sends NETDEV_UNREGISTER again once a second, under the
device's own netns lock, whose unlock drains; what that drained is left on the todo list by
__rtnl_unlock (hazard 16, G.12).

Waiting is one blocking operation of the checker, so "who waits for whose reference" is seen.
Left out: linkwatch_sync_dev's walk, checks of ip pointers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from .guards import Bookkeeping
from .netdevice import NetDevice, RegState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockcheck.sync import Refcount

    from .kernel import Kernel

__all__ = ["DevTodo"]


class RefsOf(Sequence["Refcount"]):
    """The counts of some devices, made while looking: the first one often has it, of thousands."""

    def __init__(self, devs: list[NetDevice]) -> None:
        self.devs = devs

    def __len__(self) -> int:
        return len(self.devs)

    @overload
    def __getitem__(self, index: int) -> Refcount: ...

    @overload
    def __getitem__(self, index: slice) -> list[Refcount]: ...

    def __getitem__(self, index: int | slice) -> Refcount | list[Refcount]:
        """One count, or those of a slice."""
        if isinstance(index, slice):
            return [dev.refcnt for dev in self.devs[index]]
        return self.devs[index].refcnt

    def __iter__(self) -> Iterator[Refcount]:
        return (dev.refcnt for dev in self.devs)


class DevTodo:
    """`k.dev_todo`: the part of unregistration that holds no lock."""

    waiting: Bookkeeping[dict[int, list[NetDevice]]]
    """Task -> the devices whose references it waits for; for reports of a stuck run.

    Each entry is its own task's.
    """
    waiters: Bookkeeping[dict[int, str]]
    """Task -> its thread's name, as reports have it."""
    warned: Bookkeeping[set[int]]
    """Tasks for whose devices the kernel's line was printed."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.waiting = {}
        self.waiters = {}
        self.warned = set()

    def netdev_run_todo(self) -> None:
        """Drop RTNL and finish every device of this section.  It may sleep for long."""
        k = self.k
        with k.probe.fn("netdev_run_todo"):
            todo = self.splice_todo()
            try:
                k.rtnl.rtnl_unlock_raw()
            finally:
                if todo:
                    self.finish_todo(todo)

    def splice_todo(self) -> list[NetDevice]:
        """Take the list away.  Locks: RTNL."""
        todo = self.k.rtnl.todo()
        taken = list(todo)
        todo.clear()
        return taken

    def finish_todo(self, devs: list[NetDevice]) -> None:
        """Wait for the references of each and release it.  Locks: none."""
        k = self.k
        k.assert_no_lock_held("netdev_run_todo")
        waiting = self.mark_unregistered(devs)
        released: list[NetDevice] = []
        task = k.probe.current()
        self.waiting[task.pid] = waiting
        self.waiters[task.pid] = k.chk.current().name
        while waiting:
            dev = self.netdev_wait_allrefs_any(waiting)
            waiting.remove(dev)
            self.release_one(dev)
            released.append(dev)
        del self.waiting[task.pid]
        self.warned.discard(task.pid)
        k.dev_unreg_count_sub(released)

    def mark_unregistered(self, devs: list[NetDevice]) -> list[NetDevice]:
        """rcu_barrier, then UNREGISTERED under the instance lock."""
        k = self.k
        k.rcu.rcu_barrier()
        for dev in devs:
            k.rcu.assert_callbacks_done(dev, "UNREGISTERED")
        marked: list[NetDevice] = []
        for dev in devs:
            with dev.lock:
                state = dev.reg_state
                if state is RegState.UNREGISTERING:
                    dev.reg_state = RegState.UNREGISTERED
            if state is not RegState.UNREGISTERING:
                k.warn(f"netdev_run_todo of {dev.name} in state {state.name}", dev=dev)
                continue
            k.linkwatch.linkwatch_sync_dev(dev)
            marked.append(dev)
        return marked

    def release_one(self, dev: NetDevice) -> None:
        """No reference is left: run the destructor and free it."""
        k = self.k
        if dev.refcnt.value != 1:
            k.bug(f"{dev.name} has {dev.refcnt.value} references at its end", dev=dev)
        assert dev.netdev_ops is not None
        dev.netdev_ops.priv_destructor(dev)
        if dev.needs_free_netdev:
            self.k.dev.free_netdev(dev)

    # -- waiting --

    def netdev_wait_allrefs_any(self, devs: list[NetDevice]) -> NetDevice:
        """Wait until one of devs has no reference but its own.

        `devs` grows when a rebroadcast takes over what it drained (fix of G.12).
        """
        k = self.k
        started = warned = k.chk.now()
        while True:
            k.assert_no_lock_held("netdev_wait_allrefs_any")
            hit = self.wait_refs_once(devs, has_warned=warned > started)
            if hit is not None:
                return next(dev for dev in devs if dev.refcnt is hit)
            devs.extend(self.netdev_rebroadcast(devs))
            now = k.chk.now()
            if now - warned >= k.timing.unregister_timeout:
                self.warn_allrefs(devs)
                self.warned.add(k.probe.current().pid)
                warned = now

    def wait_refs_once(self, devs: list[NetDevice], *, has_warned: bool) -> Refcount | None:
        """One wait, until the next rebroadcast is due.

        `has_warned`: the kernel has printed its warning.  In logical time, where that costs
        nothing, one of the rebroadcasts before is still to bring the warning; all others only
        repeat what was in vain.
        """
        conductor = self.k.chk.conductor
        logical = conductor is not None and conductor.controlled and conductor.timed
        return self.k.chk.wait_refs(
            RefsOf(devs),
            1,
            timeout=self.k.timing.wait_refs_rebroadcast,
            timer="netdev_wait_allrefs_any rebroadcast",
            repeat=has_warned or not logical,
        )

    def netdev_rebroadcast(self, devs: list[NetDevice]) -> list[NetDevice]:
        """Send UNREGISTER again for every device; returns what the caller must finish as well.

        7.3 leaves with __rtnl_unlock, whatever the drains have put on the todo list (G.12).
        """
        k = self.k
        with k.probe.frame("netdev_wait_allrefs_any"):
            k.rtnl.rtnl_lock()
            try:
                adopted = self.rebroadcast_unregister(devs)
            finally:
                k.rtnl.rtnl_unlock_raw(known="G.12")
            k.rcu.rcu_barrier()
            k.rtnl.rtnl_lock()
            try:
                k.linkwatch.linkwatch_run_pending(devs)
            finally:
                k.rtnl.rtnl_unlock_raw(known="G.12")
        return adopted

    def rebroadcast_unregister(self, devs: list[NetDevice]) -> list[NetDevice]:
        """UNREGISTER for each under its own netns' lock, whose unlock drains.  Locks: RTNL.

        Returns what the drains unregistered and this thread finishes: nothing in 7.3.
        """
        k = self.k
        for dev in devs:
            net = k.dev.dev_net(dev)
            k.rtnl.rtnl_net_lock_nested(net)
            try:
                k.notifier.call_netdevice_notifiers("UNREGISTER", dev)
            finally:
                k.rtnl.rtnl_net_unlock_nested(net)
        return []

    def warn_cut_short(self) -> None:
        """A stuck run is being ended: print the lines that nobody would wait for any more.

        The watchdog knows after a moment what the kernel says after ten seconds.
        """
        for pid, devs in list(self.waiting.items()):
            if pid not in self.warned:
                self.warn_allrefs(devs)

    def warn_allrefs(self, devs: list[NetDevice]) -> None:
        """The kernel's line, with the trackers, once per netdev_unregister_timeout_secs."""
        for dev in devs:
            refs = dev.refcnt.value
            if refs == 1:
                continue
            self.k.printk(
                f"unregister_netdevice: waiting for {dev.name} to become free. "
                f"Usage count = {refs}",
                holders=dev.holders()[:10],
            )
