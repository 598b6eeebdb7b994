"""`trace.json`: the time line in the Chrome trace event format; opens in Perfetto.

A row a thread.  Slices of one row must nest (complete events, "X"); a lock that is not released in
nested order is an asynchronous slice of its own ("b" and "e"), and whoever wakes a thread has an
arrow ("s" and "f") to the end of that thread's wait.  Times are microseconds from the first span;
of a controlled run a step is a microsecond.
"""

from __future__ import annotations

from lockcheck.core.document import Document, Json

__all__ = ["trace"]

PID = 1
Event = Json


def trace(timeline: Document | None, process: str = "lockcheck") -> Json:
    """Return the document for a recorder's time line."""
    line = timeline or {}
    unit = 1.0 if line.get("axis") == "steps" else 1e6
    threads = {thread["serial"]: str(thread["name"]) for thread in line.get("threads", ())}
    events: list[Event] = [
        {"name": "process_name", "ph": "M", "pid": PID, "tid": 0, "args": {"name": process}}
    ]
    events += [
        {"name": "thread_name", "ph": "M", "pid": PID, "tid": serial, "args": {"name": name}}
        for serial, name in threads.items()
    ]
    rows: dict[int, list[tuple[float, float, Document]]] = {}
    for span in line.get("spans", ()):
        begin, end = round(span["from"] * unit, 1), round(span["to"] * unit, 1)
        rows.setdefault(span["thread"], []).append((begin, max(begin, end), span))
    number = 0
    for tid, spans in sorted(rows.items()):
        open_ends: list[float] = []
        for begin, end, span in sorted(spans, key=lambda row: (row[0], -row[1])):
            while open_ends and open_ends[-1] <= begin:
                open_ends.pop()
            if open_ends and end > open_ends[-1]:
                number += 1
                events += _asynchronous(span, tid, begin, end, number)
            else:
                open_ends.append(end)
                events.append(_complete(span, tid, begin, end))
    for arrow in line.get("arrows", ()):
        number += 1
        events += _flow(arrow, unit, number)
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _name(span: Document) -> str:
    return f"waits: {span['name']}" if span["kind"] == "wait" else str(span["name"])


def _complete(span: Document, tid: int, begin: float, end: float) -> Event:
    return {
        "name": _name(span),
        "cat": span["kind"],
        "ph": "X",
        "pid": PID,
        "tid": tid,
        "ts": begin,
        "dur": round(end - begin, 1),
        "args": {"open": True} if span.get("open") else {},
    }


def _asynchronous(span: Document, tid: int, begin: float, end: float, number: int) -> list[Event]:
    both: Event = {"name": _name(span), "cat": span["kind"], "id": number, "pid": PID, "tid": tid}
    return [
        {**both, "ph": "b", "ts": begin, "args": {}},
        {**both, "ph": "e", "ts": end, "args": {}},
    ]


def _flow(arrow: Document, unit: float, number: int) -> list[Event]:
    both: Event = {"name": str(arrow["name"]), "cat": "wakes", "id": number, "pid": PID}
    return [
        {**both, "ph": "s", "tid": arrow["from"], "ts": round(arrow["at"] * unit, 1)},
        {**both, "ph": "f", "bp": "e", "tid": arrow["to"], "ts": round(arrow["until"] * unit, 1)},
    ]
