"""What one thread holds, and where it stands in the trie of chains.

The held stack is a linked list through the entries themselves (`prev`): a plain `Lock` is its own
entry, everything else (readers, tries, subclasses, nested, pseudo-locks) is a `Hold`, and at the
bottom, as at the bottom of each interrupting context's part, lies a `Floor`.  An entry has `lock`,
`key`, `prev`, `ts`, `_pk` (the chain before it) and `_k` (the chain that ends with it); a thread's
chain is that of its top entry, so that taking a lock writes as little as possible.  What an entry
is to the engine is said by `Entry`, what a lock is by `CheckedLock`.

A `Chain` is one thread's view of a record of the graph (`graph.Record`), with the transitions that
this thread has made in this segment of its life and may make again without asking.  A saturated
record gets its view without a stack or a lock; an unsaturated one is judged again by every thread
and in every segment.

Everything in a ThreadState is written by its own thread only, except `blocked` (read by others
under the engine's lock) and `foreign` (appended by whoever releases this thread's lock).

One file: entries, chains and threads, which are linked to each other as they are walked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any, Protocol

from lockcheck.core.classes import MODE_NAMES, READ, RECURSIVE_READ, WRITE, Key
from lockcheck.core.events import Part, Touch, Waiter
from lockcheck.core.record import Context, Leased
from lockcheck.core.report import LockRef
from lockcheck.core.stacks import EMPTY, Stack
from lockcheck.core.vector import NOTHING_KNOWN, Times
from lockcheck.core.views import Chain, Place, Places
from lockcheck.seam import Op

__all__ = [
    "READ", "RECURSIVE_READ", "WRITE", "Blocking", "CheckedLock", "Entry", "Floor", "Hold",
    "RealThread", "ThreadState", "Waitable", "own", "push_entry", "push_unjudged",
    "ref_of", "refs",
]  # fmt: skip

Entry = Any  # a Hold, a Floor, or a plain lock, linked through `prev`: the warm path wraps nothing
"""An entry of a held stack."""

DEPTH_MAX = 10_000
"""Entries looked at, at most, when a lock is searched in a held stack."""


class Waitable(Protocol):
    """What a thread can block on, as reports and the wait-for graph ask it."""

    @property
    def name(self) -> str: ...

    @property
    def class_name(self) -> str:
        """Its lock class, or what kind of thing it is: "event", "thread"."""
        ...

    def holders(self) -> Sequence[ThreadState]:
        """Threads that stand in the way of whoever waits for it now, as far as it knows them."""
        ...


class CheckedLock(Waitable, Protocol):
    """A lock as the engine knows it: an instance of a class, and whoever holds it."""

    @property
    def key(self) -> Key: ...

    def own_references(self, ts: ThreadState) -> int:
        """References to it by its own parts, and by all but one of the holds of `ts` (`freed`)."""
        ...

    def owned_by(self, ts: ThreadState | None) -> None:
        """`ts` has taken it alone; None: another thread than its owner released it."""
        ...

    def really_held(self) -> bool:
        """Is it locked, whatever the held stacks say?"""
        ...


class RawLock(Protocol):
    """A plain lock of the interpreter's."""

    def acquire(self, blocking: bool = ..., timeout: float = ...) -> bool: ...
    def release(self) -> None: ...
    def locked(self) -> bool: ...


class Blocking(Protocol):
    """What a thread is blocked on, published while it blocks (`sync.blocking.Waiting`)."""

    @property
    def op(self) -> Op: ...

    @property
    def raw(self) -> RawLock:
        """The plain lock the thread is blocked on; the watchdog releases it to unwind."""
        ...

    @property
    def since(self) -> float: ...

    @property
    def served(self) -> bool:
        """Does the thread have what it waits for, though it may not have run since?"""
        ...


class RealThread(Protocol):
    """The thread behind a state: a `threading.Thread`, or the `Life` of one."""

    @property
    def name(self) -> str: ...

    @property
    def ident(self) -> int | None: ...

    def is_alive(self) -> bool: ...


