"""Which names of a module are shared between threads: a pass over its syntax tree.

Two kinds of plain names are worth an access: a global that is bound more than once (or by a
function that declares it `global`), and a variable of a function that an inner function uses and
that is bound more than once.  Everything else cannot change after its first binding, or belongs to
one call of one function.

A single binding counts as two where it can run again: in a loop, by an augmented assignment, or by
an inner function.  A lower-case global that is bound once to a plain constant counts too: it is a
flag or a counter that another module may set.

Left out: names that `exec`, `import *` or a write to `globals()` make.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["Scope", "Scopes"]

FUNCTION: Final = "function"
CLASS: Final = "class"
MODULE: Final = "module"
COMPREHENSION: Final = "comprehension"

AGAIN: Final = 2
"""What a binding counts that can run again."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Scope:
    """One block of the program: what it binds, and how often."""

    def __init__(self, kind: str, parent: Scope | None) -> None:
        self.kind = kind
        self.parent = parent
        self.bound: Counter[str] = Counter()
        self.used: set[str] = set()
        self.declared_global: set[str] = set()
        self.declared_nonlocal: set[str] = set()
        self.captured: set[str] = set()
        """Names of this function that an inner one uses."""

    def owner(self, name: str) -> Scope:
        """Return the scope that `name`, used here, belongs to; the module's where none binds it."""
        scope: Scope = self
        inner = False
        while scope.parent is not None:
            if name in scope.declared_global:
                return scope.module()
            usable = scope.kind != CLASS or not inner
            if usable and name in scope.bound and name not in scope.declared_nonlocal:
                return scope
            inner = inner or scope.kind != COMPREHENSION
            scope = scope.parent
        return scope

    def module(self) -> Scope:
        """Return the outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def is_shared(self, name: str) -> bool:
        """Can `name`, which belongs to this scope, be rebound while another thread uses it?"""
        if self.kind == MODULE:
            return self.bound[name] >= AGAIN
        return self.kind == FUNCTION and name in self.captured and self.bound[name] >= AGAIN


class Scopes:
    """The scopes of one module, by the node that opens them."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope(MODULE, None)
        self._of: dict[ast.AST, Scope] = {}
        self._all = [self.module]
        self._body(tree.body, self.module, again=False)
        for scope in self._all:
            self._settle(scope)

    def of(self, node: ast.AST) -> Scope:
        """Return the scope that `node` (a function, class, lambda or comprehension) opens."""
        return self._of[node]

    # -- collecting --------------------------------------------------------------------------------

    def _open(self, node: ast.AST, kind: str, parent: Scope) -> Scope:
        scope = self._of[node] = Scope(kind, parent)
        self._all.append(scope)
        return scope

    def _body(self, nodes: Iterable[ast.AST], scope: Scope, *, again: bool) -> None:
        for node in nodes:
            self._node(node, scope, again=again)

    def _node(self, node: ast.AST, scope: Scope, *, again: bool) -> None:
        if isinstance(node, ast.Name):
            self._name(node, scope, again=again)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            self._function(node, scope, again=again)
        elif isinstance(node, ast.ClassDef):
            scope.bound[node.name] += AGAIN if again else 1
            self._body([*node.decorator_list, *node.bases, *node.keywords], scope, again=again)
            self._body(node.body, self._open(node, CLASS, scope), again=False)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            self._comprehension(node, scope, again=again)
        elif isinstance(node, ast.Global):
            scope.declared_global.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            scope.declared_nonlocal.update(node.names)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.While):
            self._body(ast.iter_child_nodes(node), scope, again=True)
        elif isinstance(node, ast.AugAssign):
            self._body([node.value], scope, again=again)
            self._node(node.target, scope, again=True)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            self._assign(node, scope, again=again)
        elif isinstance(node, ast.NamedExpr):
            self._named(node, scope, again=again)
        else:
            for name in _bound_by(node):
                scope.bound[name] += AGAIN if again else 1
            self._body(ast.iter_child_nodes(node), scope, again=again)

    def _name(self, node: ast.Name, scope: Scope, *, again: bool) -> None:
        if isinstance(node.ctx, ast.Load):
            scope.used.add(node.id)
        else:
            scope.bound[node.id] += AGAIN if again else 1

    def _function(self, node: _Function, scope: Scope, *, again: bool) -> None:
        outside: list[ast.AST] = list(node.args.defaults)
        outside += [d for d in node.args.kw_defaults if d is not None]
        if not isinstance(node, ast.Lambda):
            scope.bound[node.name] += AGAIN if again else 1
            outside += node.decorator_list
        self._body(outside, scope, again=again)
        inner = self._open(node, FUNCTION, scope)
        args = node.args
        every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
        for arg in every:
            if arg is not None:
                inner.bound[arg.arg] += 1
        body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
        self._body(body, inner, again=False)

    def _comprehension(self, node: _Comprehension, scope: Scope, *, again: bool) -> None:
        inner = self._open(node, COMPREHENSION, scope)
        self._node(node.generators[0].iter, scope, again=again)
        for number, generator in enumerate(node.generators):
            self._node(generator.target, inner, again=False)
            self._body(generator.ifs, inner, again=True)
            if number:
                self._node(generator.iter, inner, again=True)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._body(parts, inner, again=True)

    def _assign(self, node: ast.Assign | ast.AnnAssign, scope: Scope, *, again: bool) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value is not None:
            self._node(node.value, scope, again=again)
        elif isinstance(node.target if isinstance(node, ast.AnnAssign) else None, ast.Name):
            return  # `x: int` binds nothing
        flag = scope.kind == MODULE and isinstance(node.value, ast.Constant)
        for target in targets:
            plain = isinstance(target, ast.Name) and not target.id.isupper()
            self._node(target, scope, again=again or (flag and plain and not _is_dunder(target)))

    def _named(self, node: ast.NamedExpr, scope: Scope, *, again: bool) -> None:
        self._node(node.value, scope, again=again)
        owner = scope
        while owner.kind == COMPREHENSION and owner.parent is not None:
            owner = owner.parent
        owner.bound[node.target.id] += AGAIN if again else 1

    # -- resolving ---------------------------------------------------------------------------------

    def _settle(self, scope: Scope) -> None:
        """Pass what a scope declares and uses on to whom it belongs."""
        for name in scope.declared_global:
            if name in scope.bound:
                self.module.bound[name] += AGAIN
        for name in scope.declared_nonlocal:
            owner = scope.parent.owner(name) if scope.parent is not None else scope
            owner.captured.add(name)
            if name in scope.bound:
                owner.bound[name] += AGAIN
        for name in scope.used:
            owner = scope.owner(name)
            if owner is not scope and not _inlined(scope, owner):
                owner.captured.add(name)


def _inlined(scope: Scope, owner: Scope) -> bool:
    """Is `scope` only a comprehension of `owner`'s, run at once by the same thread?"""
    while scope is not owner and scope.kind == COMPREHENSION and scope.parent is not None:
        scope = scope.parent
    return scope is owner


def _is_dunder(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id.startswith("__")


def _bound_by(node: ast.AST) -> Iterator[str]:
    """Names that a statement binds without a `Name` node of its own."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        if node.name:
            yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest
