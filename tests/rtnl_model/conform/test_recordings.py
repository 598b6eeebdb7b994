"""What a real kernel recorded, and the model: agreement per level, every difference explained.

The recordings are the project's own test data.  A difference that is left must stand in EXPLAINED,
with its reason; a scenario whose race went another way than in the recording is marked by
`conform` itself.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from rtnl_model.iproute.commands import Script
from rtnl_model.lab.conform import Conformity, compare, lacking_kinds, left_out
from rtnl_model.lab.model_run import ModelSetting, link_kinds, record

from .runs import LOGICAL, REAL, Call, ahead, recording, run, scripts, text

RECORDINGS = {
    "golden-small": ("scenarios", "small", "percpu"),
    "golden-topologies-small": ("scenarios-topologies", "small", "percpu"),
    "golden-netkit-small": ("scenarios-netkit", "small", "percpu"),
    "golden-netkit-nonotifier-small": (
        "scenarios-netkit-nonotifier",
        "small",
        "percpu",
        "netkit-notifier",
    ),
    "golden-global": ("scenarios", "global", "netns"),
    "golden-random-all-small": ("scenarios-random-all", "small", "percpu"),
    "golden-random-modelled-small": ("scenarios-random-modelled", "small", "percpu"),
    "golden-asked-small": ("scenarios-asked", "small", "percpu"),
}
"""recording -> scenarios, regime, workers, bugs"""
LEAST = {"L1": 100.0, "L2": 97.0, "L3": 95.0}

TIMING = "devices of one todo list are freed in the order in which their last references go"
DEBIAN = "Debian's bond has features that the debug kernel's lacks, and so more notifications"
EXPLAINED = {
    ("golden-global", "bond-slave-veth-del-peer"): DEBIAN,
    ("golden-global", "bond-del-bond-releases-slave"): DEBIAN,
    ("golden-small", "ipvlan-2up-del-upper-ns-then-lower-ns"): TIMING,
    ("golden-netkit-small", "nk-del-phys-with-uppers"): TIMING,
}
"""(recording, scenario) -> why it may differ."""


@cache
def conformity(name: str, time: str = LOGICAL) -> Conformity:
    """Run all scenarios of a recording, once for all tests."""
    file, rtnl, workers, *bugs = RECORDINGS[name]
    all_, golden = list(scripts(file).values()), recording(name)
    kinds, lacking = link_kinds(ModelSetting(rtnl=rtnl)), lacking_kinds(all_, golden)

    def call(script: Script) -> Call:
        return (time, file, script.name, rtnl, workers, *bugs)

    ahead(
        call(script)
        for script in all_
        if script.name in golden["results"] and not left_out(script, kinds, lacking)
    )
    return compare(all_, golden, lambda script, _first: run(*call(script)).document, kinds=kinds)


@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("level", LEAST)
def test_the_model_agrees_with_the_kernel(name: str, level: str) -> None:
    """L1 on all scenarios, L2 on 97 percent, L3 on 95 percent."""
    found = conformity(name)
    told = "\n".join(str(d) for d in found.differences if d.level <= level)

    assert found.percent(level) >= LEAST[level], told


@pytest.mark.parametrize("name", ["golden-topologies-small", "golden-netkit-nonotifier-small"])
@pytest.mark.parametrize("level", ["L1", "L2"])
def test_the_model_agrees_however_it_is_scheduled(name: str, level: str) -> None:
    """As the operating system schedules it, with waits of some milliseconds."""
    found = conformity(name, REAL)
    told = "\n".join(str(d) for d in found.differences if d.level <= level)

    assert found.percent(level) >= LEAST[level], told


def test_the_table_names_nothing_that_agrees() -> None:
    """Logical time is the same every time: what agrees once needs no excuse."""
    differing = {(name, d.scenario) for name in RECORDINGS for d in conformity(name).differences}

    assert differing >= EXPLAINED.keys()


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_remaining_difference_is_explained(name: str) -> None:
    """Nothing differs but what the table names."""
    unexplained = [
        str(d)
        for d in conformity(name).differences
        if not d.after_race and (name, d.scenario) not in EXPLAINED
    ]

    assert unexplained == []


@pytest.mark.parametrize("name", RECORDINGS)
def test_scenarios_are_left_out_for_a_kind_only(name: str) -> None:
    """A scenario is compared unless exactly one side lacks one of its kinds."""
    found = conformity(name)
    scenarios = json.loads(text(RECORDINGS[name][0]))

    assert len(found.compared) + len(found.left_out) == len(scenarios)
    assert all(" lacks " in reason for reason in found.left_out.values())


def hung(name: str) -> list[tuple[str, int, str]]:
    """(scenario, op, file) of the recorded hangs that the model has the kinds for."""
    return [
        (scenario, result["hung"], RECORDINGS[name][0])
        for scenario, result in recording(name)["results"].items()
        if "hung" in result
    ]


HANGS = [
    pytest.param(*hang, id=hang[0])
    for name in ("golden-small", "golden-topologies-small")
    for hang in hung(name)
]


@pytest.mark.parametrize("time", [LOGICAL, REAL])
@pytest.mark.parametrize(("scenario", "op", "file"), HANGS)
@pytest.mark.timeout(30)
def test_a_recorded_hang_ends_and_names_who_waits(
    scenario: str, op: int, file: str, time: str
) -> None:
    """The op is marked, the kernel's line is logged, the finding names the work behind the work."""
    document = run(time, file, scenario, "small", "percpu").document
    last = document["ops"][-1]
    findings = [f for f in document["findings"] if f["kind"] in ("deadlock", "hang")]

    assert document["hung"] == op
    assert last["i"] == op
    assert last["hung"]
    assert any("to become free. Usage count = " in line for line in last["kmsg"])
    assert len(findings) == 1
    assert findings[0]["tag"] == "known:G.5"
    assert "behind the work of" in findings[0]["text"]


@pytest.mark.timeout(30)
def test_a_hang_is_logged_although_nobody_waits_ten_seconds() -> None:
    """The watchdog ends a run long before the kernel's first line: it is there all the same."""
    script = scripts("scenarios-topologies")["T6-deep-chain"]
    document = record(script, ModelSetting(workers="percpu", timing="idle")).document

    assert any("to become free. Usage count = " in line for line in document["ops"][-1]["kmsg"])


@pytest.mark.parametrize(("scenario", "op", "file"), HANGS)
def test_a_worker_for_each_namespace_does_not_hang(scenario: str, op: int, file: str) -> None:
    """With `--workers netns` the recorded hangs end, with the devices that `global` leaves."""
    document = run(REAL, file, scenario, "small", "netns").document
    reference = run(REAL, file, scenario, "global", "netns").document

    assert "hung" not in document
    assert document["findings"] == []
    assert [names(o) for o in document["ops"]] == [names(o) for o in reference["ops"]]


def names(op: dict[str, Any]) -> dict[str, list[str]]:
    """Device names per namespace."""
    return {ns: [d["ifname"] for d in devices] for ns, devices in op["devices"].items()}
