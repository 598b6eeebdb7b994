"""What a generator believes to exist: namespaces, devices, and what stands on what.

It follows the rules that a user would know: deleting one end of a pair takes the other, a lower
takes its uppers, a namespace takes what lives in it and what has its socket there.  Names are
unique per scenario but for those that are made to collide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .kinds import KINDS, Family

__all__ = ["Device", "World"]

DIE_WITH_MOVED_LOWER = frozenset({"macsec", "vxlan", "amt"})


@dataclass(eq=False, slots=True)
class Device:
    """One device as the generator sees it."""

    name: str
    kind: str
    netns: str
    """Empty: the initial namespace."""
    up: bool = False
    peer: Device | None = None
    backend: str | None = None
    """Namespace of a tunnel's socket."""
    lowers: list[Device] = field(default_factory=list)
    master: Device | None = None

    @property
    def family(self) -> Family | None:
        """None for a physical device."""
        found = KINDS.get(self.kind)
        return found.family if found else None


class World:
    """The devices and namespaces of one scenario."""

    def __init__(self) -> None:
        self.netns: list[str] = []
        self.devices: list[Device] = []

    def live(self, netns: str | None = None) -> list[Device]:
        """Devices, of one namespace or of all."""
        return [d for d in self.devices if netns is None or d.netns == netns]

    def add(self, device: Device) -> None:
        """It came."""
        self.devices.append(device)

    def named(self, name: str, netns: str) -> Device | None:
        """The device of that name there."""
        return next((d for d in self.devices if d.name == name and d.netns == netns), None)

    def remove(self, device: Device) -> None:
        """It went, and with it what cannot be without it."""
        todo = [device]
        while todo:
            gone = todo.pop()
            if gone not in self.devices:
                continue
            self.devices.remove(gone)
            if gone.peer is not None:
                todo.append(gone.peer)
            todo.extend(d for d in self.devices if gone in d.lowers)
            for other in self.devices:
                if other.master is gone:
                    other.master = None

    def move(self, device: Device, netns: str) -> None:
        """It went to another namespace: closed, without a master."""
        device.netns, device.up, device.master = netns, False, None
        for upper in list(self.devices):
            if upper.master is device:
                upper.master = None
            if device in upper.lowers and upper.kind in DIE_WITH_MOVED_LOWER:
                self.remove(upper)

    def remove_netns(self, name: str) -> None:
        """The namespace ended: its devices, and tunnels whose socket was there."""
        self.netns.remove(name)
        for device in self._doomed(name):
            self.remove(device)

    def _doomed(self, name: str) -> list[Device]:
        return [
            d
            for d in self.devices
            if d.netns == name or (d.backend == name and d.kind != "wireguard")
        ]

    def __iter__(self) -> Iterator[Device]:
        return iter(self.devices)
