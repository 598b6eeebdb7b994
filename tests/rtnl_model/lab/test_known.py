"""A stuck run is tagged by its causes: each wait for itself, and only when all have a known one."""

from __future__ import annotations

from typing import Any

from rtnl_model.iproute import parse_script
from rtnl_model.kernel.netdevice import RegState
from rtnl_model.lab.catalogue import entry
from rtnl_model.lab.known import causes_of
from rtnl_model.lab.model_run import ModelSetting, record
from tests.rtnl_model.kernel.builders import add, nets, running

ONE_CPU = ModelSetting(workers="percpu", cpus=1)


def stuck(scenario: str, setting: ModelSetting) -> dict[str, Any]:
    """The report of the deadlock that a run ends in."""
    findings = record(parse_script(scenario, "stuck"), setting).findings
    (report,) = [finding for finding in findings if finding["kind"] == "deadlock"]
    return report


def test_a_work_behind_the_one_that_waits_for_it_is_a_known_defect() -> None:
    """G.5, and nothing else."""
    assert stuck(entry("G.5").scenario, ONE_CPU)["data"]["tags"] == ["known:G.5"]


def test_an_exit_that_waits_for_that_work_has_both_tags() -> None:
    """The flush of another namespace's exit (G.17) is stuck because of G.5."""
    tags = stuck(entry("G.17").scenario, ONE_CPU)["data"]["tags"]

    assert tags == ["known:G.5", "known:G.17"]


def test_a_leak_beside_a_known_defect_is_not_known() -> None:
    """One wait is G.5, the other one's reference was leaked by a seeded bug: it counts."""
    setting = ModelSetting(workers="percpu", cpus=1, bugs=("reference-leaked",))
    report = stuck(entry("G.5").scenario, setting)

    assert report["data"].get("tags", []) == []
    assert "tag" not in report


def test_a_device_held_by_one_that_a_known_defect_holds_is_explained_by_it() -> None:
    """A batch waits for a lower and for the macvlan on it; only the macvlan has a late upper."""
    with running("small", kinds=("dummy", "macvlan", "ipvlan")) as k:
        (net,) = nets(k, "a")
        low = add(k, net, "low0")
        mac = add(k, net, "mac0", "macvlan", link=low.ifindex, data={"mode": "bridge"})
        upper = add(k, net, "upp0", "ipvlan", link=mac.ifindex, data={"mode": "l2"})
        k.dev_todo.waiting[99], k.dev_todo.waiters[99] = [low, mac], "ip 99"
        explained = list(causes_of(k))
        mac.reg_state = RegState.UNREGISTERED
        late = list(causes_of(k))
        mac.reg_state = RegState.REGISTERED
        del k.dev_todo.waiting[99], k.dev_todo.waiters[99]

        assert explained == [("ip 99", ())]
        assert late == [("ip 99", ("G.1",))]
        assert upper.name == "upp0"
