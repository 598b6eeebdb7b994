# ruff: noqa: ARG001  (while nobody watches, all arguments but the first go unused)
"""What rewritten code calls before each access; it returns its first argument and does no more.

While nobody watches, each of these functions is `return` of its argument.  `watch_with` gives them
the other body (of the function of the same name with an underscore), in which the watch hears of
the access.  Only the code object is exchanged, for compiled modules hold the function itself: that
is the cheapest switch that there is.

The `hold` functions keep an object on a stack of the thread's until the last operand of its
operation has been evaluated.  An exception in between leaves an entry behind, which the next
release that comes by throws away.
"""

from __future__ import annotations

import operator
import sys
import threading
from collections.abc import Callable
from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from lockcheck.patch.data.again import look_again, write_again
from lockcheck.patch.data.places import NO_KEY, PLAIN_KEYS, SCALARS

if TYPE_CHECKING:
    from lockcheck.core.held import ThreadState
    from lockcheck.patch.data.fields import Content
    from lockcheck.patch.data.places import Attribute, Variable

__all__ = ["CALLS", "Watch", "watch_with"]

V = TypeVar("V")
D = TypeVar("D")
K = TypeVar("K")


class Near(Protocol):
    """Where the calling thread's state is; none in a thread that is not known yet."""

    t: ThreadState


class Watch(Protocol):
    """Who hears of accesses; called right before each."""

    def attribute_read(self, owner: object, attribute: Attribute) -> None: ...
    def attribute_write(self, owner: object, attribute: Attribute, value: object) -> None: ...
    def attribute_augment(self, owner: object, attribute: Attribute) -> None: ...
    def item_read(self, container: object, key: object) -> None: ...
    def member(self, container: object, key: object) -> None: ...
    def item_write(self, container: object, key: object) -> None: ...
    def item_augment(self, container: object, key: object) -> None: ...
    def whole_read(self, container: object) -> None: ...
    def whole_write(self, container: object) -> None: ...
    def method(self, owner: object, attribute: Attribute, key: object) -> None: ...
    def steps(self, container: V) -> V: ...
    def variable_read(self, variable: Variable) -> None: ...
    def variable_write(self, variable: Variable, value: object) -> None: ...
    def cell_read(self, cell: CellType, name: str) -> None: ...
    def variable_augment(self, variable: Variable, old: object) -> None: ...
    def cell_write(self, cell: CellType, name: str) -> None: ...
    def cell_augment(self, cell: CellType, name: str, old: object) -> None: ...
    def named(self, owner: object, name: object, *, write: bool) -> None: ...


_watch: Watch
_near: Near
"""`.t` is the calling thread's state."""
_contents: dict[int, Content]


class _Kept(threading.local):
    """The calling thread's operations that wait for their last operand."""

    def __init__(self) -> None:
        self.stack: list[tuple[int, object, object]] = []


_kept = _Kept()
_getframe = sys._getframe
_KEPT_MAX: Final = 64
"""Entries left behind by exceptions, at most."""


