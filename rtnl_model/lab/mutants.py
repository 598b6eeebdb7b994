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
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lockcheck import Checker
from lockcheck.sync import Lock

from .. import kernel

__all__ = [
    "CLASSES",
    "Mutant",
    "apply",
    "mutants",
    "note_lock_classes",
    "without_lock_class",
]

CLASSES: Final = ("lock class", "lock", "hold", "put", "wait", "drain", "assertion")

CALLS: Final[dict[str, frozenset[str]]] = {
    "hold": frozenset({"netdev_hold", "get_net", "net_passive_inc", "hold_peer", "hold_memory"}),
    "put": frozenset({"netdev_put", "put_net", "net_passive_dec", "ipvlan_port_put"}),
    "wait": frozenset({
        "flush", "flush_all_backlogs", "flush_one", "rcu_barrier", "rtnl_net_flush_workqueue",
        "synchronize_net", "synchronize_rcu_expedited", "synchronize_srcu", "wait",
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
SERVICES: Final = frozenset({"worker", "cpu_worker", "wait_cleanup_idle", "wait_idle", "quiesce"})
"""Idle threads and the harness: their waits are no part of the kernel's locking."""
NOT_THE_MODEL: Final = frozenset({"guards.py", "lifetime.py", "assertions.py", "probe.py"})
"""What checks is not what is checked."""

REACHED: Final = "mutant_assertion_reached"


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


def mutants() -> list[Mutant]:
    """Every one that the source allows, but lock classes (which only a running kernel knows)."""
    root = Path(kernel.__file__).parent
    found: list[Mutant] = []
    for path in sorted(root.rglob("*.py")):
        file = path.relative_to(root).as_posix()
        if file in NOT_THE_MODEL:
            continue
        for cls, function in functions(ast.parse(path.read_text(encoding="utf-8"))):
            for kind, node in places(function):
                shown = ast.unparse(node).split("\n")[0].removesuffix(":")
                found.append(Mutant(kind, file, f"{cls.name}.{function.name}", node.lineno, shown))
    return found


def functions(tree: ast.Module) -> Iterator[tuple[ast.ClassDef, ast.FunctionDef]]:
    """Methods of the classes of a file, those of a fix's inner class left out."""
    for cls in tree.body:
        if isinstance(cls, ast.ClassDef):
            for node in cls.body:
                if isinstance(node, ast.FunctionDef) and not node.decorator_list:
                    yield cls, node


def places(function: ast.FunctionDef) -> Iterator[tuple[str, ast.stmt | ast.expr]]:
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
    name = called(expr) if isinstance(expr, ast.Call) else getattr(expr, "attr", "")
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
    package = kernel.__name__
    module = importlib.import_module(
        f"{package}.{mutant.file.removesuffix('.py').replace('/', '.').removesuffix('.__init__')}"
    )
    cls_name, method = mutant.function.split(".")
    cls = vars(module)[cls_name]
    path = Path(kernel.__file__).parent / mutant.file
    tree = ast.parse(path.read_text(encoding="utf-8"))
    function = next(
        f for c, f in functions(tree) if c.name == cls_name and f.name == method
        and f.lineno <= mutant.line <= (f.end_lineno or f.lineno)
    )  # fmt: skip
    without = _Without(mutant)
    function = without.visit(function)
    assert without.done, mutant.name
    maker = ast.parse("def make(__class__):\n    return None").body[0]
    assert isinstance(maker, ast.FunctionDef)
    maker.body = [function, ast.Return(ast.Name(method, ast.Load()))]
    module_tree = ast.fix_missing_locations(ast.Module([maker], []))
    code = compile(module_tree, str(path), "exec", dont_inherit=True, flags=_future())
    space = vars(module)
    space.update({"nullcontext": nullcontext, REACHED: reached})
    made: dict[str, Callable[[type], types.FunctionType]] = {}
    exec(code, space, made)
    setattr(cls, method, made["make"](cls))


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


def note_lock_classes(chk: Checker, asked: set[str]) -> None:
    """Note the class of every lock that a checker is asked for."""
    real = chk.Lock

    def make(name: str | None = None, *, instance: str | None = None, **how: object) -> object:
        asked.add(name or "")
        return real(name, instance=instance, **how)  # type: ignore[arg-type]  # passed on

    vars(chk)["Lock"] = make


def without_lock_class(chk: Checker, name: str) -> None:
    """Let a checker make locks that exclude nobody where this class is asked for."""
    real = chk.Lock

    def make(asked: str | None = None, *, instance: str | None = None, **how: object) -> object:
        made = real(asked, instance=instance, **how)  # type: ignore[arg-type]  # passed on
        if asked == name:
            made.__class__ = type("NoLock", (type(made),), NOTHING)
        return made

    vars(chk)["Lock"] = make
