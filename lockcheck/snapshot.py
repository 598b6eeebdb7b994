"""The state of a world at one moment, to be put back in place: objects keep their identity.

Booting a world for each schedule may cost more than the schedule.  So everything that can be
reached from a few roots is looked at once, and whatever can change is written down: attributes,
slots, containers, the cells of closures.  `restore` puts it back, and gives back plain locks that
were left taken.

Nothing is guessed: an object of a type that keeps state where Python cannot see it (an iterator, a
generator, a file) makes the world one that cannot be kept (`UnkeepableError`), and it is made again
for each schedule.  Findings are confirmed in a fresh world in any case.

Left out: modules, classes and functions' globals; whatever is opaque to the caller.
"""

from __future__ import annotations

import _thread
import enum
import functools
import gc
import re
import sys
import threading
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import compress, repeat
from typing import Any, Final

from lockcheck.sync.plain import PlainThread

__all__ = ["Snapshot", "UnkeepableError"]

Values = dict[Any, Any]  # of a dictionary of the program's
Member = types.MemberDescriptorType

_PLAIN: Final = (
    str, bytes, int, float, complex, type(None), type(...), type(NotImplemented), range,
    type, types.ModuleType, types.CodeType, types.BuiltinFunctionType, types.MethodWrapperType,
    types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType,
    types.GetSetDescriptorType, types.MemberDescriptorType, types.MappingProxyType,
    types.GenericAlias, weakref.ReferenceType, enum.Enum, re.Pattern, threading.local,
    property, classmethod, staticmethod, PlainThread,
)  # fmt: skip
"""Nothing of these changes, or nothing that belongs to a world."""
_WALKED: Final = (tuple, frozenset, types.MethodType, functools.partial)
"""These do not change themselves; what they refer to may."""
_NOTHING: Final = object()
"""What is in a slot that has no value."""
_HEAP: Final = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: a class made by Python code, among others."""


def _each(do: Callable[..., object], *arguments: Iterable[object]) -> None:
    """Call `do` with the first of each, the second of each…: a loop without bytecode."""
    deque(map(do, *arguments), maxlen=0)


def _changed(
    member: Member, objs: Iterable[object], contents: Iterable[object]
) -> tuple[list[object], list[object]]:
    """Objects whose slot has something else than it had, and what it had."""
    pairs = [
        (obj, value)
        for obj, value in zip(objs, contents, strict=True)
        if _content(member, obj) is not value
    ]
    return [obj for obj, _value in pairs], [value for _obj, value in pairs]


def _content(member: Member, obj: object) -> object:
    try:
        return member.__get__(obj, type(obj))
    except AttributeError:
        return _NOTHING


class UnkeepableError(Exception):
    """Something in this world keeps state that cannot be put back."""


class Snapshot:
    """Everything that can change below `roots`, as it is now.

    Args:
        opaque: what belongs to the machinery: neither looked at nor restored.
    """

    def __init__(self, roots: Iterable[object], opaque: Iterable[object] = ()) -> None:
        streams = (sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__)
        self._opaque = {id(each) for each in (*opaque, *streams, threading.main_thread())}
        self._kept: list[object] = []  # alive, so that no id is used twice
        self._lists: list[list[object]] = []
        self._items: list[list[object]] = []
        self._dicts: list[Values] = []
        self._pairs: list[Values] = []
        self._bags: list[tuple[Any, list[Any]]] = []  # sets and deques
        self._attributes: list[dict[str, object]] = []
        self._values: list[dict[str, object]] = []
        self._slots: dict[Member, tuple[list[object], list[object]]] = {}
        """By the slot: objects, and what each has there."""
        self._changing: dict[Member, tuple[list[object], list[object]]] | None = None
        """Those of them that `restore_again` has to put back."""
        self._empty: dict[Member, list[object]] = {}
        self._cells: list[tuple[types.CellType, object]] = []
        self._locks: list[_thread.LockType] = []
        self._members: dict[type, list[types.MemberDescriptorType]] = {}
        self._walk(list(roots))
        self._counts = list(map(len, self._values))

    def restore(self) -> None:
        """Put everything back.

        Context: no thread of the world runs, but the caller's.
        """
        self._restore(self._slots)

    def restore_again(self) -> None:
        """Put back what was changed since `restore`, by the same steps in every schedule.

        Most slots never change; the first call finds out which do, and the others rely on it.
        """
        if self._changing is None:
            self._changing = {
                member: changed
                for member, (objs, contents) in self._slots.items()
                if (changed := _changed(member, objs, contents))[0]
            }
        self._restore(self._changing)

    def _restore(self, slots: Mapping[Member, tuple[list[object], list[object]]]) -> None:
        # As plain lists, dicts and sets: those of guarded fields check changes.
        _each(list.__setitem__, self._lists, repeat(slice(None)), self._items)
        _each(dict.clear, self._dicts)
        _each(dict.update, self._dicts, self._pairs)
        for bag, members in self._bags:
            if isinstance(bag, set):
                set.clear(bag)
                set.update(bag, members)
            else:
                bag.clear()
                bag.extend(members)
        _each(dict.update, self._attributes, self._values)
        if list(map(len, self._attributes)) != self._counts:
            for attributes, values in zip(self._attributes, self._values, strict=True):
                if len(attributes) != len(values):
                    attributes.clear()
                    attributes.update(values)
        for member, (objs, contents) in slots.items():
            _each(member.__set__, objs, contents)
        for member, objs in self._empty.items():
            _each(member.__set__, objs, repeat(None))  # to remove nothing would be an error
            _each(member.__delete__, objs)
        for cell, value in self._cells:
            cell.cell_contents = value
        for lock in compress(self._locks, map(_thread.LockType.locked, self._locks)):
            lock.release()

    def _walk(self, todo: list[object]) -> None:
        seen = set(self._opaque)
        while todo:
            obj = todo.pop()
            if id(obj) in seen or isinstance(obj, _PLAIN):
                continue
            seen.add(id(obj))
            self._kept.append(obj)
            todo += self._look(obj)

    def _look(self, obj: object) -> Iterable[object]:
        """Write down one object; what it refers to."""
        if isinstance(obj, _WALKED) and type(obj) in _WALKED:
            return gc.get_referents(obj)
        if isinstance(obj, types.FunctionType):
            return [*(obj.__closure__ or ()), *(obj.__defaults__ or ()),
                    *(obj.__kwdefaults__ or {}).values()]  # fmt: skip
        if isinstance(obj, types.CellType):
            try:
                content = obj.cell_contents
            except ValueError:
                raise UnkeepableError("a variable of a closure that has no value yet") from None
            self._cells.append((obj, content))
            return [content]
        if isinstance(obj, _thread.LockType):
            if obj.locked():
                raise UnkeepableError("a plain lock that is taken")
            self._locks.append(obj)
            return []
        return self._look_inside(obj)

    def _look_inside(self, obj: object) -> list[object]:
        """Write down a container, or an instance of a class of Python code, or both."""
        cls = type(obj)
        found: list[object] = []
        known = True
        if isinstance(obj, list):
            items = list(list.__iter__(obj))
            self._lists.append(obj)
            self._items.append(items)
            found += items
        elif isinstance(obj, dict):
            pairs = dict(dict.items(obj))
            self._dicts.append(obj)
            self._pairs.append(pairs)
            found += [*pairs.keys(), *pairs.values()]
        elif isinstance(obj, (set, deque)):
            members = list(set.__iter__(obj) if isinstance(obj, set) else obj)
            self._bags.append((obj, members))
            found += members
        else:
            known = isinstance(obj, (tuple, frozenset)) or bool(cls.__flags__ & _HEAP)
            found += obj if isinstance(obj, (tuple, frozenset)) else ()
        if not known or isinstance(obj, types.GeneratorType):
            raise UnkeepableError(f"an object of {cls.__module__}.{cls.__qualname__}")
        if not cls.__flags__ & _HEAP:
            return found
        frozen = getattr(
            getattr(cls, "__dataclass_params__", None), "frozen", False
        )  # a dataclass has it
        attributes = getattr(obj, "__dict__", None)  # where the class has one
        if isinstance(attributes, dict):
            if not frozen:
                self._attributes.append(attributes)
                self._values.append(dict(attributes))
            found += attributes.values()
        for member in self._members_of(cls):
            try:
                value = member.__get__(obj, cls)
            except AttributeError:
                if not frozen:
                    self._empty.setdefault(member, []).append(obj)
                continue
            if not frozen:
                objs, contents = self._slots.setdefault(member, ([], []))
                objs.append(obj)
                contents.append(value)
            found.append(value)
        return found

    def _members_of(self, cls: type) -> list[types.MemberDescriptorType]:
        """The slots of a class and its bases."""
        known = self._members.get(cls)
        if known is None:
            known = self._members[cls] = [
                value
                for base in cls.__mro__
                if base.__flags__ & _HEAP
                for value in vars(base).values()
                if isinstance(value, types.MemberDescriptorType)
            ]
        return known
