"""Names for locks that were given none: where they are made and what they are assigned to.

A class by creation line alone merges everything that one factory function makes; so the assigned
attribute or variable is found by following the value through the instructions after the call
(`a, b = Lock(), Lock()` gives two names, `self.c = Condition(Lock())` the condition's), and a frame
whose result is only returned is passed by (up to three).  The name has no line number, so that a
line shift changes no fingerprint; the line is kept beside it as the site.  In code made from a
string, as a dataclass's `__init__`, the class of `self` says whose field it is.

What one frame says is cached by its code (code objects are compared by what is in them, so two
dataclasses may share one): the name is put together for each lock.

Left out: locks made in comprehensions and containers get the line, and their number among the
calls on it.
"""

from __future__ import annotations

import bisect
import dis
import sys
from functools import lru_cache
from types import CodeType, FrameType

_STORES = {"STORE_NAME", "STORE_GLOBAL", "STORE_FAST", "STORE_DEREF"}
_NOTHING = {"PRECALL", "CACHE", "NOP", "RESUME", "EXTENDED_ARG", "KW_NAMES", "NOT_TAKEN"}
_PUSH = {
    "LOAD_FAST", "LOAD_NAME", "LOAD_DEREF", "LOAD_CONST", "LOAD_FAST_BORROW", "PUSH_NULL",
    "LOAD_METHOD", "LOAD_FAST_CHECK", "LOAD_SMALL_INT", "LOAD_CLOSURE",
}  # fmt: skip
_METHOD_ATTR = sys.version_info >= (3, 12)
"""LOAD_ATTR loads methods too."""


def allocation(frame: FrameType) -> tuple[str, str]:
    """Return (class name, site) for a lock made by the call that `frame` is in."""
    here: FrameType | None = frame
    for _ in range(3):
        if here is None:
            break
        name, site = _told(here.f_code, here.f_lasti)
        if name:
            if site.startswith("<") and "self" in here.f_locals:
                cls = type(here.f_locals["self"])
                field = name.rpartition(".")[2]
                name = f"{cls.__module__.rpartition('.')[2]}:{cls.__qualname__}.{field}"
            return name, site
        if not site:
            break
        here = here.f_back
    return _by_line(frame.f_code, frame.f_lasti, frame.f_lineno)


@lru_cache(maxsize=4096)
def _told(code: CodeType, lasti: int) -> tuple[str, str]:
    """(name, site) as this frame alone shows it; no name: look at its caller; no site: give up."""
    target = _assigned(code, lasti)
    if target is None:
        return "", ""
    line = _line(code, lasti)
    owner = "" if code.co_qualname == "<module>" else f"{code.co_qualname}."
    return target and f"{_stem(code)}:{owner}{target}", f"{code.co_filename}:{line}"


@lru_cache(maxsize=4096)
def _by_line(code: CodeType, lasti: int, line: int) -> tuple[str, str]:
    where = f"{_split(code.co_filename)[1]}:{line}({code.co_qualname})"
    number = _number_on_line(code, lasti)
    return f"{where}~{number}" if number > 1 else where, f"{code.co_filename}:{line}"


def _line(code: CodeType, lasti: int) -> int:
    return _positions(code)[lasti // 2][0] or code.co_firstlineno


@lru_cache(maxsize=16)
def _positions(code: CodeType) -> list[tuple[int | None, int | None, int | None, int | None]]:
    return list(code.co_positions())


def _stem(code: CodeType) -> str:
    """The module's name as its file has it; a package's for its `__init__`."""
    folder, name = _split(code.co_filename)
    stem = name.removesuffix(".py")
    return _split(folder)[1] if stem == "__init__" and folder else stem


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.replace("\\", "/").rpartition("/")
    return folder, name


def _assigned(code: CodeType, lasti: int) -> str | None:
    """What the result of the call at `lasti` is stored in; '' returned; None something else."""
    every = _instructions(code)
    first = bisect.bisect_right(every, lasti, key=lambda each: each.offset)
    return _Follow(every[first:]).run()


@lru_cache(maxsize=16)
def _instructions(code: CodeType) -> list[dis.Instruction]:
    """Decoded once: a module may make thousands of locks on as many lines."""
    return list(dis.get_instructions(code))


class _Follow:
    """Follows one value on the evaluation stack; `depth` 0 is the top."""

    def __init__(self, rest: list[dis.Instruction]) -> None:
        self.rest = rest
        self.depth = 0
        self.suffix = ""
        self.tuple = 0

    def run(self) -> str | None:
        number = 0
        while number < len(self.rest):
            each = self.rest[number]
            number += 1
            name, arg = each.opname, each.arg or 0
            if name in _NOTHING:
                continue
            if name == "JUMP_FORWARD":
                number = bisect.bisect_left(self.rest, each.argval, key=lambda one: one.offset)
                continue
            if self.tuple and name != "UNPACK_SEQUENCE":
                return None
            if name.startswith("RETURN"):
                return "" if not self.depth else None
            if "STORE" in name:
                stored = self._store(each)
                if stored is not None:
                    return stored + self.suffix
            elif not self._step(name, arg):
                return None
        return None

    def _store(self, each: dis.Instruction) -> str | None:
        """A store: the name, when it is our value that it takes."""
        name = each.opname
        if name in ("STORE_ATTR", "STORE_SUBSCR"):
            above = 1 if name == "STORE_ATTR" else 2
            if self.depth == above:
                return str(each.argval) if name == "STORE_ATTR" else "[]"
            self.depth -= above + 1
        elif name == "STORE_FAST_LOAD_FAST":
            if not self.depth:
                return str(each.argval[0])
        elif name == "STORE_FAST_STORE_FAST":
            if self.depth < 2:
                return str(each.argval[self.depth])
            self.depth -= 2
        elif name in _STORES:
            if not self.depth:
                return str(each.argval)
            self.depth -= 1
        return None

    def _step(self, name: str, arg: int) -> bool:
        """Any other instruction; False: the value is lost."""
        if name in _PUSH:
            self.depth += 1
        elif name == "LOAD_GLOBAL":
            self.depth += 1 + (arg & 1)
        elif name == "LOAD_ATTR":
            self.depth += arg & 1 if _METHOD_ATTR else 0
        elif name.startswith("LOAD_FAST_") and name.count("LOAD_FAST") == 2:
            self.depth += 2
        elif name == "CALL":
            return self._call(arg)
        elif name == "SWAP":
            self.depth = {0: arg - 1, arg - 1: 0}.get(self.depth, self.depth)
        elif name == "BUILD_TUPLE" and self.depth < arg:
            self.tuple = arg
        elif name == "UNPACK_SEQUENCE" and self.tuple == arg:
            self.depth = arg - 1 - self.depth
            self.tuple = 0
        else:
            return name == "COPY"
        return self.depth >= 0

    def _call(self, arg: int) -> bool:
        """A call: of something above, or one that our value is an argument of."""
        if self.depth >= arg + 2:
            self.depth -= arg + 1
            return True
        if self.depth >= arg:
            return False  # called itself
        place = arg - self.depth
        self.suffix = f"~{place}" if place > 1 else ""
        self.depth = 0
        return True


def _number_on_line(code: CodeType, lasti: int) -> int:
    """1 for the first call on its line, 2 for the second …"""
    lines = [place[0] for place in code.co_positions()]
    here = lines[lasti // 2]
    return sum(
        each.opname == "CALL" and each.offset <= lasti and lines[each.offset // 2] == here
        for each in dis.get_instructions(code)
    )
