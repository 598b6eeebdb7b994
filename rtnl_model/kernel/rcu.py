"""Grace periods: synchronize_net, rcu_barrier shared by its callers, SRCU of link kinds.

Lengths come from the timing table; a length of zero is no wait.  rcu_barrier is modelled as the
kernel serialises it: a mutex and a sequence number.  A caller notes the number on arrival, waits
for the mutex and returns at once if a whole barrier ran since, else it runs its own: that is why
two requesters are slower than one and eight are faster.

Read-side sections are modelled where a device is looked up by index without RTNL, and where the
peer of a pair, a lower or an rx handler is read for a message or a packet: without a grace period
between unlisting and freeing, a hold would come too late.  What a reader may see no more is
*retired*; whoever goes on to destroy it asserts that a whole grace period has passed since, as the
kernel's get_state_synchronize_rcu and poll_state_synchronize_rcu would say.  Callbacks (call_rcu)
are kept until a barrier, so that something that is freed before its callbacks is found.
Left out: generations (a grace period waits for every reader), callbacks that run by themselves.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from lockcheck import guarded, looking

from .guards import Bookkeeping, Inside
from .netdevice import NetDevice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockcheck import Lock
    from lockcheck.sync import Counts, LockMap, Parking

    from .kernel import Kernel

__all__ = ["LISTED", "OLD_NET", "RX_DATA", "TORN_DOWN", "Rcu", "Srcu", "SrcuSection"]

LISTED: Final = "its entries in lists and tables"
TORN_DOWN: Final = "what its uninit took down"
RX_DATA: Final = "the data of its rx handler"
OLD_NET: Final = "its old namespace"
"""What readers see no more: of a device, or of a namespace."""
ENTER: Final = {"readers": 1}
LEAVE: Final = {"readers": -1}


class Rcu:
    """`k.rcu`."""

    barriers_begun = guarded[int]("barrier_mutex", reads="once")
    """A caller notes it on arrival."""
    barriers_done = guarded[int]("barrier_mutex")
    readers: Counts
    """How many are inside."""
    begun: Bookkeeping[int]
    """Grace periods that have begun; covered by gate, as is the rest."""
    entered: Bookkeeping[list[tuple[int, str, int]]]
    """Read sides: grace periods begun before, and whose."""
    elapsed: Bookkeeping[int]
    """The latest of them that is over: whoever was inside when it began has left."""
    backlog: Bookkeeping[list[NetDevice]]
    """Devices of which packets may wait in a CPU's backlog."""
    retired: Bookkeeping[dict[tuple[object, str], int]]
    """(thing, what readers see no more) -> the grace period that must pass first."""
    callbacks: Bookkeeping[list[tuple[object, str]]]
    """(what it uses, name): call_rcu that has not run yet."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.chk = k.chk
        self.name = "rcu_state"
        self.barrier_mutex: Lock = k.make_lock("rcu_state.barrier_mutex", "rcu_state")
        """Protects: barriers_begun (read without it on arrival), barriers_done.
        Order: leaf; after pernet_ops_rwsem where cleanup waits."""
        self.barriers_begun = 0
        self.barriers_done = 0
        self.readers = k.chk.Counts("RCU readers")
        self.begun = self.elapsed = 0
        self.backlog = []
        self.entered = []
        self.retired = {}
        self.callbacks = []

    @contextmanager
    def reading(self) -> Iterator[None]:
        """rcu_read_lock … rcu_read_unlock: what is unlisted meanwhile is not freed yet.

        Only where a device is looked up without a lock that keeps it; no lock and no wait inside.
        So to leave needs nothing, and a grace period depends on nothing that readers do elsewhere
        (`part=None`).
        """
        task = self.k.probe.current()
        self.readers.add(ENTER, why="rcu_read_lock", part=None)
        task.rcu_depth += 1
        entered = (self.begun, task.comm, task.pid)
        with self.k.gate:
            self.entered.append(entered)
        try:
            yield
        finally:
            task.rcu_depth -= 1
            with self.k.gate:
                self.entered.remove(entered)
            self.readers.add(LEAVE, why="rcu_read_unlock", part=None)

    def reading_unless(self, covered: bool) -> AbstractContextManager[object]:
        """A read side, where no lock keeps what is read."""
        return nullcontext() if covered else self.reading()

    def rcu_dereference_check(self, covered: bool, what: str) -> None:
        """A pointer that readers of other namespaces follow is read: inside a read side, or
        `covered` by what keeps its writers away.  Outside every kernel function nobody follows it.
        """
        task = self.k.probe.current()
        if not covered and not task.rcu_depth and task.stack:
            self.k.file(
                "assertion",
                f"{what} is read without rcu_read_lock and without its lock",
                f"rcu-dereference-{what}",
                None,
            )

    # -- grace periods --

    def wait_for_readers(self) -> None:
        """A grace period, as far as somebody can notice it."""
        self.readers.wait_until(0, why="RCU readers to leave")

    def grace_period(self) -> None:
        """A whole one: every reader that was inside at its beginning has left."""
        with self.k.gate:
            self.begun += 1
            mine = self.begun
        self.wait_for_readers()
        with self.k.gate:
            self.elapsed = max(self.elapsed, mine)
            inside = [(comm, pid) for begun, comm, pid in self.entered if begun < mine]
        for comm, pid in inside:
            self.k.report_invariant(
                f"a grace period ends while {comm} {pid} is inside the read side that it was in"
                " when it began",
                rule="grace-period",
            )

    def synchronize_net(self) -> None:
        """An expedited grace period: RTNL is held."""
        self.grace_period()
        self._sleep(self.k.timing.synchronize_net, "synchronize_net")

    def synchronize_rcu_expedited(self) -> None:
        """In cleanup_net, RTNL not held."""
        self.grace_period()
        self._sleep(self.k.timing.synchronize_rcu_expedited, "synchronize_rcu_expedited")

    def retire(self, thing: object, what: str) -> None:
        """From here on a new reader cannot find this; those inside still may."""
        with self.k.gate:
            self.retired[(thing, what)] = self.begun + 1

    def assert_elapsed(self, thing: object, what: str, then: str) -> None:
        """A grace period has begun and ended since it was retired, where it ever was."""
        with self.k.gate:
            wanted = self.retired.pop((thing, what), 0)
        if wanted > self.elapsed:
            dev = thing if isinstance(thing, NetDevice) else None
            name = (
                dev.peek_name() if dev is not None else getattr(thing, "label", thing)
            )  # of any object
            self.k.report_invariant(
                f"{then} of {name} while RCU readers may still use {what}: no grace period",
                rule="grace-period",
                dev=dev,
            )

    def flush_all_backlogs(self) -> None:
        """Every CPU's backlog, RTNL held: packets in it name devices."""
        with self.k.gate:
            waiting = list(self.backlog)
        self._sleep(self.k.timing.flush_all_backlogs, "flush_all_backlogs")
        with self.k.gate:
            self.backlog = [dev for dev in self.backlog if dev not in waiting]

    def into_backlog(self, dev: NetDevice) -> None:
        """It received until now: a packet of it may wait in a CPU's backlog."""
        with self.k.gate:
            self.backlog.append(dev)

    def assert_flushed(self, dev: NetDevice, then: str) -> None:
        """No packet of it is left in any backlog."""
        with self.k.gate:
            left = dev in self.backlog
            self.backlog = [other for other in self.backlog if other is not dev]
        if left:
            self.k.report_invariant(
                f"{then} of {dev.peek_name()} with its packets in a backlog",
                rule="backlog-flushed",
                dev=dev,
            )

    # -- callbacks --

    def call_rcu(self, used: object, name: str) -> None:
        """After a grace period `name` will use this; a barrier waits for it."""
        with self.k.gate:
            self.callbacks.append((used, name))

    def assert_callbacks_done(self, used: object, then: str) -> None:
        """No callback that uses this is left."""
        with self.k.gate:
            left = [name for thing, name in self.callbacks if thing is used]
            self.callbacks = [each for each in self.callbacks if each[0] is not used]
        dev = used if isinstance(used, NetDevice) else None
        for name in left:
            self.k.report_invariant(
                f"{then} while {name} is still to run: no rcu_barrier", rule="rcu-barrier", dev=dev
            )

    def rcu_barrier(self) -> None:
        """Until all callbacks queued so far have run; shared with whoever waits meanwhile."""
        with self.k.gate:
            queued = list(self.callbacks)
        self._barrier()
        with self.k.gate:
            self.callbacks = [each for each in self.callbacks if each not in queued]

    def _barrier(self) -> None:
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
    """The `with` of one reader, who is counted from its making on."""

    def __init__(self, srcu: Srcu) -> None:
        self.srcu = srcu
        self.entered = srcu.enter()

    def __enter__(self) -> None:
        self.srcu.srcu_read_lock(self.entered)

    def __exit__(self, *_exc: object) -> None:
        self.srcu.srcu_read_unlock(self.entered)


