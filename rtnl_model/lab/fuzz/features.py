"""What a script reached: features, small stable numbers that a corpus collects.

Four kinds, each named by words without the script's own names, so that two scripts that do the same
thing in the kernel have the same features:

* `chain`: a sequence of lock classes held, with modes (the checker's chains);
* `wait`: a wait/event dependency between kinds of things;
* `answer`: what a command was answered (kind of command, errno, extack);
* `branch`: a line of the kernel that followed another one (one schedule of a script, traced).

How many orders a script has is no feature: it would reward scripts for being large.
"""

from __future__ import annotations

import sys
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Final

from ... import kernel
from .cause import without_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from lockcheck import Checker

    Tracer = Callable[[FrameType, str, object], "Tracer | None"]

__all__ = ["Branches", "answers_of", "chains_of", "feature"]

_ROOM: Final = str(Path(kernel.__file__).parent)


def feature(kind: str, *words: str) -> int:
    """The number of a feature, the same in every run on every machine."""
    return zlib.crc32("\x1f".join((kind, *words)).encode("utf-8", "surrogatepass"))


def chains_of(chk: Checker, names: Iterable[str]) -> set[int]:
    """Features of what a schedule's checker saw: lock chains and waits."""
    plain = list(names)
    graph = chk.graph.to_dict()
    found: set[int] = set()
    for chain in graph["chains"]:
        row = [f"{lock['name']}/{lock['mode']}" for lock in chain["classes"]]
        found.add(feature("chain", *row))
    for wait in graph["waits"]:
        source = without_names(str(wait["from"]), plain)
        target = without_names(str(wait["to"]), plain)
        found.add(feature("wait", source, target, str(wait["kind"])))
    return found


def answers_of(answers: Iterable[tuple[str, int, str]], names: Iterable[str]) -> set[int]:
    """Features of (kind of command, status, message) as commands were answered."""
    plain = list(names)
    return {
        feature("answer", command, str(status), without_names(message, plain))
        for command, status, message in answers
    }


class Branches:
    """Which line of the kernel followed which, in threads started while it watches.

    `sys.settrace` by thread: slow, and the same on every Python, so it watches one schedule of a
    script.  Invariant: `found` only grows, by one thread at a time (the schedule is controlled).
    """

    def __init__(self) -> None:
        self.found: set[int] = set()
        self._files: dict[CodeType, str] = {}

    @contextmanager
    def watching(self) -> Iterator[Branches]:
        """Watch threads that start in the body."""
        before = threading.gettrace()
        threading.settrace(self._call)
        try:
            yield self
        finally:
            threading.settrace(before)

    def _call(self, frame: FrameType, event: str, arg: object) -> Tracer | None:
        code = frame.f_code
        name = self._files.get(code)
        if name is None:
            path = code.co_filename
            name = path[len(_ROOM) :] if path.startswith(_ROOM) else ""
            self._files[code] = name
        if not name:
            return None
        last = frame.f_lineno

        def line(inner: FrameType, what: str, _value: object) -> Tracer:
            nonlocal last
            if what == "line":
                now = inner.f_lineno
                self.found.add(hash_of_branch(name, last, now))
                last = now
            return line

        return line


def hash_of_branch(name: str, last: int, now: int) -> int:
    """As `feature`, for the many of them."""
    return zlib.crc32(f"branch\x1f{name}\x1f{last}\x1f{now}".encode("utf-8", "surrogatepass"))


def untraced() -> bool:
    """Does nobody else trace this process (a debugger, coverage)?"""
    return sys.gettrace() is None and threading.gettrace() is None
