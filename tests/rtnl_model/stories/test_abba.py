"""The conversion that must not be made: reported without a hang, and with one."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from lockcheck import Unwind
from rtnl_model.iproute import parse_script
from rtnl_model.iproute import run as script_run
from rtnl_model.iproute.commands import Command
from rtnl_model.iproute.execute import Outcome, execute
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.lab.demo import is_abba
from rtnl_model.lab.model_run import ModelSetting, Recorded, record

pytestmark = pytest.mark.usefixtures("short_looks")

PAIRS = """
ip netns add ns1
ip netns add ns2
ip -n ns1 link add aa1 type veth peer aa2 netns ns2
ip -n ns2 link add bb2 type veth peer bb1 netns ns1
"""
ONE_BY_ONE = PAIRS + "ip -n ns1 link del aa1\nip -n ns2 link del bb2\n"
AT_ONCE = PAIRS + "ip -n ns1 link del aa1 & ip -n ns2 link del bb2 & wait\n"
MANY = 10
"""Pairs each way that two threads delete one after the other."""
LOOP_MAX = 100
"""Free runs after which two threads must have met in the middle."""


def many_pairs() -> str:
    """The same with many pairs: two threads that keep deleting across each other."""
    lines = ["ip netns add ns1", "ip netns add ns2"]
    for i in range(MANY):
        lines.append(f"ip -n ns1 link add aa{i} type veth peer ax{i} netns ns2")
        lines.append(f"ip -n ns2 link add bb{i} type veth peer bx{i} netns ns1")
    one = "; ".join(f"ip -n ns1 link del aa{i}" for i in range(MANY))
    other = "; ".join(f"ip -n ns2 link del bb{i}" for i in range(MANY))
    return "\n".join([*lines, f"( {one} ) & ( {other} ) & wait"]) + "\n"


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads take turns often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def run(text: str, regime: str) -> Recorded:
    """One script on one kernel."""
    return record(parse_script(text), ModelSetting(rtnl=regime), keep_going=True)


def is_hung(recorded: Recorded) -> bool:
    """Did the watchdog have to end it?"""
    return recorded.document.get("hung") is not None


def hung_run() -> Recorded:
    """The first run in which the two threads wait for one another."""
    for _attempt in range(LOOP_MAX):
        recorded = run(many_pairs(), "naive")
        if is_hung(recorded):
            return recorded
    raise AssertionError(f"the two threads never met in {LOOP_MAX} runs")


def abba(recorded: Recorded) -> list[dict[str, Any]]:
    """Its reports of two orders of two namespaces' locks."""
    return [finding for finding in recorded.findings if is_abba(finding)]


def test_the_abba_is_reported_without_a_hang() -> None:
    """Whenever both deletions got through, the two orders of the two locks are reported."""
    ended = [each for each in (run(AT_ONCE, "naive") for _ in range(8)) if not is_hung(each)]

    assert ended != []
    for recorded in ended:
        (report,) = abba(recorded)

        assert report["severity"] == "possible"
        assert {"ns1", "ns2"} <= set(re.findall(r"ns\d", report["title"]))
        assert len(report["stacks"]) >= 4


def test_one_after_the_other_cannot_deadlock() -> None:
    """The same two orders by threads of which one ended before the other began: no ABBA counts.

    That one of them violates the declared order of the locks counts all the same.
    """
    recorded = run(ONE_BY_ONE, "naive")

    assert abba(recorded) == []
    counting = [each for each in recorded.findings if each["severity"] != "class-only"]
    assert [(each["kind"], each["severity"]) for each in counting] == [("recursive", "possible")]
    assert "order is violated" in counting[0]["reason"]


def test_when_it_does_hang_the_watchdog_ends_it_with_every_thread_joined(hurried: None) -> None:
    """T2 in a loop: sooner or later both wait; the run ends, says who, and leaves no thread."""
    before = set(threading.enumerate())
    recorded = hung_run()

    assert "deadlock" in {finding["kind"] for finding in recorded.findings}
    assert [cmd["rc"] for cmd in recorded.document["ops"][-1]["cmds"]].count(124) >= 2
    assert set(threading.enumerate()) <= before


def test_a_process_that_is_slow_to_unwind_is_waited_for(
    hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was ended returns when its last process has: whoever counts threads sees none."""
    returned = threading.Event()
    after: list[bool] = []

    def slow(k: Kernel, command: Command) -> Outcome:
        try:
            return execute(k, command)
        except Unwind:
            after.append(returned.wait(0.1))
            raise

    monkeypatch.setattr(script_run, "execute", slow)
    before = set(threading.enumerate())
    recorded = hung_run()
    left = set(threading.enumerate()) - before
    returned.set()

    assert left == set()
    assert set(after) == {False}
    assert is_hung(recorded)


def test_delegation_has_no_abba() -> None:
    """The same two deletions in `pernet` and in `small`: nothing to report."""
    for regime in ("pernet", "small"):
        for text in (ONE_BY_ONE, AT_ONCE):
            recorded = run(text, regime)

            assert recorded.findings == []
            assert {
                netns: len(devs) for netns, devs in recorded.document["ops"][-1]["devices"].items()
            } == {"ns1": 1, "ns2": 1}
