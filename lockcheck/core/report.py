"""Findings as values: `Report`, and the `Step`s of the cycle it shows.

A step is one participant: thread T holds lock X (in a mode, since here) and wants Y (there).  Step
i's wanted lock is step i+1's held one, and the last closes on the first.

`Report.to_dict()`:

    {"kind", "severity", "title", "reason", "fingerprint", "threads": [name], "locks": [name],
     "classes": [class name], "made": {class name: "file:line"}, "detail", "advice", "replay",
     "cycle": [{"thread", "held": {"name", "class", "mode"}, "held_stack": [FRAME],
                "wanted": {...}, "wanted_stack": [FRAME], "op": "lock"|"sync"|"wait",
                "all_held": [{"name", "class", "mode", "stack": [FRAME]}], "told": str}],
     "stacks": [{"title", "thread", "frames": [FRAME]}]}          FRAME = {"file","line","function"}

A fingerprint is built of class names, and of function names where there is no class; never of
lines, addresses, instance names or thread names.  It does not depend on which participant came
last: it is the same in the next run.  That of a deadlock contains besides, of each participant, all
that it holds, in which modes, and the function that its thread runs: a worker that is stuck with a
caller is another finding than two callers are.

A report whose severity rises later (`class-only` to `possible`, to `certain`) is changed in place
and delivered again; its fingerprint stays.

Which findings count is decided here too, once for all: see `counts`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from lockcheck.core.document import Json
from lockcheck.core.stacks import EMPTY, Stack

__all__ = [
    "CERTAIN", "CLASS_ONLY", "POSSIBLE", "SEVERITIES", "LockRef", "Report", "Severity", "Step",
    "at_least", "counts", "cycle_fingerprint", "cycle_report", "fingerprint", "holder", "known_as",
    "rotated", "stronger", "weakest",
]  # fmt: skip

Severity = Literal["class-only", "possible", "certain"]
CERTAIN: Final = "certain"
POSSIBLE: Final = "possible"
CLASS_ONLY: Final = "class-only"
SEVERITIES: tuple[Severity, ...] = (CLASS_ONLY, POSSIBLE, CERTAIN)
"""From the weakest to the strongest."""
KNOWN: Final = "known:"
"""A tag that begins like this names the known defect that explains a finding."""


@dataclass(frozen=True, slots=True)
class LockRef:
    """A lock as a report names it."""

    name: str
    cls: str
    mode: str = "lock"
    """`lock`, `read`, `rread` (recursive reader), `try`, `map` (inside a pseudo-lock's section),
    `sync` (waits until nobody is inside), `wait`."""
    stack: Stack = EMPTY
    """Where it was taken."""

    def to_dict(self, *, stack: bool = True) -> Json:
        found: Json = {"name": self.name, "class": self.cls, "mode": self.mode}
        if stack:
            found["stack"] = self.stack.to_dict()
        return found


@dataclass(frozen=True, slots=True)
class Step:
    """One participant of a cycle: holds `held`, wants `wanted`."""

    thread: str
    held: LockRef
    wanted: LockRef
    all_held: tuple[LockRef, ...] = ()
    """Everything the thread held at that moment, oldest first."""
    op: str = "lock"
    """`lock`, `sync` (a flush) or `wait` (an event, a join, a reference count)."""
    told: str = ""
    """The step in a sentence, where 'holds and wants' does not say it."""
    runs: str = ""
    """What kind of thread it is (`ThreadState.runs`), where it really is stuck."""

    def to_dict(self) -> Json:
        return {
            "thread": self.thread,
            "held": self.held.to_dict(stack=False),
            "held_stack": self.held.stack.to_dict(),
            "wanted": self.wanted.to_dict(stack=False),
            "wanted_stack": self.wanted.stack.to_dict(),
            "op": self.op,
            "all_held": [lock.to_dict() for lock in self.all_held],
            "told": self.told,
        }


@dataclass(slots=True)
class Report:
    """One finding."""

    kind: str
    severity: Severity
    title: str
    reason: str = ""
    """Why it has this severity."""
    cycle: tuple[Step, ...] = ()
    stacks: tuple[tuple[str, str, Stack], ...] = ()
    """(title, thread, stack) for each place the report shows."""
    fingerprint: str = ""
    threads: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    held: tuple[LockRef, ...] = ()
    """What the reporting thread held."""
    detail: str = ""
    advice: str = ""
    """What to do."""
    made: dict[str, str] = field(default_factory=dict)
    """Class -> where its locks are made, `file:line`."""
    replay: str = ""
    """Token of a controlled schedule that shows it."""
    data: Json = field(default_factory=dict)
    """Whatever a finding of the user carries along; JSON values only."""
    ident: tuple[str, ...] = ()
    """Reports with the same one are sightings of the same finding (`ledger`); empty: those with the
    same fingerprint are."""

    retracts: bool = False
    """Takes a sighting with the same `ident` back to `class-only`: more was seen since."""

    @property
    def known(self) -> str:
        """The known defect that its tags name, empty when there is none."""
        return known_as(map(str, self.data.get("tags", ())))

    def to_dict(self) -> Json:
        return {
            "kind": self.kind,
            "severity": self.severity,
            "title": self.title,
            "reason": self.reason,
            "fingerprint": self.fingerprint,
            "threads": list(self.threads),
            "locks": list(self.locks),
            "classes": list(self.classes),
            "cycle": [step.to_dict() for step in self.cycle],
            "held": [lock.to_dict() for lock in self.held],
            "stacks": [
                {"title": title, "thread": thread, "frames": stack.to_dict()}
                for title, thread, stack in self.stacks
            ],
            "detail": self.detail,
            "made": self.made,
            "advice": self.advice,
            "replay": self.replay,
            "data": self.data,
        }

    def __str__(self) -> str:
        from lockcheck.render.splat import splat_of

        return splat_of(self.to_dict())


def stronger(one: str, other: str) -> bool:
    """Is severity `one` above `other`?"""
    return SEVERITIES.index(one) > SEVERITIES.index(other)


def weakest(severities: Iterable[str]) -> str:
    """The weakest of some severities: as `--fail-on` it counts them all."""
    return min(severities, key=SEVERITIES.index)


def at_least(severity: str, least: str) -> bool:
    """Does a severity reach `least`?"""
    return not stronger(least, severity)


def counts(severity: str, least: str, known: str = "") -> bool:
    """The counting rule: does a finding decide the exit status?

    `least`: the severity from which a finding counts (`--fail-on`).  `known`: what explains it
    (`known_as`, or its entry in a baseline); a known finding is shown and never counts.
    """
    return not known and at_least(severity, least)


def known_as(tags: Iterable[str]) -> str:
    """Name the first known defect among a finding's tags; empty when there is none."""
    return next((tag.removeprefix(KNOWN) for tag in tags if tag.startswith(KNOWN)), "")


def stable(name: str) -> str:
    """A class name without line numbers and addresses."""
    return re.sub(r":\d+|#\d+|0x[0-9a-fA-F]+", "", name)


def fingerprint(kind: str, parts: Iterable[str]) -> str:
    """Fingerprint of a finding that one place shows."""
    text = "\x1f".join([kind, *(stable(part) for part in parts)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def cycle_fingerprint(kind: str, steps: Sequence[Step]) -> str:
    """Fingerprint of a cycle, the same for whichever participant it begins with.

    Classes and modes alone where all of it is locks: which function is seen first in a cycle
    differs from run to run.  A wait has no class, so there the function counts.  Of what happened
    it is known who held what.
    """
    waits = any(step.op == "wait" for step in steps)
    rows = [
        "\x1e".join(
            (
                stable(s.held.cls),
                s.held.stack.function if waits else "",
                stable(s.wanted.cls),
                s.wanted.mode,
                s.wanted.stack.function if waits else "",
                *((s.held.mode, holder(s.runs, s.all_held)) if kind == "deadlock" else ()),
            )
        )
        for s in steps
    ]
    return fingerprint(kind, rotated(rows))


def holder(runs: str, held: Iterable[LockRef]) -> str:
    """One who is stuck, for a fingerprint: the kind of thread, and all that it holds."""
    return " ".join([runs, *sorted(f"{stable(ref.cls)}/{ref.mode}" for ref in held)])


def rotated(rows: Sequence[str]) -> tuple[str, ...]:
    """A cycle, rotated to start at its smallest participant."""
    return min((*rows[i:], *rows[:i]) for i in range(len(rows))) if rows else ()


def cycle_report(
    kind: str,
    severity: Severity,
    title: str,
    steps: Sequence[Step],
    *,
    ident: tuple[str, ...] = (),
    reason: str = "",
    detail: str = "",
    advice: str = "",
) -> Report:
    """A report of a cycle, complete with what follows from its steps."""
    named = [ref for step in steps for ref in (step.held, step.wanted)]
    return Report(
        kind,
        severity,
        title,
        reason=reason,
        cycle=tuple(steps),
        stacks=cycle_stacks(steps),
        fingerprint=cycle_fingerprint(kind, steps),
        threads=tuple(dict.fromkeys(step.thread for step in steps)),
        locks=tuple(dict.fromkeys(ref.name for ref in named)),
        classes=tuple(dict.fromkeys(ref.cls for ref in named)),
        held=steps[0].all_held if steps else (),
        detail=detail,
        advice=advice,
        ident=ident,
    )


def cycle_stacks(steps: Sequence[Step]) -> tuple[tuple[str, str, Stack], ...]:
    """Both stacks of every participant, with titles."""
    found: list[tuple[str, str, Stack]] = []
    for step in steps:
        found.append((f"{step.held.name} taken", step.thread, step.held.stack))
        found.append((f"{step.wanted.name} wanted", step.thread, step.wanted.stack))
    return tuple(found)
