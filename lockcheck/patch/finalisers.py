"""Finalisers that a plain reference count runs, as contexts.

The commonest: a class with a `__del__` that takes a lock, whose objects go wherever their last
reference does.  Not being run by the collector, such a call looks like any other; so each `__del__`
written in a class statement after `install()` is wrapped (`functools.wraps`; `uninstall()` takes it
off again), and so is what `weakref.finalize` calls when its object dies.  Inside, the thread takes
its transitions again (`core.chains.counted`): what was held is still held, and what is
taken is marked as taken in a finaliser.

`builtins.__build_class__` is replaced by an object whose `__call__` is looked up, not called: for a
class statement beside which no class has a `__del__` the lookup gives the interpreter's own
function, so that no frame of ours stands between a metaclass and the code it looks at.

Not seen: a `__del__` put into a class later or made by `type()`, classes made before `install()`,
callbacks of a plain `weakref.ref` (a type that C code makes and programs subclass).
"""

from __future__ import annotations

import builtins
import functools
import sys
import weakref
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from lockcheck.patch.state import binding

__all__ = ["hook_finalisers", "unhook_finalisers"]

_build_class: Callable[..., object] = builtins.__build_class__
_finalize: Any = weakref.finalize.__call__  # called unbound


class _Hooked:
    """What was wrapped, to be taken back."""

    def __init__(self) -> None:
        self.active = False
        self.marked: dict[int, tuple[weakref.ref[type], object, FunctionType]] = {}
        """Address of the class -> (class, wrapper, its own `__del__`); gone with the class."""


_hooked = _Hooked()


def _enter() -> object:
    """Begin a finaliser in a thread that the checker knows; what `_leave` needs, or None."""
    chk = binding.checker
    if chk is None or not _hooked.active:
        return None
    ts = getattr(chk.near, "t", None)  # a thread that never took a lock has nothing known
    floor = None if ts is None else chk.engine.interruptions.finaliser_enter(ts)
    return None if floor is None else (chk.engine, ts, floor)


def _leave(entered: Any) -> None:  # what the enter hook returned
    engine, ts, floor = entered
    engine.interruptions.finaliser_leave(ts, floor)


def _inside(
    own: Callable[..., object],
    enter: Callable[[], object] = _enter,
    leave: Callable[[Any], None] = _leave,  # as above
) -> Callable[..., object]:
    """`own`, run as a finaliser."""

    @functools.wraps(own)
    def __del__(*args: object, **kwargs: object) -> object:  # noqa: N807  (stacks are read by this name)
        try:
            entered = enter()
        except Exception:  # the interpreter is going down, and takes our names away
            entered = None
        if entered is None:
            return own(*args, **kwargs)
        try:
            return own(*args, **kwargs)
        finally:
            leave(entered)

    return __del__


# -- __del__ ---------------------------------------------------------------------------------------


class _Lookup:
    """`__call__` of the stand-in for `__build_class__`: which function it is, place by place."""

    def __get__(self, instance: object, owner: type) -> object:
        if instance is None:
            return self
        for constant in sys._getframe(1).f_code.co_consts:
            if type(constant) is CodeType and "__del__" in constant.co_names:
                return _build
        return _build_class


class _BuildClass:
    """Stands for `builtins.__build_class__`."""

    __name__ = "__build_class__"
    __call__ = _Lookup()


_standin: Any = _BuildClass()  # in the place of a builtin


def _build(func: object, name: str, /, *bases: object, **keywords: object) -> object:
    made = _build_class(func, name, *bases, **keywords)
    if isinstance(made, type):
        own = made.__dict__.get("__del__")
        if isinstance(own, FunctionType):
            _mark(made, own)
    return made


def _mark(cls: type, own: FunctionType) -> None:
    wrapper = _inside(own)
    try:
        type.__setattr__(cls, "__del__", wrapper)
        ident = id(cls)
        gone = functools.partial(_forget, ident)
        _hooked.marked[ident] = (weakref.ref(cls, gone), wrapper, own)
    except TypeError:
        pass  # a class that cannot be changed


def _forget(ident: int, _ref: object) -> None:
    _hooked.marked.pop(ident, None)


# -- weakref.finalize ------------------------------------------------------------------------------


@functools.wraps(_finalize)
def _checked_finalize(self: object, _: object = None) -> object:
    if _ is None:
        return _finalize(self)  # called by the program
    return _died(self, _)


_died = _inside(_finalize)


def hook_finalisers() -> None:
    """Wrap what is made from now on."""
    _hooked.active = True
    if builtins.__build_class__ is _build_class:
        builtins.__build_class__ = _standin
    weakref.finalize.__call__ = _checked_finalize  # type: ignore[method-assign]  # install() does that


def unhook_finalisers() -> None:
    """Put everything back; wrappers that were copied elsewhere do nothing any more."""
    _hooked.active = False
    if builtins.__build_class__ is _standin:
        builtins.__build_class__ = _build_class
    weakref.finalize.__call__ = _finalize  # type: ignore[method-assign]  # install() does that
    for ref, wrapper, own in list(_hooked.marked.values()):
        cls = ref()
        if cls is not None and cls.__dict__.get("__del__") is wrapper:
            type.__setattr__(cls, "__del__", own)
    _hooked.marked.clear()
