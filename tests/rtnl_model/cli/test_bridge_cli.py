"""`run --tokens`: a finding of a free run gets a schedule that shows it again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtnl_model.cli.main import main

STACKED = """\
ip netns add ns1; ip netns add ns2; ip netns add ns3
ip -n ns1 link add v1 type veth peer v2 netns ns2
ip -n ns3 link add u link v2 link-netns ns2 type ipvlan mode l2
ip -n ns1 link del v1
"""


def test_a_free_hang_gets_a_token_that_replays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The watchdog's finding and the schedule's have one fingerprint."""
    script = tmp_path / "stacked.ip"
    script.write_text(STACKED)

    main(["run", str(script), "--workers", "percpu", "--tokens", "--json", "--seed", "1"])
    document = json.loads(capsys.readouterr().out)
    hang = next(f for f in document["findings"] if f["kind"] == "deadlock")
    status = main(["replay", hang["replay"], "--json"])
    again = json.loads(capsys.readouterr().out)

    assert status == 1
    assert hang["fingerprint"] in {f["fingerprint"] for f in again["findings"]}
