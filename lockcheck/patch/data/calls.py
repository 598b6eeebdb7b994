"""What rewritten code calls before each access; it returns its first argument and does no more.

Each of these functions has three bodies.  While nobody watches, it is `return` of its argument
(`FIRST` and its like).  `watch_with` gives it the body that is written here, in which the watch
hears of the access; where races are looked for, some have a quicker one, which lets pass what is
nothing new.  Only the code object is exchanged, for compiled modules hold the function itself: that
is the cheapest switch that there is.

One file: a code object uses the globals of the function it is put into, so all bodies stand here.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Final, TypeVar

from lockcheck.patch.data.again import look_again, write_again
from lockcheck.patch.data.pending import keep, take
from lockcheck.patch.data.places import NO_KEY, PLAIN_KEYS, SCALARS, UNTOUCHED

if TYPE_CHECKING:
    from lockcheck.patch.data.fields import Content
    from lockcheck.patch.data.listener import Listener, Near
    from lockcheck.patch.data.places import Attribute, Variable

__all__ = ["CALLS", "watch_with"]

V = TypeVar("V")
D = TypeVar("D")
K = TypeVar("K")
F = TypeVar("F", bound=Callable[..., object])

_watch: Listener
_near: Near
"""`.t` is the calling thread's state."""
_contents: dict[int, Content]
_getframe = sys._getframe

Bodies = Sequence[Callable[..., object]]
FIRST: Final[Bodies] = (
    lambda one: one, lambda one, _2: one, lambda one, _2, _3: one, lambda one, _2, _3, _4: one,
)  # fmt: skip
"""What is returned while nobody watches: the first of 1, 2, 3, 4 arguments."""
NOTHING: Final[Bodies] = (lambda _1: None, lambda _1, _2: None)
PAIR: Final[Bodies] = (lambda one: (one,), lambda one, two: (one, two))
TRIPLE: Final[Bodies] = (*PAIR, lambda value, one, two: (one, two, value))

_announcing: list[FunctionType] = []
_IDLE: Final[dict[str, CodeType]] = {}
_WATCHED: Final[dict[str, CodeType]] = {}


def announced(idle: Bodies) -> Callable[[F], F]:
    """Make the function one that rewritten code calls: with an idle body until somebody watches."""

    def make(function: F) -> F:
        assert isinstance(function, FunctionType), "all of them are Python's own"
        body = idle[function.__code__.co_argcount - 1]
        assert isinstance(body, FunctionType)
        _announcing.append(function)
        _WATCHED[function.__name__] = function.__code__
        _IDLE[function.__name__] = function.__code__ = body.__code__
        return function

    return make


# -- attributes ------------------------------------------------------------------------------------


@announced(FIRST)
def read(owner: V, attribute: Attribute) -> V:
    _watch.attribute_read(owner, attribute)
    return owner


@announced(FIRST)
def augment_read(owner: V, attribute: Attribute) -> V:
    _watch.attribute_read(owner, attribute)
    return owner


@announced(FIRST)
def write(owner: V, attribute: Attribute) -> V:
    _watch.attribute_write(owner, attribute, _watch)
    return owner


@announced(FIRST)
def value_write(value: V, owner: object, attribute: Attribute) -> V:
    _watch.attribute_write(owner, attribute, value)
    return value


@announced(FIRST)
def value_augment(value: V, owner: object, attribute: Attribute) -> V:
    _watch.attribute_augment(owner, attribute)
    return value


@announced(FIRST)
def read_hold(owner: V, attribute: Attribute, site: int) -> V:
    _watch.attribute_read(owner, attribute)
    keep(site, owner, attribute)
    return owner


@announced(FIRST)
def augment_release(value: V, site: int) -> V:
    entry = take(site)
    if entry is not None:
        _watch.attribute_augment(entry[1], entry[2])
    return value


@announced(FIRST)
def named_read(last: V, owner: object, name: object) -> V:
    _watch.named(owner, name, write=False)
    return last


@announced(FIRST)
def named_write(last: V, owner: object, name: object) -> V:
    _watch.named(owner, name, write=True)
    return last


# -- items -----------------------------------------------------------------------------------------


@announced(FIRST)
def item_read(container: V, key: object) -> V:
    _watch.item_read(container, key)
    return container


@announced(FIRST)
def item_augment_read(container: V, key: object) -> V:
    _watch.item_read(container, key)
    return container


@announced(FIRST)
def item_write(container: V, key: object) -> V:
    _watch.item_write(container, key)
    return container


@announced(FIRST)
def item_augment(value: V, container: object, key: object) -> V:
    _watch.item_augment(container, key)
    return value


