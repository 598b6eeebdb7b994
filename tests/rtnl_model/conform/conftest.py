"""Runs that this folder's tests share are let go at its end: a large heap slows what follows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import runs, test_lock_graph, test_recordings


@pytest.fixture(scope="package", autouse=True)
def _shared_runs() -> Iterator[None]:
    yield
    runs.scripts.cache_clear()
    runs.started.clear()
    for module in (test_lock_graph, test_recordings):
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
