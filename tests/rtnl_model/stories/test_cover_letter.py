"""The series' own example, in every regime: who unregisters what, and that nothing is left."""

from __future__ import annotations

import os
from typing import Any

import pytest

from rtnl_model.iproute import parse_script
from rtnl_model.lab.model_run import ModelSetting, Recorded, record
from rtnl_model.lab.topologies import topology

ROUNDS = int(os.environ.get("RTNL_MODEL_ROUNDS", "3"))
"""Runs in a row; the long run: RTNL_MODEL_ROUNDS=200 pytest tests/stories/test_cover_letter.py."""


def cover_letter(regime: str) -> Recorded:
    """Run it once."""
    return record(parse_script(topology("T1")), ModelSetting(rtnl=regime))


def last_op(recorded: Recorded) -> dict[str, Any]:
    """What `ip -n ns1 link del veth0` did."""
    op: dict[str, Any] = recorded.document["ops"][-1]
    return op


def pids(op: dict[str, Any], function: str, dev: str) -> list[int]:
    """Who called a function on a device."""
    return [r["pid"] for r in op["trace"] if r["fn"] == function and r.get("dev") == dev]


def at(op: dict[str, Any], function: str, dev: str) -> int:
    """When, as an index into the trace."""
    return next(i for i, r in enumerate(op["trace"]) if r["fn"] == function and r.get("dev") == dev)


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_uppers_are_unregistered_by_their_own_namespaces(regime: str) -> None:
    """ipvl2 and ipvl3 are unregistered by two threads, neither of them the caller's."""
    for _round in range(ROUNDS):
        op = last_op(cover_letter(regime))
        caller = op["cmds"][0]["pid"]

        upper2, upper3 = pids(op, "ipvlan_uninit", "ipvl2"), pids(op, "ipvlan_uninit", "ipvl3")

        assert len(upper2) == 1
        assert len(upper3) == 1
        assert len({caller, *upper2, *upper3}) == 3


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_the_lower_is_freed_by_the_caller_after_both_uninits(regime: str) -> None:
    """veth0's free_netdev is the caller's, and comes after both ipvlan_uninit."""
    for _round in range(ROUNDS):
        op = last_op(cover_letter(regime))

        assert [op["cmds"][0]["pid"]] == pids(op, "free_netdev", "veth0")
        assert at(op, "ipvlan_uninit", "ipvl2") < at(op, "free_netdev", "veth0")
        assert at(op, "ipvlan_uninit", "ipvl3") < at(op, "free_netdev", "veth0")


def test_under_the_global_mutex_everything_is_the_callers() -> None:
    """In `global` the caller unregisters all four devices itself."""
    for _round in range(ROUNDS):
        op = last_op(cover_letter("global"))
        caller = op["cmds"][0]["pid"]

        assert {caller} == {r["pid"] for r in op["trace"]}


@pytest.mark.parametrize("regime", ["global", "small", "pernet"])
def test_all_devices_are_gone_and_the_run_is_clean(regime: str) -> None:
    """Nothing but lo is left, every command succeeded, and there is no finding."""
    for _round in range(ROUNDS):
        recorded = cover_letter(regime)

        assert recorded.findings == []
        assert all(cmd["rc"] == 0 for op in recorded.document["ops"] for cmd in op["cmds"])
        assert {
            netns: [dev["ifname"] for dev in devs]
            for netns, devs in last_op(recorded)["devices"].items()
        } == {"ns1": ["lo"], "ns2": ["lo"], "ns3": ["lo"]}
