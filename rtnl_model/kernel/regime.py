"""What `global`, `small`, `pernet` and `naive` mean: which locks exist, and who unregisters a
device of another namespace.

One object per run, `k.regime`.  The rest of the kernel takes and drops locks as Linux does; `rtnl`
looks here for which of them exist.

| | rtnl_mutex | net->rtnl_mutex | device of another netns | todo list |
|---|---|---|---|---|
| global | yes | no | on the spot | one, under rtnl_mutex |
| small | yes | inside it | delegated to its netns | one, under rtnl_mutex |
| pernet | no | yes | delegated to its netns | one per section |
| naive | no | yes | its lock is taken where the thread stands | one per section |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import NetDevice, UnregHead

__all__ = ["REGIMES", "GlobalRegime", "NaiveRegime", "PernetRegime", "Regime", "SmallRegime"]


class Regime:
    """Linux 7.3 with CONFIG_DEBUG_NET_SMALL_RTNL; the others say what they do differently."""

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

    def unregister_netdevice_queue_net(
        self, net: Net, dev: NetDevice, head: UnregHead | None
    ) -> None:
        """Queue dev where its own netns will unregister it; net is the one the caller holds.

        Ours goes on head, another netns' becomes pending there and its work is queued.
        dev->lock makes "which netns" one step with a move (G.4).
        """
        k = self.k
        with k.probe.fn("unregister_netdevice_queue_net", dev, qnet=net):
            with dev.lock:
                other = k.dev.dev_net(dev)
                if other is not net:
                    k.dev_queue.queue_pending(other, dev)
                    return
            k.dev.unregister_netdevice_queue(dev, head)

    def unregister_netdevice_queue_many_net(self, net: Net, head: UnregHead) -> None:
        """Move net's own devices from head to its pending list (patch 7); others stay (G.22).

        The caller drops net's lock next, which unregisters them.
        """
        k = self.k
        with net.dev_unreg_lock:
            for dev in list(head.devs):
                if k.dev.dev_net(dev) is net:
                    k.dev_queue.unreg_list_del(dev)
                    if dev.unreg_list_net is net:
                        k.dev_queue.pending_del(net, dev)
                    k.dev_queue.pending_add(net, dev)

    def hold_memory(self, net: Net) -> bool:
        """Take a passive reference where nobody promises that there is one; False: it is gone.

        7.3's plain increment (hazard 11) never says so.
        """
        self.k.net_namespace.net_passive_inc(net)
        return True


class GlobalRegime(Regime):
    """CONFIG_DEBUG_NET_SMALL_RTNL=n: everything synchronous under rtnl_mutex."""

    name = "global"
    has_net_locks = False
    delegates = False
    lock_debug = False
    inlined = frozenset({("unregister_netdevice_queue", "default_device_exit_batch")})

    def unregister_netdevice_queue_net(
        self, net: Net, dev: NetDevice, head: UnregHead | None
    ) -> None:
        """Without the option the function is an alias of unregister_netdevice_queue."""
        self.k.dev.unregister_netdevice_queue(dev, head)

    def unregister_netdevice_queue_many_net(self, net: Net, head: UnregHead) -> None:
        """Without the option the function is empty."""


class SmallRegime(Regime):
    """CONFIG_DEBUG_NET_SMALL_RTNL=y, Linux 7.3 as it is."""

    name = "small"


class PernetRegime(Regime):
    """net->rtnl_mutex only: our choices, `kernel/fixes` and README.md say why."""

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

    def unregister_netdevice_queue_net(
        self, net: Net, dev: NetDevice, head: UnregHead | None
    ) -> None:
        """Lock the device's own netns where this thread stands, and unregister there."""
        k = self.k
        other = k.dev.dev_net(dev)
        with k.probe.fn("unregister_netdevice_queue_net", dev, qnet=net):
            if other is net or k.rtnl.owns(other.rtnl_mutex):
                k.dev.unregister_netdevice_queue(dev, head)
                return
            k.rtnl.rtnl_net_lock_nested(other)
            try:
                k.dev.unregister_netdevice_queue(dev, None)
            finally:
                k.rtnl.rtnl_net_unlock_nested(other)

    def unregister_netdevice_queue_many_net(self, net: Net, head: UnregHead) -> None:
        """Unregister net's own devices now, while its lock is held."""
        own = self.k.dev_queue.take_own(net, head)
        self.k.dev.unregister_netdevice_many(own)


REGIMES: dict[str, type[Regime]] = {
    regime.name: regime for regime in (GlobalRegime, SmallRegime, PernetRegime, NaiveRegime)
}
"""By name."""
