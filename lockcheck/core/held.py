"""What one thread holds, and where it stands in the trie of chains.

The held stack is a linked list through the entries themselves (`prev`): a plain `Lock` is its own
entry, everything else (readers, tries, subclasses, nested, pseudo-locks) is a `Hold`.  An entry has
`lock`, `key`, `prev`, `ts`, `_pk` (the chain before it) and `_k` (the chain that ends with it).

A `Chain` is one thread's view of a record of the graph (`graph.Record`), with the transitions that
this thread has made in this segment of its life and may make again without asking.  A saturated
record gets its view without a stack or a lock; an unsaturated one is judged again by every thread
and in every segment (design rule 12).

Everything in a ThreadState is written by its own thread only, except `blocked` (read by others under
the engine's lock) and `foreign` (appended by whoever releases this thread's lock).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lockcheck.core.classes import MODE_NAMES, READ, RECURSIVE_READ, WRITE, Key

if TYPE_CHECKING:
    from lockcheck.core.graph import Record
    from lockcheck.core.stacks import Stack

__all__ = ["READ", "RECURSIVE_READ", "WRITE", "Chain", "Hold", "ThreadState"]


class Chain:
    """One node of a trie of held sequences, as one thread (or all) may walk it."""

    __slots__ = ("came", "earlier", "key", "next", "parent", "rec", "stack")

    def __init__(self, rec: Record, parent: Chain | None, stack: Stack) -> None:
        self.rec = rec
        self.parent = parent
        self.key: Key | None = rec.key
        self.next: dict[Any, Chain] = {}
        self.stack = stack
        """Where the newest lock of the chain was taken when this view was made."""
        self.came: Chain | None = None
        """The view before the release out of order that led here."""
        self.earlier: Chain | None = None
        """The view of the segment before, when the lock was held across its end."""

    def __repr__(self) -> str:
        return f"<chain {self.rec}>"


class Hold:
    """One entry of a held stack that is not a plain lock's plain acquire."""

    __slots__ = ("_k", "_pk", "key", "lock", "mode", "nest", "prev", "trylock", "ts")

    def __init__(self, lock: Any, mode: int) -> None:
        self.lock = lock
        self.mode = mode
        self.key: Key = lock.key
        self.nest: Any = None
        self.trylock = False
        self.prev: Any = None
        self.ts: ThreadState | None = None
        self._k: Chain | None = None
        self._pk: Chain | None = None

    @property
    def chain(self) -> Chain | None:
        return self._k

    @property
    def name(self) -> str:
        return str(self.lock.name)

    def __repr__(self) -> str:
        return f"<hold {self.lock.name} {MODE_NAMES[self.mode]}>"


class ThreadState:
    """The engine's memory of one thread."""

    __slots__ = (
        "__weakref__", "alive", "blocked", "blocked_stack", "chain", "contexts", "disabled",
        "epoch", "foreign", "hb", "ident", "joiners", "leases", "name", "overlay",
        "last_wait", "masks", "pending", "root", "saved", "serial", "slot", "thread", "top", "touched", "tracing", "vc",
        "waiting", "waits",
    )  # fmt: skip

    def __init__(self, serial: int, name: str) -> None:
        self.serial = serial
        """Never reused, unlike idents; from 1."""
        self.name = name
        self.root: Any = None
        """The chain of holding nothing, in the present context state."""
        self.chain: Any = None
        """The chain of what is held; both are set by `Engine.thread_begin`."""
        self.top: Any = None
        """The newest held entry."""
        self.waiting: Any = None
        """What it blocks on (`sync.blocking.Waiting`): for the watchdog."""
        self.waits = 0
        self.blocked: Any = None
        """(object, mode) it is about to block on: for live wait-for cycles."""
        self.blocked_stack: Any = None
        self.overlay: dict[Any, Chain] = {}
        """Roots of this segment's views, by context state."""
        self.slot = serial
        self.epoch = 1
        self.vc: dict[int, int] = {}
        """Start/join order: slot -> newest epoch known; copied, never changed in place."""
        self.hb: dict[int, int] = {}
        """Happens-before of the race detector (locks included)."""
        self.touched: set[Key] = set()
        """Locks wanted in earlier segments: what a join of this thread depends on."""
        self.pending: Any = None
        """(part, generation) that it waits for now."""
        self.joiners: list[Any] = []
        """Waiters for its end that hold something (`waits`)."""
        self.leases: tuple[Any, ...] = ()
        """Locks of its starters under which it runs (`leases`)."""
        self.saved: list[Any] = []
        """Chains of what contexts interrupted."""
        self.last_wait: Any = None
        """The wait it last came back from (`waits`)."""
        self.contexts: tuple[str, ...] = ()
        self.disabled: frozenset[str] = frozenset()
        self.masks: dict[str, int] = {}
        """How often each context is disabled."""
        self.foreign: list[Any] = []
        self.alive = True
        self.thread: Any = None
        self.ident = 0
        self.tracing = 0

    def held(self) -> Iterator[Any]:
        """Entries, newest first."""
        entry = self.top
        while entry is not None:
            yield entry
            entry = entry.prev

    def stack(self) -> list[Any]:
        """Entries, oldest first."""
        found = list(self.held())
        found.reverse()
        return found

    def find(self, lock: Any) -> Any:
        """The newest entry of `lock`, or None."""
        entry = self.top
        while entry is not None:
            if entry.lock is lock:
                return entry
            entry = entry.prev
        return None

    def __repr__(self) -> str:
        return f"<thread {self.name}>"
