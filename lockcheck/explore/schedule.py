"""A schedule as text: run lengths, `0x12.1x16.0x4`.

`1x16` thread 1 goes sixteen times; `2t` thread 2's timer fires; `c1` the program chose 1.  Where
the text ends the default goes on: the running thread while it can, else the thread with the lowest
number, and value 0.  So a schedule is as long as it is unusual, and a shrunk one is two or three
segments.  The characters need no quoting in a shell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["decode", "default", "encode", "segments_of", "switches_of"]

_SEGMENT = re.compile(r"(?:(\d+)(?:x(\d+)|(t))?|c(\d+))\Z")

Segment = tuple[int, int]
"""(choice, how often)."""


def default(enabled: list[int], current: int) -> int:
    """What a schedule does where nothing is written: go on, else the first thread, else a timer."""
    if current in enabled:
        return current
    for choice in enabled:
        if not choice & 1:
            return choice
    return enabled[0]


def segments_of(record: Iterable[int]) -> list[Segment]:
    """Join equal neighbours; timers and values stay single."""
    found: list[Segment] = []
    for choice in record:
        if found and choice >= 0 and not choice & 1 and found[-1][0] == choice:
            found[-1] = (choice, found[-1][1] + 1)
        else:
            found.append((choice, 1))
    return found


def encode(record: Iterable[int]) -> str:
    """Write a list of choices; '-' for the empty one."""
    parts = []
    for choice, count in segments_of(record):
        if choice < 0:
            parts.append(f"c{-1 - choice}")
        elif choice & 1:
            parts.append(f"{choice >> 1}t")
        else:
            parts.append(f"{choice >> 1}x{count}" if count > 1 else f"{choice >> 1}")
    return ".".join(parts) or "-"


def decode(text: str) -> list[int]:
    """Read what `encode` wrote.  Raises: ValueError."""
    record: list[int] = []
    if text == "-":
        return record
    for part in text.split("."):
        match = _SEGMENT.match(part)
        if match is None:
            raise ValueError(f"{part!r} is not a segment of a schedule (as in 0x12.1.2t.c1)")
        thread, count, timer, value = match.groups()
        if value is not None:
            record.append(-1 - int(value))
        elif timer:
            record.append(int(thread) * 2 + 1)
        else:
            times = int(count or 1)
            if len(record) + times > 10_000_000:
                raise ValueError(f"{part!r}: too long for a schedule")
            record.extend([int(thread) * 2] * times)
    return record


def switches_of(record: Iterable[int]) -> int:
    """Count changes of the running thread."""
    last = -1
    found = 0
    for choice in record:
        if choice < 0:
            continue
        thread = choice >> 1
        found += last not in (-1, thread)
        last = thread
    return found
