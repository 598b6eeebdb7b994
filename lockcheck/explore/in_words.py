"""Results in words: the summary of a search, a schedule as columns, a progress line.

The progress line is drawn by the controller between schedules, five times a second at most, and
only on a terminal; elsewhere nothing is drawn.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from lockcheck.conduct.verdict import DEADLOCK, DIVERGED, END, HUNG, POINTS
from lockcheck.core.findings import root_causes
from lockcheck.explore.result import timers
from lockcheck.render.columns import columns as render_columns
from lockcheck.render.places import where
from lockcheck.render.sentences import heading

if TYPE_CHECKING:
    from lockcheck.core.document import Document
    from lockcheck.explore.result import Outcome, Replayed
    from lockcheck.explore.search import Search

__all__ = [
    "STATUS_OF",
    "Progress",
    "bounds",
    "columns",
    "in_a_word",
    "status_of_replay",
    "summary",
    "verdict_in_words",
]

STATUS_OF = {"passed": 0, "failed": 1, "incomplete": 3, "hung": 3, "diverged": 4}
"""Outcome -> exit status."""
_WORDS = {
    END: "it ended",
    DEADLOCK: "deadlock: no thread can run",
    POINTS: "it reached the limit of points",
    DIVERGED: "it diverged",
    HUNG: "a thread hung outside every checked primitive",
}
PRINTED = 20
"""Lines of a program's output that are shown."""


class Progress:
    """One line on a terminal, redrawn."""

    def __init__(self, stream: TextIO | None = None, *, total: int | None = None) -> None:
        self._stream = stream or sys.stderr
        self._on = self._stream.isatty()
        self._total = total
        self._next = 0.0
        self._began = time.monotonic()

    def __call__(self, search: Search) -> None:
        """Draw, unless it was drawn just now."""
        now = time.monotonic()
        if not self._on or now < self._next:
            return
        self._next = now + 0.2
        coverage = search.coverage
        done = search.tried
        of = f" of {self._total}" if self._total else ""
        rate = done / max(now - self._began, 1e-6)
        line = (
            f"{done}{of} schedules, {rate:.0f}/s, {len(coverage.orders)} orders, "
            f"{len(search.candidates)} findings"
        )
        room = shutil.get_terminal_size().columns - 1  # a wrapped line could not be redrawn
        self._stream.write(f"\r\x1b[K{line[:room]}")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._on:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def verdict_in_words(verdict: int) -> str:
    """How a schedule ended."""
    return _WORDS.get(verdict, f"verdict {verdict}")


def summary(title: str, result: Outcome, replay_command: str) -> str:
    """What a person wants to know of a search."""
    coverage = result.coverage
    lines: list[str] = []
    for cause in root_causes(finding.to_dict() for finding in result.findings):
        lines += [*finding_lines(cause.lead, replay_command), ""]
        for part in cause.parts:
            lines += ["of the same cause:", *finding_lines(part, replay_command), ""]
    counts = coverage.to_dict()
    lines.append(
        f"{title}: {result.outcome}; {coverage.schedules} schedules ({result.strategy}), "
        f"{counts['orders']} distinct orders, {counts['states']} final states, "
        f"{result.seconds:.2f} s"
    )
    if result.exhausted:
        lines.append(f"  exhausted: {_everything(result)}")
    elif coverage.schedules and result.scheduled:
        lines.append(f"  not exhausted{_unseen(result)}")
    lines.append(f"  bounds: {bounds(result)}")
    points, switches = counts["points"], counts["switches"]
    assert isinstance(points, list)
    assert isinstance(switches, list)
    lines.append(
        f"  points {points[0]}–{points[1]}–{points[2]}, "
        f"switches {switches[0]}–{switches[1]}–{switches[2]} (least, median, most)"
    )
    if coverage.redundant:
        lines.append(f"  {coverage.redundant} redundant runs given up early")
    within = result.details.get("preemptions_exhausted", -1)
    if isinstance(within, int) and within >= 0 and _is_whole(result):
        lines.append(f"  all schedules with up to {within} preemptions were tried")
    lines += [f"  {reason}" for reason in result.reasons]
    lines.append(f"  seed {result.seed}")
    return "\n".join(lines) + "\n"


