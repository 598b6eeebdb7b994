"""How often each action of a generated scenario comes, and the named profiles of the command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final

__all__ = ["PROFILES", "Weights"]


@dataclass(frozen=True, slots=True)
class Weights:
    """Relative likelihoods of the actions; 0 leaves one out."""

    add: float = 34
    delete: float = 14
    move: float = 11
    updown: float = 12
    rename: float = 4
    enslave: float = 8
    release: float = 3
    address: float = 2
    mtu: float = 3
    group: float = 2
    group_delete: float = 1
    netns_delete: float = 7
    netns_add: float = 2
    addr_add: float = 2
    wrong: float = 5
    """Commands that must fail: an unknown device, a lower that refuses, a taken name."""
    several: float = 3
    """Two or three commands with no settling between (`seq`)."""
    module: float = 0
    lease: float = 0

    def table(self) -> Mapping[str, float]:
        """Action -> weight, without those that never come."""
        return {
            f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) > 0
        }  # by field


PROFILES: Final[Mapping[str, Weights]] = MappingProxyType(
    {
        "ip": Weights(),
        "modules": Weights(module=6),
        "leases": Weights(lease=16, add=24, move=8, several=0, enslave=2),
        "churn": Weights(add=40, delete=25, netns_delete=12, netns_add=8, wrong=1),
    }
)
"""By name.  `ip` is what `ip` alone can do; `modules` also unloads drivers, which a kernel with all
of them built in cannot; `leases` makes physical devices and leases their queues to netkit."""
