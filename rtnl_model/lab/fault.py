"""`--fault P`: a part of all registrations fails, so that every way back is walked as well.

Two places: before anything was done (no memory), and at the very end, when a subscriber of
NETDEV_REGISTER refuses, which unregisters a device that was already listed.  Which registrations
fail depends on the seed and on the device's label, not on the order of threads.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Callable, Mapping
from typing import Any

from rtnl_model.kernel.errors import KernelError
from rtnl_model.kernel.events import NOTIFY_STOP_MASK, notifier_from_errno

__all__ = ["faults"]


def faults(seed: int, share: float) -> Mapping[str, Callable[[Any], Any]]:
    """Overrides that make about `share` of the registrations fail."""

    def strikes(where: str, label: str) -> bool:
        return random.Random(f"{seed}/{where}/{label}").random() < share / 2

    def no_memory(base: Any) -> Any:
        class DevRegister(base):  # type: ignore[misc]
            def register_netdevice(self, dev: Any) -> None:
                """Fail before ndo_init."""
                if dev.kind and strikes("memory", dev.label):
                    raise KernelError(errno.ENOMEM)
                super().register_netdevice(dev)

        return DevRegister

    def refused(base: Any) -> Any:
        class Notifier(base):  # type: ignore[misc]
            def call_netdevice_notifiers_info(self, event: str, info: Any) -> int:
                """Refuse REGISTER, behind everybody else, but not on a move's arrival."""
                ret = int(super().call_netdevice_notifiers_info(event, info))
                dev = info.dev
                if event != "REGISTER" or ret & NOTIFY_STOP_MASK or not dev.kind:
                    return ret
                if dev.info.setdefault("announced", False):
                    return ret
                dev.info["announced"] = True
                return notifier_from_errno(errno.EPERM) if strikes("notifier", dev.label) else ret

        return Notifier

    return {"dev_register": no_memory, "notifier": refused}
