"""FINDINGS.md: a row and a page for every finding, hunts with what became of their causes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtnl_model.lab.catalogue import entry
from rtnl_model.lab.check_result import CheckResult
from rtnl_model.lab.findings_page import findings_page, hunt_of

SCRIPT = (
    "ip netns add a\nip -n a link add d0 type dummy\nip -n a link del d0 & ip netns del a & wait\n"
)


def hunt_folder(home: Path) -> Path:
    cause = home / "findings" / "0123456789"
    cause.mkdir(parents=True)
    state = {
        "rtnl": "pernet",
        "workers": "netns",
        "cpu_seconds": 120,
        "scripts": 5,
        "schedules": 50,
    }
    (home / "state.json").write_text(json.dumps(state))
    (cause / "script.ip").write_text("# hang: a | b\n" + SCRIPT)
    document = {
        "cause": {"id": "0123456789", "kind": "hang", "tags": []},
        "setting": {"rtnl": "pernet", "workers": "netns"},
        "finding": {"title": "a | b", "replay": "v1/abc"},
    }
    (cause / "finding.json").write_text(json.dumps(document))
    return home


def test_every_finding_has_a_row_and_a_page(tmp_path: Path) -> None:
    """Catalogue and hunt: effort, token, real kernel, a loop; reverted patches are left out."""
    hunt = hunt_of(hunt_folder(tmp_path))
    entries = [entry("G.1"), entry("patch-3")]
    result = CheckResult("G.1", "hang: x", "", "12 schedules", "v1/token")

    page = findings_page(entries, {"G.1": result}, [hunt])

    assert "| [G.1](#g1) |" in page
    assert "12 schedules" in page
    assert "patch-3" not in page
    assert "| pernet --workers netns | 2 min | 5 | 50 | 1 |" in page
    assert "not judged yet" in page
    assert "a \\| b" in page
    assert page.count("#!/bin/sh") == 2
    (tmp_path / "findings" / "0123456789" / "judged.txt").write_text("false: mended\n")
    assert "false: mended" in findings_page(entries, {}, [hunt_of(tmp_path)])


@pytest.mark.parametrize("text", ["[]", "not json", '{"rtnl": 1}'])
def test_what_is_no_hunt_is_refused(tmp_path: Path, text: str) -> None:
    """The file is named, and what is wrong with it."""
    hunt_folder(tmp_path)
    (tmp_path / "state.json").write_text(text)

    with pytest.raises(ValueError, match=r"state\.json"):
        hunt_of(tmp_path)
