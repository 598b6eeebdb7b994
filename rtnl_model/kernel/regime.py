"""What `global`, `small`, `pernet` and `naive` mean: which locks exist and what an unlock does.

One object per run, `k.regime`.  The rest of the kernel calls rtnl_lock, __rtnl_net_lock and so on
as Linux does; here is what these do.  A *section* is what a thread does from rtnl_lock to
rtnl_unlock; where the global mutex does not exist a section has no lock of its own, only the netns
locks taken inside, and its own todo list (pernet.md: "a list per critical section").

| | rtnl_mutex | net->rtnl_mutex | device of another netns | todo list |
|---|---|---|---|---|
| global | yes | no | on the spot | one, under rtnl_mutex |
| small | yes | inside it | delegated to its netns | one, under rtnl_mutex |
| pernet | no | yes | delegated to its netns | one per section |
| naive | no | yes | its lock is taken where the thread stands | one per section |

Left out: `rtnl_lock_killable`'s signals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck.sync import Lock

    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import NetDevice, UnregHead

__all__ = [
    "REGIMES",
    "GlobalRegime",
    "NaiveRegime",
    "PernetRegime",
    "Regime",
    "Section",
    "SmallRegime",
]


class Section:
    """One thread's critical section, from rtnl_lock to rtnl_unlock."""

    __slots__ = ("drain", "nets", "todo")

    def __init__(self) -> None:
        self.nets: list[Net] = []
        """Namespaces locked in it, in the order they were taken."""
        self.todo: list[NetDevice] = []
        """net_todo_list of this section, where there is no global one."""
        self.drain = True
        """False: entered by trylock from a handler that a drain would wait for (fix of G.14)."""


class Regime:
    """Which locks exist, and what each function of the locking API does with them."""

    name: ClassVar[str] = ""
    has_rtnl: ClassVar[bool] = True
    """The global rtnl_mutex exists."""
    has_net_locks: ClassVar[bool] = True
    """net->rtnl_mutex is taken (CONFIG_DEBUG_NET_SMALL_RTNL)."""
    delegates: ClassVar[bool] = True
    """A device of another netns goes to that netns' dev_unreg_head."""
    refuses_unconverted: ClassVar[bool] = False
    sound: ClassVar[bool] = True
    """Enough is locked that no structure is ever found broken."""
    lock_debug: ClassVar[bool] = True
    """The notifier of net/core/lock_debug.c is registered."""
    inlined: ClassVar[frozenset[tuple[str, str]]] = frozenset()
    """(function, caller) that the recorded build inlined: no probe line there."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.is_held = k.chk.is_held
        """Does the calling thread hold a lock?"""
        self.net_todo_list: list[NetDevice] = []
        """Devices unregistered and not yet finished.  Covered by rtnl_mutex."""

    # -- the global mutex --

    def rtnl_lock(self) -> Section:
        """Begin a section: take rtnl_mutex where it exists."""
        task = self.k.probe.current()
        if self.has_rtnl:
            self.k.rtnl_mutex.acquire()
        elif task.section is not None:
            self.k.report_invariant("rtnl_lock inside an open section", rule="nested-section")
        section = task.section = Section()
        return section

    def rtnl_trylock(self) -> Section | None:
        """As rtnl_lock, without waiting; None: somebody holds it."""
        if self.has_rtnl and not self.k.rtnl_mutex.acquire(blocking=False):
            return None
        section = self.k.probe.current().section = Section()
        return section

    def rtnl_release(self) -> None:
        """Drop the mutex: the part of __rtnl_unlock behind its check of the todo list."""
        self.k.probe.current().section = None
        if self.has_rtnl:
            self.k.rtnl_mutex.release()

    def section(self) -> Section | None:
        """This thread's open section."""
        section: Section | None = self.k.probe.current().section
        return section

    # -- todo lists --

    def todo(self) -> list[NetDevice]:
        """The list that net_set_todo fills and netdev_run_todo empties."""
        if self.has_rtnl:
            return self.net_todo_list
        section = self.section()
        return section.todo if section is not None else self.net_todo_list

    # -- per-netns mutexes --

    def net_lock(self, net: Net) -> None:
        """The lock part of __rtnl_net_lock."""
        if not self.has_net_locks:
            return
        net.rtnl_mutex.acquire()
        section = self.section()
        if section is not None:
            section.nets.append(net)

    def net_trylock(self, net: Net) -> bool:
        """net_lock without waiting."""
        if not self.has_net_locks:
            return True
        if not net.rtnl_mutex.acquire(blocking=False):
            return False
        section = self.section()
        if section is not None:
            section.nets.append(net)
        return True

    def net_release(self, net: Net) -> None:
        """Drop net->rtnl_mutex; the drain came before."""
        if not self.has_net_locks:
            return
        section = self.section()
        if section is not None and net in section.nets:
            section.nets.remove(net)
        net.rtnl_mutex.release()

    def drains(self) -> bool:
        """Does __rtnl_net_unlock drain in the current section?"""
        section = self.section()
        return self.delegates and (section is None or section.drain)

    def order(self, nets: Sequence[Net]) -> list[Net]:
        """Sort and deduplicate a set of namespaces: init_net first, then by address."""
        if not self.has_net_locks:
            return list(nets)
        unique: list[Net] = []
        for net in nets:
            if net not in unique:
                unique.append(net)
        return sorted(unique, key=lambda net: (net is not self.k.init_net, net.addr))

    def hold_memory(self, net: Net) -> bool:
        """Take a passive reference where nobody promises that there is one; False: it is gone.

        7.3's plain increment (hazard 11) never says so.
        """
        self.k.net_namespace.net_passive_inc(net)
        return True

    # -- who holds what --

    def is_rtnl_held(self) -> bool:
        """Does this thread hold RTNL (where there is none: a netns lock in a section)?"""
        if self.has_rtnl:
            return self.is_held(self.k.rtnl_mutex)
        section: Section | None = self.k.probe.current().section
        return section is not None and bool(section.nets)

    def is_net_held(self, net: Net) -> bool:
        """lockdep_rtnl_net_is_held: everything that net's RTNL means is held by this thread."""
        if self.has_rtnl and not self.is_held(self.k.rtnl_mutex):
            return False
        return not self.has_net_locks or self.is_held(net.rtnl_mutex)

    def owns(self, lock: Lock) -> bool:
        """Is the calling thread the owner?"""
        return self.is_held(lock)

    # -- a device of another netns --

    def queue_net(self, net: Net, dev: NetDevice, head: UnregHead | None) -> None:
        """What unregister_netdevice_queue_net does in this regime."""
        self.k.dev.unregister_netdevice_queue_net_delegating(net, dev, head)

    def queue_many_net(self, net: Net, head: UnregHead) -> None:
        """What unregister_netdevice_queue_many_net does in this regime."""
        self.k.dev.unregister_netdevice_queue_many_net_pending(net, head)


