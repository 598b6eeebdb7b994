"""A schedule as text: run lengths, `0x12.1x16.0x4`.

`1x16` thread 1 goes sixteen times; `2t` thread 2's timer fires; `c1` the program chose 1.  Where
the text ends the default goes on: the running thread while it can, else the thread with the lowest
number, and value 0.  So a schedule is as long as it is unusual, and a shrunk one is two or three
segments.  The characters need no quoting in a shell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lockcheck.seam import Choice

__all__ = ["decode", "default", "encode", "segments_of", "switches_of"]

_SEGMENT = re.compile(r"(?:(\d+)(?:x(\d+)|(t))?|c(\d+))\Z")

Segment = tuple[Choice, int]
"""(choice, how often)."""


def default(enabled: list[Choice], current: Choice | None) -> Choice:
    """What a schedule does where nothing is written: go on, else the first thread, else a timer."""
    if current is not None and current in enabled:
        return current
    for choice in enabled:
        if not choice.fires:
            return choice
    return enabled[0]


def segments_of(record: Iterable[int]) -> list[Segment]:
    """Join equal neighbours; timers and values stay single."""
    found: list[Segment] = []
    for choice in map(Choice.of, record):
        if found and choice.goes and found[-1][0] == choice:
            found[-1] = (choice, found[-1][1] + 1)
        else:
            found.append((choice, 1))
    return found


def encode(record: Iterable[int]) -> str:
    """Write a list of choices; '-' for the empty one."""
    parts = []
    for choice, count in segments_of(record):
        if choice.of_program:
            parts.append(f"c{choice.value}")
        elif choice.fires:
            parts.append(f"{choice.thread}t")
        else:
            parts.append(f"{choice.thread}x{count}" if count > 1 else f"{choice.thread}")
    return ".".join(parts) or "-"


def decode(text: str) -> list[Choice]:
    """Read what `encode` wrote.  Raises: ValueError."""
    record: list[Choice] = []
    if text == "-":
        return record
    for part in text.split("."):
        match = _SEGMENT.match(part)
        if match is None:
            raise ValueError(f"{part!r} is not a segment of a schedule (as in 0x12.1.2t.c1)")
        thread, count, timer, value = match.groups()
        if value is not None:
            record.append(Choice.chose(int(value)))
        elif timer:
            record.append(Choice.fire(int(thread)))
        else:
            times = int(count or 1)
            if len(record) + times > 10_000_000:
                raise ValueError(f"{part!r}: too long for a schedule")
            record.extend([Choice.go(int(thread))] * times)
    return record


def switches_of(record: Iterable[int]) -> int:
    """Count changes of the running thread."""
    last = -1
    found = 0
    for choice in map(Choice.of, record):
        if not choice.of_program:
            found += last not in (-1, choice.thread)
            last = choice.thread
    return found
