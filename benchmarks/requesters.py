"""Requesting threads: each repeats its round until stopped; what they did in a window.

A closed system, as on the measured host: every requester begins its next round when the last one
ended.  The window begins when every requester has finished a first round (nobody's cold start
counts) and ends where the first of them began a round that was not over yet, so the whole length of
every round in it is known.  A round counts with the share of it that lies inside: that makes the
rate exact for rounds that end in bursts (all who waited for one barrier), wherever the window lies.

CPU time is that of all threads but the one that looks on: work handed to other threads counts for
the round that caused it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.statistic import percentile, rate_of_intervals

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
    utilisation: float
    """CPU seconds of the process per second."""
    by_requester: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """(began, ended) of every round that began before the window's end, by requester's thread."""
    failures: list[str] = field(default_factory=list)
    starved: int = 0
    """Requesters that did not end a round in all the time there was."""

    @property
    def rounds(self) -> list[tuple[float, float]]:
        """All of them."""
        return [round_ for rounds in self.by_requester.values() for round_ in rounds]

    @property
    def started(self) -> float:
        """When the first round of all began."""
        return min((begin for begin, _ in self.rounds), default=self.begin)

    @property
    def rate(self) -> float | None:
        """Rounds per second of real time; None without a window."""
        if self.end <= self.begin:
            return None
        return rate_of_intervals(self.rounds, self.begin, self.end)

    @property
    def rates(self) -> list[float]:
        """The rate in each third of the window."""
        width = (self.end - self.begin) / WINDOWS
        if width <= 0:
            return []
        lows = [self.begin + i * width for i in range(WINDOWS)]
        return [rate_of_intervals(self.rounds, low, low + width) for low in lows]

    @property
    def ended(self) -> list[float]:
        """When each round that ended in the window did, sorted."""
        return sorted(end for _, end in self.rounds if self.begin <= end <= self.end)

    @property
    def latencies(self) -> list[float]:
        """How long each of these took."""
        return [end - begin for begin, end in self.rounds if self.begin <= end <= self.end]

    @property
    def cpu_per_round(self) -> float:
        """CPU seconds."""
        rate = self.rate
        return self.utilisation / rate if rate else 0.0

    def latency(self, share: float) -> float | None:
        """Percentile of a round's duration, seconds."""
        found = self.latencies
        return percentile(found, share) if found else None


def drive(
    rounds: Sequence[Round],
    *,
    seconds: float,
    seconds_max: float,
    thread: Callable[..., Any] = threading.Thread,
    rounds_min: int = 2,
    finish: Callable[[], None] = lambda: None,
    progress: Callable[[str], None] = lambda _text: None,
) -> Load:
    """Run one thread per round function for at least `seconds`; joins them all.

    Args:
        rounds_min: rounds that every requester ends in the window.
        seconds_max: for warming up, and again for the window, when requesters are slow.
        thread: makes the threads: a checker's, where the rounds use its locks.
        finish: called when the window is over and before the last rounds are waited for; may make
            these short.
    """
    requesters = [_Requester(round_) for round_ in rounds]
    threads = [thread(target=r.run, name=f"requester {i}") for i, r in enumerate(requesters)]
    for each in threads:
        each.start()
    try:
        _until(requesters, 1, 0.0, seconds_max, lambda: progress("warming up"))
        cpu, begin = _cpu_of_others(), time.perf_counter()
        for requester in requesters:
            requester.before = len(requester.ended)
        _until(requesters, rounds_min, seconds, seconds_max, lambda: progress("measuring"))
        now = time.perf_counter()
        utilisation = (_cpu_of_others() - cpu) / (now - begin)
        ends = [r.ended[-1][1] if len(r.ended) > r.before else begin for r in requesters]
    finally:
        for requester in requesters:
            requester.stop = True
        finish()
        for each in threads:
            each.join()
    return _collect(requesters, Load(begin, min(ends), utilisation))


class _Requester:
    """One thread's loop and its own records (nobody else writes them)."""

    def __init__(self, round_: Round) -> None:
        self.round = round_
        self.stop = False
        self.before = 0
        """How many rounds were over when the window began."""
        self.ended: list[tuple[float, float]] = []
        self.failure = ""

    def run(self) -> None:
        try:
            while not self.stop:
                begin = time.perf_counter()
                self.round()
                self.ended.append((begin, time.perf_counter()))
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"


def _cpu_of_others() -> float:
    """CPU seconds of the process, without the calling thread, which only looks on."""
    return time.process_time() - time.thread_time()


def _until(
    requesters: Sequence[_Requester],
    count: int,
    seconds: float,
    seconds_max: float,
    tick: Callable[[], None],
) -> None:
    """Sleep at least `seconds`, until each has ended `count` more rounds, failed, or time is up."""
    begin = time.perf_counter()
    while True:
        spent = time.perf_counter() - begin
        slow = [r for r in requesters if len(r.ended) - r.before < count and not r.failure]
        if spent >= seconds and (not slow or spent >= seconds_max):
            return
        time.sleep(min(0.05, max(0.001, seconds - spent)) if spent < seconds else 0.01)
        tick()


def _collect(requesters: Sequence[_Requester], load: Load) -> Load:
    for i, requester in enumerate(requesters):
        load.by_requester[f"requester {i}"] = [(a, b) for a, b in requester.ended if a < load.end]
        if requester.failure:
            load.failures.append(requester.failure)
    load.starved = sum(len(r.ended) <= r.before for r in requesters)
    return load
