"""A test that is explored: its body runs under every schedule within the bounds of its mark.

    @pytest.mark.lockcheck(explore=True, schedules=500, strategy="dpor")
    def test_transfer(): ...

The test's file is executed afresh for every schedule, as `lockcheck explore FILE::FUNCTION` does
it, so no schedule sees another one's globals; plain locks, queues and data of the test's own
modules are controlled.  Values of fixtures and parameters are made once, by pytest, outside of the
schedules: what is to be controlled belongs into the body or the file.  The modules of the test's
folder and package, and those of `data=`, are imported again for every schedule, conftest files
left out; so an object that a fixture has made is of another class than the test's own of that name.

A failing test shows the findings and a token, which `pytest --lockcheck-replay TOKEN` runs again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import pytest

from lockcheck import patch
from lockcheck.cli.function import FunctionSubject, SubjectError
from lockcheck.explore.in_words import in_a_word, summary, verdict_in_words
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session, fresh_seed
from lockcheck.explore.strategies import DEFAULT_SCHEDULES, OptionError, make_strategy
from lockcheck.explore.token import Token, TokenError
from lockcheck.patch.data import DataOptions

if TYPE_CHECKING:
    from lockcheck.checker import Checker

__all__ = ["TestSubject", "explore_item", "read_replay", "replay_item"]

Marks = Mapping[str, Any]  # arguments of pytest's markers: each reader checks its own

WORDS: Final = frozenset({"explore", "schedules", "seconds", "strategy", "seed", "preemptions",
                          "data", "allow"})  # fmt: skip
"""What the mark understands."""


class TestSubject(FunctionSubject):
    """One test function, or method, with the values that pytest gives it."""

    __test__ = False
    afresh = True

    def __init__(
        self, file: str, name: str, values: Mapping[str, object], data: DataOptions
    ) -> None:
        super().__init__(file, name, data=data)
        self._values = dict(values)

    def resolve(self, module: ModuleType) -> Callable[[], object] | None:
        """Find the test in a fresh module."""
        found: Any = module  # what a dotted name leads to
        for part in self.function.split("."):
            if inspect.isclass(found):
                found = found()
            found = getattr(found, part, None)  # a dotted name
        if not callable(found):
            return None
        return lambda: found(**self._values)


def explore_item(item: pytest.Function, marks: Marks, fail_on: str) -> None:
    """Run a test under its schedules.  Raises: pytest's Failed, with the findings and a token."""
    unknown = sorted(marks.keys() - WORDS)
    if unknown:
        pytest.fail(f"mark lockcheck: no argument {unknown[0]!r}", pytrace=False)
    seed = marks.get("seed")
    seed = fresh_seed() if seed is None else int(seed)
    try:
        strategy = make_strategy(
            str(marks.get("strategy", "portfolio")), seed, preemptions=marks.get("preemptions")
        )
        subject = subject_of(item, _packages(marks))
    except (OptionError, SubjectError, ValueError) as error:
        pytest.fail(f"mark lockcheck: {error}", pytrace=False)
    schedules, seconds = marks.get("schedules"), marks.get("seconds")
    if schedules is None and seconds is None and not strategy.exhaustive:
        schedules = DEFAULT_SCHEDULES
    with _alone():
        try:
            with (
                subject,
                Session(
                    subject,
                    limits=Limits(schedules=schedules, seconds=seconds),
                    fail_on=fail_on,
                ) as session,
            ):
                result = session.explore(strategy)
        except SubjectError as error:
            pytest.fail(str(error), pytrace=False)
    text = summary(item.nodeid, result, "pytest --lockcheck-replay")
    text += f"  {subject.data.in_words()}\n{': '.join(in_a_word(result))}"
    item.add_report_section("call", "lockcheck", f"{text}\n")
    if result.interrupted:
        raise KeyboardInterrupt
    if result.outcome != "passed":
        pytest.fail(text, pytrace=False)


def read_replay(text: str) -> Token:
    """Read the token of `--lockcheck-replay`.  Raises: pytest.UsageError."""
    from lockcheck.cli.baseline import InputError
    from lockcheck.cli.explore import read_token

    try:
        token = read_token(text)
    except (InputError, TokenError) as error:
        raise pytest.UsageError(f"--lockcheck-replay: {error}") from error
    if token.subject.get("kind") != "function":
        raise pytest.UsageError("--lockcheck-replay: this token is not of a test")
    return token


def replay_item(item: pytest.Function, token: Token) -> None:
    """Run a test under exactly one schedule.  Raises: pytest's Failed when it fails there."""
    data = DataOptions.of_token(token.subject)
    with _alone(), subject_of(item, data.packages, on=data.on) as subject:
        with Session(subject) as session:
            got = session.replay(token)
    if got.divergence:
        pytest.fail(f"the replay {got.divergence}", pytrace=False)
    if got.reports:
        lines = [str(report) for report in got.reports]
        lines.append(f"replayed: {verdict_in_words(got.verdict)}")
        pytest.fail("\n".join(lines), pytrace=False)


def is_item_of(item: pytest.Item, token: Token) -> bool:
    """Is this the test that a token is of?"""
    if not isinstance(item, pytest.Function):
        return False
    return str(item.path) == token.subject.get("file") and (
        name_of(item) == token.subject.get("function")
    )


def name_of(item: pytest.Function) -> str:
    """`TestClass.test_name`, or `test_name`."""
    name: str = getattr(item, "originalname", None) or item.name  # a parametrised one
    return name if item.cls is None else f"{item.cls.__qualname__}.{name}"


def subject_of(item: pytest.Function, packages: tuple[str, ...], *, on: bool = True) -> TestSubject:
    """Make the subject of a test.  Raises: SubjectError."""
    wanted = inspect.signature(item.obj).parameters
    values = {name: value for name, value in item.funcargs.items() if name in wanted}
    return TestSubject(str(item.path), name_of(item), values, DataOptions(on, packages))


def _packages(marks: Marks) -> tuple[str, ...]:
    named = marks.get("data", ())
    return (named,) if isinstance(named, str) else tuple(named)


@contextmanager
def _alone() -> Iterator[None]:
    """Take the session's own checker out meanwhile: each schedule has one of its own."""
    outer: Checker | None = patch.installed()
    if outer is not None:
        patch.uninstall()
    try:
        yield
    finally:
        if outer is not None:
            patch.install(outer)
