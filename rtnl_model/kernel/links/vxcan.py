"""vxcan: virtual CAN pairs (drivers/net/can/vxcan.c, 703b31d21e52).

veth's scheme, word for word, on CAN devices; its instance lock stays in the default lock class.
Left out: CAN frames, the gateway's hop limit.
"""

from __future__ import annotations

from typing import ClassVar

from .can import CanDriver
from .paired import PairedDriver


class Vxcan(CanDriver, PairedDriver):
    """vxcan_link_ops and vxcan_netdev_ops."""

    kind: ClassVar[str] = "vxcan"
