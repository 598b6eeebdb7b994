"""Stress in small sizes: clean where it must be, delegation, sections, and the five seeded bugs."""

from __future__ import annotations

import gc
import threading
from functools import partial
from multiprocessing.pool import AsyncResult
from typing import Any

import pytest

from rtnl_model.lab import stress as stress_module
from rtnl_model.lab.catalogue import entry
from rtnl_model.lab.mix import MIXES, parse_mix
from rtnl_model.lab.model_run import ModelSetting
from rtnl_model.lab.stress import Stress, StressOptions, StressResult
from rtnl_model.lab.stress_boot import conductor_of, stress_kernel
from tests import apart
from tests.conftest import seed_of

SEEDED = [
    "veth-no-exchange",
    "ipvlan-no-dying",
    "drain-forgotten",
    "reference-leaked",
    "netns-freed-pending",
]


def stress(
    regime: str,
    seed: int,
    *,
    bug: str = "",
    perturbed: bool = False,
    timing: str = "idle",
    **words: Any,
) -> StressResult:
    """One short run; 300 operations unless asked otherwise."""
    words.setdefault("ops", 300)
    options = StressOptions(seed=seed, **words)
    setting = ModelSetting(rtnl=regime, timing=timing, bugs=(bug,) if bug else ())
    boot = partial(stress_kernel, setting=setting, options=options)
    return Stress(options, boot, conductor_of(seed) if perturbed else None).run()


def counted(regime: str, seed: int, **words: Any) -> StressResult:
    """One run after which the process has the threads that it had; for another process."""
    before = set(threading.enumerate())
    result = stress(regime, seed, **words)

    assert set(threading.enumerate()) <= before
    result.reports.clear()  # the findings say the same, and can be sent
    return result


Started = dict[tuple[str, str], AsyncResult[StressResult]]
"""By bug, or what else is odd about it, and regime."""


@pytest.fixture(scope="module")
def short_runs(request: pytest.FixtureRequest) -> dict[str, StressResult]:
    """One short run of each regime, looked at by several tests."""
    seed = seed_of(request.config)
    sizes = {"global": {}, "small": {}, "pernet": {"ops": 400, "threads": 16}}
    started = {each: apart.start(counted, each, seed, **words) for each, words in sizes.items()}
    return {regime: apart.result(each) for regime, each in started.items()}


Runs = dict[str, StressResult]


@pytest.mark.parametrize("regime", ["global", "small", "pernet"])
def test_a_short_stress_is_clean(regime: str, short_runs: Runs) -> None:
    """No finding, no thread left, as many operations as were asked for."""
    result = short_runs[regime]

    assert result.counting == []
    assert result.complete
    assert result.operations >= 300
    assert result.leaked_threads == []


def test_the_global_mutex_delegates_nothing_and_serialises(short_runs: Runs) -> None:
    """In `global` no device is delegated and one section unregisters at a time."""
    assert short_runs["global"].delegated == 0
    assert short_runs["global"].sections_max == 1


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_many_of_the_removed_devices_are_delegated(regime: str, short_runs: Runs) -> None:
    """Much of what is removed is removed at its own namespace's request.

    Some 38 percent on an idle machine; which operations meet depends on who runs.
    """
    result = short_runs[regime]

    assert 0.2 <= result.delegated_share <= 1


def test_small_has_one_unregistering_section_and_pernet_several(short_runs: Runs) -> None:
    """RTNL serialises `small`; without it sections run at one moment (a minute shows 6 or 7)."""
    assert short_runs["small"].sections_max == 1
    assert short_runs["pernet"].sections_max >= 2


SOUGHT = [(bug, ("pernet", "small")[i % 2]) for i, bug in enumerate(SEEDED)]


@pytest.fixture(scope="module")
def seeded_runs(request: pytest.FixtureRequest) -> Started:
    """Runs with one of the five bugs each."""
    seed = seed_of(request.config)
    return {
        (bug, regime): apart.start(
            counted,
            regime,
            seed,
            bug=bug,
            ops=500 if bug == "drain-forgotten" else 2000,  # others drain; the sweep shows it
            mix=mix_for(bug),
        )
        for bug, regime in SOUGHT
    }


