"""Following a schedule: strictly, to replay it, or loosely, to try a changed one.

`Replay` makes exactly the recorded choices, checks the operations as it goes, and stops at the
first that differs: a replay that quietly ran something else would be worse than none.  `Guide`
takes a list of segments as a wish: it follows each as far as it goes and continues with the next.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.task import full_name, is_silent
from lockcheck.conduct.verdict import DIVERGED
from lockcheck.explore.schedule import Segment, default, segments_of
from lockcheck.explore.strategy import Strategy
from lockcheck.seam import Choice, Op

__all__ = ["Guide", "Replay", "checks_of", "describe_op", "unusual"]


def describe_op(choice: Choice, op: Op) -> str:
    """Return one step in words, the same in every run of it."""
    if choice.of_program:
        return f"chose {choice.value}"
    timer = " timer" if choice.fires else ""
    return f"T{choice.thread} {op.kind.name.lower()}{timer} {full_name(op.obj)}"


class _Checksum:
    """Checksum of a run's operations, up to any decision."""

    def __init__(self, conductor: ControlledConductor) -> None:
        self._conductor = conductor
        self._next = 0
        self._sum = 0

    def upto(self, events: int) -> int:
        """Return the checksum of the first `events` events; `events` never falls."""
        for choice, op in self._conductor.events[self._next : events]:
            self._sum = zlib.crc32(
                describe_op(choice, op).encode("utf-8", "surrogatepass"), self._sum
            )
        self._next = max(self._next, events)
        return self._sum & 0xFFFF


def checks_of(conductor: ControlledConductor, record: Sequence[int]) -> tuple[int, ...]:
    """Return the checksums of the run just ended: after each segment of `record`, then in all."""
    ends = _decision_events(conductor)
    check = _Checksum(conductor)
    found = []
    step = 0
    for _choice, count in segments_of(record):
        step += count
        found.append(check.upto(ends[step - 1] + 1 if step <= len(ends) else len(conductor.events)))
    found.append(check.upto(len(conductor.events)))
    return tuple(found)


def _decision_events(conductor: ControlledConductor) -> list[int]:
    """Return the numbers of the events that were decisions, not silent operations."""
    observed = conductor.observed
    return [
        number
        for number, (choice, op) in enumerate(conductor.events)
        if choice.of_program or not is_silent(op, observed)
    ]


