"""What `rewrite` puts into a syntax tree: announcements, and what says where they may stand.

Functions and attribute names appear as marked constants, which `code` replaces after compiling: no
name is added to the module, and no local variable.

An expression is *simple* when evaluating it twice changes nothing (a constant, an unshared name),
and *quiet* when no access happens while it is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final, TypeVar

from lockcheck.patch.data.scopes import CLASS, MODULE, Scope, Scopes

__all__ = [
    "ATTRIBUTE", "CALL", "VARIABLE", "Announcements", "as_statement", "at", "is_reference", "names",
    "once_more",
]  # fmt: skip

CALL: Final = "\0lockcheck.call:"
ATTRIBUTE: Final = "\0lockcheck.attribute:"
VARIABLE: Final = "\0lockcheck.variable:"

_Node = TypeVar("_Node", bound=ast.expr)


class Announcements:
    """Makes the nodes of ours, for the scope and the class that the rewriter is in."""

    def __init__(self, scopes: Scopes) -> None:
        self._scopes = scopes
        self._scope: Scope = scopes.module
        self._classes: list[str] = []
        self._site = 0

    def _call(self, name: str, where: ast.AST, *args: ast.expr) -> ast.expr:
        """`name(*args)`, where `name` is one of ours; a plain constant would draw a warning."""
        marked = at(ast.Constant(CALL + name), where)
        zero = at(ast.Constant(0), where)
        function = at(ast.BoolOp(ast.Or(), [marked, zero]), where)
        return at(ast.Call(function, list(args), []), where)

    def _attr(self, name: str, where: ast.AST) -> ast.expr:
        if name.startswith("__") and not name.endswith("__") and self._classes:
            owner = self._classes[-1].lstrip("_")
            name = f"_{owner}{name}" if owner else name
        return at(ast.Constant(ATTRIBUTE + name), where)

    def _variable(self, name: str, where: ast.AST) -> ast.expr:
        return at(ast.Constant(VARIABLE + name), where)

    def _cell(self, name: str, where: ast.AST) -> ast.expr:
        """An expression for the cell itself: a function that is never called holds it."""
        none = ast.arguments([], [], None, [], [], None, [])
        return at(ast.Lambda(none, at(ast.Name(name, ast.Load()), where)), where)

    def _next_site(self, where: ast.AST) -> ast.expr:
        self._site += 1
        return at(ast.Constant(self._site), where)

    # -- what an expression is ---------------------------------------------------------------------

    def _shared(self, name: str) -> str:
        """Return MODULE or FUNCTION when the name is shared between threads, else ''."""
        owner = self._scope.owner(name)
        return owner.kind if owner.is_shared(name) else ""

    def _simple(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
            return True
        if not isinstance(node, ast.Name) or self._scope.kind == CLASS:
            return False
        return not self._shared(node.id)

    def _quiet(self, node: ast.AST | None) -> bool:
        if node is None or self._simple_or_none(node):
            return True
        quiet = (
            ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.IfExp,
            ast.Slice, ast.Lambda,
        )  # fmt: skip
        if isinstance(node, ast.Lambda):
            return not node.args.defaults and not node.args.kw_defaults
        if isinstance(node, ast.Compare):
            known = not any(isinstance(op, ast.In | ast.NotIn) for op in node.ops)
            return known and all(self._quiet(each) for each in (node.left, *node.comparators))
        if not isinstance(node, quiet):
            return False
        return all(
            self._quiet(child)
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.expr)
        )

    def _late(self, node: ast.Subscript) -> bool:
        """Is its key known only after the container was evaluated?"""
        return not self._simple(node.slice) and not isinstance(node.slice, ast.Slice)

    def _simple_or_none(self, node: ast.AST) -> bool:
        return isinstance(node, ast.expr) and self._simple(node)

    def _name_read(self, node: ast.Name, kind: str) -> ast.expr:
        if kind == MODULE:
            return self._call("variable_read", node, self._variable(node.id, node))
        name = at(ast.Constant(node.id), node)
        return self._call("cell_read", node, self._cell(node.id, node), name)

    def _name_write(
        self, target: ast.Name, kind: str, value: ast.expr, how: str = "write"
    ) -> ast.expr:
        """`value`, announced as about to be bound to the name."""
        old = [at(ast.Name(target.id, ast.Load()), value)] if how == "augment" else []
        if kind == MODULE:
            place = self._variable(target.id, value)
            return self._call(f"variable_{how}", value, value, place, *old)
        name = at(ast.Constant(target.id), value)
        return self._call(f"cell_{how}", value, value, self._cell(target.id, value), name, *old)


def at(node: _Node, where: ast.AST) -> _Node:
    ast.copy_location(node, where)
    return node


def as_statement(value: ast.expr, where: ast.AST) -> ast.stmt:
    return ast.copy_location(ast.Expr(value), where)


def once_more(node: ast.expr) -> ast.expr:
    """The same simple expression once more."""
    if isinstance(node, ast.Name):
        return at(ast.Name(node.id, ast.Load()), node)
    if isinstance(node, ast.Constant):
        return at(ast.Constant(node.value), node)
    if isinstance(node, ast.UnaryOp):
        return at(ast.UnaryOp(node.op, once_more(node.operand)), node)
    return node


def is_reference(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def names(targets: Iterable[ast.expr]) -> Iterable[ast.Name]:
    for target in targets:
        if isinstance(target, ast.Name):
            yield target
        elif isinstance(target, ast.Tuple | ast.List):
            yield from names(target.elts)
        elif isinstance(target, ast.Starred):
            yield from names([target.value])
