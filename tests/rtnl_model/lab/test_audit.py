"""`rtnl-model audit` lists what RTNL alone protects, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockcheck.explore.token import Token
from rtnl_model.cli.main import main
from rtnl_model.iproute.parser import parse_script
from rtnl_model.lab.audit import Audit, audit
from rtnl_model.lab.explore import replay
from rtnl_model.lab.model_run import ModelSetting

FOREIGN = """ip netns add a
ip netns add b
ip -n a link add d0 type dummy
ip -n b link add u0 link d0 link-netns a type ipvlan
ip -n b link del u0
"""
"""The upper's namespace is locked, the lower's is not: 7.3 cuts their link under RTNL alone."""

OWN = """ip netns add a
ip -n a link add d0 type dummy
ip -n a link set d0 mtu 1400
ip -n a link del d0
"""


def found(script: str) -> Audit:
    """What an audit of a script gathers, in a few schedules."""
    return audit([parse_script(script, "script")], ModelSetting(), seed=1, schedules=2)


def test_a_link_between_namespaces_is_cut_under_rtnl_alone() -> None:
    """Function, attribute, kind, guard, what was held instead, how often, and a token."""
    entries = found(FOREIGN).entries

    entry = entries[("netdev_upper_dev_unlink", "NetDevice.upper", "write")]
    assert entry.held[0] == "rtnl_mutex"
    assert "&port->pnodes_lock" in entry.held
    assert entry.guard.startswith("RTNL")
    assert entry.seen == 2
    assert entry.script == "script"
    assert replay(Token.parse(entry.token)).divergence == ""


def test_what_its_own_namespaces_lock_covers_is_not_listed() -> None:
    """A device that only its own namespace touches leaves linkwatch, which locks none."""
    functions = {entry.function for entry in found(OWN).sorted()}

    assert functions <= {"linkwatch_event"}


def test_every_line_names_a_function_of_the_kernels() -> None:
    """A driver's operation under its own name, no step of ours, and nothing that the audit reads
    itself to find a guard's lock."""
    macvlan = FOREIGN.replace("ipvlan", "macvlan").replace("link del u0", "link set u0 up")
    lines = found(f"{macvlan}ip -n a link del d0\n").sorted()
    functions = {entry.function for entry in lines}

    assert {"macvlan_dellink", "macvlan_uninit", "unlist_netdevice"} <= functions
    assert not {"rtnl_alone", "unregister_one", "unregister_uppers", "list_del_init"} & functions


def test_the_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints the contract's document; `--report` writes it and a page."""
    file = tmp_path / "foreign.ip"
    file.write_text(FOREIGN)

    assert main(["audit", str(file), "--json", "--report", str(tmp_path / "r")]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "rtnl-model/audit/1"
    for entry in told["entries"]:
        assert {"function", "field", "kind", "guard", "held", "seen", "script"} <= entry.keys()
    counts = [entry["seen"] for entry in told["entries"]]
    assert sum(counts) >= len(counts) > 5
    written = json.loads((tmp_path / "r" / "run.json").read_text())
    assert written.items() >= told.items()
    assert "netdev_upper_dev_unlink" in (tmp_path / "r" / "index.html").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--rtnl", "pernet"], "the audit is of small"),
        (["@T99"], "no such topology"),
        (["--schedules", "0"], "not a whole number"),
    ],
)
def test_wrong_calls(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, status 2."""
    assert main(["audit", *words]) == 2

    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
