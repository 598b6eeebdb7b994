"""From announcements to accesses: which fields an operation touches, and how.

`Sight` is the part that every watch shares: it finds the fields and calls `touch` with a list of
(field, mode).  A watch says what a touch means: a scheduling point under control (`points`), a look
at who came before in a free run (`races`).
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable
from enum import IntEnum
from types import CellType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lockcheck.patch.data.fields import CONTAINERS, Content, Field, Fields, container_type
from lockcheck.patch.data.memory import COUNT, LOOK, WRITE
from lockcheck.patch.data.places import NO_KEY, PLAIN_KEYS, SCALARS, Attribute, Variable, attribute

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["UNKNOWN", "How", "Sight", "Touch"]

V = TypeVar("V")


class _Unknown:
    """Stands for "the value is not known"."""


UNKNOWN: Final = _Unknown()


class How(IntEnum):
    """What kind of access it is, as far as a report or a benign pattern cares."""

    READ = 0
    WRITE = 1
    AUGMENT = 2
    """The write of `x += 1`: it stands on what was read before."""
    ATOMIC = 3
    """One step of a container's own (`append`, `pop`, `setdefault`)."""
    STEP = 4
    """One step of a loop over a container."""


Touch = tuple[tuple[Field, int], ...]

_KEYED_READS: Final = frozenset({"get", "__contains__"})
_KEYED_WRITES: Final = frozenset({"setdefault", "add", "discard"})
_KEYED_BY_TYPE: Final = frozenset({"pop", "remove"})
"""Keys of a dict or a set; an index or a value of a list."""
_VIEWS: Final[tuple[type, ...]] = (type({}.keys()), type({}.values()), type({}.items()))
_DICT_LIKE: Final = (dict, set)


