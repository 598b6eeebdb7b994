"""A known defect and a second bug beside it: the tag stands at the right wait only."""

from __future__ import annotations

from typing import Any

import pytest

from rtnl_model.iproute import parse_script
from rtnl_model.lab.catalogue import entry
from rtnl_model.lab.explore import ExploreOptions, Outcome, explore
from rtnl_model.lab.known import all_lead_to
from rtnl_model.lab.model_run import ModelSetting, record

SEED = 3
ONE_CPU = {"workers": "percpu", "cpus": 1}
OWN = """
ip netns add left
ip netns add right
ip netns add third
ip -n left link add end0 type veth peer name end1 netns right
ip -n third link add upp0 link end1 link-netns right type ipvlan mode l2
( ip -n left link del end0; ip netns del right )
"""
"""As G.5, and the namespace whose work is stuck is deleted."""
SOCKET = """
ip netns add left
ip netns add right
ip -n left link add gv0 netns right type geneve id 5 remote 10.0.0.1
ip -n right link set gv0 up
ip netns del left & ip -n right link set lo up & wait
"""
"""As G.15, with a kind whose socket is still open at the exit."""


def explored(script: str, schedules: int, *bugs: str, **setting: Any) -> Outcome:
    """Explore a script in `small` with these bugs; always the same schedules, which come there."""
    options = ExploreOptions(schedules=schedules, seed=SEED, findings=20, shrink=False)
    return explore(parse_script(script, "test"), ModelSetting(bugs=bugs, **setting), options)


def tags_of(findings: list[dict[str, Any]], kind: str) -> set[tuple[str, ...]]:
    """The tags of all findings of one kind."""
    return {
        tuple(finding["data"].get("tags", ())) for finding in findings if finding["kind"] == kind
    }


def test_the_end_of_the_stuck_works_own_namespace_is_not_blocked_by_another() -> None:
    """G.5 alone: any flush has to wait for the namespace's own work."""
    findings = record(parse_script(OWN, "own"), ModelSetting(**ONE_CPU)).findings

    assert tags_of(findings, "deadlock") == {("known:G.5",)}


def test_a_flush_with_rtnl_held_counts_beside_a_stuck_work() -> None:
    """G.5 and G.17 are there, and the flush keeps RTNL from everybody: a deadlock of its own."""
    result = explored(entry("G.17").scenario, 40, "flush-under-lock", **ONE_CPU)
    findings = [finding.report for finding in result.findings]

    assert result.outcome == "failed"
    assert not any(r.data.get("tags") for r in findings if "rtnl_mutex" in r.title)


def test_what_a_drain_elsewhere_left_is_known() -> None:
    """A user's unlock is closing the device when its backend ends: G.15, and nothing else."""
    result = explored(SOCKET, 200)

    assert result.outcome == "passed"
    assert {tuple(f.report.data["tags"]) for f in result.findings} == {("known:G.15",)}


def test_what_a_work_is_closing_is_not_known() -> None:
    """A flush that was forgotten would have waited for that work: it counts beside G.15."""
    result = explored(SOCKET, 100, "netns-freed-pending")
    sockets = [f.report for f in result.findings if "sockets" in f.report.title]

    assert result.outcome == "failed"
    assert () in {tuple(report.data.get("tags", ())) for report in sockets}


def test_an_entry_that_was_forgotten_is_not_a_drains() -> None:
    """Whoever queues a device takes it off the list first: what is on it was left by a bug."""
    result = explored(entry("G.15").scenario, 100, "stale-list-entry")
    lists = [f.report for f in result.findings if "list of" in f.report.title]

    assert result.outcome == "failed"
    assert lists
    assert not any(report.data.get("tags") for report in lists)


def row(thread: str, *of: str, lock: bool = False) -> dict[str, Any]:
    return {"thread": thread, "for": "something", "lock": lock, "of": list(of)}


def test_who_leads_to_a_known_wait_is_a_consequence() -> None:
    """At any distance, by locks and joins; and who waits for nobody in particular."""
    waits = [row("a", "b"), row("b", "c", lock=True), row("c"), row("d")]

    assert all_lead_to(waits, {"c"})


@pytest.mark.parametrize(
    "others",
    [
        [row("a", "b", lock=True), row("b", "a", lock=True)],
        [row("a", "b", lock=True), row("b")],
        [row("known", "a", lock=True), row("a", "known")],
    ],
)
def test_who_waits_for_each_other_is_none(others: list[dict[str, Any]]) -> None:
    """A cycle of locks, a wait with a wanted lock held, a known wait that wants a lock now."""
    waits = [*others, row("known")] if others[0]["thread"] != "known" else others

    assert not all_lead_to(waits, {"known"})
