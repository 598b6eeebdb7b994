"""The demo shows what it says, and says when it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtnl_model.cli.main import main
from rtnl_model.lab import demo as demo_module
from rtnl_model.lab.demo import ONE_WORKER, Demo, contexts_of, freed_last, is_abba, only_lo
from rtnl_model.lab.frozen import collect_and_lock


def test_the_demo_shows_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 0; trace, ABBA, both stresses and the report folder are there."""
    monkeypatch.setattr(demo_module, "STRESS_SECONDS", 1.0)

    status = main(["demo", "--report", str(tmp_path / "out"), "--seed", "1"])

    printed = capsys.readouterr().out
    assert status == 0, printed
    for line in ("PID: ", "veth_dellink", "not covered: ipvl4", "| DEV: ipvl2",
                 "| DEV: ipvl3", "| DEV: veth0", "*** DEADLOCK ***",
                 "global    pernet", "seed 1:"):  # fmt: skip
        assert line in printed
    assert "NOT SHOWN" not in printed
    assert (tmp_path / "out" / "index.html").is_file()


def test_a_demo_that_did_not_show_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """With everything in one thread the first claim fails, and with it the demo."""
    lines: list[str] = []
    setting = demo_module.ModelSetting

    def other(**words: Any) -> Any:
        return setting(**{**words, "rtnl": "global"})

    monkeypatch.setattr(demo_module, "ModelSetting", other)
    demo = Demo(1, lines.append)

    demo.cover_letter()

    assert not all(claim.shown for claim in demo.claims)
    assert any("NOT SHOWN" in line for line in lines)


def test_the_order_is_judged_by_the_trace() -> None:
    """The lower's free by somebody else, or before an uninit, is not what was to be shown."""
    uninits = [
        {"fn": "ipvlan_uninit", "dev": "ipvl2", "pid": 2},
        {"fn": "ipvlan_uninit", "dev": "ipvl3", "pid": 3},
    ]
    free = {"fn": "free_netdev", "dev": "veth0", "pid": 1}

    assert freed_last([*uninits, free], 1)
    assert not freed_last([*uninits, free], 2)
    assert not freed_last([uninits[0], free, uninits[1]], 1)
    assert not freed_last([uninits[0], free], 1)


def test_the_first_trace_is_the_authors_own_order() -> None:
    """veth0 and its uppers in that order and those contexts; veth1 may be freed anywhere."""
    pids = {"caller": 1, "worker": 2}
    trace = [{"fn": fn, "dev": dev, "pid": pids[context]} for fn, dev, context in ONE_WORKER]
    peer = {"fn": "free_netdev", "dev": "veth1", "pid": 1}

    assert contexts_of([*trace[:2], peer, *trace[2:]], 1) == list(ONE_WORKER)
    assert contexts_of([*trace[:-2], trace[-1], trace[-2]], 1) != list(ONE_WORKER)
    assert contexts_of(trace, 2) != list(ONE_WORKER)


def test_an_upper_appears_between_collecting_and_locking() -> None:
    """Each round locks what it saw and finds one upper more; delegation then removes them all."""
    found = collect_and_lock()

    assert [one.locked for one in found.rounds] == [("ns1", "ns2"), ("ns1", "ns2", "ns3")]
    assert [one.outside for one in found.rounds] == [("ipvl3",), ("ipvl4",)]
    assert found.only_lo_left
    assert found.findings == ()


def test_an_abba_is_two_namespaces_and_more_than_a_class() -> None:
    """One namespace, another kind, or a class-only report is no ABBA."""
    found = {"kind": "circular", "severity": "possible", "title": "ns1 -> ns2 -> ns1"}

    assert is_abba(found)
    assert not is_abba({**found, "severity": "class-only"})
    assert not is_abba({**found, "kind": "warn"})
    assert not is_abba({**found, "title": "ns1 -> rtnl -> ns1"})


def test_only_lo_means_only_lo() -> None:
    """Any other device counts."""
    assert only_lo({"a": [{"ifname": "lo"}], "b": []})
    assert not only_lo({"a": [{"ifname": "lo"}, {"ifname": "x"}]})
