"""The report folder of a model run, and the picture of its topology."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lockcheck.sync.recorder import Recorder
from rtnl_model.iproute import load_script
from rtnl_model.lab.model_run import ModelSetting, Recorded, record
from rtnl_model.view import report
from rtnl_model.view.topology import topology_html, topology_svg

SCRIPT = """
ip netns add red
ip netns add blue
ip -n red link add v0 type veth peer v1 netns blue
ip -n red link add i0 link v0 netns blue type ipvlan
ip -n red link del v0
"""
DERIVED = {
    "index.html", "graph.dot", "lockdep.txt", "lockdep_chains.txt", "lockdep_stats.txt",
    "lock_stat.txt", "trace.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    path = tmp_path_factory.mktemp("script") / "red.ip"
    path.write_text(SCRIPT)
    script = load_script(str(path), topology=lambda name: pytest.fail(name))
    return record(script, ModelSetting(), recorder=Recorder())


@pytest.fixture
def folder(run: Recorded, tmp_path: Path) -> Path:
    report.write_folder(tmp_path / "out", run.chk, run.document)
    return tmp_path / "out"


def test_a_run_gives_every_file_of_the_contract(folder: Path, run: Recorded) -> None:
    """The documents are the run's own; the page has the topology and the commands."""
    assert {path.name for path in folder.iterdir()} >= DERIVED | {
        "graph.json", "findings.json", "run.json",
    }  # fmt: skip
    assert json.loads((folder / "run.json").read_text()) == json.loads(json.dumps(run.document))
    page = (folder / "index.html").read_text()
    for phrase in ('id="topology"', 'id="commands"', "ip -n red link del v0", "&amp;net-&gt;rtnl"):
        assert phrase in page


def test_the_time_line_has_the_kernels_threads(folder: Path) -> None:
    """The commands' threads and the namespaces' workers, with what they held."""
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    threads = {event["args"]["name"] for event in events if event["name"] == "thread_name"}

    assert {"kworker/red", "kworker/blue"} <= threads
    assert any(re.match(r"&net->rtnl_mutex", e["name"]) for e in events if e["ph"] == "X")


def test_rewriting_makes_the_same_files_from_the_recorded_ones(folder: Path) -> None:
    """What was derived is derived again, byte for byte."""
    before = {name: (folder / name).read_text() for name in DERIVED}
    for name in DERIVED:
        (folder / name).unlink()
    report.rewrite_folder(folder)

    assert {name: (folder / name).read_text() for name in DERIVED} == before


@pytest.mark.parametrize(
    ("name", "text"),
    [("graph.json", "{"), ("graph.json", "{}"), ("run.json", "[]"), ("findings.json", "{}")],
)
def test_what_is_not_ours_is_one_clear_error(folder: Path, name: str, text: str) -> None:
    """Not JSON, another shape: a ValueError that names the file or the lack."""
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match=r"json|report of this version") as error:
        report.rewrite_folder(folder)

    assert "\n" not in str(error.value)


def device(name: str, **more: Any) -> dict[str, Any]:
    return {"ifname": name, "ifindex": 2, "kind": "veth", "up": False, **more}


def test_every_device_is_drawn_in_its_namespace() -> None:
    """A box a namespace, a box a device, its name and state in it."""
    svg = topology_svg({"red": [device("a"), device("b", up=True)], "blue": [device("c")]})

    assert svg.count('class="netns" x=') == 4  # two boxes, two names
    assert svg.count('class="dev ') == 3
    assert svg.count('class="dev up"') == 1
    for name in ("red", "blue", ">a<", ">b<", ">c<"):
        assert name in svg


def test_a_pair_is_one_line_and_a_master_a_dashed_one() -> None:
    """Two ends that name each other are joined once; lower devices elsewhere are found."""
    pair = {
        "red": [
            device("a", lower={"netns": "blue", "ifname": "b"}),
            device("s", master="a"),
            device("x", lower={"netns": "green", "ifname": "not there"}),
        ],
        "blue": [device("b", lower={"netns": "red", "ifname": "a"})],
    }
    svg = topology_svg(pair)

    assert svg.count("<path") == 2
    assert svg.count('class="master"') == 1


def test_names_cannot_break_the_picture() -> None:
    """A device named like markup is text."""
    assert "<b>" not in topology_svg({"<b>": [device("<b>", kind="<b>")]})


def test_ops_that_change_nothing_are_not_shown() -> None:
    """Before and after of those that do; the whole run first."""
    ops = [
        {"cmds": [{"cmd": "one"}], "devices": {"red": []}},
        {"cmds": [{"cmd": "two"}], "devices": {"red": []}},
        {"cmds": [{"cmd": "three"}], "devices": {"red": [device("a")]}, "hung": True},
    ]
    page = topology_html(ops)

    assert re.findall("<summary>(.*?)</summary>", page) == [
        "the whole run", "one", "three (hung)",
    ]  # fmt: skip
    assert topology_html([]) == '<p class="empty">No op changed the devices.</p>'
