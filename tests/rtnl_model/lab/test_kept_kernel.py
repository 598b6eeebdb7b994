"""A kernel that is put back for each schedule does what one that is booted for each does."""

from __future__ import annotations

import pytest

from lockcheck.explore.result import Limits, Outcome
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy
from rtnl_model.iproute import parse_script
from rtnl_model.lab.explore import ModelSubject
from rtnl_model.lab.model_run import ModelSetting
from rtnl_model.lab.topologies import topology


def searched(name: str, setting: ModelSetting, *, keeps: bool) -> tuple[Outcome, ModelSubject]:
    subject = ModelSubject(parse_script(topology(name)), setting)
    subject.keeps = keeps
    with Session(subject, limits=Limits(schedules=8, shrink=False)) as session:
        return session.explore(make_strategy("random", 7)), subject


@pytest.mark.parametrize(
    ("name", "rtnl", "workers"),
    [("T4", "small", "netns"), ("T4", "pernet", "netns"), ("T13", "global", "netns"),
     ("T1", "naive", "netns"), ("T3", "small", "percpu"), ("T17", "pernet", "percpu")],
)  # fmt: skip
def test_put_back_or_booted_makes_no_difference(name: str, rtnl: str, workers: str) -> None:
    """The same orders, final states, lengths and findings, schedule by schedule."""
    setting = ModelSetting(rtnl=rtnl, workers=workers)
    kept, subject = searched(name, setting, keeps=True)
    fresh, _ = searched(name, setting, keeps=False)

    assert subject.booted is not None
    assert kept.coverage.orders == fresh.coverage.orders
    assert kept.coverage.states == fresh.coverage.states
    assert kept.coverage.points == fresh.coverage.points
    assert [f.report.title for f in kept.findings] == [f.report.title for f in fresh.findings]
    assert not [finding.note for finding in kept.findings if "unconfirmed" in finding.note]
