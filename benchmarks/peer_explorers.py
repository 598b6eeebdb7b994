"""Runs one program under one tool, in that tool's own environment; prints one line of JSON.

    python peer_explorers.py TOOL PROGRAMS.py NAME SCHEDULES

It imports nothing but the standard library and the tool.  The file of programs is executed afresh.
`{"found": bool, "said": str, "schedules": int, "seconds": float}`; a tool that gives up, or that
cannot take the program, says so in `said` and has found nothing.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Outcome = tuple[bool, str, int]


def load(path: str, tree: ast.Module | None = None) -> dict[str, Any]:
    """Execute the programs in a fresh namespace."""
    text = Path(path).read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "programs", "__file__": path}
    code = compile(text if tree is None else tree, path, "exec", dont_inherit=True)
    exec(code, namespace)
    return namespace


def interleave(path: str, name: str, schedules: int) -> Outcome:
    """interleave-test: any bytecode is a point; random walk."""
    tool = importlib.import_module("interleave_test")
    result = tool.explore(
        lambda: load(path)[name](), iterations=schedules, seed=1, raise_on_failure=False
    )
    said = "" if result.ok else str(result.failure)
    ran = getattr(result, "schedules_run", None) or getattr(result, "iterations", schedules)
    return not result.ok, said, int(ran)


class _Halves(ast.NodeTransformer):
    """`together(a, b)` becomes `yield (a, b)`: what is before is set-up, what is after checks."""

    def __init__(self) -> None:
        self.halved: set[str] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        for number, statement in enumerate(node.body):
            call = statement.value if isinstance(statement, ast.Expr) else None
            named = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
            if named and call.func.id == "together":
                bodies = ast.Tuple(call.args, ast.Load())
                node.body[number] = ast.Expr(ast.Yield(bodies))
                self.halved.add(node.name)
        return node


def frontrun(path: str, name: str, schedules: int) -> Outcome:
    """frontrun: DPOR with its virtual clock over the same threads."""
    tool = importlib.import_module("frontrun")
    halves = _Halves()
    tree = halves.visit(ast.parse(Path(path).read_text(encoding="utf-8")))
    ast.fix_missing_locations(tree)
    if name in halves.halved:
        count = len(next(load(path, tree)[name]()))

        def setup() -> list[Any]:
            program = load(path, tree)[name]()
            return [program, next(program), []]

        def worker(state: list[Any], n: int) -> None:
            try:
                state[1][n]()
            except Exception as error:  # the program's own failure: a finding, not the tool's
                state[2].append(error)

        workers = [lambda state, n=n: worker(state, n) for n in range(count)]

        def invariant(state: list[Any]) -> bool:
            if state[2]:
                return False
            try:
                next(state[0])
            except StopIteration:
                return True
            except AssertionError:
                return False
            return True
    else:

        def setup() -> list[Any]:
            return [load(path)[name]]

        workers = [lambda state: state[0]()]

        def invariant(state: list[Any]) -> bool:
            return True

    result = tool.explore(
        setup=setup, workers=workers, invariant=invariant, clock="virtual",
        max_executions=schedules, total_timeout=25.0, reproduce_on_failure=0,
    )  # fmt: skip
    said = str(result.explanation or result.inconclusive_reason or "")
    return result.property_holds is False, said, int(result.num_explored)


def ploom(path: str, name: str, schedules: int) -> Outcome:
    """ploom: its own primitives only, so plain threads are one schedule to it."""
    tool = importlib.import_module("ploom")
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "subject.py"
        module.write_text(Path(path).read_text(encoding="utf-8"), encoding="utf-8")
        sys.path.insert(0, folder)
        scenario = getattr(importlib.import_module("subject"), name)
        try:
            done = tool.check(scenario, trace_dir=Path(folder))
        except Exception as error:
            kind = type(error).__name__
            return kind in ("ModelCheckError", "DeadlockError"), f"{kind}: {error}", 1
    return False, "", int(getattr(done, "executions", 1))


def _without_annotations(tree: ast.Module) -> str:
    """The program's text without what threadcheck cannot read: a `__future__` import."""
    tree.body = [
        each
        for each in tree.body
        if not (isinstance(each, ast.ImportFrom) and each.module == "__future__")
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(tree)


def threadcheck(path: str, name: str, schedules: int) -> Outcome:
    """threadcheck: one dynamic run that looks for races of global and nonlocal names."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "subject.py"
        tree = ast.parse(Path(path).read_text(encoding="utf-8"))
        script.write_text(f"{_without_annotations(tree)}\n\n{name}()\n", encoding="utf-8")
        command = [sys.executable, "-m", "threadcheck", "run", "--json", str(script)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=15, check=False, cwd=folder
            )
        except subprocess.TimeoutExpired:
            return False, "it hung", 1
    starts = [place for place in map(done.stdout.find, "[{") if place >= 0]
    try:
        races = json.loads(done.stdout[min(starts) :]) if starts else []
    except ValueError:
        races = []
    return bool(races), str(races or done.stderr[-200:]), 1


TOOLS: dict[str, Callable[[str, str, int], Outcome]] = {
    "interleave-test": interleave,
    "frontrun": frontrun,
    "ploom": ploom,
    "threadcheck": threadcheck,
}


def main(tool: str, path: str, name: str, schedules: str) -> None:
    """Print what came of it."""
    began = time.perf_counter()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            found, said, ran = TOOLS[tool](path, name, int(schedules))
    except Exception as error:  # a tool that cannot take a program has not found its fault
        found, said, ran = False, f"{type(error).__name__}: {error}", 0
    seconds = time.perf_counter() - began
    print(json.dumps({"found": found, "said": said[:300], "schedules": ran, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:5])
