"""Findings by root cause, and the cause in a reader's words.

Several findings often have one cause: two locks taken in two orders is a cycle, a recursion, and,
when a schedule does it, a deadlock.  `root_causes` puts those together, the worst first; `cause`
says in a sentence or two what goes wrong, without the names of rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from lockcheck.core.document import Document
from lockcheck.core.report import known_as as tagged
from lockcheck.render.splat import alone, waits_for_itself

__all__ = ["KINDS", "RootCause", "cause", "counts", "known_as", "outcome", "root_causes"]

Finding = Document

ORDERS: Final = ("circular", "recursive", "deadlock", "wait-cycle", "hang")
"""Kinds that may be several views of one wrong order."""
HEADLINE_MAX: Final = 2
"""Kinds of findings in the headline; the others are counted."""
SEVERITY: Final = {"certain": 0, "possible": 1, "class-only": 2}
KINDS: Final = {
    "circular": "lock-order cycle",
    "recursive": "lock taken twice",
    "inverted-context": "lock shared with a handler",
    "wait-context": "blocking where nobody may block",
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


@dataclass
class RootCause:
    """One cause: the finding that shows it best, and the others that have it too."""

    lead: Finding
    parts: list[Finding] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        """All of them, the lead first."""
        return [self.lead, *self.parts]


def known_as(finding: Finding) -> str:
    """`known:G.5` of a finding that is a known defect, or empty."""
    if finding.get("tag"):
        return str(finding["tag"])
    data = finding.get("data") or {}
    tags = data.get("tags")
    words = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    known = finding.get("known") or tagged(words)
    return f"known:{known}" if known else ""


def counts(finding: Finding) -> bool:
    """Is it neither known nor below what counts?"""
    return not known_as(finding) and bool(finding.get("counts", True))


def weight(finding: Finding) -> tuple[bool, bool, int, bool]:
    """What comes first: what counts, the surest, of these the cycles."""
    return (
        bool(known_as(finding)),
        not finding.get("counts", True),
        SEVERITY.get(str(finding["severity"]), 3),
        not finding.get("cycle"),
    )


def root_causes(findings: Sequence[Finding], lead: str = "") -> list[RootCause]:
    """Findings joined by cause, the worst first; that with the fingerprint `lead` before all."""
    ranked = sorted(findings, key=lambda f: (f["fingerprint"] != lead, *weight(f)))
    found: dict[object, RootCause] = {}
    for number, finding in enumerate(ranked):
        key = _key(finding) or number
        if key in found:
            found[key].parts.append(finding)
        else:
            found[key] = RootCause(finding)
    return list(found.values())


def _key(finding: Finding) -> object:
    """What findings of one cause have in common; None: it stands alone."""
    known = known_as(finding)
    if known:
        return known
    classes = frozenset(map(str, finding.get("classes") or ()))
    if finding["kind"] in ORDERS and classes:
        return (frozenset(), classes)
    if finding["kind"] == "race" and finding.get("locks"):
        return ("race", frozenset(map(str, finding["locks"])))
    return None


def outcome(causes: Sequence[RootCause]) -> str:
    """What came out, in a sentence."""
    if not causes:
        return "Nothing was found."
    counting = [each for each in causes if counts(each.lead)]
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
