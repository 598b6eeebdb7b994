"""Grace periods: synchronize_net, rcu_barrier shared by its callers, SRCU of link kinds.

Lengths come from the timing table; a length of zero is no wait.  rcu_barrier is modelled as the
kernel serialises it: a mutex and a sequence number.  A caller notes the number on arrival, waits
for the mutex and returns at once if a whole barrier ran since, else it runs its own: that is why
two requesters are slower than one and eight are faster.

Read-side sections are modelled where a device is looked up by index without RTNL and held then:
without a grace period between unlisting and freeing, the hold would come too late.
Left out: the read sides of the data path, and generations (a grace period waits for every reader).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lockcheck import guarded

from .guards import Bookkeeping, Inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockcheck.sync import Lock, LockMap, Parking

    from .kernel import Kernel

__all__ = ["Rcu", "Srcu"]


class Rcu:
    """`k.rcu`."""

    barriers_begun = guarded[int]("barrier_mutex", reads="once")
    """A caller notes it on arrival."""
    barriers_done = guarded[int]("barrier_mutex")
    inside = guarded[int](Inside(lambda self: self.readers), reads="any", default=0)
    """Readers inside."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.chk = k.chk
        self.name = "rcu_state"
        self.barrier_mutex: Lock = k.make_lock("rcu_state.barrier_mutex", "rcu_state")
        """Protects: barriers_begun (read without it on arrival), barriers_done.
        Order: leaf; after pernet_ops_rwsem where cleanup waits."""
        self.barriers_begun = 0
        self.barriers_done = 0
        self.readers: Parking = k.chk.Parking("RCU readers")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """rcu_read_lock … rcu_read_unlock: what is unlisted meanwhile is not freed yet.

        Only where a device is looked up without a lock that keeps it; no lock and no wait inside.
        So to leave needs nothing, and a grace period depends on nothing that readers do elsewhere
        (`part=None`).
        """
        self.readers.change(self._enter, why="rcu_read_lock", part=None, commutes=True)
        try:
            yield
        finally:
            self.readers.change(self._leave, why="rcu_read_unlock", part=None, commutes=True)

    def _enter(self) -> None:
        self.inside += 1

    def _leave(self) -> None:
        self.inside -= 1

    def wait_for_readers(self) -> None:
        """A grace period, as far as somebody can notice it."""
        self.readers.wait(lambda: not self.inside, why="RCU readers to leave")

    def synchronize_net(self) -> None:
        """An expedited grace period: RTNL is held."""
        self.wait_for_readers()
        self._sleep(self.k.timing.synchronize_net, "synchronize_net")

    def synchronize_rcu_expedited(self) -> None:
        """In cleanup_net, RTNL not held."""
        self.wait_for_readers()
        self._sleep(self.k.timing.synchronize_rcu_expedited, "synchronize_rcu_expedited")

    def flush_all_backlogs(self) -> None:
        """Every CPU's backlog, RTNL held."""
        self._sleep(self.k.timing.flush_all_backlogs, "flush_all_backlogs")

    def rcu_barrier(self) -> None:
        """Until all callbacks queued so far have run; shared with whoever waits meanwhile."""
        length = self.k.timing.rcu_barrier
        if length <= 0:
            return
        arrived = self.arrive()
        with self.barrier_mutex:
            if self.barriers_done > arrived:
                return
            self.barriers_begun = begun = self.barriers_begun + 1
            self._sleep(length, "rcu_barrier")
            self.barriers_done = begun

    def arrive(self) -> int:
        """Note how many barriers have begun: only one that begins later covers this caller."""
        begun: int = self.barriers_begun
        return begun

    def _sleep(self, length: float, name: str) -> None:
        if length > 0:
            self.k.chk.sleep(length, name)


class SrcuSection:
    """The `with` of one reader."""

    entered: Bookkeeping[int] = 0
    """The reader's own."""

    def __init__(self, srcu: Srcu) -> None:
        self.srcu = srcu

    def __enter__(self) -> None:
        self.entered = self.srcu.srcu_read_lock()

    def __exit__(self, *_exc: object) -> None:
        self.srcu.srcu_read_unlock(self.entered)


class Srcu:
    """One srcu_struct: readers by generation, and a wait for the older ones."""

    generation = guarded[int](Inside(lambda self: self.parking), reads="any")
    readers = guarded[dict[int, int]](Inside(lambda self: self.parking), reads="any")
    """Generation -> readers inside."""

    def __init__(self, k: Kernel, lock_class: str, name: str) -> None:
        self.chk = k.chk
        self.parking: Parking = k.chk.Parking(f"{name} readers")
        self.map: LockMap = k.chk.LockMap(lock_class, instance=name)
        self.generation = 0
        self.readers = {}

    def reading(self) -> SrcuSection:
        """srcu_read_lock … srcu_read_unlock."""
        return SrcuSection(self)

    def srcu_read_lock(self) -> int:
        """Be a reader of this generation; the leave has to name it."""
        entered: int = self.parking.change(self._enter)
        try:
            self.map.acquire(shared=True)
        except BaseException:
            self.parking.change(lambda: self._leave(entered))
            raise
        return entered

    def srcu_read_unlock(self, entered: int) -> None:
        """Leave the generation entered."""
        try:
            self.map.release()
        finally:
            self.parking.change(lambda: self._leave(entered))

    def synchronize_srcu(self) -> None:
        """Block until every reader that is inside now has left."""
        self.map.sync()
        before: int = self.parking.change(self._advance)
        self.parking.wait(
            lambda: not any(n for gen, n in self.readers.items() if gen < before),
            why=f"{self.parking.name} to leave",
        )

    def _enter(self) -> int:
        self.readers[self.generation] = self.readers.get(self.generation, 0) + 1
        return self.generation

    def _leave(self, entered: int) -> None:
        self.readers[entered] -= 1
        if not self.readers[entered]:
            del self.readers[entered]

    def _advance(self) -> int:
        self.generation += 1
        return self.generation
