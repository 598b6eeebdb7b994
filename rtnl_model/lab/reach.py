"""Which functions of the model a topology comes by: what a mutant of them is searched with."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Final

from lockcheck.explore.random_walk import RandomWalk
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session

from .. import kernel
from ..iproute import load_script
from .explore import ModelSubject
from .model_run import ModelSetting, link_kinds
from .mutants import mutants
from .topologies import topology

__all__ = ["reaching"]

SCHEDULES: Final = 4
SEED: Final = 1


def reaching(regime: str, name: str) -> frozenset[str]:
    """`Class.method` of every mutated function that some schedules of a topology call.

    Context: a process of its own, which these functions are wrapped in for good.
    """
    seen: set[str] = set()
    for file, function in sorted({(m.file, m.function) for m in mutants()}):
        _watch(file, function, seen)
    setting = ModelSetting(rtnl=regime, timing="zero")
    script = load_script(f"@{name}", topology=topology, kinds=link_kinds(setting))
    with Session(ModelSubject(script, setting), limits=Limits(shrink=False)) as session:
        for number in range(SCHEDULES):
            session.run_one(RandomWalk(SEED), number)
    return frozenset(seen)


def _watch(file: str, function: str, seen: set[str]) -> None:
    """Note each call of a method."""
    dotted = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    cls_name, method = function.split(".")
    cls = vars(importlib.import_module(f"{kernel.__name__}.{dotted}"))[cls_name]
    real: Callable[..., object] = vars(cls)[method]

    @functools.wraps(real)
    def called(*args: object, **how: object) -> object:
        seen.add(function)
        return real(*args, **how)

    setattr(cls, method, called)