class Replay(Strategy):
    """Exactly these choices; with `checks`, exactly these operations."""

    name = "replay"
    asks_always = True

    def __init__(
        self, record: Sequence[int], checks: Sequence[int] = (), ops: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self._record = [Choice.of(number) for number in record]
        self._checks = checks
        self._ops = ops
        self._ends: dict[int, int] = {}
        step = 0
        for number, (_choice, count) in enumerate(segments_of(record)):
            step += count
            self._ends[step] = number
        self.divergence = ""
        """What differed, when something did."""
        self.unusual = 0
        """Number of choices up to the last that the default would not have made."""

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Start at the first choice."""
        self.conductor = conductor
        self._check = _Checksum(conductor)
        self._told = 0
        self.divergence = ""
        self.unusual = 0
        return True

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Make the recorded choice, or the default one after the last."""
        step = len(self.conductor.record)
        if not self._matches(step):
            return DIVERGED
        usual = default(enabled, current)
        if step >= len(self._record):
            return usual
        choice = self._record[step]
        if choice not in enabled:
            return self._cannot(step, choice, enabled)
        if choice != usual:
            self.unusual = step + 1
        return choice

    def choose(self, n: int) -> int:
        """Return the recorded value, or 0."""
        step = len(self.conductor.record)
        if step >= len(self._record):
            return 0
        value = self._record[step].value
        if not 0 <= value < n:
            possible = [Choice.chose(each) for each in range(n)]
            return self._cannot(step, self._record[step], possible)
        if value:
            self.unusual = step + 1
        return value

    def end(self, verdict: int) -> None:
        """Check the rest of the run."""
        if verdict == DIVERGED or self.divergence:
            return
        step = len(self.conductor.record)
        if step < len(self._record):
            self.divergence = (
                f"diverged: the run ended after {step} steps, the recorded one has more"
            )
        elif self._matches(step) and self._checks:
            rest = self._check.upto(len(self.conductor.events))
            if rest != self._checks[-1]:
                self.divergence = (
                    f"diverged after step {len(self._record)}: other operations than recorded"
                )

    def _matches(self, step: int) -> bool:
        """Do the operations so far agree with the recorded ones?"""
        events = self.conductor.events
        while self._told < min(len(events), len(self._ops)):
            got = describe_op(*events[self._told])
            if got != self._ops[self._told]:
                self.divergence = (
                    f"diverged at operation {self._told + 1}: "
                    f"expected {self._ops[self._told]}, got {got}"
                )
                return False
            self._told += 1
        segment = self._ends.get(step)
        if segment is None or segment >= len(self._checks):
            return True
        # Silent operations after the segment's last choice belong to what follows.
        upto = _last_decision(self.conductor) + 1
        if self._check.upto(upto) == self._checks[segment]:
            return True
        self.divergence = (
            f"diverged in segment {segment + 1}, at or before step {step}: other operations than "
            f"recorded; the last was {describe_op(*events[upto - 1]) if upto else 'none'}"
        )
        return False

    def _cannot(self, step: int, choice: Choice, enabled: list[Choice]) -> int:
        tasks = self.conductor.tasks
        if choice.of_program:
            wanted = f"the value {choice.value}"
        elif choice.thread < len(tasks):
            task = tasks[choice.thread]
            wanted = f"{describe_op(choice, task.op)} ({task.name}) to go"
        else:
            wanted = f"a thread T{choice.thread}, which does not exist,"
        able = ", ".join(str(c.value) if c.of_program else f"T{c.thread}" for c in enabled)
        self.divergence = f"diverged at step {step + 1}: expected {wanted}; possible: {able}"
        return DIVERGED


def _last_decision(conductor: ControlledConductor) -> int:
    observed = conductor.observed
    for number in range(len(conductor.events) - 1, -1, -1):
        choice, op = conductor.events[number]
        if choice.of_program or not is_silent(op, observed):
            return number
    return -1


class Guide(Strategy):
    """Segments as a wish; whatever cannot be is skipped, and the default fills the rest."""

    name = "guide"
    asks_always = True

    def __init__(self, segments: Sequence[Segment]) -> None:
        super().__init__()
        self._segments = segments
        self.unusual = 0
        self.preemptions = 0

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Start at the first segment."""
        self.conductor = conductor
        self._at = 0
        self._left = self._segments[0][1] if self._segments else 0
        self.unusual = 0
        self.preemptions = 0
        return True

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Follow the segment while it goes, else try the next."""
        usual = default(enabled, current)
        while self._at < len(self._segments):
            choice = self._segments[self._at][0]
            if self._left and choice in enabled:
                self._left -= 1
                if current is not None and choice.thread != current.thread and current in enabled:
                    self.preemptions += 1
                if choice != usual:
                    self.unusual = len(self.conductor.record) + 1
                return choice
            self._advance()
        return usual

    def choose(self, n: int) -> int:
        """Take the value if it is the next wish."""
        if self._at < len(self._segments) and not self._left:
            self._advance()
        if self._at < len(self._segments):
            value = self._segments[self._at][0].value
            if 0 <= value < n:
                self._advance()
                if value:
                    self.unusual = len(self.conductor.record) + 1
                return value
        return 0

    def _advance(self) -> None:
        self._at += 1
        self._left = self._segments[self._at][1] if self._at < len(self._segments) else 0


def unusual(record: Sequence[int], strategy: Replay | Guide) -> tuple[int, ...]:
    """Cut from `record` the tail that the default makes anyway."""
    return tuple(record[: strategy.unusual])
