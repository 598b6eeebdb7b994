"""The end of a kernel, wherever an interrupt came."""

from __future__ import annotations

import threading
from contextlib import suppress

import lockcheck
from lockcheck.conduct.watchdog import abort
from rtnl_model.kernel.assembly import assemble


def test_a_thread_that_an_interrupt_kept_from_starting_is_not_waited_for() -> None:
    """It was made; Ctrl-C came before its start, and every other thread is joined."""
    before = set(threading.enumerate())
    chk = lockcheck.Checker()
    k = assemble(chk, "small")
    k.start()
    made = k.make_thread(lambda: None, "never")

    k.join(made)
    k.make_thread(lambda: None, "never either")
    abort(chk)
    with suppress(lockcheck.Unwind):  # the joins of an aborted run; who still runs is waited out
        k.shutdown()

    assert set(threading.enumerate()) == before