class GlobalRegime(Regime):
    """CONFIG_DEBUG_NET_SMALL_RTNL=n: everything synchronous under rtnl_mutex."""

    name = "global"
    has_net_locks = False
    delegates = False
    lock_debug = False
    inlined = frozenset({("unregister_netdevice_queue", "default_device_exit_batch")})

    def queue_net(self, net: Net, dev: NetDevice, head: UnregHead | None) -> None:
        """Without the option the function is an alias of unregister_netdevice_queue."""
        self.k.dev.unregister_netdevice_queue(dev, head)

    def queue_many_net(self, net: Net, head: UnregHead) -> None:
        """Without the option the function is empty."""


class SmallRegime(Regime):
    """CONFIG_DEBUG_NET_SMALL_RTNL=y, Linux 7.3 as it is."""

    name = "small"


class PernetRegime(Regime):
    """net->rtnl_mutex only: our choices, `kernel/fixes` and pernet.md say why."""

    name = "pernet"
    has_rtnl = False
    refuses_unconverted = True

    def hold_memory(self, net: Net) -> bool:
        """Not from zero: without RTNL a device may outlive its namespace in another's todo."""
        return net.passive.inc_not_zero()


class NaiveRegime(Regime):
    """net->rtnl_mutex only, and a foreign device's lock is taken on the spot: must not be done."""

    name = "naive"
    sound = False
    has_rtnl = False
    delegates = False

    def queue_net(self, net: Net, dev: NetDevice, head: UnregHead | None) -> None:
        """Lock the device's own netns where this thread stands, and unregister there."""
        k = self.k
        other = k.dev.dev_net(dev)
        with k.probe.fn("unregister_netdevice_queue_net", dev, qnet=net):
            if other is net or self.owns(other.rtnl_mutex):
                k.dev.unregister_netdevice_queue(dev, head)
                return
            k.rtnetlink.rtnl_net_lock_nested(other)
            try:
                k.dev.unregister_netdevice_queue(dev, None)
            finally:
                k.rtnetlink.rtnl_net_unlock_nested(other)

    def queue_many_net(self, net: Net, head: UnregHead) -> None:
        """Unregister net's own devices now, while its lock is held."""
        own = self.k.dev.take_own(net, head)
        self.k.dev.unregister_netdevice_many(own)


REGIMES: dict[str, type[Regime]] = {
    regime.name: regime for regime in (GlobalRegime, SmallRegime, PernetRegime, NaiveRegime)
}
"""By name."""
