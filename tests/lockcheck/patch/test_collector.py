"""The program's own `gc.callbacks` run where the collector strikes, whatever their place."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import lockcheck

Callback = Callable[[Any, dict[str, int]], None]


@pytest.fixture
def callbacks() -> Iterator[list[Any]]:
    """`gc.callbacks`, put back; no collection but the test's own."""
    was = list(gc.callbacks)
    enabled = gc.isenabled()
    gc.collect()
    yield gc.callbacks
    lockcheck.uninstall()
    gc.callbacks[:] = was
    (gc.enable if enabled else gc.disable)()


def taking(lock: Any, at: str) -> Callback:
    def callback(phase: Any, _info: dict[str, int]) -> None:
        if phase == at:
            with lock:
                pass

    return callback


def kinds(chk: lockcheck.Checker) -> list[tuple[str, str]]:
    return [(report.kind, report.severity) for report in chk.reports]


@pytest.mark.parametrize("place", ["before install", "first", "last"])
@pytest.mark.parametrize("at", ["start", "stop"])
def test_a_callback_that_takes_a_lock_is_found(callbacks: list[Any], at: str, place: str) -> None:
    """At the start and at the end of a collection, called before and after ours."""
    chk = lockcheck.Checker()
    lock = chk.Lock("l")
    callback = taking(lock, at)
    if place == "before install":
        callbacks.append(callback)
    lockcheck.install(chk)
    if place == "first":
        callbacks.insert(0, callback)
    elif place == "last":
        callbacks.append(callback)

    with lock:
        pass
    gc.enable()
    gc.collect()
    gc.collect()

    assert kinds(chk) == [("inverted-context", "possible")]


def test_a_collection_that_the_program_asks_for_strikes_nowhere(callbacks: list[Any]) -> None:
    """Switched off, it runs where it is called, and only there."""
    gc.disable()  # none may be due while the checker is installed
    chk = lockcheck.Checker()
    lock = chk.Lock("l")
    callbacks.append(taking(lock, "start"))
    lockcheck.install(chk)

    with lock:
        pass
    gc.disable()
    gc.collect()

    assert kinds(chk) == []


def test_the_program_finds_its_callback_and_removes_it(callbacks: list[Any]) -> None:
    """Wrapped or not, it is equal to itself; what is left when we go is its own."""
    lockcheck.install()
    lock = threading.Lock()
    mine, other = taking(lock, "start"), taking(lock, "stop")
    callbacks.extend([mine, other])
    gc.enable()
    gc.collect()

    assert mine in callbacks
    assert callbacks.index(other) == callbacks.index(mine) + 1
    callbacks.remove(mine)
    assert mine not in callbacks
    lockcheck.uninstall()
    assert callbacks[-1] is other


def test_what_a_callback_raises_leaves_the_context(
    callbacks: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """The interpreter reports it as always and continues; so does lockcheck."""

    def broken(_phase: Any, _info: dict[str, int]) -> None:
        raise ValueError("on purpose")

    chk = lockcheck.install()
    callbacks.append(broken)
    with pytest.MonkeyPatch.context() as patch:
        told: list[Any] = []
        patch.setattr("sys.unraisablehook", lambda info: told.append(info.exc_value))
        gc.enable()
        gc.collect()
    callbacks.remove(broken)

    assert [str(error) for error in told] == ["on purpose"] * 2
    assert chk.current().contexts == ()


def test_a_collection_ends_where_it_began_whatever_is_switched_meanwhile(
    callbacks: list[Any],
) -> None:
    """The collector is switched off while it runs: its context is left all the same."""
    chk = lockcheck.install()
    callbacks.append(lambda phase, _info: gc.disable() if phase == "start" else None)
    gc.enable()
    gc.collect()

    assert chk.current().contexts == ()
    with chk.context("gc"):
        gc.collect()  # not reported: it is off, and this is no end of our own context
        assert chk.current().contexts == ("gc",)
