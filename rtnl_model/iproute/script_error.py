"""ScriptError: a script or scenario that cannot be understood, with where and what was expected.

One error for lexer, parser and scenario reader.  It becomes one line and exit status 2; `ip_stderr`
and `ip_status` are what iproute2 itself would have said, because in a recorded scenario a wrong
command is a command that fails and not a wrong file.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["ScriptError", "nearest"]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean X?)` for the closest known word, or an empty string."""
    words = sorted(set(known))
    found = [k for k in words if sorted(k) == sorted(word)]
    found = found or difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""


class ScriptError(Exception):
    """The script is wrong at `line`:`column`; `expected` says what would have been right there."""

    def __init__(
        self,
        what: str,
        *,
        line: int = 0,
        column: int = 0,
        expected: str = "",
        hint: str = "",
        source: str = "",
        ip_stderr: str = "",
        ip_status: int = 255,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.line = line
        self.column = column
        self.expected = expected
        self.hint = hint
        self.source = source
        self.ip_stderr = ip_stderr or what
        self.ip_status = ip_status

    def at(self, source: str) -> ScriptError:
        """Name the file (or `-`, `@T1`) this came from."""
        self.source = source
        return self

    def __str__(self) -> str:
        where = self.source or "script"
        if self.line:
            where += f":{self.line}:{self.column}"
        text = f"{where}: {self.what}"
        if self.expected:
            text += f"; expected {self.expected}"
        return text + self.hint
