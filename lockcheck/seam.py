"""The one seam: what can happen (`Op`), and who may decide when (`Conductor`).

Every primitive of `lockcheck.sync` describes what it is about to do as an `Op`.  The engine sees
operations to judge them, a conductor sees them to schedule them, a recording stores them: there is
no second vocabulary.

Rules at the seam
-----------------
* A point stands *before* every operation, never after it.
* `op.obj.ready(op)` is a pure function of the object's state: may this operation go now?  After a
  conductor granted it, the primitive performs the real, non-blocking operation and asserts that it
  succeeded (pair assertion: the grantor saw it free, the grantee takes it).
* Objects have stable names; nothing here depends on `id()`.

Left out: memory accesses that are not declared (`shared()`, `AtomicRef`, `Refcount`); they must be
covered by an asserted lock, see `facts` in the README ("what it cannot see").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import cache
from typing import Any, Final, Protocol

__all__ = [
    "AT_POINTS",
    "Choice",
    "Conductor",
    "Kind",
    "Named",
    "Op",
    "Ownerless",
    "Startable",
    "SyncObject",
    "Unwind",
    "by_kind",
    "never",
]


AT_POINTS: Final = "points"
"""What keeps others from looking at a cell unseen: each look is a point."""


class Kind(IntEnum):
    """What an operation does; the order is part of the token format, append only."""

    ACQUIRE = 0
    TRY_ACQUIRE = 1
    RELEASE = 2
    READ_ACQUIRE = 3
    TRY_READ_ACQUIRE = 4
    READ_RELEASE = 5
    WAIT = 6
    """Block until the object's predicate holds (event, condition, queue, flush, idle worker)."""
    WAKE = 7
    """Change the object's state so that waiters may go (set, notify, put, queue_work)."""
    WAIT_REFS = 8
    REF_INC = 9
    REF_DEC = 10
    REF_READ = 11
    SPAWN = 12
    # 13 and 14 stood for kinds that are no more
    READ = 15
    WRITE = 16
    RMW = 17
    """Atomic read-modify-write (`AtomicRef.xchg`, `Refcount.inc_not_zero`)."""
    # and so did 18
    BEGIN = 19
    """First point of a thread."""
    PROBE = 20
    """Looks at a lock's state without taking it (`locked()`)."""


def by_kind(of: Mapping[Kind, int], other: int) -> tuple[int, ...]:
    """The same table as a tuple, indexed by a kind's number; `other` where `of` has nothing."""
    table = [other] * (max(Kind) + 1)
    for kind, value in of.items():
        table[kind] = value
    return tuple(table)


class Unwind(BaseException):
    """Raised at a wait when the run is over (aborted by the watchdog, or by a conductor).

    Control flow, not an error: never caught by checked code, which must therefore keep its state
    in `with` and `finally`.
    """


class Choice(int):
    """One decision of a schedule: a thread goes, its timer fires, or the program chose a value.

    Make one with `go`, `fire` or `chose`; read it by its attributes.  It is also the integer that a
    recorded schedule stores (`2 * thread`, `2 * thread + 1`, `-1 - value`): choices compare,
    sort and hash alike in every run, and `Choice.of(number)` reads one back.  No other place
    knows that encoding.
    """

    thread: int
    """Number of the thread that goes, or whose timer fires; -1 when the program chose a value."""
    fires: bool
    """The thread's timer fires in place of its operation."""
    value: int
    """What the program chose; -1 when a thread goes."""
    of_program: bool
    """Did the program choose a value?  Then no thread is concerned."""

    def __new__(cls, number: int) -> Choice:
        self = super().__new__(cls, number)
        self.thread = number >> 1 if number >= 0 else -1
        self.fires = number >= 0 and bool(number & 1)
        self.value = -1 if number >= 0 else -1 - number
        self.of_program = number < 0
        return self

    def __reduce__(self) -> tuple[type[Choice], tuple[int]]:
        return Choice, (int(self),)

    @staticmethod
    @cache
    def of(number: int) -> Choice:
        """Read a recorded choice back."""
        return Choice(number)

    @staticmethod
    @cache
    def go(thread: int) -> Choice:
        """The operation that `thread` stands before goes."""
        return Choice(2 * thread)

    @staticmethod
    @cache
    def fire(thread: int) -> Choice:
        """The timer of the operation that `thread` stands before fires."""
        return Choice(2 * thread + 1)

    @staticmethod
    @cache
    def chose(value: int) -> Choice:
        """The program chose `value` (`Conductor.choose`)."""
        return Choice(-1 - value)

    @property
    def goes(self) -> bool:
        """Does a thread's operation go?"""
        return self.thread >= 0 and not self.fires

    def __repr__(self) -> str:
        if self.thread < 0:
            return f"chose {self.value}"
        return f"T{self.thread} timer" if self.fires else f"T{self.thread}"


