"""Names for locks that were given none: where they are made and what they are assigned to.

A class by creation line alone merges everything that one factory function makes; so the assigned
attribute or variable is read from the instruction after the call, and a frame whose result is only
returned is passed by (up to three).  The name has no line number, so that a line shift changes no
fingerprint; the line is kept beside it as the site.

Left out: locks made in comprehensions and passed straight on as arguments get the line.
"""

from __future__ import annotations

import dis
from types import CodeType, FrameType

_STORES = {
    "STORE_NAME", "STORE_GLOBAL", "STORE_FAST", "STORE_ATTR", "STORE_DEREF", "STORE_SUBSCR",
}  # fmt: skip
_DOUBLE = {"STORE_FAST_STORE_FAST", "STORE_FAST_LOAD_FAST"}
"""From 3.13: two instructions in one, the store first."""
_SKIP = {
    "PRECALL", "CALL", "CACHE", "NOP", "LOAD_FAST", "LOAD_NAME", "LOAD_GLOBAL", "LOAD_DEREF",
    "COPY", "RESUME", "EXTENDED_ARG", "LOAD_FAST_BORROW", "LOAD_ATTR",
}  # fmt: skip


def allocation(frame: FrameType) -> tuple[str, str]:
    """Return (class name, site) for a lock made by the call that `frame` is in."""
    here: FrameType | None = frame
    for _ in range(3):
        if here is None:
            break
        code = here.f_code
        target = _assigned(code, here.f_lasti)
        if target:
            owner = "" if code.co_qualname == "<module>" else f"{code.co_qualname}."
            return f"{_stem(code)}:{owner}{target}", f"{code.co_filename}:{here.f_lineno}"
        if target is None:
            break
        here = here.f_back
    code = frame.f_code
    where = f"{_split(code.co_filename)[1]}:{frame.f_lineno}"
    return f"{where}({code.co_qualname})", f"{code.co_filename}:{frame.f_lineno}"


def _stem(code: CodeType) -> str:
    """The module's name as its file tells it; a package's for its `__init__`."""
    folder, name = _split(code.co_filename)
    stem = name.removesuffix(".py")
    return _split(folder)[1] if stem == "__init__" and folder else stem


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.replace("\\", "/").rpartition("/")
    return folder, name


def _assigned(code: CodeType, lasti: int) -> str | None:
    """What the result of the call at `lasti` is stored in; '' returned; None something else."""
    for instruction in dis.get_instructions(code):
        if instruction.offset <= lasti:
            continue
        name = instruction.opname
        if name in _STORES:
            return "[]" if name == "STORE_SUBSCR" else str(instruction.argval)
        if name in _DOUBLE:
            return str(instruction.argval[0])
        if name.startswith("RETURN"):
            return ""
        if name not in _SKIP:
            return None
    return None
