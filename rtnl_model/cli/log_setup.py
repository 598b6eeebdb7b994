"""structlog, configured once and only here: stderr, a level, lines for people or lines of JSON.

Every line has event, thread, netns, dev and a sequence number; fields that a call does not bind are
null in JSON, so that every line parses to the same keys.
"""

from __future__ import annotations

import itertools
import logging
import sys
import threading
from collections.abc import MutableMapping
from typing import Any

import structlog

__all__ = ["configure"]

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
Event = MutableMapping[str, Any]  # as structlog has it


class _Sequence:
    """Adds thread, netns, dev and a sequence number."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        event.setdefault("thread", threading.current_thread().name)
        event.setdefault("netns", None)
        event.setdefault("dev", None)
        event["sequence"] = next(self._numbers)
        return event


def _drop_empty(_logger: object, _method: str, event: Event) -> Event:
    for key in [k for k, v in event.items() if v is None]:
        del event[key]
    return event


def configure(level: str, *, as_json: bool) -> None:
    """Set structlog up for this process."""
    processors: list[Any] = [structlog.processors.add_log_level, _Sequence()]  # structlog's own
    if as_json:
        processors.append(structlog.processors.JSONRenderer(default=str))
    else:
        colors = sys.stderr is not None and sys.stderr.isatty()
        processors += [_drop_empty, structlog.dev.ConsoleRenderer(colors=colors)]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
