"""Runs every snippet of `snippets.txt` and prints, as JSON, what each wrote and raised.

python -m tests.lockcheck.data.run_snippets plain|rewritten|watched [--lines]

With `--lines` it prints the lines that ran instead, as a coverage tool sees them.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import linecache
import sys
import traceback
from pathlib import Path
from types import CodeType, FrameType
from typing import Protocol

from lockcheck.patch.data.calls import watch_with
from lockcheck.patch.data.code import compile_seen
from tests.lockcheck.data.listener import Listener

SNIPPETS = Path(__file__).with_name("snippets.txt")
OURS = str(Path(__file__).parent)


class Trace(Protocol):
    """What `sys.settrace` wants."""

    def __call__(self, frame: FrameType, event: str, arg: object, /) -> Trace | None: ...


def snippets() -> dict[str, str]:
    """Return the snippets by name."""
    found = {}
    for part in SNIPPETS.read_text(encoding="utf-8").split("### ")[1:]:
        name, _, text = part.partition("\n")
        found[name] = text
    return found


def outcome(name: str, text: str, mode: str) -> str:
    """Run one; return its output and the traceback of what it raised."""
    file = f"<snippet {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    out = io.StringIO()
    module: dict[str, object] = {"__name__": "snippet", "__file__": file}
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            exec(_compiled(text, file, mode), module)
        except BaseException as error:
            trace = error.__traceback__
            assert trace is not None
            rest = traceback.format_exception(type(error), error, trace.tb_next)
            print("".join(rest))
    module.clear()
    gc.collect()
    return out.getvalue()


def lines(name: str, text: str, mode: str) -> str:
    """Run one; return the lines of it that a tracer hears of, and those that its code claims."""
    file = f"<snippet {name}>"
    ran: set[int] = set()

    def trace(frame: FrameType, event: str, _arg: object) -> Trace | None:
        if frame.f_code.co_filename != file:
            return None
        if event == "line":
            ran.add(frame.f_lineno)
        return trace

    code = _compiled(text, file, mode)
    module: dict[str, object] = {"__name__": "snippet", "__file__": file}
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            with contextlib.suppress(BaseException):
                exec(code, module)
    finally:
        sys.settrace(before)
    module.clear()
    gc.collect()
    return f"ran {sorted(ran)}, claimed {sorted(_claimed(code))}"


def _claimed(code: CodeType) -> set[int]:
    found = {line for _start, _end, line in code.co_lines() if line}
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found |= _claimed(each)
    return found


def _compiled(text: str, file: str, mode: str) -> CodeType:
    if mode == "plain":
        plain: CodeType = compile(text, file, "exec", dont_inherit=True)
        return plain
    return compile_seen(text, file)


def main(mode: str, *words: str) -> None:
    import types

    sys.modules["snippet"] = types.ModuleType("snippet")
    if mode == "watched":
        watch_with(Listener())
    shown = lines if "--lines" in words else outcome
    print(json.dumps({name: shown(name, text, mode) for name, text in snippets().items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
