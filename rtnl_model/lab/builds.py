"""Is the code of a mutant part of a build at all?  Decided by the code, not by what a run reached.

A method runs when a part of that kernel has it: no class above takes its place without calling it.
A place runs unless an `if` on `has_rtnl` keeps this build from it.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from types import FunctionType
from typing import Final

from lockcheck import Checker

from .. import kernel
from ..kernel.links.drivers import driver_table
from ..kernel.regime import REGIMES
from .model_run import ModelSetting
from .mutants import ROOT, Mutant, functions

__all__ = ["built"]

OVERLAYS: Final = ROOT.parent / "lab" / "bugs"
"""What pages of the catalogue put into a kernel is part of no build."""


def built(mutant: Mutant, regime: str) -> bool:
    """Can this build come by the place?"""
    return not mutant.file or (
        has_method(mutant, regime)
        and comes_by(mutant, regime)
        and is_called(mutant.function, regime)
    )


def has_method(mutant: Mutant, regime: str) -> bool:
    """Does a part of that kernel run this very function?"""
    cls_name, method = mutant.function.split(".")
    if mutant.file.startswith("fixes/") and fix_of(mutant.file) not in fixes_in(regime):
        return False
    here = parts(regime)
    if any(runs_in(part, cls_name, method) for part in here):
        return True
    known = [*here, *(part for other in REGIMES for part in parts(other))]
    return not any(cls.__name__ == cls_name for part in known for cls in part.__mro__)


def fix_of(file: str) -> str:
    """`fixes/g_8.py`: G.8."""
    return file.removeprefix("fixes/").removesuffix(".py").replace("_", ".").upper()


@cache
def fixes_in(regime: str) -> frozenset[str]:
    """Ids of the fixes that a kernel of this build has."""
    return frozenset(ModelSetting(rtnl=regime).kernel(Checker()).fixed)


def is_called(function: str, regime: str) -> bool:
    """Does any code that this build has name the method, other than to give it another name?

    `self.method` means it only in a class that is part of one object with the method's class.
    Fixes and conversions leave functions of 7.3 without a caller.
    """
    cls_name, method = function.split(".")
    names = named(regime)
    return ("", method) in names or any((cls, method) in names for cls in kin(cls_name, regime))


@cache
def kin(cls_name: str, regime: str) -> frozenset[str]:
    """Classes whose `self` may be an object of that class; of one that is a part of none of the
    kernel's parts, its line.
    """
    lines = [[cls.__name__ for cls in part.__mro__] for part in parts(regime)]
    if not any(cls_name in line for line in lines):
        lines = [[cls.__name__ for cls in part.__mro__] for part in classes().values()]
    return frozenset(name for line in lines if cls_name in line for name in line) | {cls_name}


@cache
def named(regime: str) -> frozenset[tuple[str, str]]:
    """(Class, attribute) for each attribute of `self` that code of this build names in that class,
    ("", attribute) for each of anything else; code outside the kernel is in each build.
    """
    names: set[tuple[str, str]] = set()
    inside: list[tuple[str, str, set[tuple[str, str]]]] = []
    for path in sorted(ROOT.parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if ROOT not in path.parents:
            if OVERLAYS not in path.parents:
                names |= attributes(tree)
            continue
        file = path.relative_to(ROOT).as_posix()
        held = {id(function) for _cls, function in functions(tree)}
        for cls, function in functions(tree):
            mutant = Mutant("lock", file, f"{cls.name}.{function.name}", function.lineno, "")
            if has_method(mutant, regime):
                _cut(function.body, REGIMES[regime].has_rtnl)
                inside.append((cls.name, function.name, attributes(function, cls=cls.name)))
        names |= attributes(tree, held)
    while True:  # what an uncalled function calls is not called
        more = {
            name
            for cls_name, method, called in inside
            if method.startswith("__")
            or ("", method) in names
            or any((near, method) in names for near in kin(cls_name, regime))
            for name in called
        }
        if more <= names:
            return frozenset(names)
        names |= more


def attributes(tree: ast.AST, but: Collection[int] = (), cls: str = "") -> set[tuple[str, str]]:
    """Names after a dot, but in the functions `but` (by id) and in `self.x = other.x`.

    Those of `self` and `super()` come with the class `cls`.
    """
    if id(tree) in but:
        return set()
    if isinstance(tree, ast.Assign) and isinstance(tree.value, ast.Attribute):
        target = tree.targets[0]
        if isinstance(target, ast.Attribute) and target.attr == tree.value.attr:
            return attributes(tree.value.value, cls=cls)
    found: set[tuple[str, str]] = set()
    if isinstance(tree, ast.Attribute):
        found.add((cls if is_self(tree.value) else "", tree.attr))
    for child in ast.iter_child_nodes(tree):
        found |= attributes(child, but, cls)
    return found


def is_self(expr: ast.expr) -> bool:
    """`self`, or `super()`."""
    if isinstance(expr, ast.Call):
        expr = expr.func
        return isinstance(expr, ast.Name) and expr.id == "super"
    return isinstance(expr, ast.Name) and expr.id == "self"


@cache
def parts(regime: str) -> tuple[type, ...]:
    """The classes that a kernel of this build is made of, drivers that it refuses left out."""
    k = ModelSetting(rtnl=regime).kernel(Checker())
    drivers = driver_table(has_rtnl=k.regime.has_rtnl)
    usable = (
        k.compose(f"links.{name}", driver)
        for name, driver in drivers.items()
        if driver.converted or not driver.kind or not k.regime.refuses_unconverted
    )
    return (type(k), *(type(part) for part in vars(k).values()), *usable)


@cache
def classes() -> Mapping[str, type]:
    """Every class of the kernel's files, by name."""
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        importlib.import_module(f"{kernel.__name__}.{name.removesuffix('.__init__')}")
    return {
        cls.__name__: cls
        for name, module in list(sys.modules.items())
        if name.startswith(f"{kernel.__name__}.")
        for cls in vars(module).values()
        if isinstance(cls, type)
    }


