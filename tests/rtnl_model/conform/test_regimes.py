"""The regimes agree with each other, scenario by scenario, and have nothing to report.

Only scenarios without races are compared, with a worker for each namespace; a scenario with a kind
that `pernet` refuses, for want of a conversion, is compared in `global` and `small` alone.
"""

from __future__ import annotations

from typing import Any

import pytest

from rtnl_model.iproute.commands import LinkAdd, Par, Script
from rtnl_model.kernel.links.drivers import driver_table
from rtnl_model.lab.conform import left_out
from rtnl_model.lab.model_run import ModelSetting, link_kinds

from .runs import REAL, UNKNOWN, ahead, run, scripts

FILES = ("scenarios", "scenarios-topologies", "scenarios-netkit")


def without_races(file: str) -> list[Script]:
    """The scenarios of a file that have no race and only kinds of the model."""
    kinds = link_kinds(ModelSetting())
    return [
        script
        for script in scripts(file).values()
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
    cases = [
        (script, ("small",) if refused(script) else ("small", "pernet"))
        for script in without_races(name)
    ]
    ahead(
        (REAL, name, script.name, regime, "netns")
        for script, regimes in cases
        for regime in ("global", *regimes)
    )
    for script, regimes in cases:
        expected = devices(run(REAL, name, script.name, "global", "netns").document)
        for regime in regimes:
            document = run(REAL, name, script.name, regime, "netns").document
            compared += 1

            assert devices(document) == expected, (script.name, regime)
            assert document["findings"] == [], (script.name, regime)

    assert compared >= {"scenarios": 120, "scenarios-topologies": 5, "scenarios-netkit": 40}[name]
