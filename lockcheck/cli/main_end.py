"""The end of a program, as `threading` shows it: its main thread counts as ended.

At the end the interpreter marks the main thread so, and then waits for the others: who joins it may
go on, and does what is to be done when the program is over.  We wait for the others ourselves
(`program`), so the mark must be there as well; afterwards it is taken away, for this process goes
on, and the interpreter will set it again.

Python 3.12 starts no thread from then on.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

__all__ = ["main_thread_ended"]


def _start_none(*_args: object) -> NoReturn:
    raise RuntimeError("can't create new thread at interpreter shutdown")


@contextmanager
def main_thread_ended() -> Iterator[None]:
    """In the body the main thread counts as ended, and no exit function may be registered."""
    main: Any = threading.main_thread()  # attributes that only this version's has
    names: Any = threading  # private names of the module
    start = names._start_new_thread if sys.version_info < (3, 13) else None
    names._SHUTTING_DOWN = True
    if sys.version_info < (3, 13):
        main._tstate_lock.release()
        main._stop()
        if sys.version_info >= (3, 12):
            names._start_new_thread = _start_none
    else:
        handle = "_handle" if sys.version_info < (3, 14) else "_os_thread_handle"
        vars(main)[handle]._set_done()
    try:
        yield
    finally:
        names._SHUTTING_DOWN = False
        if sys.version_info < (3, 13):
            main._is_stopped = False
            main._set_tstate_lock()
            names._start_new_thread = start
        else:
            vars(main)[handle] = names._make_thread_handle(main.ident)
