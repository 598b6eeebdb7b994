"""Every recorded scenario run once per setting, for all tests of this folder.

A test that needs many says so first (`ahead`): they run two at a time, in processes of their own.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from multiprocessing.pool import AsyncResult
from pathlib import Path
from typing import Any

from rtnl_model.iproute import parse_scenarios
from rtnl_model.iproute.commands import Script
from rtnl_model.lab.conform import first_ifindex
from rtnl_model.lab.logical_run import record_logical
from rtnl_model.lab.model_run import ModelSetting, record
from tests import apart

DATA = Path(__file__).parents[2] / "data"
USES_INIT = {
    "scenarios-random-all": "golden-random-all-small",
    "scenarios-random-modelled": "golden-random-modelled-small",
}
"""Scenarios that make devices in the initial namespace, and their recording."""
UNKNOWN = frozenset({"nosuchtype"})
"""A kind that no kernel has: a scenario with it is compared."""

Edge = tuple[str, str]


@dataclass(frozen=True)
class Done:
    """What is kept of a run."""

    document: dict[str, Any]
    classes: frozenset[str]
    edges: frozenset[Edge]
    """(held, taken) for each pair of every chain, by class name."""


def text(name: str) -> str:
    """A file of test data."""
    return gzip.decompress((DATA / f"{name}.json.gz").read_bytes()).decode()


def recording(name: str) -> dict[str, Any]:
    """A recording."""
    golden: dict[str, Any] = json.loads(text(name))
    return golden


@cache
def scripts(file: str) -> dict[str, Script]:
    """The scenarios of a file by name."""
    return {script.name: script for script in parse_scenarios(text(file), file)}


Call = tuple[str, ...]
"""LOGICAL or REAL, file, scenario, regime, workers and bugs."""
LOGICAL = "logical time"
"""The kernel's real lengths, whatever this machine does: what a recording is compared with."""
REAL = "real time"
"""Scheduled by the operating system, with short waits."""
started: dict[Call, AsyncResult[Done]] = {}


def ahead(calls: Iterable[Call]) -> None:
    """Start these runs, those not started yet, in this order."""
    for call in calls:
        if call not in started:
            started[call] = apart.start(run_here, *call)


def run(*call: str) -> Done:
    """What came of a run; it is started when nobody has."""
    ahead([call])
    return apart.result(started[call])


@cache
def began_at(file: str, name: str) -> int:
    """Where the recording machine's initial namespace was, for scenarios that use it."""
    golden = USES_INIT.get(file)
    return first_ifindex(recording(golden)["results"][name]) if golden else 0


def run_here(time: str, file: str, name: str, rtnl: str, workers: str, *bugs: str) -> Done:
    """Run one scenario."""
    script = scripts(file)[name]
    if time == LOGICAL:
        setting = ModelSetting(
            rtnl=rtnl, workers=workers, timing="idle", bugs=bugs, init_ifindex=began_at(file, name)
        )
        recorded = record_logical(script, setting)
    else:
        recorded = record(script, ModelSetting(rtnl=rtnl, workers=workers, bugs=bugs))
    graph = recorded.chk.graph.to_dict()
    names = {cls["id"]: str(cls["name"]) for cls in graph["classes"]}
    edges: set[Edge] = set()
    for chain in graph["chains"]:
        held = [names[entry["id"]] for entry in chain["classes"]]
        edges.update((a, b) for i, a in enumerate(held) for b in held[i + 1 :])
    return Done(recorded.document, frozenset(names.values()), frozenset(edges))
