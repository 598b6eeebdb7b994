"""Small builders of findings, as their dictionaries."""

from __future__ import annotations

from typing import Any


def frames(*places: str) -> list[dict[str, Any]]:
    """`frames("f app.py 3")`: function, file, line, innermost first."""
    found = []
    for place in places:
        function, file, line = place.rsplit(" ", 2)
        found.append({"file": file, "line": int(line), "function": function})
    return found


def lock(name: str, mode: str = "lock", cls: str = "") -> dict[str, Any]:
    return {"name": name, "class": cls or name.split("#")[0], "mode": mode}


def step(
    thread: str, held: dict[str, Any], wanted: dict[str, Any], op: str = "lock", told: str = ""
) -> dict[str, Any]:
    return {
        "thread": thread,
        "held": held,
        "held_stack": frames(f"hold_{held['name']} app.py 10"),
        "wanted": wanted,
        "wanted_stack": frames(f"want_{wanted['name']} app.py 11", f"{thread}_main app.py 1"),
        "op": op,
        "all_held": [{**held, "stack": frames(f"hold_{held['name']} app.py 10")}],
        "told": told,
    }


def finding(kind: str, cycle: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "kind": kind,
        "severity": "possible",
        "title": f"a {kind} finding",
        "reason": "a reason",
        "fingerprint": "00ff",
        "threads": [s["thread"] for s in cycle or []] or ["T1"],
        "locks": ["a#0"],
        "classes": ["a"],
        "cycle": cycle or [],
        "held": [],
        "stacks": [],
        "detail": "",
        "advice": "",
        "replay": "",
        "data": {},
    }
    made.update(more)
    return made


def ring(*names: str) -> list[dict[str, Any]]:
    """A cycle of locks: thread i holds names[i] and wants names[i + 1]."""
    return [
        step(f"T{i + 1}", lock(f"{held}#0"), lock(f"{wanted}#0"))
        for i, (held, wanted) in enumerate(zip(names, [*names[1:], names[0]], strict=True))
    ]
