"""The page that shows how to write a driver has a driver in it that works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rtnl_model.kernel.links as links

from .worlds import RTNL_REGIMES, device, explored, lines, names, run, titles

SCRIPT = """
ip netns add ns1
ip netns add ns2
ip -n ns1 link add d1 type dummy
ip -n ns2 link add s1 link d1 link-netns ns1 type shadow
ip -n ns1 link add s2 link d1 type shadow
ip -n ns1 link del d1
"""
TWO_DELETERS = SCRIPT.replace(
    "ip -n ns1 link del d1", "ip -n ns1 link del d1 & ip -n ns2 link del s1 & wait"
)


@pytest.fixture
def example(tmp_path: Path) -> str:
    """The page's own code, as a file."""
    page = (Path(links.__file__).parent / "README.md").read_text()
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found is not None
    path = tmp_path / "shadow.py"
    path.write_text(found[1])
    return str(path)


def test_the_example_is_about_fifty_lines(example: str) -> None:
    """A driver needs no more than a page."""
    code = [line for line in Path(example).read_text().splitlines() if line.strip()]

    assert len(code) <= 55


@pytest.mark.parametrize("rtnl", RTNL_REGIMES)
def test_the_example_goes_with_its_lower_in_every_regime(example: str, rtnl: str) -> None:
    """Uppers of another namespace go too, and nothing is found."""
    recorded = run(SCRIPT, rtnl, driver_files=(example,))

    assert titles(recorded) == []
    assert names(recorded) == {"ns1": [], "ns2": []}
    lower = device(recorded, "ns2", "s1", op=3)["lower"]
    assert (lower["netns"], lower["ifname"]) == ("ns1", "d1")


def test_the_example_is_unregistered_by_its_own_namespace(example: str) -> None:
    """s1 lives in ns2 and is freed there; s2 and d1 are freed by the caller."""
    freed = dict(lines(run(SCRIPT, "small", driver_files=(example,)), "free_netdev"))

    assert {"ip", "kworker/ns2"} == set(freed)
    assert freed["kworker/ns2"] == "s1"


def test_the_example_survives_two_deleters(example: str, seed: int) -> None:
    """Its lower and itself deleted at once, in many schedules, without a global RTNL."""
    outcome = explored(TWO_DELETERS, "pernet", 20, seed, driver_files=(example,))

    assert outcome.outcome == "passed"


def test_without_the_dying_test_two_deleters_are_found(
    example: str, seed: int, tmp_path: Path
) -> None:
    """What the page warns of is what the explorer shows."""
    code = Path(example).read_text()
    broken = code.replace('if not dev.priv["dying"]:', "if True:")
    assert broken != code
    path = tmp_path / "broken.py"
    path.write_text(broken)

    outcome = explored(TWO_DELETERS, "pernet", 200, seed, driver_files=(str(path),))

    assert outcome.outcome == "failed"
