"""The end of namespaces: cleanup_net and what it runs, in the kernel's order.

Mirrors net/core/net_namespace.c's cleanup_net and ops_undo_list, and net/core/dev.c's
default_device_exit_batch (patches 2b12ec257849 and d0008553a70a of the series).  One work item on
its own thread serves all namespaces whose last reference went; what arrives meanwhile is the next
batch.  pernet_ops_rwsem is held for read from beginning to end, the waits for references and the
flush included.

Left out: expedited and normal grace periods cost the same; struct net's memory is Python's, `freed`
marks the moment from which the kernel's would be gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck import guarded

from .errors import KernelBug, KernelError
from .guards import Bookkeeping, Inside
from .netdevice import UnregHead
from .rcu import LISTED, OLD_NET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck import Thread
    from lockcheck.sync import LockMap, Parking

    from .kernel import Kernel
    from .net_namespace import Net
    from .pernet import PernetOperations
    from .probe import Task

__all__ = ["NetnsCleanup"]


class NetnsCleanup:
    """cleanup_net, its worker thread and its helpers: `k.netns_cleanup`."""

    cleanup_list: guarded[list[Net]] = guarded(Inside(lambda self: self.netns_wq), reads="any")
    """Namespaces without a main reference."""
    cleanup_running = guarded[bool](Inside(lambda self: self.netns_wq), reads="any", default=False)
    stopping = guarded[bool](Inside(lambda self: self.netns_wq), reads="any", default=False)
    defer_free_list: Bookkeeping[list[Net]]
    """Freed one round later, for late RCU callbacks (hazard 30); an llist, covered by gate."""
    thread: Bookkeeping[Thread | None]
    flushing: Bookkeeping[Sequence[Net]] = ()
    """Namespaces for whose end cleanup_net waits for the works; for reports of a stuck run."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.netns_wq: Parking = k.chk.Parking("netns_wq")
        self.chk = k.chk
        self.cleanup_list = []
        self.defer_free_list: list[Net] = []
        self.net_cleanup_work: LockMap = k.chk.LockMap("net_cleanup_work")
        self.thread = None

    # -- the work --

    def start(self) -> None:
        """Start netns_wq's thread."""
        task = self.k.probe.new_task("kworker/u8:0")
        self.thread = self.k.make_thread(self.worker, "kworker/u8:0-netns", task)
        self.thread.start()

    def stop(self) -> None:
        """End the thread when its list is empty, and join it."""
        if self.thread is not None:
            self.netns_wq.change(self._stop, why="shutdown")
            self.k.join(self.thread)
            self.thread = None

    def _stop(self) -> None:
        self.stopping = True

    def worker(self, task: Task) -> None:
        """netns_wq: one cleanup at a time."""
        self.k.probe.adopt(task)
        while True:
            batch = self.netns_wq.wait(
                self._has_cleanup, self._take_cleanup, why="a namespace to clean up", idle=True
            )
            if not batch:
                return
            try:
                with self.net_cleanup_work, self.k.probe.frame("process_one_work"):
                    self.cleanup_net(batch)
            except KernelBug:
                pass  # reported where it happened; the worker survives as a kernel oops lets it
            self.netns_wq.change(self._done_cleanup)

    def _has_cleanup(self) -> bool:
        return bool(self.cleanup_list) or self.stopping

    def _take_cleanup(self) -> list[Net]:
        batch, self.cleanup_list = self.cleanup_list, []
        self.cleanup_running = bool(batch)
        return batch

    def _done_cleanup(self) -> None:
        self.cleanup_running = False

    def cleanup_list_add(self, net: Net) -> None:
        """__put_net: hand it to cleanup_net."""
        self.netns_wq.change(lambda: self.cleanup_list.append(net), why=f"clean up {net.name}")

    def cleanup_idle(self) -> bool:
        """Nothing to clean up and nothing being cleaned up."""
        idle: bool = self.netns_wq.peek(self._idle)
        return idle

    def _idle(self) -> bool:
        return not self.cleanup_list and not self.cleanup_running

    def wait_cleanup_idle(self) -> None:
        """Block until cleanup_idle()."""
        self.netns_wq.wait(self._idle, why="cleanup_net to finish")

    # -- cleanup_net --

    def cleanup_net(self, batch: list[Net]) -> None:
        """End the namespaces of one batch."""
        k = self.k
        with k.probe.fn("cleanup_net"):
            with k.pernet_ops_rwsem.reading(recursive=False):
                with k.net_rwsem.writing():
                    for net in batch:
                        k.net_namespace.net_namespace_list.remove(net)
                        net.listed = False
                        k.rcu.retire(net, LISTED)
                        net.is_dying = True
                        net.observed = False
                for net in batch:
                    self.unhash_nsid(net)
                self.ops_undo_list(k.pernet.operations(), batch, expedite=True)
                for net in batch:
                    net.cleaned = True
                    k.rcu.call_rcu(net, "the end of its tables")
            k.rcu.rcu_barrier()
            for net in batch:
                k.rcu.assert_callbacks_done(net, "the namespace is let go")
            self.net_complete_free()
            for net in batch:
                k.rtnl_work.destroy_net(net)
                k.net_namespace.net_passive_dec(net)

    def unhash_nsid(self, last: Net) -> None:
        """Forget a dying namespace's nsid in all others, and its own table."""
        for net in self.k.net_namespace.for_each_net():
            with net.nsid_lock:
                for nsid in [nsid for nsid, peer in net.nsids.items() if peer is last]:
                    del net.nsids[nsid]
        with last.nsid_lock:
            last.nsids.clear()

    def net_free(self, net: Net) -> None:
        """The last passive reference went: free it, one round later."""
        with self.k.gate:
            self.defer_free_list.append(net)

    def net_complete_free(self) -> None:
        """Free what the previous round left."""
        with self.k.gate:
            freed, self.defer_free_list = self.defer_free_list, []
        for net in freed:
            self.k.lifetime.net_freed(net)
            net.freed = True
            self.k.rtnl.forget_net_locks(net)

    # -- ops_undo_list --

    def ops_undo_list(
        self, ops_list: Sequence[PernetOperations], nets: Sequence[Net], *, expedite: bool
    ) -> None:
        """Undo pernet operations backwards: pre_exit, exit_rtnl, then exit and exit_batch."""
        k = self.k
        backwards = list(reversed(ops_list))
        with k.probe.frame("ops_undo_list"):
            for ops in backwards:
                if ops.pre_exit is not None:
                    for net in nets:
                        ops.pre_exit(net)
            if expedite:
                k.rcu.synchronize_rcu_expedited()
            if any(ops.exit_rtnl is not None for ops in ops_list):
                self.ops_exit_rtnl_list(backwards, nets)
            for ops in backwards:
                if ops.exit is not None:
                    for net in nets:
                        ops.exit(net)
                if ops.exit_batch is not None:
                    ops.exit_batch(nets)

    def ops_exit_rtnl_list(
        self, backwards: Sequence[PernetOperations], nets: Sequence[Net]
    ) -> None:
        """All exit_rtnl of every dying namespace, in one RTNL section (patch 7).

        Devices of other namespaces of a kind that is not converted stay on the shared list and are
        unregistered after the loop without any per-netns lock (G.22).
        """
        k = self.k
        dev_kill_list = UnregHead("dev_kill_list")
        for net in nets:
            k.rcu.assert_elapsed(net, LISTED, "exit_rtnl")
        k.rtnl.rtnl_lock()
        try:
            for net in nets:
                k.rtnl.rtnl_net_lock_nested(net)
                try:
                    for ops in backwards:
                        if ops.exit_rtnl is not None:
                            ops.exit_rtnl(net, dev_kill_list)
                    k.dev.unregister_netdevice_queue_many_net(net, dev_kill_list)
                finally:
                    k.rtnl.rtnl_net_unlock_nested(net)
            k.dev.unregister_netdevice_many(dev_kill_list)
        finally:
            k.rtnl.rtnl_unlock()

    # -- devices of a dying namespace --

    def default_device_exit_net(self, net: Net) -> None:
        """Send physical devices home to init_net.  Locks: RTNL of net and of init_net."""
        k = self.k
        k.ASSERT_RTNL()
        with k.probe.frame("default_device_exit_net"):
            for dev in net.dev_list():
                if dev.netns_immutable:
                    continue
                ops = dev.rtnl_link_ops
                if ops is not None and not ops.netns_refund:
                    continue
                pattern = f"dev{dev.ifindex}"
                if k.dev.dev_get_by_name(k.init_net, pattern) is not None:
                    pattern = "dev%d"
                try:
                    k.dev.dev_change_net_namespace(dev, k.init_net, pattern)
                except KernelError as error:
                    k.bug(f"cannot move {dev.name} to init_net: {error}", dev=dev)
                k.rcu.assert_elapsed(dev, OLD_NET, "the end of the move")

    def default_device_exit_batch(self, nets: Sequence[Net]) -> None:
        """At exit all devices of a namespace leave it or go (patches 4 and 7)."""
        k = self.k
        dev_kill_list = UnregHead("dev_kill_list")
        with k.probe.fn("default_device_exit_batch"):
            k.rtnl.rtnl_lock()
            try:
                self.default_device_exit_nets(nets)
                for net in nets:
                    k.rtnl.rtnl_net_lock_nested(net)
                    try:
                        for dev in reversed(net.dev_list()):
                            if dev.rtnl_link_ops is not None:
                                dev.rtnl_link_ops.dellink(dev, dev_kill_list)
                            else:
                                k.dev.unregister_netdevice_queue(dev, dev_kill_list)
                        k.dev.unregister_netdevice_queue_many_net(net, dev_kill_list)
                    finally:
                        k.rtnl.rtnl_net_unlock_nested(net)
                k.dev.unregister_netdevice_many(dev_kill_list)
            finally:
                k.rtnl.rtnl_unlock()
            owed = k.rtnl_work.queued_so_far()
            self.flushing = nets
            k.rtnl_work.rtnl_net_flush_workqueue()
            self.flushing = ()
            k.rtnl_work.assert_flushed(owed, nets)

    def default_device_exit_nets(self, nets: Sequence[Net]) -> None:
        """The moves: init_net's lock first, then each dying namespace's (patch 4)."""
        k = self.k
        k.rtnl.rtnl_net_lock_nested(k.init_net)
        try:
            for net in nets:
                k.rtnl.rtnl_net_lock_nested(net)
                try:
                    self.default_device_exit_net(net)
                finally:
                    k.rtnl.rtnl_net_unlock_nested(net)
        finally:
            k.rtnl.rtnl_net_unlock_nested(k.init_net)
