"""`graph.dot`: the lock graph for Graphviz.  Dependencies that belong to a finding are red."""

from __future__ import annotations

from collections.abc import Iterable

from lockcheck.core.document import Document
from lockcheck.render.control_characters import legible

__all__ = ["bad_pairs", "render"]


def bad_pairs(findings: Iterable[Document]) -> set[tuple[str, str]]:
    """Pairs of class names (held, wanted) that take part in a finding."""
    return {
        (str(step["held"]["class"]), str(step["wanted"]["class"]))
        for finding in findings
        for step in finding.get("cycle", ())
    }


def render(graph: Document) -> str:
    """Return the graph in the DOT language."""
    graph = legible(graph)
    bad = bad_pairs(graph.get("reports", ()))
    names = {cls["id"]: str(cls["name"]) for cls in graph["classes"]}
    hot = {name for pair in bad for name in pair}
    lines = [
        "digraph lockcheck {",
        "  rankdir=TB;",
        '  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];',
        '  edge [fontname="sans-serif", fontsize=9];',
    ]
    for cls in sorted(graph["classes"], key=lambda c: str(c["name"])):
        colour = ', color="red"' if cls["name"] in hot else ""
        tip = f", tooltip={_quote(str(cls['site']))}" if cls.get("site") else ""
        lines.append(
            f"  {_quote(str(cls['name']))} [label={_quote(str(cls['name']))}{tip}{colour}];"
        )
    for edge in sorted(graph["edges"], key=lambda e: (names[e["from"]], names[e["to"]])):
        pair = (names[edge["from"]], names[edge["to"]])
        kinds = ",".join(edge["kinds"])
        style = [] if kinds == "EN" else [f"label={_quote(kinds)}"]
        if pair in bad:
            style += ['color="red"', "penwidth=2"]
        tail = f" [{', '.join(style)}]" if style else ""
        lines.append(f"  {_quote(pair[0])} -> {_quote(pair[1])}{tail};")
    lines.append("}")
    return "\n".join(lines)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
