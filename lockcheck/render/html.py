"""`index.html`: the whole report as one page that needs no network.

Everything is in the page as text and SVG; the script adds tabs, sorting, searching and the time
line.  Other packages add panels of their own (`Panel`): the model shows its topology that way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Any

from lockcheck.render.dot import bad_pairs
from lockcheck.render.html_findings import findings_html
from lockcheck.render.legible import legible
from lockcheck.render.places import short_path, where
from lockcheck.render.proc import contention, usage
from lockcheck.render.svg import graph_svg

__all__ = ["Panel", "render"]

GRAPH_MAX = 400
"""Classes drawn at most: beyond, the picture tells nothing and the tables do."""
SPANS_MAX = 6000


@dataclass(frozen=True)
class Panel:
    """A section of somebody else's: its id, its title on the tab, its HTML."""

    ident: str
    title: str
    body: str


def render(
    graph: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    *,
    timeline: Mapping[str, Any] | None = None,
    run: Mapping[str, Any] | None = None,
    panels: Sequence[Panel] = (),
    title: str = "lockcheck",
) -> str:
    """Return the page."""
    graph, findings = legible(graph), legible(findings)
    timeline, run = legible(timeline), legible(run)
    sections = [
        ("findings", "Findings", len(findings), findings_html(findings)),
        ("graph", "Lock graph", None, _graph(graph, findings)),
        ("classes", "Classes", len(graph["classes"]), _classes(graph, findings)),
        ("edges", "Dependencies", len(graph["edges"]), _edges(graph, findings)),
        ("contention", "Contention", None, _contention(graph, timeline)),
        ("timeline", "Time line", None, _timeline(timeline)),
        *((panel.ident, panel.title, None, panel.body) for panel in panels),
    ]
    nav = "".join(
        f'<a href="#{ident}">{escape(name)}'
        + (f"<span>{count}</span>" if count is not None else "")
        + "</a>"
        for ident, name, count, _ in sections
    )
    body = "\n".join(
        f'<section id="{ident}"><h2>{escape(name)}</h2>{content}</section>'
        for ident, name, _, content in sections
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_asset("page.css")}</style></head><body>
<header><h1>{escape(title)}</h1><div class="sub">{_subtitle(graph, findings, run)}</div></header>
<nav>{nav}</nav>
<main>{body}</main><div id="tip"></div>
<script type="application/json" id="facts">{_embed(_facts(graph))}</script>
<script>{_asset("page.js")}</script>
</body></html>
"""


def _asset(name: str) -> str:
    """The text of a file that stands beside this one."""
    return resources.files("lockcheck.render").joinpath(name).read_text(encoding="utf-8")


def _embed(value: Any) -> str:
    """JSON that cannot end its script element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _subtitle(
    graph: Mapping[str, Any], findings: Sequence[Any], run: Mapping[str, Any] | None
) -> str:
    count = len(findings)
    parts = [f"{count} finding{'' if count == 1 else 's'}" if count else "nothing found"]
    parts.append(f"{len(graph['classes'])} lock classes")
    parts.append(f"{len(graph['edges'])} dependencies")
    for key, value in (run or {}).items():
        if isinstance(value, str | int | float) and not isinstance(value, bool) and key != "schema":
            parts.append(f"{key} {value}")
    return " · ".join(escape(str(part)) for part in parts)


def _search(placeholder: str, more: str = "") -> str:
    return (
        f'<div class="bar"><input type="search" placeholder="{escape(placeholder)}" '
        f'aria-label="{escape(placeholder)}">{more}<span class="sub count"></span></div>'
    )


