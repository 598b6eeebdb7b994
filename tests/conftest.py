"""Of the whole suite: the seed, printed at the top, always, and the mark of what runs apart."""

from __future__ import annotations

import atexit
import os
import random
from collections.abc import Iterator
from multiprocessing.pool import AsyncResult
from typing import Any

import pytest

from . import apart

DEFAULT_SEED = 20260714
APART = pytest.StashKey[dict[str, AsyncResult[None]]]()
"""Tests marked so that have been started, by their id."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register --seed and what else says how to run."""
    parser.addoption(
        "--seed",
        default=os.environ.get("RTNL_MODEL_SEED", str(DEFAULT_SEED)),
        help="seed of the randomised tests (decimal or 0x…)",
    )
    parser.addoption(
        "--shuffle",
        action="store_true",
        help="run in an order drawn from the seed: of the modules, and in each of its tests",
    )
    parser.addoption(
        "--here",
        action="store_true",
        help="tests marked `apart` run in this process too, one after the other",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark; searches keep to one process unless a test says otherwise."""
    os.environ.setdefault("LOCKCHECK_JOBS", "1")
    config.addinivalue_line(
        "markers",
        "apart: run in another process, the marked tests of a module two at a time; its arguments "
        "are its parameters and the seed (--here: as any other)",
    )
    config.stash[APART] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle where that is asked for; what a module sets up once is still set up once."""
    if not config.getoption("--shuffle"):
        return
    chance = random.Random(seed_of(config))
    chance.shuffle(items)
    turn = {item.path: chance.random() for item in items}
    items.sort(key=lambda item: turn[item.path])


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Take the result of a test marked `apart`; the first of a module starts them all.

    Not where the tests are shared out among processes already: most of them are another's, and
    this one would wait for them all.
    """
    config = pyfuncitem.config
    if pyfuncitem.get_closest_marker("apart") is None or config.getoption("--here"):
        return None
    started = config.stash[APART]
    if pyfuncitem.nodeid not in started:
        started[pyfuncitem.nodeid] = start_apart(pyfuncitem)
        others = [] if "PYTEST_XDIST_WORKER" in os.environ else pyfuncitem.session.items
        for item in others:
            if (
                isinstance(item, pytest.Function)
                and item.module is pyfuncitem.module
                and item is not pyfuncitem
                and item.get_closest_marker("apart")
            ):
                started[item.nodeid] = start_apart(item)
    __tracebackhide__ = True
    try:
        apart.result(started.pop(pyfuncitem.nodeid))
    except Exception as error:
        error.add_note("It ran in a process of its own; with --here it runs in this one.")
        raise
    return True


def start_apart(item: pytest.Function) -> AsyncResult[None]:
    """Start a test function in another process."""
    words: dict[str, Any] = dict(item.callspec.params) if hasattr(item, "callspec") else {}
    if "seed" in item.fixturenames:
        words["seed"] = seed_of(item.config)
    return apart.start(apart.call, item.module.__name__, item.originalname, words)


def pytest_report_header(config: pytest.Config) -> str:
    """Print the seed and how to repeat the run with it."""
    return f"seed: {seed_of(config)} (repeat with --seed {seed_of(config)})"


def pytest_sessionfinish() -> None:
    """End the processes that ran long runs."""
    apart.end()


def seed_of(config: pytest.Config) -> int:
    """Return the seed of this run."""
    return int(str(config.getoption("--seed")), 0)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of this run; printed again when the test fails."""
    value = seed_of(request.config)
    print(f"seed: {value}")
    return value


@pytest.fixture(scope="session", autouse=True)
def _exit_functions_are_this_process_s() -> Iterator[None]:
    """A test that runs a program to its end does so in another process, or fails here.

    The end of a program runs the exit functions, which would close this process's pool and every
    executor of the tests that follow.
    """

    def refuse() -> None:
        raise AssertionError("this test runs the exit functions of the suite's own process")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atexit, "_run_exitfuncs", refuse)
        yield