class Hold:
    """One entry of a held stack that is not a plain lock's plain acquire."""

    __slots__ = (
        "_k", "_pk", "bare", "key", "lock", "mode", "nest", "pins", "prev", "since", "trylock",
        "ts",
    )  # fmt: skip

    def __init__(self, lock: CheckedLock, mode: int) -> None:
        self.lock = lock
        self.mode = mode
        self.key: Key = lock.key
        self.nest: CheckedLock | None = None
        self.trylock = False
        self.pins = 0
        """Sum of the cookies of its pins; a pinned plain lock has a Hold, too."""
        self.since = 0
        """The epoch in which it was taken, where it is held across a hand-over (`carried`)."""
        self.bare = True
        """Nobody keeps it, nor has anything to do at its release: not pinned, not held across a
        hand-over, not given to the program (`Checker.held`).  And its chain is the one that taking
        the lock there leads to: it was not led anywhere else since (`chains`)."""
        self.prev: Entry = None
        self.ts: ThreadState | None = None
        self._k: Chain | None = None
        self._pk: Chain | None = None

    @property
    def chain(self) -> Chain:
        """The chain that ends with it; only of one that was pushed."""
        assert self._k is not None
        return self._k

    @property
    def before(self) -> Chain:
        """The chain before it; only of one that was pushed."""
        assert self._pk is not None
        return self._pk

    @property
    def name(self) -> str:
        return str(self.lock.name)

    def __repr__(self) -> str:
        return f"<hold {self.lock.name} {MODE_NAMES[self.mode]}>"


class Floor:
    """The bottom of a held stack, or of a context's part of it."""

    __slots__ = ("_k", "overlay", "prev")

    lock = None
    key = None
    ts = None

    def __init__(self, chain: Chain | None, prev: Entry, overlay: Overlay | None) -> None:
        self._k = chain
        """The chain of holding nothing in this context state."""
        self.prev = prev
        self.overlay = overlay
        """The thread's overlay when the context began."""


Overlay = dict[Context, Chain]
"""Roots of one segment's views, by context state."""


NO_PLACES = Places(Chain(None, None, EMPTY))
"""Of a thread that has no root yet."""


