"""Our own documents: what each must have, and the type of what it may have.

The fields are those that the readers use (`lockcheck.render`, `lockcheck.explore.shard`,
`lockcheck.cli`); what `lockcheck.core.describe` and `.report` write has more.
"""

from __future__ import annotations

from typing import Final

from lockcheck.core.report import SEVERITIES
from lockcheck.documents.shape import (
    FLAG,
    NATURAL,
    NUMBER,
    TEXT,
    WHOLE,
    Choice,
    Either,
    List,
    Map,
    Number,
    Object,
    Pattern,
    Row,
)

__all__ = [
    "BASELINE",
    "FINDING",
    "FINDINGS",
    "GRAPH",
    "SEARCH",
    "TIMELINE",
    "TOKEN_FILE",
]

OUTCOMES: Final = ("passed", "failed", "incomplete", "diverged", "hung")

FRAME = Row({"file": TEXT, "line": NATURAL, "function": TEXT})
FRAMES = List(FRAME, most=10_000)
LOCK = Row({"name": TEXT, "class": TEXT}, {"mode": TEXT, "stack": FRAMES})
STEP = Row(
    {"thread": TEXT, "held": LOCK, "wanted": LOCK, "held_stack": FRAMES, "wanted_stack": FRAMES,
     "op": TEXT},
    {"all_held": List(LOCK), "told": TEXT},
)  # fmt: skip
FINDING = Row(
    {"kind": TEXT, "severity": Choice(SEVERITIES), "title": TEXT, "fingerprint": TEXT},
    {"reason": TEXT, "threads": List(TEXT), "locks": List(TEXT), "classes": List(TEXT),
     "cycle": List(STEP), "held": List(LOCK), "detail": TEXT, "made": Map(TEXT), "advice": TEXT,
     "replay": TEXT, "data": Object(), "tag": TEXT, "known": TEXT, "counts": FLAG, "text": TEXT,
     "stacks": List(Row({"title": TEXT, "frames": FRAMES}, {"thread": TEXT}))},
)  # fmt: skip
"""A finding as `Report.to_dict()` writes it."""

_CLASS = Row(
    {"id": WHOLE, "name": TEXT, "forward": NATURAL, "backward": NATURAL},
    {"key": TEXT, "subclass": WHOLE, "kind": TEXT, "site": TEXT, "instances": NATURAL,
     "usage": Map(Pattern("[-.+?]{2,}", "usage characters such as '.+'")),
     "acquisitions": NATURAL, "contentions": NATURAL, "wait_total": NUMBER, "wait_max": NUMBER,
     "foreign_releases": NATURAL, "cmp": FLAG},
)  # fmt: skip
_STACK = Either(FRAMES, NATURAL, "a list of frames, or the number of a stack")
_WITNESS = Row({}, {"thread": TEXT, "held_stack": _STACK, "wanted_stack": _STACK, "kind": TEXT})
_EDGE = Row(
    {"from": WHOLE, "to": WHOLE, "kinds": List(Choice(("ER", "EN", "SR", "SN")), most=4)},
    {"count": NATURAL, "saturated": FLAG, "distance": WHOLE, "witnesses": List(_WITNESS)},
)
_CHAIN = Row(
    {"classes": List(Row({"id": WHOLE}, {"name": TEXT, "mode": TEXT}))},
    {"context": List(TEXT), "uses": NATURAL},
)
GRAPH = Row(
    {"classes": List(_CLASS), "edges": List(_EDGE)},
    {"schema": Choice(("lockcheck/graph/1",)), "chains": List(_CHAIN), "waits": List(Object()),
     "reports": List(FINDING), "statistics": Map(NUMBER), "stacks": List(FRAMES)},
)  # fmt: skip
"""`graph.json`; `documents.graph` reads both its forms."""

FINDINGS = Row({"findings": List(FINDING)}, {"schema": TEXT})
"""`findings.json`."""

BASELINE = Row({"known": Map(TEXT)}, {"schema": Choice(("lockcheck/baseline/1",))})
"""What `--write-baseline` writes: fingerprint to title."""

_STAT = Row({"count": NATURAL, "min": NUMBER, "max": NUMBER, "total": NUMBER})
TIMELINE = Row(
    {},
    {"threads": List(Row({"serial": WHOLE, "name": TEXT})),
     "spans": List(Row({"kind": TEXT, "thread": WHOLE, "name": TEXT, "from": NUMBER,
                        "to": NUMBER}, {"open": FLAG})),
     "arrows": List(Row({"from": WHOLE, "to": WHOLE, "at": NUMBER, "until": NUMBER,
                         "name": TEXT})),
     "axis": Choice(("seconds", "steps")),
     "dropped": NATURAL, "lock_stat": Map(Row({"hold": _STAT, "wait": _STAT}))},
)  # fmt: skip
"""`timeline.json`, as `Recorder.to_dict()` writes it."""

SEARCH = Row(
    {"schema": TEXT, "strategy": TEXT, "schedules": NATURAL, "exhausted": FLAG,
     "outcome": Choice(OUTCOMES), "findings": List(FINDING),
     "shard": Pattern(r"[1-9]\d{0,8}/[1-9]\d{0,8}", "I/N, as in 3/8")},
    {"seed": WHOLE, "redundant": NATURAL, "reasons": List(TEXT), "subject": Object(),
     "seconds": Number(least=0), "order_hashes": Map(NATURAL), "state_hashes": Map(NATURAL)},
)  # fmt: skip
"""What `explore --json` prints."""

TOKEN_FILE = Row({"token": TEXT}, {"schema": Choice(("lockcheck/token/1",)), "ops": List(TEXT)})
"""A token that is too long for a command line."""
