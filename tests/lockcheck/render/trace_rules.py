"""What Perfetto and Chrome ask of a trace in the JSON format, as a checker.

Complete events of one row nest; begin and end of an asynchronous slice, and the two ends of an
arrow, come in pairs; every number is finite; an arrow ends inside or at the end of a slice.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

__all__ = ["broken_rules"]

PHASES = {"X": {"dur"}, "M": {"args"}, "b": {"id", "cat"}, "e": {"id", "cat"},
          "s": {"id", "cat"}, "f": {"id", "cat", "bp"}}  # fmt: skip


def broken_rules(document: Any) -> list[str]:
    """Every rule that the document breaks, in words."""
    events = document.get("traceEvents") if isinstance(document, dict) else None
    if not isinstance(events, list):
        return ["no list traceEvents"]
    found = [said for event in events for said in _event(event)]
    return found or [*_nesting(events), *_pairs(events, "b", "e"), *_pairs(events, "s", "f")]


def _event(event: Any) -> list[str]:
    phase = event.get("ph")
    if phase not in PHASES:
        return [f"unknown phase {phase!r}"]
    needs = {"name", "pid", "tid", *PHASES[phase]} | ({"ts"} if phase != "M" else set())
    found = [f"{phase} without {key}" for key in sorted(needs - event.keys())]
    for key in ("ts", "dur"):
        value = event.get(key, 0)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            found.append(f"{key} is {value!r}")
        elif value < 0:
            found.append(f"{key} is below zero")
    return found


def _nesting(events: list[Any]) -> list[str]:
    rows: dict[Any, list[tuple[float, float, str]]] = {}
    for event in events:
        if event["ph"] == "X":
            row = rows.setdefault((event["pid"], event["tid"]), [])
            row.append((event["ts"], round(event["ts"] + event["dur"], 1), event["name"]))
    found = []
    for row in rows.values():
        inside: list[tuple[float, float, str]] = []
        for begin, end, name in sorted(row, key=lambda r: (r[0], -r[1])):
            while inside and inside[-1][1] <= begin:
                inside.pop()
            if inside and end > inside[-1][1]:
                found.append(f"{name} ({begin}..{end}) leaves {inside[-1][2]} half-way")
            inside.append((begin, end, name))
    return found


def _pairs(events: list[Any], first: str, last: str) -> list[str]:
    found = []
    key = lambda event: (event["cat"], event["id"])  # noqa: E731
    mine = sorted((e for e in events if e["ph"] in (first, last)), key=key)
    for ident, group in itertools.groupby(mine, key=key):
        both = list(group)
        if sorted(e["ph"] for e in both) != sorted((first, last)):
            found.append(f"{ident}: {first} and {last} do not come in a pair")
            continue
        begin, end = sorted(both, key=lambda e: e["ph"] != first)
        if end["ts"] < begin["ts"]:
            found.append(f"{ident}: ends before it begins")
    return found