@announced(PAIR)
def item_pair(container: D, key: K) -> tuple[D, K]:
    _watch.item_read(container, key)
    return container, key


@announced(PAIR)
def item_pair_write(container: D, key: K) -> tuple[D, K]:
    _watch.item_write(container, key)
    return container, key


@announced(TRIPLE)
def item_triple(value: V, container: D, key: K) -> tuple[D, K, V]:
    _watch.item_write(container, key)
    return container, key, value


@announced(FIRST)
def item_hold(container: V, site: int) -> V:
    keep(site, container, NO_KEY)
    return container


@announced(FIRST)
def item_release(key: K, site: int) -> K:
    entry = take(site)
    if entry is not None:
        _watch.item_write(entry[1], key)
    return key


@announced(FIRST)
def item_keep(key: K, site: int) -> K:
    entry = take(site)
    if entry is not None:
        _watch.item_read(entry[1], key)
        keep(site, entry[1], key)
    return key


@announced(FIRST)
def item_augment_release(value: V, site: int) -> V:
    entry = take(site)
    if entry is not None:
        _watch.item_augment(entry[1], entry[2])
    return value


@announced(FIRST)
def member(container: V, key: object) -> V:
    _watch.member(container, key)
    return container


# -- containers as a whole -------------------------------------------------------------------------


@announced(FIRST)
def whole_read(container: V) -> V:
    _watch.whole_read(container)
    return container


@announced(FIRST)
def whole_write(container: V) -> V:
    _watch.whole_write(container)
    return container


@announced(FIRST)
def grown(value: V, container: object) -> V:
    _watch.whole_write(container)
    return value


@announced(FIRST)
def steps(container: V) -> V:
    return _watch.steps(container)


@announced(FIRST)
def method(owner: V, attribute: Attribute) -> V:
    _watch.method(owner, attribute, NO_KEY)
    return owner


@announced(FIRST)
def method_key(owner: V, attribute: Attribute, key: object) -> V:
    _watch.method(owner, attribute, key)
    return owner


@announced(FIRST)
def method_hold(owner: V, attribute: Attribute, site: int) -> V:
    keep(site, owner, attribute)
    return owner


@announced(FIRST)
def method_release(last: V, site: int) -> V:
    entry = take(site)
    if entry is not None:
        _watch.method(entry[1], entry[2], NO_KEY)
    return last


@announced(FIRST)
def method_release_key(key: K, site: int) -> K:
    entry = take(site)
    if entry is not None:
        _watch.method(entry[1], entry[2], key)
    return key


# -- names -----------------------------------------------------------------------------------------


@announced(NOTHING)
def variable_read(variable: Variable) -> None:
    _watch.variable_read(variable)


@announced(FIRST)
def variable_write(value: V, variable: Variable) -> V:
    _watch.variable_write(variable, value)
    return value


@announced(FIRST)
def variable_augment(value: V, variable: Variable, old: object) -> V:
    _watch.variable_augment(variable, old)
    return value


@announced(NOTHING)
def cell_read(holder: FunctionType, name: str) -> None:
    if holder.__closure__:
        _watch.cell_read(holder.__closure__[0], name)


@announced(FIRST)
def cell_write(value: V, holder: FunctionType, name: str) -> V:
    if holder.__closure__:
        _watch.cell_write(holder.__closure__[0], name)
    return value


@announced(FIRST)
def cell_augment(value: V, holder: FunctionType, name: str, old: object) -> V:
    if holder.__closure__:
        _watch.cell_augment(holder.__closure__[0], name, old)
    return value


# -- the warm path of `races`: this thread has just done the same ----------------------------------
#
# `ts.now` is an object of its own (`vector.FIRST`): that it is the one a field keeps says that both
# the thread and its epoch are the same.


def _quick_read(owner: V, attribute: Attribute) -> V:
    try:
        field = attribute.get(id(owner), UNTOUCHED)
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
        field = attribute.get(id(owner), UNTOUCHED)
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
        field = attribute.get(id(owner), UNTOUCHED)
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

CALLS: Final[dict[str, Callable[..., object]]] = {
    **{function.__name__: function for function in _announcing},
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "slice": slice,
}
"""By the name that `rewrite` uses."""

_QUICK: Final = {
    "read": _quick_read.__code__,
    "augment_read": _IDLE["augment_read"],  # the write that follows stands for both
    "item_augment_read": _IDLE["item_augment_read"],
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
    watch: Listener | None,
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
    for function in _announcing:
        function.__code__ = bodies[function.__name__]
