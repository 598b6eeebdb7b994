"""Numbers as `ip` reads them."""

from __future__ import annotations

import re

__all__ = ["number"]


def number(value: str) -> int | None:
    """strtoul(value, 0): decimal, 0x or 0-octal; None when it is not one."""
    try:
        if re.fullmatch(r"0[0-7]+", value):
            return int(value, 8)
        return int(value, 0)
    except ValueError:
        return None
