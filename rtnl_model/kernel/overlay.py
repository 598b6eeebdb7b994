"""Overlay: a bug or a fix, as subclasses of just the kernel files it changes.

`classes` maps a slot (`dev`, `rtnetlink`, `rtnl_work`, `net_namespace`, `notifier`, `inet`,
`regime`, `links.veth` …) to a function from the class so far to its subclass; `Kernel.compose`
stacks the overlays of a run in order, so bugs and fixes combine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Fix", "Overlay"]


class Overlay(Protocol):
    """What a kernel asks of one."""

    @property
    def id(self) -> str:
        """`G.12`, `veth-no-exchange`."""
        ...

    @property
    def classes(self) -> Mapping[str, Callable[[Any], Any]]:
        """Slot -> wrapper."""
        ...


@dataclass(frozen=True, slots=True)
class Fix:
    """One of the fixes that `pernet` contains."""

    id: str
    title: str
    story: str
    """What is wrong in 7.3 once RTNL does not serialise, and why this mends it."""
    classes: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
