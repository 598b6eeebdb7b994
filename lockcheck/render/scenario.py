"""The "possible unsafe locking scenario": a table with one column a thread, any number of them.

Each participant first takes what it holds, then each wants what the next one has.  Columns carry
the threads' names; a thread that plays two parts (a cycle seen in one thread only) gets a second
column marked so, because the scenario needs somebody else to run the same code.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockcheck.core.document import Document

Step = Document

VERBS = {"lock": "lock", "read": "rlock", "rread": "rlock", "try": "trylock", "sync": "sync",
         "map": "enter", "wait": "wait"}  # fmt: skip


def columns(cycle: Sequence[Step]) -> list[str]:
    """Title of each participant's column."""
    seen: dict[str, int] = {}
    titles = []
    for step in cycle:
        name = str(step["thread"])
        seen[name] = count = seen.get(name, 0) + 1
        titles.append(name if count == 1 else f"{name} ({_ordinal(count)} time)")
    return titles


def scenario(cycle: Sequence[Step]) -> list[str]:
    """The table, ending in DEADLOCK."""
    if not cycle:
        return []
    titles = columns(cycle)
    rows = scenario_rows(cycle)
    widths = [max(len(title), *(len(text) for at, text in rows if at == number), 8) + 4
              for number, title in enumerate(titles)]  # fmt: skip
    lines = ["", " Possible unsafe locking scenario:", ""]
    lines.append("  " + "".join(t.ljust(w) for t, w in zip(titles, widths, strict=True)).rstrip())
    lines.append("  " + "".join("----".ljust(w) for w in widths).rstrip())
    for number, text in rows:
        lines.append("  " + " " * sum(widths[:number]) + text)
    return [*lines, "", " *** DEADLOCK ***"]


def scenario_rows(cycle: Sequence[Step]) -> list[tuple[int, str]]:
    if len(cycle) == 1:
        step = cycle[0]
        return [(0, _text(step["held"], "lock")), (0, _text(step["wanted"], step["op"]))]
    rows = [
        (number, _text(step["held"], "lock"))
        for number, step in enumerate(cycle)
        if step["held"].get("mode") not in ("wait", "owed", "queue")
    ]
    rows += [(number, _text(step["wanted"], step["op"])) for number, step in enumerate(cycle)]
    return rows


def _text(lock: Document, op: str) -> str:
    verb = {"sync": "sync", "wait": "wait"}.get(op) or VERBS.get(str(lock.get("mode")), "lock")
    return f"{verb}({lock['name']});"


def _ordinal(number: int) -> str:
    return {2: "another"}.get(number, f"a {number}th")
