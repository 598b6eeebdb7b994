"""Every recorded lock case gets its verdict: one test a row.

The rows are the kernel's locking self-test and derived ones for Python's primitives; each says
whether a checker must report or stay silent.  Where a row also says that a sound predictor stays
silent (a gate, one thread only, start/join order), the report must be `class-only`; where a
deadlock can really be reached by the recorded threads, it must be at least `possible`.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lockcheck.core.report import CLASS_ONLY
from tests.lockcheck.core.driver import Driver

DATA = Path(__file__).parent.parent / "data" / "lock-cases.json.gz"
ROWS: list[dict[str, Any]] = json.loads(gzip.decompress(DATA.read_bytes()))

INEXPRESSIBLE: dict[str, str] = {}
"""Row -> why it cannot be expressed; at most a handful."""


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_recorded_lock_case_gets_its_verdict(row: dict[str, Any]) -> None:
    """The checker reports exactly when the row says so, at the severity the row allows."""
    if row["name"] in INEXPRESSIBLE:
        pytest.skip(INEXPRESSIBLE[row["name"]])

    reports = Driver(row["locks"], queued=row.get("rw_mode") == "queued").run(row["steps"])

    assert ("report" if reports else "clean") == row["expect"], [str(r.title) for r in reports]
    if row.get("expect_sound") == "clean":
        assert {r.severity for r in reports} == {CLASS_ONLY}
    truth = row.get("truth") or {}
    if truth.get("deadlock_reachable") and row["threads"] > 1:
        assert any(r.severity != CLASS_ONLY for r in reports), reports[0].reason


def test_at_most_a_handful_of_rows_is_skipped() -> None:
    """Rows that cannot be expressed are few, and are rows that exist."""
    assert len(INEXPRESSIBLE) <= 5
    assert set(INEXPRESSIBLE) <= {row["name"] for row in ROWS}
