"""What protects the attributes of kernel objects, in the kernel's words; the regime resolves it.

Each attribute that changes says one of these in its class body, and every access is checked
(`lockcheck.guarded`):

| word | readers | writers |
|---|---|---|
| `RtnlGuard` | RTNL of a namespace: the device's, the port's lower's … | the same |
| `TheLock` | a lock that another object has, or that the regime picks | the same |
| `Both` | either of two guards | both |
| `Inside` | whoever waits for it or peeks | inside `change` or `wait` of that parking lot |
| a lock's name | that lock of the object | the same |
| `reads="once"` | READ_ONCE: anybody, at a scheduling point | WRITE_ONCE under the guard |
| `reads="any"` | whoever comes after the write by other means | under the guard |
| `constant()` | anybody | its maker, until another thread has seen it |
| `own()` | one thread at a time | the same |
| `Bookkeeping` | no state of the kernel's: what the model remembers for reports and checks | |

RTNL of a namespace is `rtnl_mutex` in `global`, `net->rtnl_mutex` in `pernet` and `naive`.  In
`small` it is both; 7.3 itself touches devices of other namespaces with rtnl_mutex alone, so there
an access that holds only that is no finding but an entry of `rtnl-model audit`: the list of what
RTNL alone protects.

A device belongs to its maker until it is registered, and to whoever runs its todo afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

from lockcheck.sync import FREE, SHARED, held_as

if TYPE_CHECKING:
    from lockcheck import Lock, RWLock
    from lockcheck.sync import Guard, Parking, ThreadState

    from .net_namespace import Net

__all__ = ["Bookkeeping", "Both", "Inside", "NetOf", "RtnlGuard", "TheLock"]

T = TypeVar("T")

Bookkeeping = Annotated[T, "no state of the kernel's: what the model remembers for its checks"]

NetOf = Callable[..., "Net | None"]
"""Whose RTNL protects an object; None: nobody else knows the object now."""


Live = Callable[..., bool]
"""Do others know an object now?"""


class RtnlGuard:
    """RTNL of a namespace, as the regime has it.

    Args:
        net_of: whose RTNL; None: nobody's yet.
        whose: the same in words.
        live: do others know the object now?  Before and after, nothing is needed.
    """

    __slots__ = ("live", "net_of", "whose")

    def __init__(self, net_of: NetOf, whose: str, live: Live | None = None) -> None:
        self.net_of = net_of
        self.whose = whose
        self.live = live

    def held(self, owner: object, ts: ThreadState, write: bool) -> object | None:
        """Is it held?  (`lockcheck.sync.guards.Guard`)"""
        net = self.net_of(owner)
        if net is None or (self.live is not None and not self.live(owner)):
            return FREE
        return held_as(net.rtnl_guard, ts, write)

    def covered(self, owner: object, ts: ThreadState) -> bool:
        """Is that RTNL held, be the object known or not?"""
        net = self.net_of(owner)
        return net is not None and held_as(net.rtnl_guard, ts, write=False) is not None

    def words(self, owner: object) -> str:
        """`RTNL of n1`."""
        net = self.net_of(owner)
        if net is None:
            return f"RTNL of {self.whose}"
        return f"{net.rtnl_guard.cls.name} ({net.label or 'init_net'}), the RTNL of {self.whose},"


class TheLock:
    """The lock that a function of the object returns; None: nobody else knows the object now.

    `live` as for `RtnlGuard`.
    """

    __slots__ = ("live", "lock_of", "said")

    def __init__(
        self,
        lock_of: Callable[..., Lock | RWLock | None],
        said: str,
        live: Live | None = None,
    ) -> None:
        self.lock_of = lock_of
        self.said = said
        self.live = live

    def held(self, owner: object, ts: ThreadState, write: bool) -> object | None:
        """Is it held?  (`lockcheck.sync.guards.Guard`)"""
        lock = self.lock_of(owner)
        if lock is None or (self.live is not None and not self.live(owner)):
            return FREE
        return held_as(lock, ts, write)

    def covered(self, owner: object, ts: ThreadState) -> bool:
        """Is that lock held, be the object known or not?"""
        lock = self.lock_of(owner)
        return lock is not None and held_as(lock, ts, write=False) is not None

    def words(self, owner: object) -> str:
        """The kernel's name of it."""
        return self.said


class Both:
    """Writers hold both guards, readers either."""

    __slots__ = ("one", "other")

    def __init__(self, one: Guard, other: Guard) -> None:
        self.one = one
        self.other = other

    def held(self, owner: object, ts: ThreadState, write: bool) -> object | None:
        """Is enough of them held?  (`lockcheck.sync.guards.Guard`)"""
        first = self.one.held(owner, ts, write)
        if first is None and write:
            return None
        second = self.other.held(owner, ts, write)
        if write:
            return second
        if FREE in (first, second):
            return FREE
        return None if first is None and second is None else SHARED

    def covered(self, owner: object, ts: ThreadState) -> bool:
        """Is one of them held?"""
        return self.one.covered(owner, ts) or self.other.covered(owner, ts)

    def words(self, owner: object) -> str:
        """Both."""
        return f"{self.one.words(owner)} and {self.other.words(owner)} (to read: one of them)"


class Inside:
    """State of a parking lot: touched only while its gate is held.

    Whether *this* thread is inside nobody can say in a free run; under a conductor nobody else is.
    """

    __slots__ = ("parking_of",)

    def __init__(self, parking_of: Callable[..., Parking]) -> None:
        self.parking_of = parking_of

    def held(self, owner: object, ts: ThreadState, write: bool) -> object | None:
        """Is somebody inside?  (`lockcheck.sync.guards.Guard`)"""
        return held_as(self.parking_of(owner), ts, write)

    def covered(self, owner: object, ts: ThreadState) -> bool:
        """Is somebody inside?"""
        return self.held(owner, ts, False) is not None

    def words(self, owner: object) -> str:
        """`the inside of modules`."""
        return f"the inside of {self.parking_of(owner).name}"