def never() -> bool:
    """The predicate of a sleep: a wait that only its timer ends."""
    return False


class SyncObject(Protocol):
    """What a conductor needs to know of a primitive."""

    @property
    def name(self) -> str: ...

    @property
    def class_name(self) -> str:
        """Its lock class, or what kind of thing it is: "event", "thread"."""
        ...

    def ready(self, op: Op) -> bool:
        """May `op` go now?  Pure; called with every other thread parked."""
        ...


class Named(Protocol):
    """Whatever has a stable name."""

    @property
    def name(self) -> str: ...


class Startable(Protocol):
    """A thread that a conductor is asked to start."""

    name: str
    daemon: bool
    """Nobody waits for it: it never keeps a run alive."""


class Ownerless:
    """A primitive that cannot say who stands in the way of those who wait for it."""

    __slots__ = ()

    @property
    def class_name(self) -> str:
        """What kind of thing it is."""
        return type(self).__name__.lower()

    def holders(self) -> object:  # ThreadStates, which this floor does not know
        """Nobody is known to (`core.held.Waitable`)."""
        return ()


class Op:
    """One operation about to happen."""

    __slots__ = (
        "aux", "busy", "foot", "foreign", "idle", "kind", "obj", "repeat", "rounds", "takes",
        "timeout", "timer", "visible", "why",
    )  # fmt: skip

    def __init__(
        self,
        kind: Kind,
        obj: Any,  # a SyncObject; each primitive reads its own
        aux: Any = None,  # what the kind of operation needs
        *,
        timeout: float | None = None,
        timer: str = "",
        repeat: bool = False,
        idle: bool = False,
        takes: bool = True,
        visible: bool = False,
        foreign: bool = False,
        why: str = "",
    ) -> None:
        self.kind = kind
        self.obj = obj
        self.aux = aux
        self.timeout = timeout
        """Seconds until the operation gives up; None: never."""
        self.timer = timer
        """What that timer is called where a step is described."""
        self.repeat = repeat
        """The timer only repeats the same wait: its firing is no progress."""
        self.rounds = 0
        """What the rounds of a repeating timer came to so far (`lockcheck.conduct.rounds`)."""
        self.idle = idle
        """A service that waits for work: nothing is owed to it, it never makes a deadlock."""
        self.takes = takes
        """Does a wait change the object when it goes?  If not, waits commute; so do wakes."""
        self.visible = visible
        """A release that is a point always: who takes it looks at more than "is it free"."""
        self.foreign = foreign
        """A release by a thread that does not hold the object: a lock used as a signal."""
        self.busy: Callable[[], bool] | None = None
        """A faster way to ask `not obj.ready(op)`, where there is one."""
        self.foot: Any = None  # of the floor that schedules
        """What it touches, remembered (`lockcheck.explore.conflict`)."""
        self.why = why
        """What a waiter waits for, in words, for the wait-for table."""

    def __repr__(self) -> str:
        return f"{self.kind.name} {self.obj.name if self.obj is not None else '-'}"


class Conductor(Protocol):
    """Who runs next.  `None` in its place means: the operating system (a free run)."""

    controlled: bool
    """True: exactly one thread runs between two points."""
    timed: bool
    """True: no timer fires before its time.  False: a timer may fire whenever that is possible."""

    observed: frozenset[str]
    """Names of what was found to need points: classes of locks that somebody looks at, and
    guarded fields with a race (`field Account.n`)."""

    in_round: bool
    """Some thread has repeated a wait: changes are to be noted (`wrote`)."""

    def observe(self, name: str) -> None:
        """This is to be in `observed` in the next run."""
        ...

    def wrote(
        self, cell: object, look: Callable[[], object], witness: object | None = AT_POINTS
    ) -> None:
        """The running thread is about to change `cell`; `look()` is what is there.

        `witness`: the lock that keeps others from looking; None: there is none.
        """
        ...

    def point(self, op: Op) -> bool:
        """Stand before `op`.  False: its timer fired instead.  Raises: Unwind."""
        ...

    def choose(self, n: int, why: str) -> int:
        """Resolve a choice of the program among `range(n)`."""
        ...

    def spawn(self, thread: Startable, run: Callable[[], None]) -> bool:
        """Start `run` on a real thread of the conductor's; False: the caller starts its own."""
        ...

    def now(self) -> float:
        """Seconds; logical when controlled."""
        ...

    def note(self, obj: Named, ts: Named) -> None:
        """Not controlled only: `ts` has just operated on `obj`, and still excludes others."""
        ...