def _keep(site: int, owner: object, what: object) -> None:
    stack = _kept.stack
    if len(stack) >= _KEPT_MAX:
        del stack[: _KEPT_MAX // 2]
    stack.append((site, owner, what))


def _release(site: int) -> tuple[int, Any, Any] | None:  # a callable and its arguments
    stack = _kept.stack
    while stack:
        entry = stack.pop()
        if entry[0] == site:
            return entry
    return None


# -- attributes ------------------------------------------------------------------------------------


def read(owner: V, attribute: Attribute) -> V:
    return owner


def _read(owner: V, attribute: Attribute) -> V:
    _watch.attribute_read(owner, attribute)
    return owner


def augment_read(owner: V, attribute: Attribute) -> V:
    return owner


def _augment_read(owner: V, attribute: Attribute) -> V:
    _watch.attribute_read(owner, attribute)
    return owner


def write(owner: V, attribute: Attribute) -> V:
    return owner


def _write(owner: V, attribute: Attribute) -> V:
    _watch.attribute_write(owner, attribute, _watch)
    return owner


def value_write(value: V, owner: object, attribute: Attribute) -> V:
    return value


def _value_write(value: V, owner: object, attribute: Attribute) -> V:
    _watch.attribute_write(owner, attribute, value)
    return value


def value_augment(value: V, owner: object, attribute: Attribute) -> V:
    return value


def _value_augment(value: V, owner: object, attribute: Attribute) -> V:
    _watch.attribute_augment(owner, attribute)
    return value


def read_hold(owner: V, attribute: Attribute, site: int) -> V:
    return owner


def _read_hold(owner: V, attribute: Attribute, site: int) -> V:
    _watch.attribute_read(owner, attribute)
    _keep(site, owner, attribute)
    return owner


def augment_release(value: V, site: int) -> V:
    return value


def _augment_release(value: V, site: int) -> V:
    entry = _release(site)
    if entry is not None:
        _watch.attribute_augment(entry[1], entry[2])
    return value


def named_read(last: V, owner: object, name: object) -> V:
    return last


def _named_read(last: V, owner: object, name: object) -> V:
    _watch.named(owner, name, write=False)
    return last


def named_write(last: V, owner: object, name: object) -> V:
    return last


def _named_write(last: V, owner: object, name: object) -> V:
    _watch.named(owner, name, write=True)
    return last


# -- items -----------------------------------------------------------------------------------------


def item_read(container: V, key: object) -> V:
    return container


def _item_read(container: V, key: object) -> V:
    _watch.item_read(container, key)
    return container


def item_augment_read(container: V, key: object) -> V:
    return container


def _item_augment_read(container: V, key: object) -> V:
    _watch.item_read(container, key)
    return container


def item_write(container: V, key: object) -> V:
    return container


def _item_write(container: V, key: object) -> V:
    _watch.item_write(container, key)
    return container


def item_augment(value: V, container: object, key: object) -> V:
    return value


def _item_augment(value: V, container: object, key: object) -> V:
    _watch.item_augment(container, key)
    return value


def item_pair(container: D, key: K) -> tuple[D, K]:
    return container, key


def _item_pair(container: D, key: K) -> tuple[D, K]:
    _watch.item_read(container, key)
    return container, key


def item_pair_write(container: D, key: K) -> tuple[D, K]:
    return container, key


def _item_pair_write(container: D, key: K) -> tuple[D, K]:
    _watch.item_write(container, key)
    return container, key


def item_triple(value: V, container: D, key: K) -> tuple[D, K, V]:
    return container, key, value


def _item_triple(value: V, container: D, key: K) -> tuple[D, K, V]:
    _watch.item_write(container, key)
    return container, key, value


def item_hold(container: V, site: int) -> V:
    return container


def _item_hold(container: V, site: int) -> V:
    _keep(site, container, NO_KEY)
    return container


def item_release(key: K, site: int) -> K:
    return key


def _item_release(key: K, site: int) -> K:
    entry = _release(site)
    if entry is not None:
        _watch.item_write(entry[1], key)
    return key


def item_keep(key: K, site: int) -> K:
    return key


def _item_keep(key: K, site: int) -> K:
    entry = _release(site)
    if entry is not None:
        _watch.item_read(entry[1], key)
        _keep(site, entry[1], key)
    return key


def item_augment_release(value: V, site: int) -> V:
    return value


def _item_augment_release(value: V, site: int) -> V:
    entry = _release(site)
    if entry is not None:
        _watch.item_augment(entry[1], entry[2])
    return value


def member(container: V, key: object) -> V:
    return container


def _member(container: V, key: object) -> V:
    _watch.member(container, key)
    return container


# -- containers as a whole -------------------------------------------------------------------------


def whole_read(container: V) -> V:
    return container


def _whole_read(container: V) -> V:
    _watch.whole_read(container)
    return container


def whole_write(container: V) -> V:
    return container


def _whole_write(container: V) -> V:
    _watch.whole_write(container)
    return container


def grown(value: V, container: object) -> V:
    return value


def _grown(value: V, container: object) -> V:
    _watch.whole_write(container)
    return value


def steps(container: V) -> V:
    return container


def _steps(container: V) -> V:
    return _watch.steps(container)


def method(owner: V, attribute: Attribute) -> V:
    return owner


def _method(owner: V, attribute: Attribute) -> V:
    _watch.method(owner, attribute, NO_KEY)
    return owner


def method_key(owner: V, attribute: Attribute, key: object) -> V:
    return owner


def _method_key(owner: V, attribute: Attribute, key: object) -> V:
    _watch.method(owner, attribute, key)
    return owner


def method_hold(owner: V, attribute: Attribute, site: int) -> V:
    return owner


def _method_hold(owner: V, attribute: Attribute, site: int) -> V:
    _keep(site, owner, attribute)
    return owner


def method_release(last: V, site: int) -> V:
    return last


def _method_release(last: V, site: int) -> V:
    entry = _release(site)
    if entry is not None:
        _watch.method(entry[1], entry[2], NO_KEY)
    return last


def method_release_key(key: K, site: int) -> K:
    return key


def _method_release_key(key: K, site: int) -> K:
    entry = _release(site)
    if entry is not None:
        _watch.method(entry[1], entry[2], key)
    return key


# -- names -----------------------------------------------------------------------------------------


def variable_read(variable: Variable) -> None:
    return None


def _variable_read(variable: Variable) -> None:
    _watch.variable_read(variable)


def variable_write(value: V, variable: Variable) -> V:
    return value


def _variable_write(value: V, variable: Variable) -> V:
    _watch.variable_write(variable, value)
    return value


def variable_augment(value: V, variable: Variable, old: object) -> V:
    return value


def _variable_augment(value: V, variable: Variable, old: object) -> V:
    _watch.variable_augment(variable, old)
    return value


def cell_read(holder: FunctionType, name: str) -> None:
    return None


def _cell_read(holder: FunctionType, name: str) -> None:
    if holder.__closure__:
        _watch.cell_read(holder.__closure__[0], name)


def cell_write(value: V, holder: FunctionType, name: str) -> V:
    return value


def _cell_write(value: V, holder: FunctionType, name: str) -> V:
    if holder.__closure__:
        _watch.cell_write(holder.__closure__[0], name)
    return value


def cell_augment(value: V, holder: FunctionType, name: str, old: object) -> V:
    return value


def _cell_augment(value: V, holder: FunctionType, name: str, old: object) -> V:
    if holder.__closure__:
        _watch.cell_augment(holder.__closure__[0], name, old)
    return value


# -- the warm path of `races`: this thread has just done the same ----------------------------------
#
# `ts.now` is an object of its own (`vector.FIRST`): that it is the one a field keeps says that both
# the thread and its epoch are the same.


def _quick_read(owner: V, attribute: Attribute) -> V:
    try:
        field = attribute[id(owner)]
        ts = _near.t
        if field.read_at is ts.now or (field.reader is ts and look_again(field, ts, _getframe(1))):
            return owner
    except AttributeError:
        pass  # a thread that is not known yet
    if type(owner) not in attribute.plain:
        _watch.attribute_read(owner, attribute)
    return owner


def _quick_value_augment(value: V, owner: object, attribute: Attribute) -> V:
    try:
        field = attribute[id(owner)]
        ts = _near.t
        if field.write_at is ts.now or (
            field.writer is ts
            and type(value) in SCALARS
            and write_again(field, ts, _getframe(1), plain=False)
        ):
            return value
    except AttributeError:
        pass
    _watch.attribute_augment(owner, attribute)
    return value


def _quick_value_write(value: V, owner: object, attribute: Attribute) -> V:
    try:
        field = attribute[id(owner)]
        ts = _near.t
        if field.plain_write_at is ts.now or (
            field.plain_writer is ts
            and type(value) in SCALARS
            and write_again(field, ts, _getframe(1), plain=True)
        ):
            return value
    except AttributeError:
        pass
    _watch.attribute_write(owner, attribute, value)
    return value


def _quick_item_read(container: V, key: object) -> V:
    content = _contents.get(id(container))
    if content is not None and type(key) in PLAIN_KEYS:
        field = content.by_key.get(key)
        try:
            if field is not None and field.read_at is _near.t.now:
                return container
        except AttributeError:
            pass
    _watch.item_read(container, key)
    return container


def _quick_member(container: V, key: object) -> V:
    content = _contents.get(id(container))
    if content is not None and type(key) in PLAIN_KEYS:
        field = content.by_key.get(key)
        try:
            if field is not None and field.read_at is _near.t.now:
                return container
        except AttributeError:
            pass
    _watch.member(container, key)
    return container


def _quick_item_augment(value: V, container: object, key: object) -> V:
    content = _contents.get(id(container))
    if content is not None and type(key) in PLAIN_KEYS:
        field = content.by_key.get(key)
        try:
            if field is not None and field.write_at is _near.t.now:
                return value
        except AttributeError:
            pass
    _watch.item_augment(container, key)
    return value


def _quick_item_write(container: V, key: object) -> V:
    content = _contents.get(id(container))
    if content is not None and type(key) in PLAIN_KEYS:
        field = content.by_key.get(key)
        try:
            if field is not None and field.plain_write_at is _near.t.now:
                return container
        except AttributeError:
            pass
    _watch.item_write(container, key)
    return container


def _quick_whole_read(container: V) -> V:
    if type(container) in SCALARS:
        return container
    content = _contents.get(id(container))
    if content is not None:
        try:
            if content.whole.read_at is _near.t.now:
                return container
        except AttributeError:
            pass
    _watch.whole_read(container)
    return container


def _quick_method(owner: V, attribute: Attribute) -> V:
    content = _contents.get(id(owner))
    if content is not None and attribute.changes:
        try:
            if content.whole.write_at is _near.t.now:
                return owner
        except AttributeError:
            pass
    _watch.method(owner, attribute, NO_KEY)
    return owner


def _quick_variable_read(variable: Variable) -> None:
    field = variable.field
    if field is not None:
        try:
            ts = _near.t
            if field.read_at is ts.now or (
                field.reader is ts and look_again(field, ts, _getframe(1))
            ):
                return
        except AttributeError:
            pass
    _watch.variable_read(variable)


def _quick_variable_augment(value: V, variable: Variable, old: object) -> V:
    field = variable.field
    if field is not None:
        try:
            ts = _near.t
            if field.write_at is ts.now or (
                field.writer is ts
                and type(old) in SCALARS
                and write_again(field, ts, _getframe(1), plain=False)
            ):
                return value
        except AttributeError:
            pass
    _watch.variable_augment(variable, old)
    return value


# -- the switch ------------------------------------------------------------------------------------

_ANNOUNCING: Final = (
    read, augment_read, item_augment_read, write, value_write, value_augment, read_hold,
    augment_release, named_read, named_write, item_read, item_write, item_augment, item_pair,
    item_pair_write, item_triple, item_hold, item_release, item_keep, item_augment_release,
    member, whole_read, whole_write, grown, steps, method, method_key, method_hold,
    method_release, method_release_key, variable_read, variable_write, variable_augment,
    cell_augment, cell_read, cell_write,
)  # fmt: skip

CALLS: Final[dict[str, Callable[..., object]]] = {
    **{function.__name__: function for function in _ANNOUNCING},
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "slice": slice,
}
"""By the name that `rewrite` uses."""

_IDLE: Final = {function.__name__: function.__code__ for function in _ANNOUNCING}
_WATCHED: Final = {
    name: function.__code__
    for name in _IDLE
    if isinstance(function := globals()[f"_{name}"], FunctionType)
}
assert _IDLE.keys() == _WATCHED.keys(), "every announcement has both bodies"


_QUICK: Final = {
    "read": _quick_read.__code__,
    "augment_read": augment_read.__code__,  # the write that follows stands for both
    "item_augment_read": item_augment_read.__code__,
    "value_augment": _quick_value_augment.__code__,
    "value_write": _quick_value_write.__code__,
    "item_read": _quick_item_read.__code__,
    "item_write": _quick_item_write.__code__,
    "member": _quick_member.__code__,
    "item_augment": _quick_item_augment.__code__,
    "whole_read": _quick_whole_read.__code__,
    "method": _quick_method.__code__,
    "variable_read": _quick_variable_read.__code__,
    "variable_augment": _quick_variable_augment.__code__,
}


def watch_with(
    watch: Watch | None,
    near: Near | None = None,
    contents: dict[int, Content] | None = None,
) -> None:
    """Let `watch` hear of every access from now on; None: nobody.

    `near`: where the calling thread's state is, and `contents`: what is known of containers;
    accesses that a field's `reader` and `writer` say are nothing new are then not passed on.
    """
    global _watch, _near, _contents
    if watch is not None:
        _watch = watch
    bodies = _IDLE if watch is None else _WATCHED
    if watch is not None and near is not None and contents is not None:
        _near, _contents = near, contents
        bodies = {**_WATCHED, **_QUICK}
    for function in _ANNOUNCING:
        assert isinstance(function, FunctionType), "all of them are Python's own"
        function.__code__ = bodies[function.__name__]
