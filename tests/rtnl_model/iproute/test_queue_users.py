"""Programs that use receive queues, as a script has them: `nk open`, `nk close`."""

from __future__ import annotations

import pytest

from rtnl_model.iproute import ScriptError, normalise, parse_script
from rtnl_model.iproute.commands import QueueClose, QueueOpen
from rtnl_model.lab.model_run import ModelSetting, record

WORLD = """
ip netns add ns1
ip link add eth9 type phys driver mlx5_core queues 4
ip -n ns1 link add nk0 type netkit peer name nk1 numrxqueues 4
lease eth9 queue 2 to ns1/nk1
nk open ns1 nk1 1 KIND app
"""


def answers(text: str, rtnl: str = "pernet") -> list[tuple[int, str]]:
    """(Status, error) of each command of a script that finds nothing."""
    done = record(parse_script(text), ModelSetting(rtnl=rtnl), keep_going=True).document
    assert done["findings"] == []
    return [(each["rc"], each.get("stderr", "")) for op in done["ops"] for each in op["cmds"]]


@pytest.mark.parametrize("kind", ["xsk", "provider"])
def test_who_opened_a_queue_closes_it_once(kind: str) -> None:
    """A name is one open file: not opened twice, not closed twice."""
    text = WORLD.replace("KIND", kind)
    *world, again, closed, twice = answers(
        f"{text}\nnk open ns1 nk1 0 xsk app\nnk close app\nnk close app"
    )

    assert [status for status, _ in world] == [0] * 5
    assert again == (1, "queue-open: errno 17 File exists:")
    assert closed == (0, "")
    assert twice == (1, "queue-close: errno 9 Bad file descriptor:")


@pytest.mark.parametrize("rtnl", ["global", "small", "pernet"])
def test_a_file_outlives_the_card_under_its_queue(rtnl: str) -> None:
    """The device ends the use; the file is closed later, and nothing is left of either."""
    text = WORLD.replace("KIND", "provider")
    found = answers(f"{text}\nrmmod mlx5_core\nnk close app\nnk open init eth9 1 xsk app", rtnl)

    assert found[5:7] == [(0, ""), (0, "")]
    assert found[7] == (1, "queue-open: errno 19 No such device:")


def test_a_leased_queue_is_busy_on_the_card() -> None:
    """The refused name is free again."""
    text = WORLD.replace("KIND", "xsk")
    *_, busy, free = answers(f"{text}\nnk open init eth9 2 xsk b\nnk open init eth9 1 xsk b")

    assert busy[1].startswith("queue-open: errno 16 Device or resource busy")
    assert free == (0, "")


def test_canonical_text_is_read_again_and_mistakes_are_named() -> None:
    """Both verbs; an unknown sort of user is an error with its place."""
    script = parse_script("nk open init p0 3 provider app; nk close app")

    assert [type(step) for step in script.steps] == [QueueOpen, QueueClose]
    assert parse_script(normalise(script)).steps[0].dev == "p0"  # type: ignore[union-attr]
    assert normalise(parse_script(normalise(script))) == normalise(script)
    with pytest.raises(ScriptError, match="unknown user of a queue 'xks'"):
        parse_script("nk open init p0 3 xks app")
