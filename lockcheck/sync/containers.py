"""Lists, dicts and sets as the value of a guarded field: looks and changes are checked.

The field's guard protects what the container holds (Clang's `pt_guarded_by`): fetching it is no
access, asking it or changing it is.  Under a conductor, where a race was found on the field,
each step of an iteration is a scheduling point of its own, so another thread's change in the middle
of a walk is seen; elsewhere a walk is one look.

A container that was replaced in its field (a list spliced away) belongs to whoever took it and is
an ordinary one from then on.  Copies, slices and pickles are ordinary ones, too.

Left out: what C code reads without asking (`set(guarded_set)`, `"".join`, `json` of a dict), and
views of a dict that are kept (`keys()` is one look, when it is made).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from lockcheck.sync.watch import watched

if TYPE_CHECKING:
    from lockcheck.sync.guards import Guard
    from lockcheck.sync.watch import Watch

__all__ = ["CONTAINERS", "GuardedDict", "GuardedList", "GuardedSet", "Place"]

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Field(Protocol):
    """The guarded field that a container is the value of."""

    point_name: str

    @property
    def guard(self) -> Guard: ...
    def touch(self, watch: Watch, owner: object, write: bool, depth: int = 3) -> None: ...


class Place:
    """Where a container stands: which field of which object."""

    __slots__ = ("field", "owner")

    def __init__(self, field: Field, owner: object) -> None:
        self.field = field
        self.owner = owner

    def touch(self, write: bool) -> None:
        """One access to what the container holds."""
        watch = watched(self.owner, self.field.guard)
        if watch is not None:
            self.field.touch(watch, self.owner, write, 4)

    def walk(self, items: Iterator[T]) -> Iterator[T]:
        """The items, each step a look of its own where looks are points."""
        watch = watched(self.owner, self.field.guard)
        conductor = None if watch is None else watch.chk.conductor
        if conductor is None or self.field.point_name not in conductor.observed:
            return items
        return self._stepwise(items)

    def _stepwise(self, items: Iterator[T]) -> Iterator[T]:
        for item in items:
            yield item
            self.touch(False)


class _Placed:
    """What a method finds at a container: its place, or None when it is an ordinary one."""

    _at: Place | None


Method = Callable[..., object]


def _looks(plain: Method) -> Method:
    """A method that reads what the container holds."""

    def look(self: _Placed, *args: object, **kwargs: object) -> object:
        at = self._at
        if at is not None:
            at.touch(False)
        return plain(self, *args, **kwargs)

    return look


def _walks(plain: Callable[..., Iterator[object]]) -> Method:
    """A method that returns an iterator."""

    def walk(self: _Placed) -> object:
        at = self._at
        if at is None:
            return plain(self)
        at.touch(False)
        return at.walk(plain(self))

    return walk


def _changes(plain: Method) -> Method:
    """A method that changes what the container holds."""

    def change(self: _Placed, *args: object, **kwargs: object) -> object:
        at = self._at
        if at is not None:
            at.touch(True)
        return plain(self, *args, **kwargs)

    return change


class GuardedList(list[T], Generic[T]):
    """A list as the value of a guarded field."""

    __slots__ = ("_at",)

    def __init__(self, items: list[T], at: Place | None = None) -> None:
        list.__init__(self, items)
        self._at = at

    def detach(self) -> None:
        """It is in its field no more: an ordinary list from now on."""
        self._at = None

    def __reduce_ex__(self, _protocol: object) -> tuple[object, ...]:
        return list, (list(list.__iter__(self)),)

    if not TYPE_CHECKING:  # to a type checker it is what it wraps
        __len__ = _looks(list.__len__)
        __getitem__ = _looks(list.__getitem__)
        __contains__ = _looks(list.__contains__)
        __iter__ = _walks(list.__iter__)
        __reversed__ = _walks(list.__reversed__)
        __eq__ = _looks(list.__eq__)
        __ne__ = _looks(list.__ne__)
        __add__ = _looks(list.__add__)
        index = _looks(list.index)
        count = _looks(list.count)
        copy = _looks(list.copy)
        append = _changes(list.append)
        extend = _changes(list.extend)
        insert = _changes(list.insert)
        remove = _changes(list.remove)
        pop = _changes(list.pop)
        clear = _changes(list.clear)
        sort = _changes(list.sort)
        reverse = _changes(list.reverse)
        __setitem__ = _changes(list.__setitem__)
        __delitem__ = _changes(list.__delitem__)
        __iadd__ = _changes(list.__iadd__)
        __imul__ = _changes(list.__imul__)
        __hash__ = None


class GuardedDict(dict[K, V], Generic[K, V]):
    """A dict as the value of a guarded field."""

    __slots__ = ("_at",)

    def __init__(self, items: dict[K, V], at: Place | None = None) -> None:
        dict.__init__(self, items)
        self._at = at

    def detach(self) -> None:
        """It is in its field no more: an ordinary dict from now on."""
        self._at = None

    def __reduce_ex__(self, _protocol: object) -> tuple[object, ...]:
        return dict, (dict(dict.items(self)),)

    if not TYPE_CHECKING:  # to a type checker it is what it wraps
        __len__ = _looks(dict.__len__)
        __getitem__ = _looks(dict.__getitem__)
        __contains__ = _looks(dict.__contains__)
        __iter__ = _walks(dict.__iter__)
        __reversed__ = _walks(dict.__reversed__)
        __eq__ = _looks(dict.__eq__)
        __ne__ = _looks(dict.__ne__)
        get = _looks(dict.get)
        keys = _looks(dict.keys)
        values = _looks(dict.values)
        items = _looks(dict.items)
        copy = _looks(dict.copy)
        pop = _changes(dict.pop)
        popitem = _changes(dict.popitem)
        setdefault = _changes(dict.setdefault)
        update = _changes(dict.update)
        clear = _changes(dict.clear)
        __setitem__ = _changes(dict.__setitem__)
        __delitem__ = _changes(dict.__delitem__)
        __ior__ = _changes(dict.__ior__)
        __hash__ = None


class GuardedSet(set[T], Generic[T]):
    """A set as the value of a guarded field."""

    __slots__ = ("_at",)

    def __init__(self, items: set[T], at: Place | None = None) -> None:
        set.__init__(self, items)
        self._at = at

    def detach(self) -> None:
        """It is in its field no more: an ordinary set from now on."""
        self._at = None

    def __reduce_ex__(self, _protocol: object) -> tuple[object, ...]:
        return set, (list(set.__iter__(self)),)

    if not TYPE_CHECKING:  # to a type checker it is what it wraps
        __len__ = _looks(set.__len__)
        __contains__ = _looks(set.__contains__)
        __iter__ = _walks(set.__iter__)
        __eq__ = _looks(set.__eq__)
        __ne__ = _looks(set.__ne__)
        __or__ = _looks(set.__or__)
        __and__ = _looks(set.__and__)
        __sub__ = _looks(set.__sub__)
        copy = _looks(set.copy)
        issubset = _looks(set.issubset)
        issuperset = _looks(set.issuperset)
        isdisjoint = _looks(set.isdisjoint)
        add = _changes(set.add)
        discard = _changes(set.discard)
        remove = _changes(set.remove)
        pop = _changes(set.pop)
        clear = _changes(set.clear)
        update = _changes(set.update)
        difference_update = _changes(set.difference_update)
        intersection_update = _changes(set.intersection_update)
        __ior__ = _changes(set.__ior__)
        __iand__ = _changes(set.__iand__)
        __isub__ = _changes(set.__isub__)
        __hash__ = None


CONTAINERS: Final = frozenset({GuardedList, GuardedDict, GuardedSet})
"""Types whose looks and changes are the accesses."""
