"""`--fault P`: a part of all registrations fails, so that every error path runs too.

Two places: before anything was done (no memory), and at the very end, when a subscriber of
NETDEV_REGISTER refuses, which unregisters a device that was already listed.  Which registrations
fail depends on the seed and on the device's label, not on the order of threads.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rtnl_model.kernel.dev_register import DevRegister
from rtnl_model.kernel.errors import KernelError
from rtnl_model.kernel.events import NOTIFY_STOP_MASK, notifier_from_errno
from rtnl_model.kernel.notifier import Notifier

if TYPE_CHECKING:
    from rtnl_model.kernel.kernel import Kernel
    from rtnl_model.kernel.netdevice import NetDevice
    from rtnl_model.kernel.notifier import NotifierInfo
    from rtnl_model.kernel.overlay import Layer

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

    return {"dev_register": NoMemory, "notifier": Refused}
