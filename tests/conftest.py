"""Options of the whole suite: the seed every randomised test uses, printed at the top, always."""

from __future__ import annotations

import os

import pytest

from . import apart

DEFAULT_SEED = 20260714


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register --seed."""
    parser.addoption(
        "--seed",
        default=os.environ.get("RTNL_MODEL_SEED", str(DEFAULT_SEED)),
        help="seed of the randomised tests (decimal or 0x…)",
    )


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
