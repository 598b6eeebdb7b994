"""A thread's views of the graph's records: where it stands, and where it may go without asking.

A `Chain` is one thread's view of a record (`record.Record`), with the transitions that this thread
has made in this segment of its life and may make again.

Most locks are taken while nothing else is held, and nothing is taken under them.  Of these, all
that a thread first took at one place, but for the very first, have one view, their `Place`: a bit
of the lock's class says that the thread has been there (`Places`).  No transition ever starts from
a place, for it does not say which lock is held: who goes on from there first replaces it by the
lock's own view (`held.own`).  Nor has a lock one that others use, too: its thread has to find the
view again, so it gets its own, at the latest when the thread comes a second time and the lock does
not remember it.

Context: what changes a view runs in the thread whose view it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from lockcheck.core.classes import NOTHING, Key, LockClass
from lockcheck.core.graph import Ground
from lockcheck.core.record import NO_CONTEXT, Context, Record
from lockcheck.core.stacks import Stack

__all__ = ["Chain", "Moved", "Place", "Places"]

PLACES = 256
"""Places of one segment whose locks share a view; at others each has its own."""


class Chain:
    """One node of a trie of held sequences, as one thread (or all) may walk it."""

    __slots__ = ("_rec", "key", "next", "parent", "stack")

    came: Chain | None = None
    """The view before the release out of order that led here."""
    carried = False
    """Was its newest lock held across the end of the segment before?"""

    def __init__(
        self, rec: Record | None, parent: Chain | None, stack: Stack, key: Key | None = None
    ) -> None:
        self._rec = rec
        """None: of one lock held alone (`key` says which), and nobody has asked for it yet."""
        self.parent = parent
        self.key = key if rec is None else rec.key
        self.next: dict[Hashable, Chain] = NOTHING
        self.stack = stack
        """Where the newest lock of the chain was taken when this view was made."""

    @property
    def rec(self) -> Record:
        """What all threads know of it; made now when it is of a lock alone."""
        found = self._rec
        if found is None:
            ground = self.parent.rec if self.parent is not None else None
            assert isinstance(ground, Ground), self.key
            assert self.key is not None, ground
            found = self._rec = ground.graph.child(ground, self.key, self.key, edges=True)
        return found

    @property
    def context(self) -> Context:
        """The context state in which its locks were taken."""
        return self.rec.context

    @property
    def alone(self) -> bool:
        """Is it of a lock held alone, under which nothing was taken so far?"""
        return self._rec is None

    def grow(self, token: Hashable, chain: Chain) -> Chain:
        """Add a transition."""
        if self.next is NOTHING:
            self.next = {}
        self.next[token] = chain
        return chain

    def grow_alone(self, key: Key, stack: Stack) -> Chain:
        """Add the view of a lock that is taken while nothing is held."""
        return self.grow(key, Chain(self.rec.children.get(key), self, stack, key))

    def done(self) -> tuple[Hashable, ...]:
        """The transitions made from it, and from the view that it replaces."""
        return tuple(self.next)

    def wanted(self) -> Sequence[Key]:
        """The locks that were wanted where it was made, and that nobody has asked for yet."""
        key = self.key
        return () if key is None else (key,)

    def __repr__(self) -> str:
        return f"<chain {self.rec}>"


class Moved(Chain):
    """A view that replaces another: of the segment before, or before a release out of order."""

    __slots__ = ("_before", "came", "carried")

    def __init__(self, rec: Record, parent: Chain | None, stack: Stack) -> None:
        super().__init__(rec, parent, stack)
        self.came: Chain | None = None
        self.carried = False
        self._before: tuple[Hashable, ...] = ()

    def carry(self, old: Chain) -> None:
        """Note what was done under its newest lock in the segment that is over."""
        self.carried = True
        self._before = tuple(old.next)

    def done(self) -> tuple[Hashable, ...]:
        return (*self._before, *self.next)


class Place(Chain):
    """The view of every lock that a thread holds alone and first took at one place."""

    __slots__ = ("_news",)

    def __init__(self, root: Chain, stack: Stack) -> None:
        super().__init__(None, root, stack)
        self._news: list[Key] = []

    @property
    def rec(self) -> Record:
        raise AssertionError("a place does not say which lock is held")

    @property
    def context(self) -> Context:
        return NO_CONTEXT

    def own(self, key: Key) -> Chain:
        """The view of one of its locks, from which one can go on."""
        root = self.parent
        assert root is not None, key
        found = root.next.get(key)
        return root.grow_alone(key, self.stack) if found is None else found

    def add(self, key: Key) -> bool:
        """One more lock was taken here; is it the first that nobody has asked for yet?"""
        self._news.append(key)
        return len(self._news) == 1

    def wanted(self) -> Sequence[Key]:
        found, self._news = self._news, []
        return found

    def __repr__(self) -> str:
        return f"<place {self.stack.where}>"


class Places:
    """All places of one segment: views of locks that are held alone, by where they were taken."""

    __slots__ = ("_taken", "_views", "root")

    def __init__(self, root: Chain) -> None:
        self.root = root
        """The view of holding nothing, in no context."""
        self._views: dict[Stack, Place | None] = {}
        """None: of a place where one lock was taken so far, which has a view of its own."""
        self._taken: dict[LockClass, int] = {}
        """Locks that have one of these views: bits by serial number of the instance."""

    def view(self, key: Key, stack: Stack, made: list[Chain]) -> Chain:
        """The view of a lock that is newly taken; it is added to `made` if it has news."""
        bit = 1 << key.serial
        taken = self._taken.get(key.cls, 0)
        known = stack in self._views
        if not known and stack and len(self._views) < PLACES:
            self._views[stack] = None
        if taken & bit or not known:
            view = self.root.grow_alone(key, stack)
            made.append(view)
            return view
        place = self._views[stack]
        if place is None:
            place = self._views[stack] = Place(self.root, stack)
        self._taken[key.cls] = taken | bit
        if place.add(key):
            made.append(place)
        return place
