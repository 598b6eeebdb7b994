"""Requesting threads: each repeats its round until told to stop; what they did in a window.

A closed system, as on the measured host: every requester begins its next round when the last one
ended.  The window begins when the slowest requester has finished a first round (nobody's cold start
counts) or when `warm_seconds_max` passed; CPU time is the whole process's, so work that was handed
to other threads counts for the round that caused it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.statistic import percentile, slope, window_slopes

__all__ = ["Load", "Round", "drive"]

Round = Callable[[], None]
"""One round of one requester; raises when the model refuses."""

WINDOWS = 3
"""Parts of a window, for the range beside a rate."""


@dataclass(slots=True)
class Load:
    """What the requesters did between `begin` and `end` (seconds of the process's clock)."""

    begin: float
    end: float
    cpu: float
    """CPU seconds of the process in the window."""
    ended: list[float] = field(default_factory=list)
    """When each round of the window ended, sorted."""
    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    unfinished: int = 0
    """Requesters that did not end one round in the window."""

    @property
    def rate(self) -> float | None:
        """Rounds per second of real time; None where too few ended to tell."""
        return slope(self.ended)

    @property
    def rates(self) -> list[float]:
        """The rate in each part of the window (all of it, where a part has too few)."""
        parts = window_slopes(self.ended, self.begin, self.end, WINDOWS)
        whole = self.rate
        return parts if len(parts) == WINDOWS or whole is None else [whole]

    @property
    def cpu_per_round(self) -> float:
        """CPU seconds."""
        return self.cpu / max(1, len(self.ended))

    @property
    def utilisation(self) -> float:
        """CPU seconds per second."""
        return self.cpu / (self.end - self.begin)

    def latency(self, share: float) -> float | None:
        """Percentile of a round's duration, seconds."""
        return percentile(self.latencies, share) if self.latencies else None


def drive(
    rounds: Sequence[Round],
    *,
    seconds: float,
    warm_seconds_max: float,
    thread: Callable[..., Any] = threading.Thread,
    progress: Callable[[str], None] = lambda _text: None,
    rounds_min: int = 0,
    seconds_max: float = 0.0,
) -> Load:
    """Run one thread per round function for a window of `seconds`; joins them all.

    The window grows up to `seconds_max` until `rounds_min` rounds have ended in it.  `thread` makes
    the threads: a checker's, where the rounds use its locks.
    """
    requesters = [_Requester(round_) for round_ in rounds]
    threads = [thread(target=r.run, name=f"requester {i}") for i, r in enumerate(requesters)]
    for each in threads:
        each.start()
    try:
        limit = time.perf_counter() + warm_seconds_max
        for requester in requesters:
            while not requester.warm.wait(0.1) and time.perf_counter() < limit:
                progress(f"warming up {len(rounds)} requesters")
        cpu = time.process_time()
        begin = time.perf_counter()
        latest = begin + max(seconds, seconds_max)
        while True:
            now = time.perf_counter()
            enough = sum(len(r.ended) for r in requesters) >= rounds_min + len(requesters)
            if now >= latest or (now >= begin + seconds and enough):
                break
            time.sleep(min(0.1, max(0.001, begin + seconds - now)))
            progress(f"{len(rounds)} requesters")
        end = time.perf_counter()
        cpu = time.process_time() - cpu
    finally:
        for requester in requesters:
            requester.stop = True
        for each in threads:
            each.join()
    return _collect(requesters, begin, end, cpu)


class _Requester:
    """One thread's loop and its own records (nobody else writes them)."""

    def __init__(self, round_: Round) -> None:
        self.round = round_
        self.stop = False
        self.warm = threading.Event()
        self.ended: list[tuple[float, float]] = []
        """(when, how long)."""
        self.failure = ""

    def run(self) -> None:
        try:
            while not self.stop:
                begin = time.perf_counter()
                self.round()
                end = time.perf_counter()
                self.ended.append((end, end - begin))
                self.warm.set()
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
        finally:
            self.warm.set()


def _collect(requesters: Sequence[_Requester], begin: float, end: float, cpu: float) -> Load:
    load = Load(begin, end, cpu)
    for requester in requesters:
        inside = [(when, long) for when, long in requester.ended if begin <= when < end]
        load.ended += [when for when, _ in inside]
        load.latencies += [long for _, long in inside]
        load.unfinished += not inside
        if requester.failure:
            load.failures.append(requester.failure)
    load.ended.sort()
    return load
