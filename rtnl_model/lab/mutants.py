"""Mutants of the model, made from its own source: one lock, hold, assertion, wait or drain less.

Each mutant is one place of `rtnl_model/kernel` without what stands there, made by rewriting the
syntax tree of the one function concerned; nothing is written by hand and nothing on disk changes.
What a class of mutants means:

| class | taken away | what is left |
|---|---|---|
| lock class | every lock of a class of `lock_order.LOCKS` | a lock that excludes nobody |
| lock | one `with lock:` | its body |
| hold | one reference that is taken | nothing |
| put | one reference that is dropped | nothing |
| wait | one wait, flush or grace period | nothing |
| drain | one drain, or the queueing of its work | nothing |
| assertion | one assertion's truth: it fires where it is reached | the rest |

An assertion that is only removed changes nothing by itself, so what is asked of it is whether any
run reaches it: one that nobody reaches checks nothing.

`apply` puts a mutant into this process for good: who measures several runs each in a process of its
own.  Left out: two mutants at a time.
"""

from __future__ import annotations

import ast
import importlib
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lockcheck import Checker, Lock

from .. import kernel

__all__ = [
    "CLASSES",
    "Mutant",
    "apply",
    "lock_class",
    "mutants",
    "note_lock_classes",
    "note_places",
    "without_lock_class",
]

CLASSES: Final = ("lock class", "lock", "hold", "put", "wait", "drain", "assertion")

CALLS: Final[dict[str, frozenset[str]]] = {
    "hold": frozenset({"netdev_hold", "get_net", "net_passive_inc", "hold_memory"}),
    "put": frozenset({"netdev_put", "put_net", "net_passive_dec", "ipvlan_port_put"}),
    "wait": frozenset({
        "flush", "flush_all_backlogs", "flush_one", "rcu_barrier", "rtnl_net_flush_workqueue",
        "synchronize_net", "synchronize_rcu_expedited", "synchronize_srcu", "wait", "wait_until",
        "wait_unregistered",
    }),
    "drain": frozenset({
        "linkwatch_run_pending", "netdev_run_todo", "queue_work", "rtnl_net_drain",
        "rtnl_net_queue_work", "unregister_netdevice_many_net",
        "unregister_netdevice_queue_many_net",
    }),
}  # fmt: skip
"""Calls by their last name."""
ASSERTIONS: Final = ("ASSERT_", "assert_", "strict_assert", "netdev_assert")
LOCK_NAMES: Final = ("lock", "mutex", "netdev_lock_ops", "netdev_adjacent", "reading", "writing")
"""How the name of what stands in a `with` ends."""
SERVICES: Final = frozenset(
    {"worker", "cpu_worker", "wait_cleanup_idle", "wait_idle", "quiesce", "pause"}
)
"""Idle threads, the harness, and a pause between two tries: no part of the kernel's locking."""
NOT_THE_MODEL: Final = frozenset({"guards.py", "lifetime.py", "assertions.py", "probe.py"})
"""What checks is not what is checked."""

REACHED: Final = "mutant_reached"
TAKEN: Final = "mutant_lock_taken"
ROOT: Final = Path(kernel.__file__).parent


@dataclass(frozen=True, slots=True)
class Mutant:
    """One thing taken away."""

    kind: str
    file: str
    """Relative to the kernel; of a lock class: empty."""
    function: str
    """`Class.method`; of a lock class: its name."""
    line: int
    what: str
    """The source that goes."""

    @property
    def name(self) -> str:
        """One line."""
        where = f"{self.file}:{self.line} {self.function}" if self.file else self.function
        return f"{self.kind}: {self.what} ({where})" if self.what else f"{self.kind}: {where}"


def lock_class(name: str) -> Mutant:
    """The mutant whose locks of a class exclude nobody."""
    return Mutant("lock class", "", name, 0, "")


