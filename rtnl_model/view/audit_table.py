"""The audit's list as lines for a terminal and as a page; input is `rtnl-model/audit/1`."""

from __future__ import annotations

from html import escape

from rtnl_model.kernel.documents import Fields

__all__ = ["audit_html", "audit_text"]

COLUMNS = ("seen", "kind", "field", "guard", "held", "script")
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
            f"  {cells['seen']:>6}  {cells['kind']:5}  {cells['field']:32}  {cells['guard'][:LONG]}"
        )
        lines.append(f"{'':17}held {cells['held'][:LONG]}; seen in {cells['script'][:LONG]}")
    if function is None:
        lines.append("nothing")
    return "\n".join(lines) + "\n\n"


def audit_html(document: Fields) -> str:
    """A page with one table; no network is needed."""
    head = "".join(f"<th>{name}</th>" for name in ("function", *COLUMNS, "call path", "replay"))
    rows = []
    for entry in document["entries"]:
        cells = _cells(entry)
        shown = [f"{entry['function']}()", *(cells[name] for name in COLUMNS)]
        shown.append(" < ".join(entry["path"]))
        shown.append(entry["token"])
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in shown) + "</tr>")
    return (
        "<!doctype html><meta charset=utf-8><title>What RTNL alone protects</title>"
        "<style>body{font:14px sans-serif}table{border-collapse:collapse}"
        "td,th{border:1px solid #ccc;padding:2px 6px;text-align:left;vertical-align:top}"
        "td:last-child{font:10px monospace;max-width:20em;overflow-wrap:anywhere}</style>"
        "<h1>What RTNL alone protects</h1><p>small: rtnl_mutex is held, the owner's "
        "net-&gt;rtnl_mutex is not.</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>\n"
    )


def _cells(entry: Fields) -> dict[str, str]:
    return {
        "seen": str(entry["seen"]),
        "kind": str(entry["kind"]),
        "field": str(entry["field"]),
        "guard": str(entry["guard"]),
        "held": ", ".join(entry["held"]) or "nothing",
        "script": str(entry["script"]),
    }
