"""`trace.json`: the time line in the Chrome trace event format; opens in Perfetto.

A row a thread; what it held as slices (nested where the locks were), what it waited for as slices
of the category "wait".  Times are microseconds from the first span.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["trace"]

PID = 1


def trace(timeline: Mapping[str, Any] | None, process: str = "lockcheck") -> dict[str, Any]:
    """Return the document for a recorder's time line."""
    events: list[dict[str, Any]] = [
        {"name": "process_name", "ph": "M", "pid": PID, "tid": 0, "args": {"name": process}}
    ]
    events += [
        {
            "name": "thread_name",
            "ph": "M",
            "pid": PID,
            "tid": thread["serial"],
            "args": {"name": thread["name"]},
        }
        for thread in (timeline or {}).get("threads", ())
    ]
    spans = sorted(
        (timeline or {}).get("spans", ()), key=lambda s: (s["from"], -s["to"], s["thread"])
    )
    for span in spans:
        wait = span["kind"] == "wait"
        events.append(
            {
                "name": f"waits: {span['name']}" if wait else span["name"],
                "cat": span["kind"],
                "ph": "X",
                "pid": PID,
                "tid": span["thread"],
                "ts": round(span["from"] * 1e6, 1),
                "dur": round((span["to"] - span["from"]) * 1e6, 1),
                "args": {"open": True} if span.get("open") else {},
            }
        )
    return {"traceEvents": events, "displayTimeUnit": "ms"}
