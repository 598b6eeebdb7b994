"""What counts as silence of the running thread."""

from __future__ import annotations

import pytest

from lockcheck.conduct import silence
from lockcheck.conduct.silence import Silence

THREAD = 4711


def looked(monkeypatch: pytest.MonkeyPatch, *seen: tuple[bool, float] | None) -> float:
    """Seconds of silence after a look a second, each of which sees (ready, processor time)."""
    looks = iter(seen)
    monkeypatch.setattr(silence, "_look", lambda _thread: next(looks))
    counted = Silence()
    for _ in seen:
        counted.add(THREAD, 1.0)
    return counted.seconds


def test_a_thread_that_sleeps_is_silent_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for something that lockcheck does not know."""
    assert looked(monkeypatch, *[(False, 0.5)] * 3) == 3.0


def test_a_thread_that_gets_no_processor_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others have all processors: it would go on if it could."""
    assert looked(monkeypatch, *[(True, 0.5)] * 30) == 0.0


def test_a_thread_that_spins_is_silent_for_the_time_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the processor's time is half of the silence."""
    assert looked(monkeypatch, (True, 0.0), (True, 0.5), (True, 1.0)) == 1.0


def test_where_nobody_knows_the_clock_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a system without `/proc`."""
    assert looked(monkeypatch, None, None) == 2.0


def test_a_point_ends_the_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before it does not count."""
    monkeypatch.setattr(silence, "_look", lambda _thread: (False, 0.0))
    counted = Silence()
    counted.add(THREAD, 5.0)
    counted.broken()
    counted.add(THREAD, 1.0)

    assert counted.seconds == 1.0
