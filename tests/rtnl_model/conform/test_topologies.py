"""Every hazard topology in every regime: it ends as its first lines say."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from rtnl_model.iproute import load_script, parse_script
from rtnl_model.lab.model_run import ModelSetting, run_document
from rtnl_model.lab.topologies import topology, topology_names

LEFT = {"T11": {"ns4": ["d1"]}, "T13b": {"ns1": ["d1"]}, "T41": {"ns1": ["eth9"]}}
"""Devices that are to be left; everywhere else nothing but lo."""
REFUSED = {"T49": {"ns1": ["d1", "d2"]}}
"""What is left in `pernet` of a script that stops at a kind without a conversion (wireguard)."""
TAGGED = {name: {"known:G.25"} for name in ("T36", "T37", "T38", "T39")}
"""What Linux 7.3 does there, by the catalogue, without getting stuck."""
KNOWN = {"T6": "known:G.5", "T7": "known:G.1", "T14b": "known:G.5"}
"""Where Linux 7.3 itself may get stuck: T7 by a race, the others with its own work queue."""


def left(document: dict[str, Any]) -> dict[str, list[str]]:
    """What is left in each namespace besides lo."""
    last = document["ops"][-1]["devices"]
    found = {ns: [d["ifname"] for d in ds if d["kind"] != "lo"] for ns, ds in last.items()}
    return {ns: names for ns, names in found.items() if names}


def run(name: str, **setting: Any) -> dict[str, Any]:
    before = set(threading.enumerate())
    document = run_document(load_script(f"@{name}", topology=topology), ModelSetting(**setting))

    assert set(threading.enumerate()) <= before
    return document


CASES = [(name, regime) for name in topology_names() for regime in ("global", "small", "pernet")]


def test_pernet_refuses_a_kind_without_a_conversion() -> None:
    """The command fails, says why, and the rest is not run."""
    script = parse_script(
        "ip netns add a\nip -n a link add w0 type wireguard\nip netns add b\n", "w"
    )
    document = run_document(script, ModelSetting(rtnl="pernet"))
    last = document["ops"][-1]["cmds"][0]

    assert " type wireguard" in last["cmd"]
    assert last["rc"] == 2
    assert "not allowed in pernet without a conversion" in last["stderr"]
    assert document["findings"] == []


@pytest.mark.apart
@pytest.mark.parametrize(("name", "regime"), CASES)
def test_a_topology_ends_as_it_says(name: str, regime: str) -> None:
    """All commands succeed or may fail, everything quiesces, nothing untagged is found."""
    document = run(name, rtnl=regime)
    untagged = [f["title"] for f in document["findings"] if not f.get("tag")]

    assert untagged == []
    if regime == "small" and document.get("hung") is not None:
        assert {f["tag"] for f in document["findings"]} == {KNOWN[name]}
        return
    assert "hung" not in document
    refused = REFUSED.get(name) if regime == "pernet" else None
    assert left(document) == (refused or LEFT.get(name, {}))


@pytest.mark.apart
@pytest.mark.parametrize("name", topology_names())
def test_a_topology_ends_with_linux_own_work_queue(name: str) -> None:
    """`small --workers percpu` ends too; a hang is a known defect, named."""
    document = run(name, rtnl="small", workers="percpu")
    tags = [f.get("tag") for f in document["findings"]]

    if document.get("hung") is None:
        assert set(tags) <= TAGGED.get(name, set())
        assert left(document) == LEFT.get(name, {})
    else:
        assert set(tags) == {KNOWN[name]}


@pytest.mark.apart
@pytest.mark.parametrize("name", topology_names())
def test_naive_ends_too_whatever_it_finds(name: str) -> None:
    """The naive conversion may hang or report; every thread is joined and the document is whole."""
    document = run(name, rtnl="naive")

    assert document["schema"] == "rtnl-model/run/1"
    assert document["ops"]
    if document.get("hung") is not None:
        assert {f["kind"] for f in document["findings"]} & {"deadlock", "hang"}