def runs_in(part: type, cls_name: str, method: str) -> bool:
    """Does a class get to that method: nothing above it takes its place without calling it?"""
    for cls in part.__mro__:
        found = vars(cls).get(method)
        if cls.__name__ == cls_name and found is not None:
            return True  # a layer is there twice: itself, and empty where it was put on a class
        if isinstance(found, FunctionType) and "super" not in found.__code__.co_names:
            return False
    return False


def comes_by(mutant: Mutant, regime: str) -> bool:
    """Does no `if` on has_rtnl keep this build from the line?"""
    cls_name, method = mutant.function.split(".")
    tree = ast.parse((ROOT / mutant.file).read_text(encoding="utf-8"))
    for cls, function in functions(tree):
        if cls.name == cls_name and function.name == method:
            lines: set[int] = set()
            _run(function.body, REGIMES[regime].has_rtnl, lines)
            return mutant.line in lines
    return True


def _run(body: Sequence[ast.stmt], has_rtnl: bool, lines: set[int]) -> bool:
    """Note the lines of statements that can run; returns whether the end can be reached."""
    for stmt in body:
        lines.add(stmt.lineno)
        if isinstance(stmt, ast.If):
            known = _asks(stmt.test, has_rtnl)
            goes_on = False
            if known is not False:
                goes_on |= _run(stmt.body, has_rtnl, lines)
            if known is not True:
                goes_on |= _run(stmt.orelse, has_rtnl, lines)
            if not goes_on:
                return False
        elif isinstance(stmt, ast.Return | ast.Raise | ast.Continue | ast.Break):
            return False
        else:
            for name in ("body", "orelse", "finalbody"):
                _run(getattr(stmt, name, ()), has_rtnl, lines)  # whichever it has
            for handler in stmt.handlers if isinstance(stmt, ast.Try) else ():
                _run(handler.body, has_rtnl, lines)
    return True


def _cut(body: list[ast.stmt], has_rtnl: bool) -> None:
    """Leave only statements that can run."""
    lines: set[int] = set()
    _run(body, has_rtnl, lines)
    _keep(body, lines)


def _keep(body: list[ast.stmt], lines: Collection[int]) -> None:
    body[:] = [stmt for stmt in body if stmt.lineno in lines]
    for stmt in body:
        for name in ("body", "orelse", "finalbody"):
            _keep(getattr(stmt, name, []), lines)  # whichever it has
        for handler in stmt.handlers if isinstance(stmt, ast.Try) else ():
            _keep(handler.body, lines)


def _asks(test: ast.expr, has_rtnl: bool) -> bool | None:
    """What `has_rtnl` or `not has_rtnl` is here; None: it asks something else."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _asks(test.operand, has_rtnl)
        return None if inner is None else not inner
    if isinstance(test, ast.Attribute) and test.attr == "has_rtnl":
        return has_rtnl
    return None
