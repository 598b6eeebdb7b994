"""Signals that end the process are not lost between a fork and the child's first steps."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

import lockcheck
from lockcheck.patch import hooks
from lockcheck.sync.interrupts import Deferred

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "pthread_sigmask"), reason="signals of POSIX, and their masks"
)


def blocked() -> set[int]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


@pytest.fixture
def ending() -> Iterator[signal.Signals]:
    """A signal for which a handler stands that is not the program's."""
    number = signal.SIGUSR1
    lockcheck.install()
    before = hooks._signal(number, Deferred(signal.SIG_DFL))
    yield number
    hooks._signal(number, before)
    lockcheck.uninstall()


def test_it_is_blocked_while_the_process_is_forked(ending: signal.Signals) -> None:
    """And in the parent no longer afterwards; the interpreter's own handlers are not concerned."""
    before = blocked()
    hooks._before_fork()
    during = blocked()
    hooks._unblock()

    assert during - before == {ending}
    assert blocked() == before


def test_what_the_program_has_blocked_stays_so(ending: signal.Signals) -> None:
    """Its own mask is put back, whatever it is."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {ending, signal.SIGUSR2})
    try:
        hooks._before_fork()
        hooks._unblock()
        assert {ending, signal.SIGUSR2} <= blocked()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {ending, signal.SIGUSR2})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_in_the_child_it_ends_the_process_again(ending: signal.Signals) -> None:
    """Nobody handles it there."""
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_REAL, 60)
        os.kill(os.getpid(), ending)
        signal.pause()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -ending