def _table(heads: Sequence[tuple[str, bool]], rows: Sequence[str]) -> str:
    head = "".join(f"<th{' class=num' if num else ''}>{escape(h)}</th>" for h, num in heads)
    return (
        f'<table class="data"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def _names(graph: Mapping[str, Any]) -> dict[int, str]:
    return {cls["id"]: str(cls["name"]) for cls in graph["classes"]}


def _graph(graph: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> str:
    names = _names(graph)
    bad = bad_pairs(findings)
    every = [
        (names[e["from"]], names[e["to"]], " ".join(e["kinds"]), e.get("distance", 1))
        for e in graph["edges"]
    ]
    edges = [(a, b, kinds) for a, b, kinds, far in every if far <= 1 or (a, b) in bad]
    linked = {end for a, b, *_ in every for end in (a, b)} | {end for pair in bad for end in pair}
    classes = [cls for cls in graph["classes"] if cls["name"] in linked]
    loose = len(graph["classes"]) - len(classes)
    if not classes:
        return '<p class="empty">No lock was taken while another was held.</p>'
    if len(classes) > GRAPH_MAX:
        return (
            f'<p class="empty">{len(classes)} classes are too many for a picture; '
            "graph.dot has all of them, the tables can be searched.</p>"
        )
    more = (
        '<label><input type="checkbox" id="near" checked> with neighbours</label>'
        '<label><input type="checkbox" id="onlybad"> only what is in findings</label>'
        '<button data-zoom="1.25">+</button><button data-zoom="0.8">−</button>'
        '<button data-zoom="fit">fit</button>'
    )
    note = f"<p class=sub>{loose} classes without a dependency are not drawn.</p>" if loose else ""
    return (
        _search("search classes", more)
        + '<div class="graphbox"><div class="picture">'
        + graph_svg(classes, edges, bad)
        + f'</div><aside id="about" class="card"></aside></div>{note}'
        + "<p class=sub>An arrow a → b: b was taken while a was held. Red: part of a finding. "
        f"{len(edges)} of {len(every)} dependencies are drawn: those between neighbours in a held "
        "stack; select a class, or see the table, for all.</p>"
    )


def _facts(graph: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """What the side panel tells of a class."""
    found: dict[str, dict[str, list[str]]] = {}
    names = _names(graph)
    for cls in graph["classes"]:
        lines = [f"made at {short_path(str(cls['site']))}"] if cls.get("site") else []
        lines.append(f"{cls.get('kind', 'lock')}, {cls.get('instances', 0)} instances")
        lines.append(f"usage {usage(cls)} (signal, gc)")
        found[str(cls["name"])] = {"lines": lines, "after": [], "before": []}
    for edge in graph["edges"]:
        found[names[edge["from"]]]["after"].append(names[edge["to"]])
        found[names[edge["to"]]]["before"].append(names[edge["from"]])
    return found


def _classes(graph: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> str:
    hot = {name for pair in bad_pairs(findings) for name in pair}
    rows = [
        f'<tr class="filtered{" bad" if cls["name"] in hot else ""}">'
        f'<td class="name">{escape(str(cls["name"]))}</td>'
        f"<td>{escape(str(cls.get('kind', '')))}</td>"
        f'<td class="mono">{escape(short_path(str(cls.get("site", ""))))}</td>'
        f'<td class="num">{cls.get("instances", 0)}</td><td class="num">{cls["forward"]}</td>'
        f'<td class="num">{cls["backward"]}</td><td class="num">{cls.get("contentions", 0)}</td>'
        f'<td class="mono">{escape(usage(cls))}</td></tr>'
        for cls in graph["classes"]
    ]
    heads = [
        ("class", False),
        ("kind", False),
        ("made at", False),
        ("instances", True),
        ("reaches", True),
        ("reached by", True),
        ("contended", True),
        ("usage", False),
    ]
    return _search("search classes") + _table(heads, rows)


def _edges(graph: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> str:
    names = _names(graph)
    bad = bad_pairs(findings)
    rows = []
    for edge in graph["edges"]:
        a, b = names[edge["from"]], names[edge["to"]]
        first: Mapping[str, Any] = next(iter(edge.get("witnesses", ())), {})
        rows.append(
            f'<tr class="filtered{" bad" if (a, b) in bad else ""}">'
            f'<td class="name">{escape(a)}</td><td class="name">{escape(b)}</td>'
            f"<td>{escape(' '.join(edge['kinds']))}</td>"
            f"<td>{escape(str(first.get('thread', '')))}</td>"
            f'<td class="mono">{escape(where(first.get("held_stack", ())))}</td>'
            f'<td class="mono">{escape(where(first.get("wanted_stack", ())))}</td>'
            f'<td class="num">{edge.get("count", 0)}</td></tr>'
        )
    heads = [
        ("held", False),
        ("taken", False),
        ("kinds", False),
        ("first seen in", False),
        ("held since", False),
        ("taken at", False),
        ("sightings", True),
    ]
    note = (
        "<p class=sub>Kinds: E/S the first was held exclusively or shared; R/N the second was "
        "wanted as a recursive reader or not.</p>"
    )
    return _search("search dependencies") + _table(heads, rows) + note


def _contention(graph: Mapping[str, Any], timeline: Mapping[str, Any] | None) -> str:
    found = contention(graph, timeline)
    if not found:
        return '<p class="empty">Nobody had to wait for a lock, or nothing was recorded.</p>'
    most_wait = max(row["wait"]["total"] for _, row in found) or 1
    most_hold = max(row["hold"]["total"] for _, row in found) or 1
    rows = []
    for name, row in found:
        wait, hold = row["wait"], row["hold"]
        cells = "".join(
            f'<td class="num">{stat["count"]}</td><td class="num">{stat["total"]:.1f}</td>'
            f'<td class="num">{stat["max"]:.1f}</td>'
            f'<td data-value="{stat["total"]}"><i class="meter {cls}" '
            f'style="width:{round(110 * stat["total"] / most)}px"></i></td>'
            for stat, most, cls in ((wait, most_wait, ""), (hold, most_hold, "hold"))
        )
        rows.append(f'<tr class="filtered"><td class="name">{escape(name)}</td>{cells}</tr>')
    heads = [
        ("class", False),
        ("waited", True),
        ("total µs", True),
        ("longest µs", True),
        ("", True),
        ("held", True),
        ("total µs", True),
        ("longest µs", True),
        ("", True),
    ]
    return _search("search classes") + _table(heads, rows)


def _timeline(timeline: Mapping[str, Any] | None) -> str:
    spans = list((timeline or {}).get("spans", ()))
    if not spans:
        return '<p class="empty">No time line was recorded.</p>'
    left_out = (timeline or {}).get("dropped", 0) + max(0, len(spans) - SPANS_MAX)
    data = {
        "threads": (timeline or {})["threads"],
        "spans": spans[-SPANS_MAX:],
        "cut": left_out > 0,
    }
    note = (
        f"<p class=sub>The newest spans; {left_out} earlier ones left out.</p>" if left_out else ""
    )
    return (
        '<div class="bar"><button data-zoom="0.5">+</button><button data-zoom="2">−</button>'
        '<button data-zoom="fit">all</button><span class="sub">drag to move, ctrl + wheel to zoom'
        '</span><span class="key"><i style="background:var(--hold)"></i>holds'
        '<i style="background:var(--wait)"></i>waits'
        '<i style="background:var(--line)"></i>idle</span></div><canvas></canvas>'
        f'{note}<script type="application/json" id="spans">{_embed(data)}</script>'
    )