def mutants() -> list[Mutant]:
    """Every one that the source allows, but lock classes (which only a running kernel knows)."""
    found: list[Mutant] = []
    for path in sorted(ROOT.rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        if file in NOT_THE_MODEL:
            continue
        for cls, function in functions(ast.parse(path.read_text(encoding="utf-8"))):
            found += [mutant_at(file, cls, function, *place) for place in places(function)]
    return found


def mutant_at(
    file: str, cls: ast.ClassDef, function: ast.FunctionDef, kind: str, node: ast.stmt
) -> Mutant:
    """The mutant that lacks this place."""
    shown = ast.unparse(node).split("\n")[0].removesuffix(":")
    return Mutant(kind, file, f"{cls.name}.{function.name}", node.lineno, shown)


def functions(tree: ast.Module) -> Iterator[tuple[ast.ClassDef, ast.FunctionDef]]:
    """Methods of the classes of a file, those of a fix's inner class left out."""
    for cls in tree.body:
        if isinstance(cls, ast.ClassDef):
            for node in cls.body:
                if isinstance(node, ast.FunctionDef) and not node.decorator_list:
                    yield cls, node


def places(function: ast.FunctionDef) -> Iterator[tuple[str, ast.stmt]]:
    """What can be taken out of a function."""
    if function.name in SERVICES:
        return
    for node in ast.walk(function):
        if isinstance(node, ast.With) and any(is_lock(item.context_expr) for item in node.items):
            yield "lock", node
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            name = called(node.value)
            if name.startswith(ASSERTIONS):
                yield "assertion", node
            yield from ((kind, node) for kind, names in CALLS.items() if name in names)
        elif isinstance(node, ast.Assign) and called_at(node.value) in CALLS["hold"]:
            yield "hold", node


def called(call: ast.Call) -> str:
    """The last name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def called_at(expr: ast.expr) -> str:
    """The last name of what an expression calls; empty where it calls nothing."""
    return called(expr) if isinstance(expr, ast.Call) else ""


def is_lock(expr: ast.expr) -> bool:
    """Does this stand for a lock that is taken?"""
    name = (
        called(expr) if isinstance(expr, ast.Call) else getattr(expr, "attr", "")
    )  # a name has none
    return name.endswith(LOCK_NAMES) and "srcu" not in ast.unparse(expr)


class _Without(ast.NodeTransformer):
    """Takes the one place out."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.done = False

    def _meant(self, node: ast.stmt) -> bool:
        shown = ast.unparse(node).split("\n")[0].removesuffix(":")
        meant = node.lineno == self.mutant.line and shown == self.mutant.what
        self.done = self.done or meant
        return meant

    def visit_With(self, node: ast.With) -> ast.stmt:
        if self.mutant.kind == "lock" and self._meant(node):
            for item in node.items:
                if is_lock(item.context_expr):
                    item.context_expr = ast.Call(ast.Name("nullcontext", ast.Load()), [], [])
        self.generic_visit(node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        if self.mutant.kind != "lock" and self._meant(node):
            if self.mutant.kind != "assertion":
                return ast.Pass()
            return ast.Expr(ast.Call(ast.Name(REACHED, ast.Load()), [], []))
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        if self.mutant.kind == "hold" and self._meant(node):
            node.value = ast.Constant(None)
        return node


def apply(mutant: Mutant, reached: Callable[[], None]) -> None:
    """Put it in the place of the real function, in this process.

    `reached` is called where an assertion stood.  The class keeps its other methods; `super()` in
    the function means what it meant.
    """
    cls_name, method = mutant.function.split(".")
    tree = ast.parse((ROOT / mutant.file).read_text(encoding="utf-8"))
    function = next(
        f for c, f in functions(tree) if c.name == cls_name and f.name == method
        and f.lineno <= mutant.line <= (f.end_lineno or f.lineno)
    )  # fmt: skip
    without = _Without(mutant)
    function = without.visit(function)
    assert without.done, mutant.name
    _replace(mutant.file, cls_name, function, {"nullcontext": nullcontext, REACHED: reached})


def note_places(note: Callable[[str], None], taken: Callable[[str, object], None]) -> None:
    """Let every place that a mutant is made of call `note(mutant's name)` before it acts, and
    every function with one `note(Class.method)` when it is entered; where a lock is taken, also
    `taken(mutant's name, what the with statement enters)`.

    Context: a process of its own, whose kernel has these functions for good.
    """
    for path in sorted(ROOT.rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        if file in NOT_THE_MODEL:
            continue
        for cls, function in functions(ast.parse(path.read_text(encoding="utf-8"))):
            names = {
                (node.lineno, node.col_offset): mutant_at(file, cls, function, kind, node).name
                for kind, node in places(function)
            }
            if names:
                whole = mutant_at(file, cls, function, "lock", function.body[0]).function
                noting = _Noting(names).visit(function)
                entry = ast.Call(ast.Name(REACHED, ast.Load()), [ast.Constant(whole)], [])
                noting.body.insert(0, ast.Expr(entry))
                _replace(file, cls.name, noting, {REACHED: note, TAKEN: passing(taken)})


def passing(taken: Callable[[str, object], None]) -> Callable[[str, object], object]:
    """The same, as an expression that is what it was given."""

    def passed(name: str, manager: object) -> object:
        taken(name, manager)
        return manager

    return passed


class _Noting(ast.NodeTransformer):
    """Puts a call of `note` before every place, and a call of `taken` around every lock."""

    def __init__(self, names: Mapping[tuple[int, int], str]) -> None:
        self.names = names

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)  # whichever statements this one has
            if isinstance(block, list):
                setattr(node, name, [each for stmt in block for each in self._noted(stmt)])
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        self.generic_visit(node)
        name = self.names.get((node.lineno, node.col_offset))
        for item in node.items:
            if name is not None and is_lock(item.context_expr):
                args = [ast.Constant(name), item.context_expr]
                item.context_expr = ast.Call(ast.Name(TAKEN, ast.Load()), args, [])
        return node

    def _noted(self, stmt: ast.stmt) -> list[ast.stmt]:
        name = self.names.get((stmt.lineno, stmt.col_offset))
        if name is None:
            return [stmt]
        return [ast.Expr(ast.Call(ast.Name(REACHED, ast.Load()), [ast.Constant(name)], [])), stmt]


def _replace(
    file: str, cls_name: str, function: ast.FunctionDef, names: Mapping[str, object]
) -> None:
    """Compile a changed method and put it into its class; it knows `names`."""
    module = importlib.import_module(
        f"{kernel.__name__}.{file.removesuffix('.py').replace('/', '.').removesuffix('.__init__')}"
    )
    cls = vars(module)[cls_name]
    maker = ast.parse("def make(__class__):\n    return None").body[0]
    assert isinstance(maker, ast.FunctionDef)
    maker.body = [function, ast.Return(ast.Name(function.name, ast.Load()))]
    tree = ast.fix_missing_locations(ast.Module([maker], []))
    code = compile(tree, str(ROOT / file), "exec", dont_inherit=True, flags=_future())
    space = vars(module)
    space.update(names)
    made: dict[str, Callable[[type], types.FunctionType]] = {}
    exec(code, space, made)
    method = made["make"](cls)
    method.__qualname__ = f"{cls_name}.{function.name}"  # by which the audit knows it
    method.__code__ = method.__code__.replace(co_qualname=method.__qualname__)
    setattr(cls, function.name, method)


def _future() -> int:
    """`from __future__ import annotations`, as in every file of the kernel."""
    return annotations.compiler_flag


def _acquire(_lock: Lock, *_args: object, **_how: object) -> bool:
    return True


def _release(_lock: Lock, *_args: object) -> None:
    """Nothing."""


NOTHING: Final = {
    "__slots__": (),
    "__enter__": _acquire,
    "__exit__": _release,
    "acquire": _acquire,
    "release": _release,
}
"""What is left of a lock: it excludes nobody, and nobody ever holds it."""


def note_lock_classes(chk: Checker, note: Callable[[str, Lock], None]) -> None:
    """Call `note(class, lock)` before a lock is taken that this checker makes from now on."""

    def noting(made: Lock, name: str) -> None:
        kind = type(made)

        def acquire(lock: Lock, *args: Any, **how: Any) -> bool:  # the lock's own arguments
            note(name, lock)
            return kind.acquire(lock, *args, **how)

        def enter(lock: Lock) -> bool:
            note(name, lock)
            return kind.__enter__(lock)

        methods = {"__slots__": (), "__enter__": enter, "acquire": acquire}
        made.__class__ = type("NotingLock", (kind,), methods)

    _change_locks(chk, noting)


def without_lock_class(chk: Checker, name: str) -> None:
    """Let a checker make locks that exclude nobody where this class is asked for."""

    def emptied(made: Lock, asked: str) -> None:
        if asked == name:
            made.__class__ = type("NoLock", (type(made),), NOTHING)

    _change_locks(chk, emptied)


def _change_locks(chk: Checker, change: Callable[[Lock, str], None]) -> None:
    """Let `change(lock, class)` have every lock that the checker makes."""
    real = chk.Lock

    def make(
        name: str | None = None,
        *,
        instance: str | None = None,
        **how: Any,  # its own arguments
    ) -> Lock:  # the factory's own arguments
        made = real(name, instance=instance, **how)
        change(made, name or "")
        return made

    vars(chk)["Lock"] = make