class Srcu:
    """One srcu_struct: readers by generation, and a wait for the older ones."""

    generation = guarded[int](Inside(lambda self: self.parking), reads="any")
    readers = guarded[dict[int, int]](Inside(lambda self: self.parking), reads="any")
    """Generation -> readers inside."""
    waited: Bookkeeping[int] = 0
    """All readers of generations below this one were waited for."""

    def __init__(self, k: Kernel, lock_class: str, name: str) -> None:
        self.chk = k.chk
        self.parking: Parking = k.chk.Parking(f"{name} readers")
        self.map: LockMap = k.chk.LockMap(lock_class, instance=name)
        self.generation = 0
        self.readers = {}

    def reading(self) -> SrcuSection:
        """srcu_read_lock … srcu_read_unlock.  Who makes one must enter it."""
        return SrcuSection(self)

    def enter(self) -> int:
        """Be a reader of this generation; the leave has to name it."""
        entered: int = self.parking.change(self._enter)
        return entered

    def srcu_read_lock(self, entered: int) -> None:
        """The lock that lockdep sees."""
        try:
            self.map.acquire(shared=True)
        except BaseException:
            self.parking.change(lambda: self._leave(entered))
            raise

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
        self.waited = before

    def is_quiet(self, generation: int) -> bool:
        """Was every reader of this generation and of those before waited for?"""
        with looking(self.chk):
            return self.waited > generation and not any(gen <= generation for gen in self.readers)

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
