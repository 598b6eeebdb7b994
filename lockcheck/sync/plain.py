"""Threads and events of the machinery itself: never checked, whatever `install()` replaced.

A watchdog or a pooled worker that were checked would be seen as a thread of the program.  `Plain`
threads are left alone by the patched `threading.Thread`; a plain event stands on real locks only.
"""

from __future__ import annotations

import _thread
import threading

__all__ = ["PlainThread", "plain_event"]

_Event = threading.Event
_Condition = threading.Condition
# Bound at import, before anybody can have replaced them.


class PlainThread(threading.Thread):
    """As `threading.Thread`, unseen by any checker."""


def plain_event() -> threading.Event:
    """Return an event as `threading` makes it, with a real lock inside."""
    event = _Event.__new__(_Event)
    event._cond = _Condition(_thread.allocate_lock())  # type: ignore[attr-defined]
    event._flag = False  # type: ignore[attr-defined]
    return event
