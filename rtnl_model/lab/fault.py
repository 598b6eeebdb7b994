"""`--fault P`: a part of all registrations fails, so that every error path runs too.

Of a device: before anything was done (no memory); at the very end, when a subscriber of
NETDEV_REGISTER refuses, which unregisters a device that was already listed; and of a pair when both
ends are registered and one gets no queues.  Of a namespace that comes back under its name: in one
of the pernet inits, which undoes those before it.  Which registrations fail depends on the seed and
on the label, not on the order of threads.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rtnl_model.kernel.dev_register import DevRegister
from rtnl_model.kernel.errors import KernelError
from rtnl_model.kernel.events import NOTIFY_STOP_MASK, notifier_from_errno
from rtnl_model.kernel.links.paired import PairedDriver
from rtnl_model.kernel.net_namespace import NetNamespace
from rtnl_model.kernel.notifier import Notifier

if TYPE_CHECKING:
    from rtnl_model.kernel.kernel import Kernel
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice
    from rtnl_model.kernel.notifier import NotifierInfo
    from rtnl_model.kernel.overlay import Layer
    from rtnl_model.kernel.pernet import PernetOperations

__all__ = ["faults"]


def faults(seed: int, share: float) -> Mapping[str, Layer]:
    """Overrides that make about `share` of the registrations fail."""

    def strikes(where: str, label: str) -> bool:
        return random.Random(f"{seed}/{where}/{label}").random() < share / 2

    class NoMemory(DevRegister):
        """No memory, before anything was done."""

        def register_netdevice(self, dev: NetDevice) -> None:
            """Fail before ndo_init."""
            if dev.kind and strikes("memory", dev.label):
                raise KernelError(errno.ENOMEM)
            super().register_netdevice(dev)

    class Refused(Notifier):
        """A subscriber behind everybody else, which refuses."""

        def __init__(self, k: Kernel) -> None:
            super().__init__(k)
            self.announced: set[str] = set()
            """Labels of devices that were offered to it before: a move offers them again."""

        def call_netdevice_notifiers_info(self, event: str, info: NotifierInfo) -> int:
            """Refuse REGISTER, but not on a move's arrival."""
            ret = super().call_netdevice_notifiers_info(event, info)
            dev = info.dev
            if event != "REGISTER" or ret & NOTIFY_STOP_MASK or not dev.kind:
                return ret
            if dev.label in self.announced:
                return ret
            self.announced.add(dev.label)
            return notifier_from_errno(errno.EPERM) if strikes("notifier", dev.label) else ret

    class NoQueues(PairedDriver):
        """No memory for the queues of one end of a pair."""

        def init_queues(self, dev: NetDevice) -> None:
            """Fail when both ends are registered."""
            if strikes("queues", dev.label):
                raise KernelError(errno.ENOMEM)
            super().init_queues(dev)

    class NoPart(NetNamespace):
        """No memory for what one subsystem has in a namespace."""

        def __init__(self, k: Kernel) -> None:
            super().__init__(k)
            self.doomed: dict[str, PernetOperations] = {}
            """Labels of namespaces in the making -> what fails in them."""

        def setup_net(self, net: Net) -> None:
            """Choose what fails, but not in the first namespace of a name."""
            if net.label != (net.name or "init") and strikes("net", net.label):
                every = self.k.pernet.operations()
                self.doomed[net.label] = random.Random(f"{seed}/{net.label}").choice(every)
            try:
                super().setup_net(net)
            finally:
                self.doomed.pop(net.label, None)

        def ops_init(self, ops: PernetOperations, net: Net) -> None:
            """Fail where it was chosen."""
            if self.doomed.get(net.label) is ops:
                raise KernelError(errno.ENOMEM)
            super().ops_init(ops, net)

    return {
        "dev_register": NoMemory,
        "notifier": Refused,
        "links.veth": NoQueues,
        "links.vxcan": NoQueues,
        "net_namespace": NoPart,
    }
