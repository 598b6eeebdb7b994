"""Reports that are tables: every row is there, names are written out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtnl_model.cli import main
from rtnl_model.view.tables import audit_tables, conform_tables, write_tables

DATA = Path(__file__).parents[2] / "data"


def test_an_audit_is_two_tables(tmp_path: Path) -> None:
    """Fields with how often they were reached, and every access."""
    entry = {"function": "netdev_run_todo", "field": "dev.<x>\x1b", "kind": "write",
             "guard": "RTNL", "held": ["rtnl_mutex"], "seen": 3, "script": "@T1",
             "path": ["f", "g"], "token": "v1/0x2"}  # fmt: skip
    document = {"schema": "rtnl-model/audit/1", "entries": [entry, {**entry, "function": "f"}]}
    sections = audit_tables(document)
    page = write_tables(tmp_path, "an audit", "2 accesses", document).read_text()

    assert [ident for ident, *_ in sections] == ["fields", "accesses"]
    assert [count for _, _, count, _ in sections] == [1, 2]
    assert 'data-value="6"' in page
    assert "f &lt; g" in page
    assert "v1/0x2" in page
    assert "dev.&lt;x&gt;\\x1b" in page
    assert "\x1b" not in page


def test_conform_writes_its_tables(tmp_path: Path, capsys: object) -> None:
    """`conform --report`: the levels and every difference, and where it wrote."""
    out = tmp_path / "out"
    status = main([
        "conform", str(DATA / "scenarios.json.gz"), str(DATA / "golden-small.json.gz"),
        "--only", "cover-letter", "--report", str(out),
    ])  # fmt: skip

    assert status == 0
    page = (out / "index.html").read_text()
    for text in ("L1 100.00 %", "Agreement", "Differences", "Left out"):
        assert text in page


@pytest.mark.parametrize("document", [
    {"schema": "rtnl-model/audit/1", "entries": [{"function": "f", "field": "Net.ifindex"}]},
    {"schema": "rtnl-model/conform/1", "compared": 1, "left_out": {"s": "no veth"},
     "levels": {"L1": {"agree": 1, "percent": 100.0}}, "differences": []},
])  # fmt: skip
def test_a_folder_of_tables_is_written_again(
    tmp_path: Path, document: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """`rtnl-model report DIR` makes the page from `run.json`; a wrong one is a line."""
    page = write_tables(tmp_path, "tables", "what was said", document)
    before = page.read_text()
    page.unlink()

    assert main(["report", str(tmp_path)]) == 0
    assert page.read_text() == before

    (tmp_path / "run.json").write_text(json.dumps({"schema": document["schema"]}))
    assert main(["report", str(tmp_path)]) == 2
    assert "not tables of a report" in capsys.readouterr().err


def test_a_difference_names_both_sides() -> None:
    """The kernel's answer and the model's, and what does not count."""
    level = {"agree": 0, "percent": 0.0}
    row = {"scenario": "s", "op": 3, "level": "L1", "what": "devices", "recorded": "['a']",
           "model": "['b']", "after_race": True}  # fmt: skip
    document = {"compared": 1, "levels": {"L1": level}, "left_out": {}, "differences": [row]}
    body = conform_tables(document)[1][3]

    assert all(text in body for text in ("[&#x27;a&#x27;]", "[&#x27;b&#x27;]", "not counted"))