class Sight:
    """Finds the fields; subclasses say what a touch means."""

    def __init__(self, owner_name: Callable[[str], str]) -> None:
        self.fields = Fields(owner_name)

    def touch(self, how: How, touched: Touch, value: object = UNKNOWN) -> None:
        """An access is about to happen; `touched[0]` is what a report names."""
        raise NotImplementedError

    # -- attributes --------------------------------------------------------------------------------

    def attribute_read(self, owner: object, attribute: Attribute) -> None:
        field: Field | None = attribute.get(id(owner))
        if field is None:
            if type(owner) in attribute.plain:
                return
            field = self.fields.attribute(owner, attribute, write=False)
            if field is None:
                return
        if field.beneath is not None and attribute.name not in _own(owner):
            self.touch(How.READ, ((field, LOOK), (field.beneath, LOOK)))
        else:
            self.touch(How.READ, ((field, LOOK),))

    def attribute_write(self, owner: object, attribute: Attribute, value: object) -> None:
        field: Field | None = attribute.get(id(owner))
        if field is None:
            if type(owner) in attribute.plain:
                return
            field = self.fields.attribute(owner, attribute, write=True)
            if field is None:
                return
        if type(value) in CONTAINERS:
            self.fields.call(value, field)
        self.touch(How.WRITE, ((field, WRITE),), value)

    def attribute_augment(self, owner: object, attribute: Attribute) -> None:
        field = attribute.get(id(owner)) or self.fields.attribute(owner, attribute, write=True)
        if field is None:
            return
        self._augment(_own(owner).get(attribute.name), ((field, WRITE),))

    def _augment(self, old: object, touched: Touch) -> None:
        """`x += …`: of a container it is one step of that, which x names before and after."""
        if container_type(type(old)) is not None:
            self.whole_write(old)
        self.touch(How.ATOMIC if _in_place(old) else How.AUGMENT, touched)

    def named(self, owner: object, name: object, *, write: bool) -> None:
        """`getattr(owner, name)` and its family."""
        if type(name) is not str:
            return
        if write:
            self.attribute_write(owner, attribute(name), UNKNOWN)
        else:
            self.attribute_read(owner, attribute(name))

    # -- names -------------------------------------------------------------------------------------

    def variable_read(self, variable: Variable) -> None:
        self.touch(How.READ, ((_field_of(variable), LOOK),))

    def variable_write(self, variable: Variable, value: object) -> None:
        field = _field_of(variable)
        if type(value) in CONTAINERS:
            self.fields.call(value, field)
        self.touch(How.WRITE, ((field, WRITE),), value)

    def cell_read(self, cell: CellType, name: str) -> None:
        self.touch(How.READ, ((self.fields.cell(cell, name), LOOK),))

    def cell_write(self, cell: CellType, name: str) -> None:
        self.touch(How.WRITE, ((self.fields.cell(cell, name), WRITE),))

    def variable_augment(self, variable: Variable, old: object) -> None:
        self._augment(old, ((_field_of(variable), WRITE),))

    def cell_augment(self, cell: CellType, name: str, old: object) -> None:
        self._augment(old, ((self.fields.cell(cell, name), WRITE),))

    # -- containers --------------------------------------------------------------------------------

    def item_read(self, container: object, key: object) -> None:
        content = self._content(container, "__getitem__")
        if content is None:
            return
        if type(container) is defaultdict and not dict.__contains__(container, key):
            self._write_key(content, container, key, How.ATOMIC)  # it is about to be made
        else:
            self._read_key(content, container, key)

    def member(self, container: object, key: object) -> None:
        """`key in container` makes nothing, not even in a defaultdict."""
        content = self._content(container, "__contains__")
        if content is not None:
            self._read_key(content, container, key)

    def item_write(self, container: object, key: object) -> None:
        content = self._content(container, "__setitem__", "__delitem__")
        if content is not None:
            self._write_key(content, container, key, How.WRITE)

    def item_augment(self, container: object, key: object) -> None:
        content = self._content(container, "__setitem__")
        if content is not None:
            old = _item_of(container, key)
            if container_type(type(old)) is not None:
                self.whole_write(old)
            how = How.ATOMIC if _in_place(old) else How.AUGMENT
            self._write_key(content, container, key, how)

    def whole_read(self, container: object) -> None:
        if type(container) in SCALARS:
            return
        content = self._content(container, "__len__", "__iter__", "__contains__")
        if content is not None:
            self.touch(How.READ, ((content.whole, LOOK),))

    def whole_write(self, container: object) -> None:
        content = self._content(container, "__iadd__", "__setitem__")
        if content is not None:
            self.touch(How.ATOMIC, ((content.whole, WRITE), (content.keys, WRITE)))

    def method(self, owner: object, attribute: Attribute, key: object) -> None:
        """A method whose name is one of a container's is about to be called on `owner`."""
        kind = container_type(type(owner))
        if kind is None:
            self.attribute_read(owner, attribute)
            return
        if attribute.name not in kind.__dict__:
            return
        name = attribute.name
        content = self._content(owner, name)
        if content is None:
            return
        if key is not NO_KEY and kind in _DICT_LIKE:
            if name in _KEYED_READS:
                self._read_key(content, owner, key)
                return
            if name in _KEYED_WRITES or name in _KEYED_BY_TYPE:
                self._write_key(content, owner, key, How.ATOMIC)
                return
        if attribute.changes:
            self.touch(How.ATOMIC, ((content.whole, WRITE), (content.keys, WRITE)))
        elif name not in ("keys", "values", "items"):
            self.touch(How.READ, ((content.whole, LOOK),))

    def steps(self, container: V) -> V:
        """Wrap what a loop is about to run over, so that each step is an access."""
        if type(container) in SCALARS:
            return container
        whole: object = container
        if type(container) in _VIEWS:
            whole = next(
                (each for each in gc.get_referents(container) if isinstance(each, dict)), 0
            )
        content = self._content(whole, "__iter__")
        if content is None:
            return container
        touched = ((content.whole, LOOK),)

        def announce() -> bool:
            self.touch(How.STEP, touched)
            return False

        wrapped: Any = _stepping(announce, container)  # stands in for the program's iterator
        found: V = wrapped
        return found

    def hides(self, kind: type, name: str) -> bool:
        """Does a container of the program's own kind answer this operation by code of its own?

        A watch may then leave the operation to what that code does.
        """
        return False

    def _content(self, container: object, *names: str) -> Content | None:
        """What stands for a container's content; None for anything else."""
        found = self.fields.contents.get(id(container)) or self.fields.content(container)
        kind = type(container)
        if found is None or kind in CONTAINERS:
            return found
        return None if any(self.hides(kind, name) for name in names) else found

    def _read_key(self, content: Content, container: object, key: object) -> None:
        field = content.field(_normal(container, key))
        if field is None:
            self.touch(How.READ, ((content.whole, LOOK),))
        else:
            self.touch(How.READ, ((field, LOOK), (content.keys, LOOK)))

    def _write_key(self, content: Content, container: object, key: object, how: How) -> None:
        field = content.field(_normal(container, key))
        if field is None:
            self.touch(how, ((content.whole, WRITE), (content.keys, WRITE)))
        else:
            self.touch(how, ((field, WRITE), (content.whole, COUNT)))


_EMPTY: Final[dict[bool, object]] = {}


def _stepping(announce: Callable[[], bool], container: Any) -> Iterator[Any]:  # any
    """Iterate over `container` with a call before each step and no Python frame in between.

    `{}.get(False, each)` is `each`: a C function that returns its second argument.
    """
    return map(_EMPTY.get, iter(announce, True), container)


def _normal(container: object, key: object) -> object:
    """A key in its normal form: an index from the end counts from the beginning."""
    if type(key) is int and key < 0 and type(container) is list:
        return key + len(container)
    return key


def _in_place(old: object) -> bool:
    """Does `x += …` change what x names, and leave x naming it?"""
    kind = type(old)
    return kind not in SCALARS and any("__iadd__" in base.__dict__ for base in kind.__mro__)


def _item_of(container: object, key: object) -> object:
    """The item, where looking it up runs no code of the program's; else None."""
    if type(key) in PLAIN_KEYS:
        if type(container) is dict:
            return container.get(key)
        if type(container) is list and type(key) is int and -len(container) <= key < len(container):
            return container[key]
    return None


def _own(owner: object) -> dict[str, object]:
    try:
        found: dict[str, object] = object.__getattribute__(owner, "__dict__")
    except AttributeError:
        return {}
    return found


def _field_of(variable: Variable) -> Field:
    field: Field | None = variable.field
    if field is None:
        module = variable.file.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
        name = f"{module}.{variable.name}"
        field = variable.enter(Field(name, f"global {name}"))
    return field
