"""RTNL: the locks, their order, the sections between lock and unlock, and what an unlock does.

There are up to two kinds of mutex.  `rtnl_mutex` is the global one; `net->rtnl_mutex` belongs to a
namespace and is taken inside it: `__rtnl_net_lock`.  Several of them are taken in one order, the
initial namespace first, then by address; who does not know all of them beforehand gathers them in a
`struct rtnl_nets` (patch 1).  Which of the two kinds exist is the regime's (`regime`); a driver
never asks.

A *section* is what a thread does from rtnl_lock to rtnl_unlock.  Where the global mutex does not
exist a section has no lock of its own, only the namespaces' locks taken inside, and its own todo
list.  An unlock is where deferred work is done:

* `__rtnl_net_unlock` first *drains*: it unregisters what other threads left pending for this
  namespace (patch 6), with the namespace's lock still held.
* `rtnl_unlock` is netdev_run_todo: it drops the mutex, then waits until nobody refers to the
  devices that this section unregistered, and frees them.  It may sleep for long, and no lock may be
  held.  `__rtnl_unlock` only drops the mutex, and must not leave a todo list behind.

Names: `__rtnl_unlock` is `rtnl_unlock_raw`, `__rtnl_net_lock` and `__rtnl_net_unlock` are
`rtnl_net_lock_nested` and `rtnl_net_unlock_nested`, as Python would mangle the kernel's.
Left out: the signals of `rtnl_lock_killable`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lockcheck import guarded, own

from .guards import Bookkeeping

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lockcheck import Checker, Lock

    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import NetDevice

__all__ = ["Rtnl", "RtnlNets", "Section"]


class Section:
    """One thread's critical section, from rtnl_lock to rtnl_unlock."""

    nets: own[list[Net]] = own()
    """Namespaces locked in it, in the order they were taken."""
    todo: own[list[NetDevice]] = own()
    """net_todo_list of this section, where there is no global one."""

    def __init__(self, chk: Checker) -> None:
        self.chk = chk
        self.nets = []
        self.todo = []


class RtnlNets:
    """struct rtnl_nets: up to four namespaces, sorted, without duplicates, each referenced.

    `pernet`'s module unload puts all namespaces in, without references: none can go meanwhile.
    """

    MAX = 4
    """Peer, target, link, requester (patch 1)."""

    nets: own[list[Net]] = own()

    def __init__(self) -> None:
        self.nets = []


