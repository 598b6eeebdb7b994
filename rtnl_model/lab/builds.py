"""Is the code of a mutant part of a build at all?  Decided by the code, not by what a run reached.

A method runs when a part of that kernel has it: no class above takes its place without calling it.
A place runs unless an `if` on `has_rtnl` keeps this build from it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache
from types import FunctionType

from lockcheck import Checker

from ..kernel.fixes import FIXES
from ..kernel.links.drivers import driver_table
from ..kernel.regime import REGIMES
from .model_run import ModelSetting
from .mutants import ROOT, Mutant, functions

__all__ = ["built"]


def built(mutant: Mutant, regime: str) -> bool:
    """Can this build come by the place?"""
    return not mutant.file or (has_method(mutant, regime) and comes_by(mutant, regime))


def has_method(mutant: Mutant, regime: str) -> bool:
    """Does a part of that kernel run this very function?"""
    cls_name, method = mutant.function.split(".")
    here = parts(regime)
    if any(runs_in(part, cls_name, method) for part in here):
        return True
    known = [*here, *(part for other in REGIMES for part in parts(other))]
    return not any(cls.__name__ == cls_name for part in known for cls in part.__mro__)


@cache
def parts(regime: str) -> tuple[type, ...]:
    """The classes that a kernel of this build is made of, drivers that it refuses left out."""
    k = ModelSetting(rtnl=regime).kernel(Checker())
    drivers = driver_table(has_rtnl=k.regime.has_rtnl)
    usable = {
        name: driver
        for name, driver in drivers.items()
        if driver.converted or not driver.kind or not k.regime.refuses_unconverted
    }
    fixes = [fix.classes for fix in FIXES if fix.id in k.fixed]
    return (
        type(k),
        *(type(part) for part in vars(k).values()),
        *usable.values(),
        *(each for classes in fixes for each in classes.values() if isinstance(each, type)),
    )


def runs_in(part: type, cls_name: str, method: str) -> bool:
    """Does a class get to that method: nothing above it takes its place without calling it?"""
    for cls in part.__mro__:
        found = vars(cls).get(method)
        if cls.__name__ == cls_name:
            return found is not None
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


def _asks(test: ast.expr, has_rtnl: bool) -> bool | None:
    """What `has_rtnl` or `not has_rtnl` is here; None: it asks something else."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _asks(test.operand, has_rtnl)
        return None if inner is None else not inner
    if isinstance(test, ast.Attribute) and test.attr == "has_rtnl":
        return has_rtnl
    return None
