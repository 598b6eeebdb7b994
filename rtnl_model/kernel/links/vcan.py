"""vcan: a virtual CAN device (drivers/net/can/vcan.c).

Nothing of its unregistration is its own.  Left out: frames.
"""

from __future__ import annotations

from typing import ClassVar

from .can import CanDriver


class Vcan(CanDriver):
    """vcan_link_ops and vcan_netdev_ops."""

    kind: ClassVar[str] = "vcan"
    converted: ClassVar[bool] = True
