"""Runs every snippet of `snippets.txt` and prints, as JSON, what each wrote and raised.

python -m tests.lockcheck.data.run_snippets plain|rewritten|points|races
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
from types import CodeType

from lockcheck.patch.data.calls import watch_with
from lockcheck.patch.data.code import compile_seen
from tests.lockcheck.data.listener import Listener

SNIPPETS = Path(__file__).with_name("snippets.txt")
OURS = str(Path(__file__).parent)


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


def _compiled(text: str, file: str, mode: str) -> CodeType:
    if mode == "plain":
        plain: CodeType = compile(text, file, "exec", dont_inherit=True)
        return plain
    return compile_seen(text, file)


def main(mode: str) -> None:
    import types

    sys.modules["snippet"] = types.ModuleType("snippet")
    if mode == "watched":
        watch_with(Listener())
    print(json.dumps({name: outcome(name, text, mode) for name, text in snippets().items()}))


if __name__ == "__main__":
    main(sys.argv[1])