def in_a_word(result: Outcome) -> tuple[str, str]:
    """`found`, `held` or `inconclusive`, and the cause.

    Held means that every order was tried within the bounds, which are named; anything less is
    inconclusive, however many schedules passed.
    """
    counting = [finding.to_dict() for finding in result.findings if finding.counts]
    if counting:
        first, *others = root_causes(counting)
        more = f" (and {len(others)} more)" if others else ""
        return "found", f"{first.lead['title']}{more}"
    schedules = result.coverage.schedules
    less = f"; findings that do not count: {len(result.findings)}" if result.findings else ""
    if result.exhausted and result.outcome == "passed":
        tried = f"{_everything(result)}, in {schedules} schedules; {bounds(result)}{less}"
        return ("held" if result.shard[1] == 1 else "inconclusive"), tried
    if result.reasons:
        return "inconclusive", "; ".join(result.reasons) + less
    return "inconclusive", f"{schedules} schedules passed, and there may be more{less}"


def _everything(result: Outcome) -> str:
    """What `exhausted` means; one shard has tried its own part only."""
    index, count = result.shard
    return f"every order{f' of shard {index + 1}/{count}' if count > 1 else ''} was tried"


def _unseen(result: Outcome) -> str:
    """How much is left, where that can be estimated: an exhaustive search meets new ones only."""
    if result.strategy in ("dfs", "dpor"):
        return ""
    return f"; {result.coverage.unseen():.1%} of further schedules would be new (an estimate)"


def _is_whole(result: Outcome) -> bool:
    """Was no schedule left out or cut short, but for the bound on preemptions?"""
    partial = result.cut or result.exhausted or result.shard[1] > 1
    return not partial and result.outcome not in ("diverged", "hung") and not result.cut_short


def bounds(result: Outcome) -> str:
    """The bounds of a search in words; `exhausted` means that none of them cut anything."""
    parts = [timers(result.early_timers)]
    asked = result.details.get("preemptions_asked")
    if asked is not None:
        parts.append(f"{asked} preemptions a schedule")
    if result.drew:
        parts.append("random numbers the same in every schedule")
    return ", ".join(parts)


def finding_lines(finding: Document, replay_command: str) -> Iterator[str]:
    """One finding of a search's document: what it is, how it was found, how to see it again."""
    yield heading(finding)
    detail = finding.get("detail", "")
    for line in detail.splitlines():
        yield f"  {line}"
    if not detail:
        for each in finding.get("stacks", ()):
            if each["frames"]:
                yield f"  {each['thread']}: {each['title']} at {where(each['frames'])}"
    if not finding.get("replay"):
        yield f"  {finding.get('note', '')}"
        return
    tries, switches = finding.get("tries"), finding["switches"]
    shrunk = f" (shrunk from {finding['switches_before']}, {tries} tries)" if tries else ""
    yield f"  found by {finding['strategy']} in run {finding['run']}, {switches} switches{shrunk}"
    if finding.get("note"):
        yield f"  {finding['note']}"
    command = replay_command if "TOKEN" in replay_command else f"{replay_command} TOKEN"
    yield f"  replay: {command.replace('TOKEN', finding['replay'])}"
    if finding.get("output"):
        yield "  it printed:"
        yield from (f"    {line}" for line in finding["output"].splitlines()[-PRINTED:])


def columns(replayed: Replayed) -> str:
    """A schedule step by step, a column a thread, as wide as the terminal."""
    return render_columns(replayed.ops, replayed.threads)


def status_of_replay(replayed: Replayed) -> int:
    """Exit status of a replay: 4 diverged, 3 hung or cut short, 1 it shows a finding, 0 none."""
    if replayed.divergence or replayed.verdict == DIVERGED:
        return 4
    if replayed.verdict == HUNG:
        return 3
    if replayed.reports:
        return 1
    return 3 if replayed.verdict == POINTS else 0
