"""Names that compiled code carries: one object for each attribute name, one for each global.

They are the tables that a watch looks things up in: an `Attribute` maps the id of an owner to what
the watch keeps of that owner's field, so that the warm path is one look into one dictionary.

Invariant: what stands under an id belongs to a live object (`owners` removes it when that dies).
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

__all__ = [
    "ATTRIBUTES",
    "CHANGING",
    "NO_KEY",
    "PLAIN_KEYS",
    "SCALARS",
    "VARIABLES",
    "Attribute",
    "Variable",
    "attribute",
    "variable",
]


F = TypeVar("F")


class _NoKey:
    """Stands for "the key is not known"."""


NO_KEY: Final = _NoKey()
PLAIN_KEYS: Final = frozenset({str, int, bytes, bool, type(None), float})
"""Keys that may be hashed and compared without running code of the program's."""
SCALARS: Final = frozenset({int, str, bool, float, type(None), bytes, tuple, range})
"""Types of values that nobody changes."""
CHANGING: Final = frozenset({
    "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "popitem",
    "update", "add", "discard", "setdefault", "intersection_update", "difference_update",
    "symmetric_difference_update", "appendleft", "popleft", "extendleft", "rotate",
    "move_to_end", "subtract",
})  # fmt: skip
"""Methods that change a container as a whole, unless they are given a key."""


class Untouched:
    """Stands for a field that nobody has touched."""

    __slots__ = ()
    plain_write_at: Final = None
    plain_writer: Final = None
    read_at: Final = None
    reader: Final = None
    write_at: Final = None
    writer: Final = None


UNTOUCHED: Final = Untouched()


class Attribute(dict[int, Any]):  # fields by object
    """One attribute name; id of the owner -> what a watch keeps of this field of it."""

    __slots__ = ("changes", "name", "plain")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.changes = name in CHANGING
        """As a method of a container, does it change that?"""
        self.plain: set[type] = set()
        """Types whose attribute of this name is no data: a method, a property."""

    def __missing__(self, at: int) -> Untouched:
        """No field is known there: what the warm path asks has an answer all the same."""
        return UNTOUCHED

    def __hash__(self) -> int:  # type: ignore[override]  # a table with an identity of its own
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __reduce__(self) -> tuple[object, ...]:
        return attribute, (self.name,)


class Variable:
    """One global of one module."""

    __slots__ = ("field", "file", "name")

    def __init__(self, file: str, name: str) -> None:
        self.file = file
        self.name = name
        self.field: Any = None  # a Field, which imports this
        """What the watch keeps of it."""

    def enter(self, field: F) -> F:
        """Keep a field of it, unless another thread was faster: then that one's."""
        kept: F = _entered.setdefault(self, field)
        self.field = kept
        return kept

    def forget(self) -> None:
        """Keep nothing of it."""
        self.field = None
        _entered.pop(self, None)

    def __reduce__(self) -> tuple[object, ...]:
        return variable, (self.file, self.name)


ATTRIBUTES: Final[dict[str, Attribute]] = {}
VARIABLES: Final[dict[tuple[str, str], Variable]] = {}
_entered: Final[dict[Variable, Any]] = {}  # as `Variable.field`
"""What `Variable.field` is, decided in one step."""


def attribute(name: str) -> Attribute:
    """Return the one object for attributes called `name`."""
    found = ATTRIBUTES.get(name)
    if found is None:
        found = ATTRIBUTES.setdefault(name, Attribute(name))
    return found


def variable(file: str, name: str) -> Variable:
    """Return the one object for the global `name` of the module in `file`."""
    found = VARIABLES.get((file, name))
    if found is None:
        found = VARIABLES.setdefault((file, name), Variable(file, name))
    return found
