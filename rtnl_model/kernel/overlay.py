"""Overlay: a bug or a fix, as subclasses of just the kernel files it changes.

`classes` maps a slot (`dev_queue`, `rtnl`, `rtnl_work`, `netns_cleanup`, `notifier`, `regime`,
`links.veth` …: an attribute of the `Kernel`) to a function from the class so far to its subclass;
`Kernel.compose` stacks the overlays of a run in order, so bugs and fixes combine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Composed", "Fix", "Overlay"]


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


class Composed:
    """Classes with their overlays on top, each made once.

    Who boots kernels of one setting again and again hands them the same one: making a class costs
    more than making its object, and a new class is new to the interpreter's caches.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Any] = {}

    def of(self, cls: Any, wraps: Sequence[Callable[[Any], Any]]) -> Any:
        """`cls` with every wrapper applied, in order."""
        if not wraps:
            return cls
        ident = (cls, *wraps)
        made = self._made.get(ident)
        if made is None:
            made = cls
            for wrap in wraps:
                made = wrap(made)
            self._made[ident] = made
        return made