class ThreadState:
    """The engine's memory of one thread."""

    __slots__ = (
        "__weakref__",
        "alive",
        "awaited",
        "blocked",
        "blocked_at",
        "blocked_on",
        "contexts",
        "disabled",
        "epoch",
        "foreign",
        "fresh",
        "hb",
        "ident",
        "joiners",
        "last_wait",
        "leases",
        "looking",
        "made",
        "masks",
        "moment",
        "name",
        "now",
        "origin",
        "overlay",
        "pending",
        "places",
        "runs",
        "serial",
        "slot",
        "thread",
        "took",
        "top",
        "touched",
        "tracing",
        "vc",
        "views",
        "waited",
        "waiting",
        "waits",
    )  # fmt: skip

    def __init__(self, serial: int, name: str) -> None:
        self.serial = serial
        """Never reused, unlike idents; from 1."""
        self.name = name
        self.top: Entry = Floor(None, None, None)
        """The newest held entry."""
        self.waiting: Blocking | None = None
        """What it blocks on: for the watchdog."""
        self.took: object = None
        """The lock that it has blocked for and got, up to the note that it is the owner: what the
        collector runs meanwhile, in this thread, has that lock too."""
        self.blocked: LockRef | None = None
        """What it is about to block on, as reports name it: for live wait-for cycles."""
        self.blocked_on: Waitable | None = None
        self.blocked_at: FrameType | None = None
        """Where, while it is: a stack is taken of it when a report needs one."""
        self.overlay: Overlay = {}
        self.places = NO_PLACES
        self.views = 0
        """How many it has in this segment, about."""
        self.slot, self.epoch = serial, 1
        self.vc = NOTHING_KNOWN
        """Start/join order: what it knows of others' epochs."""
        self.hb: Times = {}
        """Happens-before of the race detector (locks included)."""
        self.now = 0
        """Its own time in `hb`."""
        self.origin: Stack = EMPTY
        """Where it was started, as far as that is kept."""
        self.runs = ""
        """Name of the function that it was started with: what kind of thread it is.  Empty for the
        main thread, and for one that nobody of ours started."""
        self.touched: dict[Key, tuple[Touch, ...]] = {}
        """Locks that it wanted so far (`chains.note_touched`): its end depends on them, and what it
        makes happen.  Locks: written under the engine's leaf."""
        self.fresh: set[Key] = set()
        """Those of them that were noted in this segment."""
        self.made: list[Chain] = []
        """Views made in this segment in which that was not looked for yet."""
        self.moment = 0
        """Counts what it made happen, to keep apart what it wanted before and after."""
        self.waited: tuple[Part, ...] = ()
        """What it waited for, the latest few."""
        self.awaited: dict[Part, int] = {}
        """Of these, what had to happen before it went on, and its turn (`Waits.had`)."""
        self.pending: tuple[Part, int] | None = None
        """(part, generation) that it waits for now."""
        self.joiners: list[Waiter] = []
        """Waiters for its end that hold something (`waits`)."""
        self.leases: tuple[Leased, ...] = ()
        """Locks of its starters under which it runs (`leases`)."""
        self.last_wait: tuple[Part, int] | None = None
        """The wait it last came back from (`waits`)."""
        self.contexts: tuple[str, ...] = ()
        self.disabled: frozenset[str] = frozenset()
        self.masks: dict[str, int] = {}
        """How often each context is disabled."""
        self.foreign: list[Entry] = []
        """Entries of the stack whose lock another thread has released meanwhile: they are no longer
        this thread's (`ts`)."""
        self.alive = True
        self.looking = 0
        """Above zero: what it reads now is for a listing or a report, no access (`guarded`)."""
        self.thread: RealThread | None = None
        self.ident = self.tracing = self.waits = 0

    def held(self) -> Iterator[Entry]:
        """Entries, newest first."""
        entry = self.top
        while entry is not None:
            if entry.lock is not None and entry.ts is self:
                yield entry
            entry = entry.prev

    @property
    def chain(self) -> Chain:
        """The chain of what is held in the present context.  Its own thread asks."""
        return own(self.top)

    @property
    def holds(self) -> bool:
        """Does it hold anything at all?"""
        return self.top.lock is not None or self.top.prev is not None

    @property
    def floor(self) -> Floor:
        """The bottom of the present context's part of the stack."""
        entry = self.top
        while entry.lock is not None:
            entry = entry.prev
        floor: Floor = entry
        return floor

    def stack(self) -> list[Entry]:
        """Entries, oldest first."""
        found = list(self.held())
        found.reverse()
        return found

    def find(self, lock: object) -> Entry:
        """The newest entry of `lock`, or None."""
        entry = self.top
        for _ in range(DEPTH_MAX):  # another thread may ask, while entries move under its feet
            if entry is None:
                return None
            mine = entry.ts is self  # else another thread has released it
            if mine and (entry is lock or (type(entry) is Hold and entry.lock is lock)):
                return entry  # a plain lock is its own entry
            entry = entry.prev
        return None

    def __repr__(self) -> str:
        return f"<thread {self.name}>"


def push_entry(ts: ThreadState, hold: Hold, chain: Chain) -> None:
    """Make a hold the newest entry of its thread."""
    hold._pk = ts.chain
    hold._k = chain
    hold.prev = ts.top
    hold.ts = ts
    ts.top = hold
    if hold.mode == WRITE:
        hold.lock.owned_by(ts)  # whoever waits for it must find its owner


def push_unjudged(ts: ThreadState, hold: Hold) -> None:
    """Push without judging: a finaliser came into the engine while it was at work."""
    push_entry(ts, hold, Chain(ts.chain.rec, ts.chain, EMPTY))


def own(entry: Entry) -> Chain:
    """The view of an entry from which its thread may go on: not one that other locks share."""
    view: Chain = entry._k
    if type(view) is Place:
        entry._k = view = view.own(entry.key)
    return view


def refs(ts: ThreadState) -> tuple[LockRef, ...]:
    """What a thread holds, oldest first, as reports name it."""
    return tuple(ref_of(entry) for entry in ts.stack())


def ref_of(entry: Entry) -> LockRef:
    """One held entry as reports name it."""
    key: Key = entry.key
    chain: Chain | None = entry._k
    stack = EMPTY
    if chain is not None:
        ts = entry.ts
        stack = chain.stack or chain.rec.stack_of(ts.serial if ts is not None else 0)
    return LockRef(entry.lock.name, key.cls.name, key.mode_name, stack)
