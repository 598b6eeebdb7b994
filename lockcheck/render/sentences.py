"""Findings in a reader's words: what kind it is, what goes wrong, what came of a run.

Without the names of rules.  Which findings share a cause is decided in `core.findings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lockcheck.core.document import Document
from lockcheck.core.findings import Finding, RootCause, is_counted, known_as
from lockcheck.render.splat import alone, waits_for_itself

__all__ = ["KINDS", "cause", "counted", "heading", "how_many", "outcome", "row"]

HEADLINE_MAX: Final = 2
"""Kinds of findings in the headline; the others are counted."""
KINDS: Final = {
    "circular": "lock-order cycle",
    "recursive": "lock taken twice",
    "inverted-context": "lock shared with a handler",
    "wait-context": "blocking where it is not allowed",
    "wait-cycle": "cycle of waits",
    "deadlock": "deadlock",
    "bad-unlock": "release of a lock not held",
    "nest-not-held": "nesting lock not held",
    "unpinned": "pinned lock released",
    "assertion": "failed assertion",
    "held-at-exit": "lock held at a thread's end",
    "held-at-fork": "lock held at a fork",
    "freed-held": "held lock freed",
    "race": "data race",
    "invariant": "broken invariant",
    "hang": "hang",
    "leak": "leak",
    "warn": "kernel warning",
    "exception": "exception",
}
"""`Report.kind` in words."""


def heading(finding: Finding) -> str:
    """A finding in one line: `circular (possible) [known:G.1]: …`."""
    known = known_as(finding)
    marks = f" [{known}]" if known else ""
    marks += "" if finding.get("counts", True) else " (does not count)"
    return f"{finding['kind']} ({finding['severity']}){marks}: {finding['title']}"


def row(finding: Finding) -> str:
    """A finding in a line of a list, with the reason of its severity."""
    reason = f" ({finding['reason']})" if finding.get("reason") else ""
    return f"{finding['severity']} {finding['kind']}: {finding['title']}{reason}"


def counted(number: int, one: str, more: str) -> str:
    """`1 dependency`, `3 dependencies`."""
    return f"{number} {one if number == 1 else more}"


def how_many(findings: int, causes: int) -> str:
    """`1 finding`, `3 findings of one cause`."""
    if findings == 1:
        return "1 finding"
    if causes == findings:
        return f"{findings} findings"
    return f"{findings} findings of {'one cause' if causes == 1 else f'{causes} causes'}"


def outcome(causes: Sequence[RootCause]) -> str:
    """What came out, in a sentence."""
    if not causes:
        return "Nothing was found."
    counting = [each for each in causes if is_counted(each.lead)]
    rest = len(causes) - len(counting)
    known = sum(bool(known_as(each.lead)) for each in causes)
    lower = [f"{known} known"] if known else []
    lower += [f"{rest - known} below what counts"] if rest > known else []
    if not counting:
        return f"Nothing that counts ({', '.join(lower)})."
    kinds: dict[str, int] = {}
    for each in counting:
        words = KINDS.get(str(each.lead["kind"]), str(each.lead["kind"]))
        name = f"{each.lead['severity']} {words}"
        kinds[name] = kinds.get(name, 0) + 1
    parts = [f"{count} × {name}" if count > 1 else f"a {name}" for name, count in kinds.items()]
    if len(parts) > HEADLINE_MAX:
        parts[HEADLINE_MAX:] = [f"{len(parts) - HEADLINE_MAX} more"]
    text = ", ".join([*parts, *lower])
    return text[0].upper() + text[1:] + "."


def cause(finding: Finding) -> str:
    """Why this goes wrong, in the reader's terms; empty where the title says it all."""
    cycle = finding.get("cycle") or ()
    if not cycle:
        return ""
    if waits_for_itself(finding):
        return f"{alone(cycle[0])}."
    if len(cycle) == 1:
        step = cycle[0]
        if step["held"]["name"] == step["wanted"]["name"]:
            return (
                f"{step['thread']} takes {step['wanted']['name']} while it holds it already, and "
                "so waits for itself."
            )
        return (
            f"{step['thread']} holds {step['held']['name']} and takes {step['wanted']['name']}, a "
            "lock of the same class. Another thread that takes the two the other way around waits "
            "for it while it waits for that thread."
        )
    rows = [_half(step, happened=finding["severity"] == "certain") for step in cycle]
    return "; ".join(rows) + ("." if finding["severity"] == "certain" else _when(len(cycle)))


def _half(step: Document, *, happened: bool) -> str:
    if step.get("told"):
        return str(step["told"])
    held, wanted = step["held"]["name"], step["wanted"]["name"]
    verb = "waits for" if step["op"] in ("wait", "sync") else "wants" if happened else "takes"
    if step["held"].get("mode") in ("wait", "owed", "queue"):
        return f"{step['thread']} {verb} {wanted} before it gives {held}"
    return f"{step['thread']} {verb} {wanted} while it holds {held}"


def _when(count: int) -> str:
    who = "both wait" if count == 2 else f"all {count} wait"
    return f". When each has its first lock before any has its second, {who} for ever."
