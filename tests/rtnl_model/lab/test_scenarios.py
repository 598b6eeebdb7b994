"""Generated scenarios: the same from one seed, readable by both sides, of every kind and action."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtnl_model.cli.main import main
from rtnl_model.iproute.commands import Par, Refused
from rtnl_model.iproute.scenario import parse_scenario
from rtnl_model.lab.scenarios import KINDS, PROFILES, Generator


def commands(scenario: dict[str, Any]) -> list[str]:
    """The text of every command."""
    return [
        inner["cmd"]
        for op in scenario["ops"]
        for inner in (op["ops"] if op["op"] in ("seq", "par") else [op])
    ]


def test_a_scenario_depends_on_seed_and_number_alone() -> None:
    """Number 7 is the same whether it is made alone or after six others."""
    alone = Generator(3).scenario(7)

    assert Generator(3).scenarios(8)[7] == alone
    assert Generator(4).scenario(7) != alone


@pytest.mark.parametrize("profile", PROFILES)
def test_every_generated_command_is_understood(profile: str) -> None:
    """What the generator writes, the parser reads: no command is refused by `ip` as a word."""
    for scenario in Generator(11, weights=PROFILES[profile]).scenarios(30):
        script = parse_scenario(scenario)

        refused = [c.text for c in script.commands() if isinstance(c, Refused)]
        assert refused == []


def test_every_kind_and_every_action_comes() -> None:
    """Two hundred scenarios create a device of each kind and use each action of the profile."""
    texts = [text for s in Generator(5).scenarios(200) for text in commands(s)]

    assert [kind for kind in KINDS if not any(f"type {kind}" in text for text in texts)] == []
    wanted = ("link del", " netns ", " up", " master ", "nomaster", " name ", "mtu", "addr add")
    assert [word for word in wanted if not any(word in text for text in texts)] == []


def test_no_card_outlives_its_scenario() -> None:
    """A scenario that makes physical devices ends with their removal; others do not have it."""
    drawn = Generator(7, weights=PROFILES["leases"]).scenarios(30)
    with_cards = [s for s in drawn if any(op["op"] == "phys-add" for op in s["ops"])]

    assert with_cards
    for scenario in drawn:
        assert (scenario["ops"][-1]["op"] == "wipe") == (scenario in with_cards)


def test_concurrent_scenarios_end_with_commands_at_one_moment() -> None:
    """The last op is a par of as many commands as threads."""
    for number in range(20):
        script = parse_scenario(Generator(9).concurrent(number, threads=3))
        last = script.steps[-1]

        assert isinstance(last, Par)
        assert len(last.steps) == 3


def test_the_command_writes_a_file_that_conform_reads(tmp_path: Path) -> None:
    """`conform --generate` writes scenarios; the same seed writes the same file."""
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    words = ["conform", "--generate", "4", "--seed", "21", "--kinds", "dummy,veth", "--out"]

    assert main([*words, str(one)]) == 0
    assert main([*words, str(other)]) == 0

    assert one.read_text() == other.read_text()
    assert len(json.loads(one.read_text())) == 4


@pytest.mark.parametrize(
    "words",
    [
        ["--generate", "0", "--out", "-"],
        ["--generate", "2"],
        ["--generate", "2", "--kinds", "nosuch", "--out", "-"],
        ["--generate", "2", "--concurrent", "1", "--out", "-"],
    ],
)
def test_a_wrong_call_is_one_line_and_status_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What was wrong and what is expected, in one line."""
    assert main(["conform", *words]) == 2

    assert len(capsys.readouterr().err.splitlines()) == 1
