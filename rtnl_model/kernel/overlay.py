"""Overlay: a bug or a fix, as layers on just the kernel files it changes.

`classes` maps a slot (`dev_queue`, `rtnl`, `rtnl_work`, `netns_cleanup`, `notifier`, `regime`,
`links.veth` …: an attribute of the `Kernel`) to a layer: a subclass of the class in that slot,
with the methods that are different.  `Kernel.compose` puts the layers of a run on top of each other
in order, so bugs and fixes combine, and `super()` in a layer is the layer below.  `Instead` is a
class that takes the place of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, cast

__all__ = ["Composed", "Fix", "Instead", "Layer", "Overlay"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Instead:
    """A class that is used in the place of the slot's."""

    cls: type


Layer = type | Instead


class Overlay(Protocol):
    """What a kernel asks of one."""

    @property
    def id(self) -> str:
        """`G.12`, `veth-no-exchange`."""
        ...

    @property
    def classes(self) -> Mapping[str, Layer]:
        """Slot -> layer."""
        ...


@dataclass(frozen=True, slots=True)
class Fix:
    """One of the fixes that `pernet` contains."""

    id: str
    title: str
    story: str
    """What is wrong in 7.3 once RTNL does not serialise, and why this mends it."""
    classes: Mapping[str, Layer] = field(default_factory=dict)


class Composed:
    """Classes with their layers on top, each made once.

    Who boots kernels of one setting again and again hands them the same one: making a class costs
    more than making its object, and a new class is new to the interpreter's caches.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[type | Instead, ...], type] = {}

    def of(self, cls: type[T], layers: Sequence[Layer]) -> type[T]:
        """`cls` with every layer on top, in order.

        A layer on a class that this one does not derive from (a change of a driver's conversion,
        in a regime that runs the original) changes nothing.
        """
        ident = (cls, *layers)
        made = self._made.get(ident)
        if made is None:
            made = cls
            for layer in layers:
                made = put_on(made, layer)
            self._made[ident] = made
        return cast("type[T]", made)


def put_on(cls: type, layer: Layer) -> type:
    """One layer on a class."""
    if isinstance(layer, Instead):
        return layer.cls
    if not issubclass(cls, layer.__bases__):
        return cls
    return type(layer.__name__, (layer, cls), {})
