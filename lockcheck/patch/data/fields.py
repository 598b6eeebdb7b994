"""Where data lives: fields of owners, keys of containers, whole containers.

A `Field` is what two accesses have in common when they touch the same thing.  A container has
three kinds of it, so that accesses of different keys do not conflict, and any of them conflicts
with what touches the whole:

    access of key k     reads (or writes) the key's field; a read looks at `keys`, a write counts
                        in `whole`, as writes of different keys may go in any order
    access of all       a read looks at `whole`; a write writes `whole` and `keys`

Owners are known by id while they live: a weak reference takes their fields away when they die.  Of
what cannot be referred to weakly (lists, dicts, slotted objects) a strong reference is kept; those
that nobody else refers to are let go in sweeps, so memory stays bounded and such a container may
die a little later than it would.
"""

from __future__ import annotations

import sys
import weakref
from array import array
from collections import deque
from collections.abc import Callable
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, Final

from lockcheck.patch.data.memory import Memory
from lockcheck.patch.data.places import ATTRIBUTES, PLAIN_KEYS, VARIABLES, Attribute
from lockcheck.seam import Op

if TYPE_CHECKING:
    from lockcheck.core.held import ThreadState

__all__ = ["CONTAINERS", "Content", "Field", "Fields", "container_type"]

CONTAINERS: Final = (list, dict, set, deque, bytearray, array)
SWEEP_EVERY: Final = 2_000
"""Strong references made between sweeps."""
KEYS_MAX: Final = 5_000
"""Keys kept apart in one container; more are looked at as one."""

_METHODS: Final = (
    FunctionType, BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType,
    MethodWrapperType, ClassMethodDescriptorType, GetSetDescriptorType, classmethod, staticmethod,
    property,
)  # fmt: skip


class Field:
    """One place in memory that a program reads and writes."""

    __slots__ = ("__weakref__", "beneath", "history", "kind", "memory", "name", "ops",
                 "plain_write_at", "plain_writer", "read_at", "reader", "write_at",
                 "writer")  # fmt: skip

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind
        """What all fields of its sort are called: the class and the attribute, the place where a
        container was stored."""
        self.beneath: Field | None = None
        """The class's attribute that is read while the instance has none of its own."""
        self.memory: Memory[Any] = Memory()  # of any reader's accesses
        self.history: Any = None  # a type of the floor above
        """What its writes have shown (`harm.History`), made with the first look at it."""
        self.reader: ThreadState | None = None
        self.read_at = 0
        self.writer: ThreadState | None = None
        self.write_at = 0
        """Who looked, or wrote, in which epoch, if doing so again is nothing new."""
        self.plain_write_at = 0
        self.plain_writer: ThreadState | None = None
        """The writer once more, if not every write was `x += …`: a plain one is nothing new."""
        self.ops: dict[object, Op] = {}
        """Operations on it, made once."""

    def ready(self, op: Op) -> bool:
        """May `op` go now?  (`lockcheck.seam.SyncObject`)"""
        return True

    def __repr__(self) -> str:
        return f"<field {self.name}>"


class Content:
    """What a container contains."""

    __slots__ = ("by_key", "keys", "kind", "name", "whole")

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind
        self.whole = Field(name, kind)
        self.keys = Field(f"{name}[…]", kind)
        self.by_key: dict[object, Field] = {}

    def field(self, key: object) -> Field | None:
        """Return the field of a key; None when it cannot be distinguished from others."""
        if type(key) not in PLAIN_KEYS:
            return None
        found = self.by_key.get(key)
        if found is None:
            if len(self.by_key) >= KEYS_MAX:
                return None
            found = self.by_key.setdefault(key, Field(f"{self.name}[{key!r}]", self.kind))
        return found


_container_types: dict[type, type | None] = {}


def container_type(kind: type) -> type | None:
    """Return the built-in container that `kind` is or extends, else None."""
    try:
        return _container_types[kind]
    except KeyError:
        found = next((base for base in CONTAINERS if issubclass(kind, base)), None)
        _container_types[kind] = found
        return found