@pytest.mark.parametrize(("bug", "regime"), SOUGHT)
def test_a_seeded_bug_is_found(bug: str, regime: str, seed: int, seeded_runs: Started) -> None:
    """The same call with one of the five bugs finds that bug, and ends with its threads joined."""
    result = apart.result(seeded_runs[bug, regime])

    expected = entry(bug).expected
    assert [
        finding
        for finding in result.counting
        if any(each.matches(finding["kind"], finding["title"]) for each in expected)
    ] != [], [finding["title"] for finding in result.findings]


def mix_for(bug: str) -> Any:
    """What makes it quick; the default finds it too, later."""
    if bug == "netns-freed-pending":
        return {"create": 40, "stack": 20, "netns": 5, "doom": 30}
    return MIXES["churn"]


@pytest.fixture(scope="module")
def disturbed_runs(request: pytest.FixtureRequest) -> Started:
    """Runs with delays, and runs with registrations that fail."""
    seed = seed_of(request.config)
    delays = {
        ("delays", regime): apart.start(counted, regime, seed, perturbed=True, ops=120)
        for regime in ("global", "pernet")
    }
    faults = {
        ("faults", regime): apart.start(counted, regime, seed, fault=0.3, ops=150)
        for regime in ("small", "pernet")
    }
    return delays | faults


@pytest.mark.parametrize("regime", ["global", "pernet"])
def test_a_perturbed_stress_is_clean(regime: str, seed: int, disturbed_runs: Started) -> None:
    """Seeded delays before the operations of the checker change nothing."""
    result = apart.result(disturbed_runs["delays", regime])

    assert result.counting == []
    assert result.complete


@pytest.mark.parametrize("regime", ["small", "pernet"])
def test_failing_registrations_are_undone(regime: str, seed: int, disturbed_runs: Started) -> None:
    """A third of the registrations fails, and nothing is left behind."""
    result = apart.result(disturbed_runs["faults", regime])

    assert result.counting == []
    assert result.refused > result.operations / 20


def test_every_driver_can_be_stressed(seed: int) -> None:
    """With all converted kinds; what 7.3 is known for (`small`, tag known:G.n) does not count."""
    kinds = ("dummy", "veth", "vxcan", "netkit", "bareudp", "geneve", "ipvlan", "ipvtap",
             "macvlan", "macvtap")  # fmt: skip
    started = [
        apart.start(counted, regime, seed, drivers=kinds, ops=200) for regime in ("small", "pernet")
    ]
    for each in started:
        result = apart.result(each)

        assert result.counting == []
        assert set(kinds) == set(result.per_driver)


def test_a_collection_is_asked_for_now_and_then(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the interpreter's own come late; by whichever requester finishes the operation."""
    asked: list[str] = []
    collect = gc.collect

    def counting(generation: int = 2) -> int:
        asked.append(threading.current_thread().name)
        return collect(generation)

    monkeypatch.setattr(stress_module, "COLLECT_EVERY", 20)
    monkeypatch.setattr(gc, "collect", counting)
    result = stress("pernet", seed, ops=100, netns=2, threads=2)

    by_requesters = [name for name in asked if name.startswith("requester")]
    assert 5 <= len(by_requesters) <= result.operations // 20


def test_the_document_tells_the_figures(short_runs: Runs) -> None:
    """operations/s, delegated share, sections and operations per driver are in the document."""
    document = short_runs["pernet"].to_dict()

    assert document["schema"] == "rtnl-model/stress/1"
    assert document["operations_per_second"] > 0
    assert 0 <= document["delegated_share"] <= 1
    assert document["unregistering_sections_max"] >= 1
    assert set(document["operations_per_driver"]) <= {
        "dummy", "veth", "bareudp", "ipvlan", "ipvtap",
    }  # fmt: skip


def test_the_seed_decides_what_a_requester_draws(seed: int) -> None:
    """With one requester, two runs with one seed are the same run."""
    one = stress("global", seed, threads=1, ops=120, mix=MIXES["churn"], timing="zero")
    other = stress("global", seed, threads=1, ops=120, mix=MIXES["churn"], timing="zero")

    assert one.per_driver == other.per_driver
    assert (one.operations, one.refused) == (other.operations, other.refused)


def test_a_mix_is_a_name_or_weights() -> None:
    """A wrong name, a wrong action, a negative weight and nothing but zeros are refused."""
    assert parse_mix("churn") is MIXES["churn"]
    assert parse_mix("netns=9")["netns"] == 9.0
    for wrong in ("chrn", "netns=-1", "fly=1", ",".join(f"{k}=0" for k in MIXES["default"])):
        with pytest.raises(ValueError):
            parse_mix(wrong)
