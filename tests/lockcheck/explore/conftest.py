"""Helpers of the explorer's tests stand beside them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.pool import Pool

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def conductor() -> Iterator[ControlledConductor]:
    """A conductor whose threads end with the test."""
    with Pool() as pool:
        yield ControlledConductor(pool, hang_after=20.0)
