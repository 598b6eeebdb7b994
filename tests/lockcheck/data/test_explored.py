"""Accesses to plain data are scheduling points: lost updates are found, right programs pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockcheck.cli.function import FunctionSubject
from lockcheck.explore.result import Limits, Outcome
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy
from lockcheck.explore.token import Token
from lockcheck.patch.data import DataOptions
from lockcheck.patch.data.code import compile_seen

FILE = str(Path(__file__).with_name("shared_data.py"))

BUGGY = [
    "attribute", "item", "item_by_call", "class_attribute", "global_name", "closure_variable",
    "list_item", "set_check_then_act", "dict_iteration", "reflection",
]  # fmt: skip


def explored(function: str, strategy: str = "dpor", *, data: bool = True) -> Outcome:
    subject = FunctionSubject(FILE, function, data=DataOptions(data))
    with subject, Session(subject) as session:
        return session.explore(make_strategy(strategy, 1))


@pytest.mark.parametrize("function", BUGGY)
def test_a_fault_in_ordinary_data_is_found_and_replayed(function: str) -> None:
    """The fault shows in some schedule, and its token alone shows it again."""
    found = explored(function)

    assert found.outcome == "failed"
    token = Token.parse(str(found.findings[0].token))
    subject = FunctionSubject.of_token(token.subject)
    with subject, Session(subject) as session:
        again = session.replay(token)

    assert again.divergence == ""
    assert [report.kind for report in again.reports] == [found.findings[0].report.kind]


def test_a_lost_update_is_found_though_nothing_asserts() -> None:
    """A value that was read, replaced by another thread, and written back is a finding itself."""
    found = explored("unnoticed")

    assert [finding.report.kind for finding in found.findings] == ["race"]
    report = found.findings[0].report
    assert report.title.startswith("lost update of Counter#1.n")
    token = Token.parse(str(found.findings[0].token))
    subject = FunctionSubject.of_token(token.subject)
    with subject, Session(subject) as session:
        again = session.replay(token)
    assert [each.title for each in again.reports] == [report.title]


@pytest.mark.parametrize(
    "function",
    ["attribute_under_a_lock", "one_step_each", "keys_of_their_own", "grown_in_place"],
)
def test_a_right_program_passes_every_order(function: str) -> None:
    """Nothing is found, and the search was complete."""
    found = explored(function)

    assert (found.outcome, found.exhausted) == ("passed", True)


def test_data_under_a_lock_adds_no_order() -> None:
    """Three threads that take one lock have six orders, with and without data."""
    with_data = explored("attribute_under_a_lock")
    without = explored("attribute_under_a_lock", data=False)

    assert len(with_data.coverage.orders) == len(without.coverage.orders) == 6
    assert with_data.coverage.schedules == 6


def test_keys_that_differ_make_one_order() -> None:
    """Two threads that write different keys of one dict are independent."""
    assert len(explored("keys_of_their_own").coverage.orders) == 1


def test_no_order_is_counted_twice_when_a_search_learns_what_to_look_at() -> None:
    """A sample has no order that an exhaustive search has not.

    Its first schedules are run before it knows which data is shared, and look at less.
    """
    subject = FunctionSubject(FILE, "one_step_each")
    with subject, Session(subject, limits=Limits(schedules=200)) as session:
        sampled = session.explore(make_strategy("random", 1))

    assert set(sampled.coverage.orders) <= set(explored("one_step_each").coverage.orders)


def test_without_data_the_fault_is_not_seen() -> None:
    """`--no-data` looks at primitives only, as it says."""
    assert explored("attribute", data=False).outcome == "passed"


def test_no_name_is_added_to_a_module() -> None:
    """Neither the module nor a function's locals nor its code show our functions by name."""
    code = compile_seen("class A: n = 0\na = A()\na.n += 1\ndef f(): return locals()\n", "m.py")
    module: dict[str, object] = {}
    exec(code, module)

    assert sorted(module) == ["A", "__builtins__", "a", "f"]
    assert code.co_names == ("A", "a", "n", "f")


@pytest.mark.parametrize("data", [True, False])
def test_no_schedule_sees_what_another_left_in_a_module(tmp_path: Path, data: bool) -> None:
    """The program's own modules are imported again for every schedule, data seen or not."""
    (tmp_path / "kept_state.py").write_text("calls = []\n")
    program = tmp_path / "keeps.py"
    program.write_text(
        "import threading, kept_state\n"
        "def once():\n"
        "    thread = threading.Thread(target=kept_state.calls.append, args=(1,))\n"
        "    thread.start()\n"
        "    thread.join()\n"
        "    assert kept_state.calls == [1]\n"
    )
    subject = FunctionSubject(str(program), "once", data=DataOptions(data))
    with subject, Session(subject, limits=Limits(schedules=3)) as session:
        found = session.explore(make_strategy("random", 1))

    assert found.outcome == "passed"
