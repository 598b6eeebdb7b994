"""The regimes agree with each other, scenario by scenario, and have nothing to report.

Only scenarios without races are compared, with a worker for each namespace; a scenario with a kind
that `pernet` refuses, for want of a conversion, is compared in `global` and `small` alone.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from rtnl_model.iproute import parse_scenarios
from rtnl_model.iproute.commands import LinkAdd, Par, Script
from rtnl_model.kernel.links.drivers import driver_table
from rtnl_model.lab.conform import left_out
from rtnl_model.lab.model_run import ModelSetting, link_kinds, run_document

DATA = Path(__file__).parents[1] / "data"
FILES = ("scenarios", "scenarios-topologies", "scenarios-netkit")
UNKNOWN = frozenset({"nosuchtype"})


def scripts(name: str) -> list[Script]:
    """The scenarios of a file that have no race and only kinds of the model."""
    kinds = link_kinds(ModelSetting())
    text = gzip.decompress((DATA / f"{name}.json.gz").read_bytes()).decode()
    return [
        script
        for script in parse_scenarios(text, name)
        if not any(isinstance(step, Par) for step in script.steps)
        and not left_out(script, kinds, UNKNOWN)
    ]


def refused(script: Script) -> bool:
    """Does it use a kind that has no conversion for `pernet`?"""
    table = driver_table(has_rtnl=False)
    return any(
        isinstance(command, LinkAdd) and command.kind in table and not table[command.kind].converted
        for command in script.commands()
    )


def devices(document: dict[str, Any]) -> list[dict[str, list[dict[str, Any]]]]:
    """After each op, without what a listing allocates as it asks."""
    return [
        {
            ns: [
                {k: v for k, v in device.items() if k not in ("lower", "backend")}
                for device in all_
            ]
            for ns, all_ in op["devices"].items()
        }
        for op in document["ops"]
    ]


@pytest.mark.parametrize("name", FILES)
def test_devices_are_the_same_in_every_regime(name: str) -> None:
    """After each op, in global, small and pernet; nothing hangs, nothing is found."""
    compared = 0
    for script in scripts(name):
        regimes = ("small",) if refused(script) else ("small", "pernet")
        expected = devices(run_document(script, ModelSetting(rtnl="global")))
        for regime in regimes:
            document = run_document(script, ModelSetting(rtnl=regime))
            compared += 1

            assert devices(document) == expected, (script.name, regime)
            assert document["findings"] == [], (script.name, regime)

    assert compared >= {"scenarios": 120, "scenarios-topologies": 5, "scenarios-netkit": 40}[name]