class Rtnl:
    """`k.rtnl`."""

    net_todo_list: guarded[list[NetDevice]] = guarded("rtnl_mutex")
    """Devices unregistered and not yet finished."""
    left: Bookkeeping[dict[NetDevice, str]]
    """Devices that an unlock left on net_todo_list, and by which known defect at first; or none."""
    _net_locks: Bookkeeping[dict[Lock, Net]]
    """Whose a lock is, for the order."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.chk = k.chk
        self.is_held = k.chk.is_held
        """Does the calling thread hold a lock?"""
        self.rtnl_mutex = k.chk.Lock("rtnl_mutex", instance="rtnl_mutex")
        """The global RTNL.  Protects: everything that no other lock is said to protect.
        Order: after pernet_ops_rwsem; before every net->rtnl_mutex.  Helper: rtnl_lock()."""
        self.net_todo_list = []
        self.left = {}
        self._net_locks = {}

    # -- order --

    def make_net_lock(self, net: Net) -> Lock:
        """net->rtnl_mutex, ordered by rtnl_net_lock_cmp_fn."""
        chk = self.k.chk
        lock = chk.Lock("&net->rtnl_mutex", instance=net.label, cmp=self.rtnl_net_lock_cmp_fn)
        self._net_locks[lock] = net
        return lock

    def make_dev_unreg_lock(self, net: Net) -> Lock:
        """net->dev_unreg_lock: two of them nest by address, init_net is not special."""

        def by_addr(held: Lock, wanted: Lock) -> int:
            a, b = self._net_locks.get(held), self._net_locks.get(wanted)
            return 1 if a is None or b is None else a.addr - b.addr

        lock = self.k.chk.Lock("&net->dev_unreg_lock", instance=net.label, cmp=by_addr)
        self._net_locks[lock] = net
        return lock

    def forget_net_locks(self, net: Net) -> None:
        """The namespace is gone: nobody compares its locks any more."""
        self._net_locks.pop(net.rtnl_mutex, None)
        self._net_locks.pop(net.dev_unreg_lock, None)

    def rtnl_net_lock_cmp_fn(self, held: Lock, wanted: Lock) -> int:
        """init_net first, then by address; < 0: `wanted` may be taken while `held` is held."""
        a, b = self._net_locks.get(held), self._net_locks.get(wanted)
        return 1 if a is None or b is None else self.rtnl_net_cmp_locks(a, b)

    def rtnl_net_cmp_locks(self, a: Net, b: Net) -> int:
        """Equal 0; init_net first; else by address."""
        if a is b:
            return 0
        if a is self.k.init_net:
            return -1
        if b is self.k.init_net:
            return 1
        return -1 if a.addr < b.addr else 1

    def order(self, nets: Sequence[Net]) -> list[Net]:
        """Sort and deduplicate a set of namespaces: init_net first, then by address."""
        if not self.k.regime.has_net_locks:
            return list(nets)
        unique: list[Net] = []
        for net in nets:
            if net not in unique:
                unique.append(net)
        return sorted(unique, key=lambda net: (net is not self.k.init_net, net.addr))

    # -- who holds what --

    def section(self) -> Section | None:
        """This thread's open section."""
        return self.k.probe.current().section

    def is_rtnl_held(self) -> bool:
        """Does this thread hold RTNL (where there is none: a netns lock in a section)?"""
        if self.k.regime.has_rtnl:
            return self.is_held(self.rtnl_mutex)
        section = self.k.probe.current().section
        return section is not None and bool(section.nets)

    def is_net_held(self, net: Net) -> bool:
        """lockdep_rtnl_net_is_held: everything that net's RTNL means is held by this thread."""
        regime = self.k.regime
        if regime.has_rtnl and not self.is_held(self.rtnl_mutex):
            return False
        return not regime.has_net_locks or self.is_held(net.rtnl_mutex)

    def owns(self, lock: Lock) -> bool:
        """Is the calling thread the owner?"""
        return self.is_held(lock)

    # -- the global mutex --

    def rtnl_lock(self) -> None:
        """Begin a section: take rtnl_mutex where it exists."""
        task = self.k.probe.current()
        if self.k.regime.has_rtnl:
            self.rtnl_mutex.acquire()
        elif task.section is not None:
            self.k.report_invariant("rtnl_lock inside an open section", rule="nested-section")
        task.section = Section(self.k.chk)

    def rtnl_trylock(self) -> bool:
        """As rtnl_lock, without waiting; False: somebody holds it."""
        if self.k.regime.has_rtnl and not self.rtnl_mutex.acquire(blocking=False):
            return False
        self.k.probe.current().section = Section(self.k.chk)
        return True

    def rtnl_unlock(self) -> None:
        """End the section, then finish what it unregistered; may sleep for long."""
        with self.k.probe.frame("rtnl_unlock"):
            self.k.dev.netdev_run_todo()

    def rtnl_unlock_raw(self, known: str = "") -> None:
        """__rtnl_unlock: WARNs when a todo is left to somebody else (hazard 15)."""
        left = self.todo()
        for dev in left:
            self.left.setdefault(dev, known)
        if left:
            known = known if all(self.left[dev] == known for dev in left) else ""
            names = " ".join(dev.name for dev in left)
            self.k.report_invariant(
                f"__rtnl_unlock with a todo list that is not empty: {names}",
                rule="todo-at-rtnl-unlock",
                kind="warn",
                known=known,
            )
        self.rtnl_release()

    def rtnl_release(self) -> None:
        """Drop the mutex: the part of __rtnl_unlock behind its check of the todo list."""
        self.k.probe.current().section = None
        if self.k.regime.has_rtnl:
            self.rtnl_mutex.release()

    def todo(self) -> list[NetDevice]:
        """The list that net_set_todo fills and netdev_run_todo empties."""
        if self.k.regime.has_rtnl:
            return self.net_todo_list
        section = self.section()
        return section.todo if section is not None else self.net_todo_list

    # -- the lock of a namespace --

    def rtnl_net_lock_nested(self, net: Net) -> None:
        """__rtnl_net_lock: does not drain.  Locks: RTNL."""
        self.k.assert_section()
        self.k.lifetime.assert_net_alive(net, "rtnl_mutex")
        if self.k.regime.has_net_locks:
            net.rtnl_mutex.acquire()
            self._note_locked(net)

    def rtnl_net_unlock_nested(self, net: Net) -> None:
        """__rtnl_net_unlock: drain net, then drop its mutex.  Locks: RTNL, net's."""
        with self.k.probe.frame("__rtnl_net_unlock"):
            try:
                self.k.assert_section()
                self.rtnl_net_drain(net)
            finally:
                self.net_release(net)

    def rtnl_net_drain(self, net: Net) -> None:
        """The drain of an unlock: patch 6's one line."""
        if self.k.regime.delegates and self.k.probe.current().drains:
            self.k.dev.unregister_netdevice_many_net(net)

    @contextmanager
    def leaving_drains(self) -> Iterator[None]:
        """Unlocks of this thread do not drain: the works do, which were queued with the devices.

        For a thread that a drain could wait for, as it holds a reference or is counted as a user
        of something that an unregistration takes away (fixes of G.14 and G.24).
        """
        task = self.k.probe.current()
        before, task.drains = task.drains, False
        try:
            yield
        finally:
            task.drains = before

    def net_release(self, net: Net) -> None:
        """Drop net->rtnl_mutex; the drain came before."""
        if not self.k.regime.has_net_locks:
            return
        section = self.section()
        if section is not None and net in section.nets:
            section.nets.remove(net)
        net.rtnl_mutex.release()

    def _note_locked(self, net: Net) -> None:
        section = self.section()
        if section is not None:
            section.nets.append(net)

    # -- both --

    def rtnl_net_lock(self, net: Net) -> None:
        """rtnl_lock and __rtnl_net_lock."""
        self.rtnl_lock()
        try:
            self.rtnl_net_lock_nested(net)
        except BaseException:
            self.rtnl_release()
            raise

    def rtnl_net_unlock(self, net: Net) -> None:
        """__rtnl_net_unlock and rtnl_unlock."""
        try:
            self.rtnl_net_unlock_nested(net)
        finally:
            self.rtnl_unlock()

    def rtnl_net_lock_killable(self, net: Net) -> None:
        """As rtnl_net_lock; nobody kills here."""
        self.rtnl_net_lock(net)

    def rtnl_net_trylock(self, net: Net) -> bool:
        """Try rtnl_mutex, then take the netns' mutex *blocking*.

        Where there is no global one the netns' is tried.  The sysctl handlers' way, with
        restart_syscall.
        """
        if not self.rtnl_trylock():
            return False
        if self.k.regime.has_rtnl:
            self.rtnl_net_lock_nested(net)
            return True
        if not self.k.regime.has_net_locks:
            return True
        if net.rtnl_mutex.acquire(blocking=False):
            self._note_locked(net)
            return True
        self.rtnl_release()
        return False

    # -- several namespaces --

    def new_nets(self) -> RtnlNets:
        """An empty set."""
        return RtnlNets()

    def rtnl_nets_add(self, nets: RtnlNets, net: Net) -> None:
        """Insert in order, taking a reference; a duplicate's is given back at once."""
        self.k.net_namespace.get_net(net)
        before = len(nets.nets)
        nets.nets = self.order([*nets.nets, net])
        if len(nets.nets) == before:
            self.k.net_namespace.put_net(net)
        assert len(nets.nets) <= RtnlNets.MAX

    def rtnl_nets_lock(self, nets: RtnlNets) -> None:
        """rtnl_lock, then each netns ascending."""
        self.rtnl_lock()
        taken: list[Net] = []
        try:
            for net in nets.nets:
                self.rtnl_net_lock_nested(net)
                taken.append(net)
        except BaseException:
            for net in taken:
                self.net_release(net)
            self.rtnl_release()
            raise

    def rtnl_nets_unlock(self, nets: RtnlNets) -> None:
        """Each netns in the same ascending order, then rtnl_unlock."""
        left = list(nets.nets)
        try:
            while left:
                self.rtnl_net_unlock_nested(left.pop(0))
        except BaseException:
            for net in left:
                self.net_release(net)
            raise
        finally:
            self.rtnl_unlock()

    def rtnl_nets_destroy(self, nets: RtnlNets) -> None:
        """Drop the references."""
        for net in nets.nets:
            self.k.net_namespace.put_net(net)
        nets.nets = []

    # -- the namespace of a device --

    def rtnl_net_dev_lock(self, dev: NetDevice) -> Net | None:
        """Lock the netns a device is in, and look again; every miss drains the wrong one.

        Returns the netns, with a passive reference; None: there is none any more (`pernet`).
        """
        k = self.k
        while True:
            net = k.dev.dev_net(dev)
            if not k.regime.hold_memory(net):
                if k.dev.dev_net(dev) is net:
                    return None
                continue  # it left a namespace that is gone by now
            self.rtnl_net_lock(net)
            if k.dev.dev_net(dev) is net:
                return net
            self.rtnl_net_unlock(net)
            k.net_namespace.net_passive_dec(net)

    def rtnl_net_dev_unlock(self, net: Net | None) -> None:
        """Drop both, and the passive reference."""
        if net is None:
            return
        try:
            self.rtnl_net_unlock(net)
        finally:
            self.k.net_namespace.net_passive_dec(net)