class Fields:
    """All fields known; every look-up goes through the tables of `places`.

    Args:
        owner_name: names an object that has no name yet, by its type's name.
    """

    def __init__(self, owner_name: Callable[[str], str]) -> None:
        self._owner_name = owner_name
        self.contents: dict[int, Content] = {}
        self._weak: dict[int, weakref.ref[object]] = {}
        self._strong: dict[int, object] = {}
        self._names: dict[int, tuple[str, str]] = {}
        """Name and kind."""
        self._cells: dict[int, Field] = {}
        self._until_sweep = SWEEP_EVERY
        self._used: set[Attribute] = set()

    # -- attributes --------------------------------------------------------------------------------

    def attribute(self, owner: object, attribute: Attribute, *, write: bool) -> Field | None:
        """Find (or make) the field of an owner's attribute; None when it is no data."""
        kind = type(owner)
        # Not isinstance(): it would ask the owner for its __class__, which may be its own code.
        if issubclass(kind, type):
            return self._class_attribute(_as_class(owner), attribute, write=write)
        if issubclass(kind, ModuleType):
            return _module_variable(_as_module(owner), attribute.name)
        if kind in attribute.plain:
            return None
        default = _in_mro(kind, attribute.name)
        if default is not _ABSENT:
            if not isinstance(default, MemberDescriptorType) and _is_descriptor(default, write):
                attribute.plain.add(kind)
                return None
            if isinstance(default, _METHODS) and not write:
                return None
        if kind.__module__ in _NO_DATA:
            attribute.plain.add(kind)
            return None
        name = f"{self.name_of(owner)}.{attribute.name}"
        field = Field(name, f"{kind.__qualname__}.{attribute.name}")
        if default is not _ABSENT and not isinstance(default, MemberDescriptorType):
            field.beneath = self._class_attribute(kind, attribute, write=False)
        return self._enter(owner, attribute, field)

    def _class_attribute(self, cls: type, attribute: Attribute, *, write: bool) -> Field | None:
        owner = cls
        if not write:
            for base in cls.__mro__:
                if attribute.name in base.__dict__:
                    owner = base
                    break
            else:
                return None
            if _is_descriptor(owner.__dict__[attribute.name], write=False):
                return None
        field: Field | None = attribute.get(id(owner))
        if field is None and owner.__flags__ & _HEAP_TYPE:
            name = f"{owner.__qualname__}.{attribute.name}"
            field = Field(name, f"class {name}")
            field = self._enter(owner, attribute, field)
        return field

    def _enter(self, owner: object, attribute: Attribute, field: Field) -> Field:
        """Enter a field, unless another thread was faster: then that one's."""
        self._used.add(attribute)
        found: Field = attribute.setdefault(id(owner), field)
        self._keep(owner)
        return found

    # -- containers --------------------------------------------------------------------------------

    def content(self, container: object) -> Content | None:
        """Find (or make) what stands for a container's content; None for anything else."""
        found = self.contents.get(id(container))
        if found is not None:
            return found
        kind = container_type(type(container))
        if kind is None:
            return None
        known = self._names.get(id(container))
        if known is None:
            plain = type(container).__name__
            known = self._names[id(container)] = (self._owner_name(plain), plain)
        found = self.contents.setdefault(id(container), Content(*known))
        self._keep(container)
        return found

    # -- variables of functions --------------------------------------------------------------------

    def cell(self, cell: object, name: str) -> Field:
        """Find (or make) the field of a variable that an inner function uses."""
        found = self._cells.get(id(cell))
        if found is None:
            made = Field(self._owner_name(name), f"variable {name}")
            found = self._cells.setdefault(id(cell), made)
            self._keep(cell)
        return found

    # -- names and lives ---------------------------------------------------------------------------

    def name_of(self, owner: object) -> str:
        """Name an object: once, and the same in every run of the same schedule."""
        known = self._names.get(id(owner))
        if known is None:
            plain = type(owner).__name__
            known = self._names[id(owner)] = (self._owner_name(plain), plain)
            self._keep(owner)
        return known[0]

    def call(self, container: object, place: Field) -> None:
        """Give a container the name of the place it is stored at, unless it has one."""
        if id(container) not in self._names and id(container) not in self.contents:
            self._names[id(container)] = (place.name, f"content of {place.kind}")
            self._keep(container)

    @property
    def size(self) -> int:
        """Number of objects that are known."""
        return len(self._weak) + len(self._strong)

    def _keep(self, owner: object) -> None:
        at = id(owner)
        if at in self._weak or at in self._strong:
            return
        try:
            self._weak[at] = weakref.ref(owner, lambda _ref: self._forget(at))
        except TypeError:
            self._strong[at] = owner
            self._until_sweep -= 1
            if self._until_sweep <= 0:
                self.sweep()

    def _forget(self, at: int) -> None:
        self._weak.pop(at, None)
        self._names.pop(at, None)
        self.contents.pop(at, None)
        for attribute in list(self._used):
            attribute.pop(at, None)

    def sweep(self) -> None:
        """Let go of what nobody else refers to."""
        self._until_sweep = SWEEP_EVERY + len(self._strong)
        for at in list(self._strong):
            if sys.getrefcount(self._strong[at]) <= _OURS_ALONE:
                self._cells.pop(at, None)
                self._names.pop(at, None)
                self.contents.pop(at, None)
                for attribute in list(self._used):
                    attribute.pop(at, None)
                self._strong.pop(at, None)

    def clear(self) -> None:
        """Forget everything: another world is about to be made."""
        for attribute in ATTRIBUTES.values():
            attribute.clear()
            attribute.plain.clear()
        for variable in VARIABLES.values():
            variable.forget()
        self._weak.clear()
        self._strong.clear()
        self._names.clear()
        self._cells.clear()
        self.contents.clear()
        self._used.clear()


class _Absent:
    """No such attribute."""


_ABSENT: Final = _Absent()
_HEAP_TYPE: Final = 1 << 9
_NO_DATA: Final = frozenset({"_thread", "_threading_local", "weakref", "_weakref", "builtins"})
"""Modules whose types' attributes are no data of the program's."""
_OURS_ALONE: Final = 2


def _in_mro(kind: type, name: str) -> object:
    for base in kind.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return _ABSENT


def _is_descriptor(value: object, write: bool) -> bool:
    """Does access go through the value itself?"""
    kind = type(value)
    if hasattr(kind, "__set__") or hasattr(kind, "__delete__"):
        return True
    return not write and hasattr(kind, "__get__")


def _as_class(owner: object) -> type:
    assert isinstance(owner, type), "its type says so"
    return owner


def _as_module(owner: object) -> ModuleType:
    assert isinstance(owner, ModuleType), "its type says so"
    return owner


def _module_variable(module: ModuleType, name: str) -> Field | None:
    file = getattr(module, "__file__", None)  # builtins have none
    found = VARIABLES.get((str(file), name)) if file else None
    if found is None:
        return None
    field: Field | None = found.field
    if field is None:
        full = f"{module.__name__}.{name}"
        field = found.enter(Field(full, f"global {full}"))
    return field
