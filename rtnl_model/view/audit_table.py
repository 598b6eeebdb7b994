"""The audit's list as lines for a terminal; input is `rtnl-model/audit/1`."""

from __future__ import annotations

from rtnl_model.kernel.documents import Fields

__all__ = ["audit_text"]

LONG = 60
"""Characters of a cell on a terminal."""


def audit_text(document: Fields) -> str:
    """One block a function, one line an entry."""
    lines = ["What RTNL alone protects (small: rtnl_mutex held, the owner's net->rtnl_mutex not)"]
    function = None
    for entry in document["entries"]:
        if entry["function"] != function:
            function = entry["function"]
            lines += ["", f"{function}()"]
        cells = _cells(entry)
        lines.append(
            f"  {cells['seen']:>6}  {cells['kind']:5}  {cells['field']:32}  {_cut(cells['guard'])}"
        )
        lines.append(f"{'':17}held {_cut(cells['held'])}; seen in {_cut(cells['script'])}")
    if function is None:
        lines.append("nothing")
    return "\n".join(lines) + "\n\n"


def _cells(entry: Fields) -> dict[str, str]:
    return {
        "seen": str(entry["seen"]),
        "kind": str(entry["kind"]),
        "field": str(entry["field"]),
        "guard": str(entry["guard"]),
        "held": ", ".join(entry["held"]) or "nothing",
        "script": str(entry["script"]),
    }


def _cut(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 1]}…"
