"""`struct pernet_operations` and the list of them: who hears of a namespace's birth and death.

Mirrors register_pernet_subsys and register_pernet_device: subsystems stand before devices in the
list, a namespace's exit runs it backwards, so device operations go first, then
default_device_exit_batch, then loopback, then the subsystems (bareudp, geneve, pfcp, vxlan, gtp,
ipvlan are all subsystems).

Left out: net_generic ids, asynchronous operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockcheck import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import UnregHead

__all__ = ["Pernet", "PernetOperations"]


@dataclass(slots=True, eq=False)
class PernetOperations:
    """One entry of pernet_list."""

    name: str
    init: Callable[[Net], None] | None = None
    pre_exit: Callable[[Net], None] | None = None
    exit_rtnl: Callable[[Net, UnregHead], None] | None = None
    exit: Callable[[Net], None] | None = None
    exit_batch: Callable[[Sequence[Net]], None] | None = None


class Pernet:
    """pernet_list, in its two halves."""

    subsys = guarded[list[PernetOperations]]("k.pernet_ops_rwsem")
    device = guarded[list[PernetOperations]]("k.pernet_ops_rwsem")

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.chk = k.chk
        self.subsys = []
        self.device = []

    def operations(self) -> list[PernetOperations]:
        """The whole list, subsystems first."""
        return [*self.subsys, *self.device]

    def register_pernet_subsys(self, ops: PernetOperations) -> None:
        """Add a subsystem and run its init in every namespace.  Raises: KernelError."""
        self._register(ops, self.subsys)

    def register_pernet_device(self, ops: PernetOperations) -> None:
        """Add a device operation and run its init in every namespace.  Raises: KernelError."""
        self._register(ops, self.device)

    def unregister_pernet_operations(self, ops: PernetOperations) -> None:
        """Run its exit in every namespace and take it off the list."""
        k = self.k
        with k.probe.frame("unregister_pernet_operations"), k.pernet_ops_rwsem.writing():
            for half in (self.subsys, self.device):
                if ops in half:
                    half.remove(ops)
            k.netns_cleanup.ops_undo_list([ops], k.net_namespace.for_each_net(), expedite=False)

    def _register(self, ops: PernetOperations, half: list[PernetOperations]) -> None:
        k = self.k
        with k.probe.frame("register_pernet_operations"), k.pernet_ops_rwsem.writing():
            done: list[Net] = []
            half.append(ops)
            try:
                for net in k.net_namespace.for_each_net():
                    k.net_namespace.ops_init(ops, net)
                    done.append(net)
            except BaseException:
                half.remove(ops)
                k.netns_cleanup.ops_undo_list([ops], done, expedite=False)
                raise
