"""Patches of the series without a page, and why: leaving them out breaks nothing.

`rtnl-model bugs` prints these beside the pages, so that nobody looks for a bug that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["NO_PAGE"]

NO_PAGE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "patch-2": "49c26d4bf1da unregisters all devices of an unloaded kind in one call instead of"
        " one per namespace: fewer grace periods, the same devices and locks. It only prepares"
        " patch 7.",
    }
)
"""Id -> what the patch does, and why nothing shows when it is missing."""
