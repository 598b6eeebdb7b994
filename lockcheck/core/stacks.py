"""Call stacks as the engine keeps them: cheap to take, resolved only when somebody reads.

A stack is a tuple of `(code, lasti)` pairs, innermost first; file, line and function are looked up
when a report is printed.  `traceback` is never used: it reads source files.  Frames of lockcheck
itself are left out, so that the first frame is the user's.

Left out: local variables, and more than `DEPTH` frames.
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import NamedTuple

from lockcheck.core.document import Json

DEPTH = 20
"""Frames kept of a stack, lockcheck's own included (about five)."""

_PACKAGE = __file__.replace("\\", "/").rpartition("/core/")[0]
_OURS = tuple(
    f"{_PACKAGE}/{part}"
    for part in ("core/", "sync/", "conduct/", "checker.py", "patch/", "seam.py")
)

_known: dict[str, bool] = {}
"""File -> is it ours; a cache of a pure function."""


class Frame(NamedTuple):
    """One resolved frame."""

    file: str
    line: int
    function: str

    def to_dict(self) -> Json:
        return {"file": self.file, "line": self.line, "function": self.function}


class Stack:
    """A call stack, innermost frame first; lockcheck's own frames are left out when it is read."""

    __slots__ = ("_all", "_finaliser", "_raw", "_site")

    def __init__(self, raw: tuple[tuple[CodeType, int], ...] = ()) -> None:
        self._all = raw
        self._raw: tuple[tuple[CodeType, int], ...] | None = None
        self._finaliser: bool | None = None
        self._site: tuple[tuple[CodeType, int], ...] | None = None

    @property
    def raw(self) -> tuple[tuple[CodeType, int], ...]:
        """Code and instruction of every frame of the user's."""
        if self._raw is None:
            self._raw = tuple(row for row in self._all if not is_ours(row[0].co_filename))
        return self._raw

    @property
    def site(self) -> tuple[tuple[CodeType, int], ...]:
        """The user's innermost frame and the one that called it, whoever's that is."""
        if self._site is None:
            rows = enumerate(self._all)
            at = next((n for n, (code, _) in rows if not is_ours(code.co_filename)), 0)
            self._site = self._all[at : at + 2]
        return self._site

    def above(self, file: str) -> Stack:
        """The same without the innermost frames of `file`; itself where nothing else is left."""
        for at, (code, _) in enumerate(self.raw):
            if code.co_filename != file:
                return Stack(self.raw[at:])
        return self

    def same(self, raw: tuple[tuple[CodeType, int], ...]) -> bool:
        """Is it this one, as captured?"""
        return self._all == raw

    @property
    def finaliser(self) -> bool:
        """Does it lead through a `__del__`?"""
        if self._finaliser is None:
            self._finaliser = any(code.co_name == "__del__" for code, _ in self._all)
        return self._finaliser

    def frames(self) -> list[Frame]:
        """Resolve every frame."""
        return [Frame(c.co_filename, line_of(c, lasti), c.co_qualname) for c, lasti in self.raw]

    @property
    def function(self) -> str:
        """Name of the innermost function, '?' without a stack."""
        return self.raw[0][0].co_qualname if self.raw else "?"

    @property
    def where(self) -> str:
        """`file:line in function` of the innermost frame."""
        if not self.raw:
            return "?"
        code, lasti = self.raw[0]
        return f"{code.co_filename}:{line_of(code, lasti)} in {code.co_qualname}"

    def to_dict(self) -> list[Json]:
        return [frame.to_dict() for frame in self.frames()]

    def __bool__(self) -> bool:
        return bool(self._all)

    def __str__(self) -> str:
        return "\n".join(f"{f.function} ({f.file}:{f.line})" for f in self.frames())


EMPTY = Stack()


def line_of(code: CodeType, lasti: int) -> int:
    """Source line of an instruction; the function's first line where there is none."""
    for start, end, line in code.co_lines():
        if start <= lasti < end and line is not None:
            return line
    return code.co_firstlineno


def is_ours(filename: str) -> bool:
    """Does this file belong to the machinery below the user's call?"""
    known = _known.get(filename)
    if known is None:
        known = _known[filename] = filename.replace("\\", "/").startswith(_OURS)
    return known


class Stacks:
    """Takes stacks; those taken again and again at one place are one object.

    A lock first used in a loop over a thousand of its kind would otherwise cost a stack each.
    What is remembered is a cache: threads may overwrite each other's entries.
    """

    KEPT = 1024

    def __init__(self) -> None:
        self._recent: dict[int, Stack] = {}

    def capture(self, depth: int = DEPTH) -> Stack:
        """Take the caller's stack (of whoever calls the function that calls this)."""
        return self.of(sys._getframe(2), depth)

    def of(self, innermost: FrameType, depth: int = DEPTH) -> Stack:
        """Take the stack of a frame: of the calling thread, or of one that is blocked below it."""
        frame: FrameType | None = innermost
        raw: list[tuple[CodeType, int]] = []
        ident = 0  # hashing code objects is slow; equal stacks have equal sums, that is enough
        for _ in range(depth):
            if frame is None:
                break
            lasti = frame.f_lasti
            raw.append((frame.f_code, lasti))
            ident += lasti
            frame = frame.f_back
        found = tuple(raw)
        known = self._recent.get(ident)
        if known is not None and known.same(found):
            return known
        if len(self._recent) >= self.KEPT:
            self._recent = {}
        stack = self._recent[ident] = Stack(found)
        return stack
