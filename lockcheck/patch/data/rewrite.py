"""From a module's syntax tree to one whose data accesses announce themselves.

Every operation stays the operation it was: `self.n` becomes `read(self, n).n`, where `read` returns
its first argument.  So evaluation order, descriptors, `__getattr__`, exceptions, tracebacks and
line numbers are the interpreter's own, and the announcement stands right before the operation, as
the seam demands.  What the announcements do is the business of `calls`.

Where a key or an argument is neither simple nor quiet (`announcements`), the operation is made by
its C function from `operator` (no frame of ours shows), or the object is kept on a stack of the
thread's until the last operand has been evaluated.

Left out: annotations (they are somebody else's text), patterns of `match`, operators on whole lists
(`a + b`, `a == b`), names bound by `for`, `with`, `import`, `def` and `class`.

One file: one visitor, a few lines for each kind of node, which call each other.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from lockcheck.patch.data.announcements import (
    Announcements,
    as_statement,
    at,
    is_reference,
    names,
    once_more,
)
from lockcheck.patch.data.scopes import COMPREHENSION, MODULE, Scopes

__all__ = ["KEYED", "METHODS", "rewrite"]

KEYED: Final = frozenset({"get", "setdefault", "pop", "add", "discard", "remove", "__contains__"})
"""Methods of containers whose first argument may be a key."""
METHODS: Final = KEYED | frozenset({
    "append", "extend", "insert", "clear", "sort", "reverse", "count", "index", "copy",
    "popitem", "update", "keys", "values", "items", "union", "intersection", "difference",
    "symmetric_difference", "intersection_update", "difference_update",
    "symmetric_difference_update", "issubset", "issuperset", "isdisjoint", "appendleft",
    "popleft", "extendleft", "rotate", "move_to_end", "most_common", "subtract", "elements",
    "total", "find", "join", "split", "startswith", "endswith", "decode", "hex", "replace",
    "strip",
})  # fmt: skip
READERS: Final = frozenset({
    "len", "list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "min", "max",
    "any", "all", "str", "repr", "bytes", "bytearray", "bool", "next", "print", "reversed",
    "iter", "deque", "Counter", "OrderedDict",
})  # fmt: skip
"""Functions that look into the containers they are given, in one step."""
STEPPERS: Final = frozenset({"enumerate", "zip", "map", "filter"})
"""Functions that look into them step by step."""
REFLECTION: Final = frozenset({"getattr", "setattr", "delattr", "hasattr"})

_Node = TypeVar("_Node", bound=ast.expr)


def rewrite(tree: ast.Module) -> ast.Module:
    """Rewrite `tree` in place.  Raises: RecursionError for a tree that is too deep."""
    scopes = Scopes(tree)
    _Rewriter(scopes).module(tree)
    return tree


class _Rewriter(Announcements, ast.NodeTransformer):
    def module(self, tree: ast.Module) -> None:
        tree.body = self._statements(tree.body)

    def _visit(self, node: _Node) -> ast.expr:
        found: ast.expr = self.visit(node)
        return found

    def _visit_all(self, nodes: Iterable[ast.expr]) -> list[ast.expr]:
        return [self._visit(node) for node in nodes]

    def _slice_call(self, node: ast.expr) -> ast.expr:
        """A key as an expression of its own: `a:b` as `slice(a, b, None)`."""
        if isinstance(node, ast.Slice):
            parts = [
                at(ast.Constant(None), node) if part is None else self._visit(part)
                for part in (node.lower, node.upper, node.step)
            ]
            return self._call("slice", node, *parts)
        if isinstance(node, ast.Tuple):
            return at(ast.Tuple([self._slice_call(each) for each in node.elts], ast.Load()), node)
        return self._visit(node)

    # -- reading -----------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A shared global or a shared variable of an enclosing function."""
        if not isinstance(node.ctx, ast.Load):
            return node
        kind = self._shared(node.id)
        if not kind:
            return node
        return at(ast.BoolOp(ast.Or(), [self._name_read(node, kind), node]), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """`a.b` as `read(a, b).b`."""
        if self._is_plain_attribute(node):
            node.value = self._visit(node.value)
            return node
        base = self._visit(node.value)
        node.value = self._call("read", base, base, self._attr(node.attr, base))
        return node

    def _is_plain_attribute(self, node: ast.Attribute) -> bool:
        """Is there nothing to see: a dunder, an attribute of a literal, of super(), of a module?"""
        base = node.value
        if node.attr.startswith("__") and node.attr.endswith("__"):
            return True
        if isinstance(base, ast.Call) and isinstance(base.func, ast.Name):
            return base.func.id == "super"
        return isinstance(base, ast.Constant | ast.JoinedStr)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """`d[k]` as `item_read(d, k)[k]`."""
        if isinstance(node.value, ast.Constant):
            self.generic_visit(node)
            return node
        key = node.slice
        base = self._visit(node.value)
        if self._simple(key):
            node.value = self._call("item_read", base, base, once_more(key))
            return node
        if isinstance(key, ast.Slice) and self._quiet(key):
            node.value = self._call("whole_read", base, base)
            return node
        pair = self._call("item_pair", node, base, self._slice_call(key))
        return self._call("getitem", node, at(ast.Starred(pair, ast.Load()), node))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """`k in d`: a look at one key of it."""
        last = node.comparators[-1]
        seen = isinstance(node.ops[-1], ast.In | ast.NotIn) and is_reference(last)
        known = len(node.ops) == 1 and self._simple(node.left)
        left = once_more(node.left) if known else None
        self.generic_visit(node)
        if seen:
            last = node.comparators[-1]
            if left is not None:
                node.comparators[-1] = self._call("member", last, last, left)
            else:
                node.comparators[-1] = self._call("whole_read", last, last)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        """A container in an f-string is read as a whole."""
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                part.value = self._whole(part.value)
                if isinstance(part.format_spec, ast.JoinedStr):
                    self.visit_JoinedStr(part.format_spec)
        return node

    def visit_Starred(self, node: ast.Starred) -> ast.expr:
        """`*a` reads all of it."""
        if isinstance(node.ctx, ast.Load):
            node.value = self._whole(node.value)
        return node

    def visit_Await(self, node: ast.Await) -> ast.expr:
        node.value = self._visit(node.value)
        return node

    def _whole(self, node: ast.expr) -> ast.expr:
        """An expression that is about to be looked into."""
        seen = is_reference(node)
        found = self._visit(node)
        return self._call("whole_read", found, found) if seen else found

    # -- truth -------------------------------------------------------------------------------------

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        node.values = [self._whole(value) for value in node.values]
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        is_not = isinstance(node.op, ast.Not)
        node.operand = self._whole(node.operand) if is_not else self._visit(node.operand)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        node.test = self._whole(node.test)
        node.body = self._visit(node.body)
        node.orelse = self._visit(node.orelse)
        return node

    def visit_If(self, node: ast.If) -> ast.stmt:
        node.test = self._whole(node.test)
        node.body = self._statements(node.body)
        node.orelse = self._statements(node.orelse)
        return node

    def visit_While(self, node: ast.While) -> ast.stmt:
        node.test = self._whole(node.test)
        node.body = self._statements(node.body)
        node.orelse = self._statements(node.orelse)
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        if not isinstance(node.test, ast.Tuple):
            node.test = self._whole(node.test)
        if node.msg is not None:
            node.msg = self._visit(node.msg)
        return node

    # -- calls -------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Methods of containers, functions that look into them, and `setattr`'s family."""
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in METHODS:
            return self._method(node, function)
        if isinstance(function, ast.Name):
            if function.id in REFLECTION and len(node.args) >= 2 and not node.keywords:
                return self._reflection(node, function.id)
            if function.id in READERS or function.id in STEPPERS:
                step = function.id in STEPPERS
                node.args = [self._argument(arg, step=step) for arg in node.args]
                node.keywords = [self.visit(keyword) for keyword in node.keywords]
                node.func = self._visit(function)
                return node
        self.generic_visit(node)
        return node

    def _argument(self, node: ast.expr, *, step: bool) -> ast.expr:
        if not is_reference(node):
            return self._stepped(node) if step else self._visit(node)
        found = self._visit(node)
        return self._call("steps" if step else "whole_read", found, found)

    def _method(self, node: ast.Call, function: ast.Attribute) -> ast.expr:
        """`d.get(k)`: what it does to `d` is announced when its arguments are there."""
        if isinstance(function.value, ast.Constant | ast.JoinedStr):
            self.generic_visit(node)
            return node
        args = [*node.args, *(keyword.value for keyword in node.keywords)]
        first = node.args[0] if node.args and function.attr in KEYED else None
        key = once_more(first) if first is not None and self._simple(first) else None
        quiet = all(self._quiet(arg) for arg in args)
        base = self._visit(function.value)
        name = self._attr(function.attr, base)
        node.args = self._visit_all(node.args)
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        if quiet:
            extra = [] if key is None else [key]
            function.value = self._call(
                "method_key" if extra else "method", base, base, name, *extra
            )
            return node
        site = self._next_site(base)
        function.value = self._call("method_hold", base, base, name, site)
        only = first is not None and len(args) == 1 and not isinstance(first, ast.Starred)
        release = "method_release_key" if only else "method_release"
        self._wrap_last(node, release, site)
        return node

    def _wrap_last(self, node: ast.Call, name: str, site: ast.expr) -> None:
        if node.keywords:
            keyword = node.keywords[-1]
            keyword.value = self._call(name, keyword.value, keyword.value, once_more(site))
            return
        last = node.args[-1]
        if isinstance(last, ast.Starred):
            last.value = self._call(name, last.value, last.value, once_more(site))
        else:
            node.args[-1] = self._call(name, last, last, once_more(site))

    def _reflection(self, node: ast.Call, name: str) -> ast.expr:
        simple = self._simple(node.args[0]) and self._simple(node.args[1])
        owner, field = node.args[0], node.args[1]
        starred = any(isinstance(arg, ast.Starred) for arg in node.args)
        node.args = self._visit_all(node.args)
        if not simple or starred:
            return node
        word = "named_write" if name in ("setattr", "delattr") else "named_read"
        last = node.args[-1]
        node.args[-1] = self._call(word, last, last, once_more(owner), once_more(field))
        return node

    # -- loops -------------------------------------------------------------------------------------

    def _stepped(self, node: ast.expr) -> ast.expr:
        """What a loop runs over: each step is a read of its own."""
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            found = self._visit(node)
            return self._call("steps", found, found)
        views = ("items", "keys", "values")
        if isinstance(node, ast.Call) and isinstance(function := node.func, ast.Attribute):
            if function.attr not in views or node.args:
                return self._visit(node)
            function.value = self._visit(function.value)
            return self._call("steps", node, node)
        return self._visit(node)

    def visit_For(self, node: ast.For) -> ast.stmt:
        node.iter = self._stepped(node.iter)
        node.target = self._target(node.target)
        node.body = self._statements(node.body)
        node.orelse = self._statements(node.orelse)
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.stmt:
        node.iter = self._visit(node.iter)
        node.target = self._target(node.target)
        node.body = self._statements(node.body)
        node.orelse = self._statements(node.orelse)
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        return self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.expr:
        return self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.expr:
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        return self._comprehension(node)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> ast.expr:
        first = node.generators[0]
        if not first.is_async:
            first.iter = self._stepped(first.iter)
        else:
            first.iter = self._visit(first.iter)
        outer, self._scope = self._scope, self._scopes.of(node)
        for number, generator in enumerate(node.generators):
            if number:
                seen = self._visit if generator.is_async else self._stepped
                generator.iter = seen(generator.iter)
            generator.target = self._target(generator.target)
            generator.ifs = [self._whole(each) for each in generator.ifs]
        if isinstance(node, ast.DictComp):
            node.key = self._visit(node.key)
            node.value = self._visit(node.value)
        else:
            node.elt = self._visit(node.elt)
        self._scope = outer
        return node

    # -- storing -----------------------------------------------------------------------------------

    def _target(self, node: ast.expr) -> ast.expr:
        """A place that is about to be stored to, whatever comes before it."""
        if isinstance(node, ast.Attribute):
            node.value = self._owner(node)
        elif isinstance(node, ast.Subscript):
            self._item_target(node)
        elif isinstance(node, ast.Tuple | ast.List):
            node.elts = [self._target(each) for each in node.elts]
        elif isinstance(node, ast.Starred):
            node.value = self._target(node.value)
        return node

    def _owner(self, node: ast.Attribute) -> ast.expr:
        plain = self._is_plain_attribute(node)
        base = self._visit(node.value)
        return base if plain else self._call("write", base, base, self._attr(node.attr, base))

    def _item_target(self, node: ast.Subscript) -> None:
        key = node.slice
        base = self._visit(node.value)
        if self._simple(key):
            node.value = self._call("item_write", base, base, once_more(key))
        elif isinstance(key, ast.Slice):
            node.value = self._call("whole_write", base, base)
            node.slice = self._visit(key)
        else:
            site = self._next_site(base)
            node.value = self._call("item_hold", base, base, site)
            found = self._slice_call(key)
            node.slice = self._call("item_release", found, found, once_more(site))

    def visit_Slice(self, node: ast.Slice) -> ast.expr:
        for name in ("lower", "upper", "step"):
            part: ast.expr | None = getattr(node, name)  # names of ast fields
            if part is not None:
                setattr(node, name, self._visit(part))
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        node.value = self._visit(node.value)
        scope = self._scope
        while scope.kind == COMPREHENSION and scope.parent is not None:
            scope = scope.parent
        outer, self._scope = self._scope, scope
        kind = self._shared(node.target.id)
        self._scope = outer
        if kind and (kind == MODULE or outer is scope):
            node.value = self._name_write(node.target, kind, node.value)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        return self._assign(node, node.targets)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is None:
            return node
        return self._assign(node, [node.target])

    def _assign(self, node: ast.Assign | ast.AnnAssign, targets: Sequence[ast.expr]) -> ast.stmt:
        value = node.value
        assert value is not None, "a declaration was sorted out before"
        unpacked = any(isinstance(target, ast.Tuple | ast.List) for target in targets)
        value = self._whole(value) if unpacked else self._visit(value)
        only = targets[0] if len(targets) == 1 else None
        if isinstance(only, ast.Attribute) and self._simple(only.value):
            if not self._is_plain_attribute(only):
                name = self._attr(only.attr, value)
                value = self._call("value_write", value, value, once_more(only.value), name)
            node.value = value
            return node
        if isinstance(only, ast.Subscript) and isinstance(node, ast.Assign) and self._late(only):
            base = self._visit(only.value)
            key = self._slice_call(only.slice)
            triple = self._call("item_triple", only, value, base, key)
            store = self._call("setitem", only, at(ast.Starred(triple, ast.Load()), only))
            return ast.copy_location(ast.Expr(store), node)
        for name_node in names(targets):
            kind = self._shared(name_node.id)
            if kind:
                value = self._name_write(name_node, kind, value)
        node.value = value
        for target in targets:
            self._target(target)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt | list[ast.stmt]:
        """`x += v`: a read, and a write right before the store."""
        target = node.target
        before: list[ast.stmt] = []
        display = isinstance(node.value, ast.List | ast.Tuple | ast.Set | ast.Dict | ast.ListComp)
        value = self._whole(node.value)
        if isinstance(target, ast.Name):
            kind = self._shared(target.id)
            if kind:
                before.append(as_statement(self._name_read(target, kind), node))
                value = self._name_write(target, kind, value, "augment")
            elif display:
                own = at(ast.Name(target.id, ast.Load()), target)
                value = self._call("grown", value, value, own)
        elif isinstance(target, ast.Attribute) and not self._is_plain_attribute(target):
            value = self._augment_attribute(target, value)
        elif isinstance(target, ast.Subscript):
            value = self._augment_item(target, value)
        else:
            target.value = self._visit(target.value)
        node.value = value
        return [*before, node] if before else node

    def _augment_attribute(self, target: ast.Attribute, value: ast.expr) -> ast.expr:
        simple = self._simple(target.value)
        again = once_more(target.value)
        base = self._visit(target.value)
        name = self._attr(target.attr, base)
        if simple:
            target.value = self._call("augment_read", base, base, name)
            return self._call("value_augment", value, value, again, once_more(name))
        site = self._next_site(base)
        target.value = self._call("read_hold", base, base, name, site)
        return self._call("augment_release", value, value, once_more(site))

    def _augment_item(self, target: ast.Subscript, value: ast.expr) -> ast.expr:
        key = target.slice
        simple = self._simple(target.value) and self._simple(key)
        again = (once_more(target.value), once_more(key)) if simple else None
        base = self._visit(target.value)
        if again is not None:
            target.value = self._call("item_augment_read", base, base, once_more(key))
            return self._call("item_augment", value, value, *again)
        site = self._next_site(base)
        target.value = self._call("item_hold", base, base, site)
        found = self._slice_call(key)
        target.slice = self._call("item_keep", found, found, once_more(site))
        return self._call("item_augment_release", value, value, once_more(site))

    def visit_Delete(self, node: ast.Delete) -> ast.stmt | list[ast.stmt]:
        found: list[ast.stmt] = []
        for target in node.targets:
            found += self._delete(target, node)
        return found

    def _delete(self, target: ast.expr, node: ast.Delete) -> list[ast.stmt]:
        if isinstance(target, ast.Tuple | ast.List):
            if not target.elts:
                return [ast.copy_location(ast.Delete([target]), node)]
            return [each for one in target.elts for each in self._delete(one, node)]
        if isinstance(target, ast.Name):
            kind = self._shared(target.id)
            gone = ast.copy_location(ast.Delete([target]), node)
            if not kind:
                return [gone]
            none = at(ast.Constant(None), target)
            return [as_statement(self._name_write(target, kind, none), node), gone]
        if isinstance(target, ast.Subscript) and self._late(target):
            base = self._visit(target.value)
            pair = self._call("item_pair_write", target, base, self._slice_call(target.slice))
            star = at(ast.Starred(pair, ast.Load()), target)
            return [as_statement(self._call("delitem", target, star), node)]
        return [ast.copy_location(ast.Delete([self._target(target)]), node)]

    def visit_With(self, node: ast.With) -> ast.stmt:
        return self._with(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.stmt:
        return self._with(node)

    def _with(self, node: ast.With | ast.AsyncWith) -> ast.stmt:
        for item in node.items:
            item.context_expr = self._visit(item.context_expr)
            if item.optional_vars is not None:
                item.optional_vars = self._target(item.optional_vars)
        node.body = self._statements(node.body)
        return node

    # -- blocks ------------------------------------------------------------------------------------

    def _statements(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for statement in body:
            done = self.visit(statement)
            if isinstance(done, list):
                found += done
            else:
                found.append(done)
        return found

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
        node.decorator_list = self._visit_all(node.decorator_list)
        self._defaults(node.args)
        outer, self._scope = self._scope, self._scopes.of(node)
        node.body = self._statements(node.body)
        self._scope = outer
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        self._defaults(node.args)
        outer, self._scope = self._scope, self._scopes.of(node)
        node.body = self._visit(node.body)
        self._scope = outer
        return node

    def _defaults(self, args: ast.arguments) -> None:
        args.defaults = self._visit_all(args.defaults)
        args.kw_defaults = [None if d is None else self._visit(d) for d in args.kw_defaults]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.stmt:
        node.decorator_list = self._visit_all(node.decorator_list)
        if not getattr(node, "type_params", None):  # from 3.12
            node.bases = self._visit_all(node.bases)
            node.keywords = [self.visit(keyword) for keyword in node.keywords]
        outer, self._scope = self._scope, self._scopes.of(node)
        self._classes.append(node.name)
        node.body = self._statements(node.body)
        self._classes.pop()
        self._scope = outer
        return node

    def visit_Match(self, node: ast.Match) -> ast.stmt:
        node.subject = self._visit(node.subject)
        for case in node.cases:  # a pattern is no expression: it stays
            if case.guard is not None:
                case.guard = self._whole(case.guard)
            case.body = self._statements(case.body)
        return node

    def visit_Try(self, node: ast.Try) -> ast.stmt:
        return self._try(node)

    def visit_TryStar(self, node: ast.TryStar) -> ast.stmt:
        return self._try(node)

    def _try(self, node: ast.Try | ast.TryStar) -> ast.stmt:
        node.body = self._statements(node.body)
        for handler in node.handlers:
            if handler.type is not None:
                handler.type = self._visit(handler.type)
            handler.body = self._statements(handler.body)
        node.orelse = self._statements(node.orelse)
        node.finalbody = self._statements(node.finalbody)
        return node

    if sys.version_info >= (3, 12):

        def visit_TypeAlias(self, node: ast.TypeAlias) -> ast.stmt:
            return node  # its value is evaluated later, or never
