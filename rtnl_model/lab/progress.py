"""One line on stderr that says how far a long run is; no library, no thread of the run's.

On a terminal: rewritten in place, at most five times a second.  Elsewhere: one plain line at
1, 2, 5, 10, … minutes.  It is drawn by a plain thread that touches no lock of the run, so it can
neither disturb the checker nor hide a stuck run from the watchdog.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TextIO

__all__ = ["Progress"]

PERIOD = 0.2
PLAIN_MINUTES = (1, 2, 5, 10, 20, 30, 60, 120, 240, 480)


class Progress:
    """Draws `describe()`; a context manager."""

    def __init__(self, stream: TextIO | None, describe: Callable[[], str]) -> None:
        self._stream = stream
        self._describe = describe
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._tty = stream is not None and stream.isatty()

    def __enter__(self) -> Progress:
        if self._stream is not None:
            self._thread = threading.Thread(target=self._draw, name="progress")
            try:
                self._thread.start()
            except BaseException:  # Ctrl-C while it starts: nobody would stop it
                self.__exit__()
                raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join()
        if self._tty:
            self._write("\r\x1b[K")

    def _draw(self) -> None:
        began = time.monotonic()
        told = 0
        while not self._stop.wait(PERIOD):
            if self._tty:
                self._write(f"\r\x1b[K{self._describe()[:118]}")
                continue
            minutes = (time.monotonic() - began) / 60
            if told < len(PLAIN_MINUTES) and minutes >= PLAIN_MINUTES[told]:
                told += 1
                self._write(self._describe() + "\n")

    def _write(self, text: str) -> None:
        assert self._stream is not None
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._stop.set()  # a closed terminal must not end the run
