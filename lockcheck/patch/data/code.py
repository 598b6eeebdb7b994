"""From source to code whose accesses are announced.

The marked constants of `rewrite` become the functions and tables themselves: nothing is looked up
when the code runs, and the module's namespace has no name that its author did not write.  Such code
cannot be written to a `.pyc`; it is made at every start.

A module that cannot be rewritten (too deeply nested) is compiled as it stands and listed in
`unseen`: what it does to data is not looked at, and whoever says "exhausted" says that too.
"""

from __future__ import annotations

import ast
from types import CodeType
from typing import Final

from lockcheck.patch.data.announcements import ATTRIBUTE, CALL, VARIABLE
from lockcheck.patch.data.calls import CALLS
from lockcheck.patch.data.places import attribute, variable
from lockcheck.patch.data.rewrite import rewrite

__all__ = ["compile_seen", "compile_tree", "seen", "unseen"]

seen: Final[set[str]] = set()
"""Files whose code was rewritten."""
unseen: Final[set[str]] = set()
"""Files that should have been and were not."""

_made: Final[dict[str, tuple[bytes | str, CodeType, bool]]] = {}
"""File -> source, code, was it given up: a module is loaded again for every schedule."""


def compile_seen(source: bytes | str, file: str) -> CodeType:
    """Compile a module so that its accesses are announced.  Raises: SyntaxError, ValueError."""
    known = _made.get(file)
    if known is not None and known[0] == source:
        (unseen if known[2] else seen).add(file)
        return known[1]
    code = compile_tree(ast.parse(source, file), file)
    failed = code is None
    if code is None:
        code = compile(source, file, "exec", dont_inherit=True)
    _made[file] = (source, code, failed)
    return code


def compile_tree(tree: ast.Module, file: str) -> CodeType | None:
    """Rewrite and compile a tree; None when that cannot be done.  The tree is spent either way."""
    try:
        code: CodeType = compile(rewrite(tree), file, "exec", dont_inherit=True)
        found = _filled(code, file)
    except RecursionError:
        unseen.add(file)
        return None
    seen.add(file)
    return found


def _filled(code: CodeType, file: str) -> CodeType:
    """Put the real things in the place of the marked constants."""
    constants = tuple(_constant(each, file) for each in code.co_consts)
    return code.replace(co_consts=constants)


def _constant(value: object, file: str) -> object:
    if isinstance(value, CodeType):
        return _filled(value, file)
    if isinstance(value, str) and value.startswith("\0lockcheck."):
        if value.startswith(CALL):
            return CALLS[value[len(CALL) :]]
        if value.startswith(ATTRIBUTE):
            return attribute(value[len(ATTRIBUTE) :])
        if value.startswith(VARIABLE):
            return variable(file, value[len(VARIABLE) :])
    return value
