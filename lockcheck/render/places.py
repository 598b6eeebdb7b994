"""How places are written: short paths, `function (file:line)`, one way for every format.

A path below the working directory is shown relative to it, one of Python's own library as
`<python>/threading.py`, an installed package as `<site>/pkg/mod.py`; anything else keeps its last
three parts.  Nothing is looked up on disk, so a recording from another machine renders too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from lockcheck.core.document import Document

Frame = Document

_SITE = re.compile(r"^.*/(?:site|dist)-packages/")
_LIBRARY = re.compile(r"^.*/lib(?:64)?/python3\.\d+t?/")
_PLUMBING = re.compile(
    r"(?:^|/)(?:lockcheck/(?:patch/|cli/|sync/|conduct/|pytest_plugin|__main__)|_pytest/|pluggy/|runpy\.py)"
    r"|^<frozen runpy>"
)
_FUNCTIONS = frozenset({
    "Thread._bootstrap", "Thread._bootstrap_inner", "Thread.run",
    "_GeneratorContextManager.__enter__", "_GeneratorContextManager.__exit__",
    "ExitStack.enter_context", "_BaseExitStack.enter_context",
})  # fmt: skip


def is_plumbing(frame: Frame) -> bool:
    """A frame of the machinery around the user's program: threads' own, runners', ours."""
    return frame["function"] in _FUNCTIONS or bool(_PLUMBING.search(str(frame["file"])))


def short_path(path: str) -> str:
    """Return `path` as a person wants to read it."""
    here = os.getcwd() + os.sep
    if path.startswith(here):
        return path[len(here) :]
    for pattern, name in ((_SITE, "<site>/"), (_LIBRARY, "<python>/")):
        short, found = pattern.subn(name, path)
        if found:
            return short
    parts = path.split("/")
    return path if len(parts) <= 4 else "/".join(["..", *parts[-3:]])


def place(frame: Frame) -> str:
    """`function (file:line)` of one frame."""
    return f"{frame['function']} ({short_path(str(frame['file']))}:{frame['line']})"


def where(frames: Iterable[Frame]) -> str:
    """The innermost place of a stack, '?' without one."""
    own = users_own(frames)
    return place(own[0]) if own else "?"


def users_own(frames: Iterable[Frame]) -> list[Frame]:
    """The frames without plumbing; all of them where there is nothing else."""
    every = list(frames)
    return [frame for frame in every if not is_plumbing(frame)] or every


def stack_lines(frames: Iterable[Frame], indent: str = "       ", limit: int = 12) -> list[str]:
    """A stack as lines, innermost first, without the frames of the machinery around the user."""
    shown = users_own(frames)
    lines = [indent + place(frame) for frame in shown[:limit]]
    if len(shown) > limit:
        lines.append(f"{indent}… {len(shown) - limit} more")
    return lines or [indent + "(no stack)"]
