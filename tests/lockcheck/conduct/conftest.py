"""One conductor a test; its threads end with the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.pool import Pool


@pytest.fixture
def conductor() -> Iterator[ControlledConductor]:
    with Pool() as pool:
        yield ControlledConductor(pool, hang_after=20.0)
