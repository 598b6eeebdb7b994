"""The time line of one schedule, by its steps: every operation is one step long.

A controlled run takes no time by the clock, so its axis is the step.  A hold lasts from the step
that takes the lock to the one that releases it.  A thread waits where somebody else made its
operation possible: released the lock it wanted, or changed what it waited for; that step has an
arrow to the end of the wait.  A thread that is merely not chosen has nothing drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from lockcheck.conduct.task import full_name
from lockcheck.core.document import Json
from lockcheck.render.step_words import step_words
from lockcheck.seam import Choice, Kind, Op

__all__ = ["step_timeline"]

TAKES: Final = {
    Kind.ACQUIRE, Kind.READ_ACQUIRE, Kind.TRY_ACQUIRE, Kind.TRY_READ_ACQUIRE,
}  # fmt: skip
GIVES: Final = {Kind.RELEASE: Kind.ACQUIRE, Kind.READ_RELEASE: Kind.READ_ACQUIRE}
WAITS: Final = {Kind.WAIT, Kind.WAIT_REFS}
CHANGES: Final = {Kind.WAKE, Kind.REF_DEC}

Span = Json


class _Line:
    """What has been drawn so far."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.arrows: list[Json] = []
        self.held: dict[tuple[int, object], tuple[int, str]] = {}
        """(thread, lock) -> since which step, name."""
        self.last: dict[int, int] = {}
        """Thread -> the step behind its last operation."""
        self.changed: dict[object, tuple[int, int]] = {}
        """Object -> step and thread of the last change that may have let somebody go."""

    def span(
        self, kind: str, thread: int, name: str, since: int, until: int, **more: object
    ) -> None:
        """Draw a span."""
        self.spans.append(
            {"kind": kind, "thread": thread, "name": name, "from": since, "to": until,
             "open": False, **more}
        )  # fmt: skip

    def waited(self, step: int, thread: int, op: Op, name: str) -> None:
        """Draw the wait before `step`, if somebody else ended one."""
        since = self.last.get(thread, step)
        at, who = self.changed.get(op.obj, (-1, thread))
        if who == thread or at < since:
            return
        self.span("idle" if op.idle else "wait", thread, op.why or name, since, step)
        self.arrows.append({"from": who, "to": thread, "at": at, "until": step, "name": name})

    def step(self, step: int, choice: Choice, op: Op) -> None:
        """Draw one step."""
        thread, name = choice.thread, full_name(op.obj)
        key = (thread, op.obj)
        if op.kind in WAITS or (op.kind in TAKES and not choice.fires):
            self.waited(step, thread, op, name)
        if op.kind in TAKES and not choice.fires:
            self.held.setdefault(key, (step, name))
        elif op.kind in GIVES and key in self.held:
            since, held = self.held.pop(key)
            self.span("hold", thread, held, since, step + 1)
        if op.kind in GIVES or op.kind in CHANGES:
            self.changed[op.obj] = (step, thread)
        words = step_words(op.kind.name.lower(), name, timer=choice.fires)
        self.span("step", thread, words, step, step + 1)
        self.last[thread] = step + 1


def step_timeline(
    events: Iterable[tuple[Choice, Op]],
    threads: Sequence[str],
    pending: Iterable[tuple[Choice, Op]] = (),
) -> Json:
    """A time line (`lockcheck/timeline/1`) of a controlled run.

    `events`: what went, in order; `threads`: names by number; `pending`: what each thread stood
    before when the run ended.
    """
    line = _Line()
    end = 0
    for step, (choice, op) in enumerate(events):
        if not choice.of_program:
            line.step(step, choice, op)
        end = step + 1
    for (thread, _lock), (since, name) in line.held.items():
        line.span("hold", thread, name, since, end + 1, open=True)
    for choice, op in pending:
        thread = choice.thread
        if thread >= 0 and (op.kind in WAITS or op.kind in TAKES):
            kind = "idle" if op.idle else "wait"
            since = line.last.get(thread, end)
            line.span(kind, thread, op.why or full_name(op.obj), since, end + 1, open=True)
    return {
        "schema": "lockcheck/timeline/1",
        "axis": "steps",
        "threads": [{"serial": n, "name": name} for n, name in enumerate(threads)],
        "spans": line.spans,
        "arrows": line.arrows,
        "dropped": 0,
        "lock_stat": {},
    }
