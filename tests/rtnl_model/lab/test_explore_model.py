"""The RTNL model under the explorer: what a kernel hang needs, and what a clean script shows."""

from __future__ import annotations

import threading

import pytest

from lockcheck.conduct.perturbed import thread_key
from lockcheck.conduct.verdict import DEADLOCK
from lockcheck.explore.bridge import repeat_free_run
from lockcheck.explore.random_walk import RandomWalk
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from lockcheck.explore.token import Token
from lockcheck.seam import Kind
from rtnl_model.iproute import parse_script
from rtnl_model.lab.explore import ExploreOptions, ModelSubject, concurrent_from, explore, replay
from rtnl_model.lab.model_run import ModelSetting
from rtnl_model.lab.topologies import topology

CROSSED = """\
ip netns add ns1; ip netns add ns2
ip -n ns1 link add a1 type veth peer a2 netns ns2
ip -n ns2 link add b2 type veth peer b1 netns ns1
ip -n ns1 link del a1 & ip -n ns2 link del b2 & wait
"""
STACKED = """\
ip netns add ns1; ip netns add ns2; ip netns add ns3
ip -n ns1 link add v1 type veth peer v2 netns ns2
ip -n ns3 link add u link v2 link-netns ns2 type ipvlan mode l2
ip -n ns1 link del v1
"""


@pytest.mark.apart
def test_two_crossed_deletions_deadlock_in_naive() -> None:
    """Two namespaces' locks in two orders, by a token of at most three switches."""
    result = explore(
        parse_script(CROSSED),
        ModelSetting(rtnl="naive"),
        ExploreOptions(seed=1, schedules=40, findings=1),
    )
    finding = next(f for f in result.findings if f.report.kind == "deadlock")

    assert result.outcome == "failed"
    assert finding.switches <= 3
    assert len(finding.report.cycle) == 2
    assert {step.wanted.cls for step in finding.report.cycle} == {"&net->rtnl_mutex"}


def test_the_recorded_hang_is_a_deadlock_through_a_work_and_a_reference() -> None:
    """One work queue per CPU: the work that would drop the reference stands behind the wait."""
    result = explore(
        parse_script(STACKED),
        ModelSetting(workers="percpu"),
        ExploreOptions(strategy="random", seed=1, schedules=10),
    )
    finding = next(f for f in result.findings if f.report.kind == "deadlock")
    told = finding.report.detail

    assert "kworker" in finding.report.title
    assert "v2" in told
    assert "the work of ns3 (to unregister u) is queued" in told
    assert "behind the work of ns2" in told


def test_its_token_replays_every_time() -> None:
    """The same finding, the same operations, from the text of the token alone."""
    result = explore(
        parse_script(STACKED),
        ModelSetting(workers="percpu"),
        ExploreOptions(strategy="random", seed=2, schedules=2),
    )
    finding = next(f for f in result.findings if f.report.kind == "deadlock")
    text = str(finding.token)
    for _ in range(10):
        again = replay(Token.parse(text))

        assert again.divergence == ""
        assert finding.report.fingerprint in {report.fingerprint for report in again.reports}


@pytest.mark.apart
def test_with_a_worker_each_the_same_script_is_exhausted_clean() -> None:
    """Sampling meets no other order, no thread is left."""
    before = set(threading.enumerate())
    setting = ModelSetting(timing="zero")
    result = explore(parse_script(STACKED), setting, ExploreOptions(strategy="dpor", seed=1))
    sampled = explore(
        parse_script(STACKED), setting, ExploreOptions(strategy="pos", seed=1, schedules=60)
    )

    assert result.exhausted
    assert [f.report.title for f in result.findings if f.counts] == []
    assert set(threading.enumerate()) <= before
    assert set(sampled.coverage.orders) <= set(result.coverage.orders)


@pytest.mark.apart
@pytest.mark.parametrize(
    ("name", "regime"), [("T13", "global"), ("T21", "small"), ("T10", "global")]
)
def test_what_sampling_meets_is_among_what_dpor_tried(name: str, regime: str) -> None:
    """A field that is shared and not declared would show here as an order that DPOR never saw."""
    script = parse_script(topology(name))
    setting = ModelSetting(rtnl=regime, timing="zero")
    exhaustive = explore(script, setting, ExploreOptions(strategy="dpor", seed=1))
    sampled = explore(script, setting, ExploreOptions(strategy="pos", seed=2, schedules=40))

    assert exhaustive.exhausted
    assert set(sampled.coverage.orders) <= set(exhaustive.coverage.orders)


def test_schedules_of_a_kept_kernel_are_those_of_a_fresh_one() -> None:
    """Orders, states, points and findings are the same, schedule by schedule."""
    seen = []
    for keeps in (True, False):
        subject = ModelSubject(parse_script(topology("T4")), ModelSetting(timing="zero"))
        subject.keeps = keeps
        with Session(subject, limits=Limits(schedules=8, shrink=False)) as session:
            result = session.explore(RandomWalk(3))
        assert (subject.booted is not None) == keeps
        found = sorted(finding.report.fingerprint for finding in result.findings)
        coverage = result.coverage
        seen.append((coverage.orders, coverage.states, coverage.points, found))

    assert seen[0] == seen[1]


def test_the_order_of_a_failed_run_leads_to_a_token() -> None:
    """What a free run records (per object, whose turn it was) is enough to deadlock again."""
    subject = ModelSubject(parse_script(CROSSED), ModelSetting(rtnl="naive"))
    orders: dict[str, list[int]] = {}
    with Session(subject, limits=Limits(shrink=False)) as session:
        run = 0
        while session.run_one(RandomWalk(5), run) != DEADLOCK:
            run += 1
        failed = next(f for f in session.findings if f.report.kind == "deadlock")
        tasks = session.conductor.tasks
        for choice, op in session.conductor.events:
            if op.kind in (Kind.ACQUIRE, Kind.WAKE, Kind.WAIT, Kind.REF_INC, Kind.REF_DEC):
                name = tasks[choice.thread].name
                orders.setdefault(op.obj.name, []).append(thread_key(name))
    with Session(subject, limits=Limits(shrink=False)) as session:
        finding = repeat_free_run(session, orders, failed.report.fingerprint)

    assert finding is not None
    assert finding.strategy == "bridge"
    assert finding.run <= 3


def test_the_concurrent_part_begins_where_something_is_removed_or_let_go() -> None:
    """Set-up before it runs without points."""
    assert concurrent_from(parse_script(CROSSED)) == 4
    assert concurrent_from(parse_script(STACKED)) == 5
    assert concurrent_from(parse_script("ip netns add a\nip netns add b\n")) == 0
