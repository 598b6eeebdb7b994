"""The measured host's throughput, and what the table of waits alone predicts for it.

The host: Linux 6.18 on a virtual machine with 2 CPUs, one RTM_NEWLINK and one RTM_DELLINK of a veth
pair per round, each process in a netns of its own; pairs per second in total.

`predict` is a discrete-event simulation of nothing but the waits: RTNL (first come, first served)
is held for the creation and for the deletion, then comes the shared rcu_barrier outside RTNL.  No
threads, no interpreter: where the model's measured curve leaves the prediction, that is Python's
own cost; where the prediction leaves the host, the table of waits is wrong.

The barrier as Linux serialises it: a caller notes the sequence number, waits for the mutex, and
returns at once when a whole barrier began and ended since, else runs its own.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from statistics import median

from benchmarks.statistic import slope

__all__ = ["HOST", "TOLERANCE", "Host", "predict"]

TOLERANCE = 0.30
"""How far the model may be from the host at each point."""


@dataclass(frozen=True, slots=True)
class Host:
    """One measured point of the host."""

    pairs: float
    low: float
    high: float
    create_ms: float
    delete_ms: float


HOST: dict[int, Host] = {
    1: Host(57, 57, 57, 0.40, 17.3),
    2: Host(49, 47, 50, 0.49, 40.3),
    4: Host(106, 94, 108, 0.77, 37.1),
    8: Host(261, 226, 267, 1.46, 29.2),
    16: Host(400, 400, 408, 2.19, 37.9),
    32: Host(854, 811, 864, 4.25, 33.4),
    64: Host(1229, 1220, 1345, 8.82, 41.9),
}
"""By the number of requesting processes."""


def predict(requesters: int, *, create: float, delete: float, barrier: float) -> Host:
    """Simulate `requesters` that create and delete for ever; seconds of RTNL and of the barrier."""
    return _Simulation(requesters, create, delete, barrier).run(rounds=60)


class _Simulation:
    """Events in order of time; ties in order of their making."""

    def __init__(self, requesters: int, create: float, delete: float, barrier: float) -> None:
        self.requesters = requesters
        self.hold = {"create": create, "delete": delete}
        self.barrier = barrier
        self.now = 0.0
        self.events: list[tuple[float, int, str, int]] = []
        self.made = 0
        self.rtnl: deque[tuple[int, str]] = deque()
        self.rtnl_busy = False
        self.barrier_running = False
        self.barriers_begun = 0
        self.waiting: list[tuple[int, int]] = []
        """(requester, how many barriers must have begun): those in rcu_barrier."""
        self.since: dict[int, float] = {}
        self.create_waits: list[float] = []
        self.delete_waits: list[float] = []
        self.done: list[float] = []

    def run(self, rounds: int) -> Host:
        for who in range(self.requesters):
            self._want(who, "create")
        while len(self.done) < rounds * self.requesters:
            self.now, _, what, who = heapq.heappop(self.events)
            if what == "barrier":
                self._barrier_ends()
            else:
                self._rtnl_released(who, what)
        settled = self.done[len(self.done) // 3 :]
        rate = slope(settled)
        assert rate is not None
        return Host(
            rate, rate, rate, 1e3 * median(self.create_waits), 1e3 * median(self.delete_waits)
        )

    def _at(self, delay: float, what: str, who: int) -> None:
        self.made += 1
        heapq.heappush(self.events, (self.now + delay, self.made, what, who))

    def _want(self, who: int, what: str) -> None:
        self.since[who] = self.now
        self.rtnl.append((who, what))
        self._grant()

    def _grant(self) -> None:
        if not self.rtnl_busy and self.rtnl:
            self.rtnl_busy = True
            who, what = self.rtnl.popleft()
            self._at(self.hold[what], what, who)

    def _rtnl_released(self, who: int, what: str) -> None:
        self.rtnl_busy = False
        if what == "create":
            self.create_waits.append(self.now - self.since[who])
            self._want(who, "delete")
        else:
            self._grant()
            self.waiting.append((who, self.barriers_begun + 1))
            self._barrier_begins()

    def _barrier_begins(self) -> None:
        if not self.barrier_running and self.waiting:
            self.barrier_running = True
            self.barriers_begun += 1
            self._at(self.barrier, "barrier", -1)

    def _barrier_ends(self) -> None:
        self.barrier_running = False
        through = [who for who, need in self.waiting if need <= self.barriers_begun]
        self.waiting = [(who, need) for who, need in self.waiting if need > self.barriers_begun]
        self._barrier_begins()
        for who in through:
            self.done.append(self.now)
            self.delete_waits.append(self.now - self.since[who])
            self._want(who, "create")
