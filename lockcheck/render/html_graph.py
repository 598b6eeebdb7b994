"""The lock graph on the report page: a picture, what it can be filtered by, and its data.

The picture in the page is the first choice (what is in findings, and around it; without findings
the most contended), small enough to read; the script lays out any other choice in the browser, so
the time to write a page does not depend on the size of the graph.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockcheck.core.document import Document, Json
from lockcheck.core.findings import RootCause
from lockcheck.render.dot import bad_pairs
from lockcheck.render.html_tables import embed
from lockcheck.render.places import short_path
from lockcheck.render.proc import usage
from lockcheck.render.sentences import counted
from lockcheck.render.svg import graph_svg

__all__ = ["first_choice", "graph_html"]

NODES_MAX = 60
"""Classes in the first picture."""
EDGES_MAX = 300


def graph_html(graph: Document, causes: Sequence[RootCause]) -> str:
    """The section's content."""
    findings = [finding for root in causes for finding in root.findings]
    bad = bad_pairs(findings)
    linked = {end for e in graph["edges"] for end in (e["from"], e["to"])}
    if not linked:
        return '<p class="empty">No lock was taken while another was held.</p>'
    names = {cls["id"]: str(cls["name"]) for cls in graph["classes"]}
    bad &= {(names[e["from"]], names[e["to"]]) for e in graph["edges"]}
    shown = first_choice(graph, bad)
    classes = [cls for cls in graph["classes"] if cls["id"] in shown]
    near = [
        (names[e["from"]], names[e["to"]], " ".join(e["kinds"]))
        for e in graph["edges"]
        if e["from"] in shown and e["to"] in shown
        and (e.get("distance", 1) <= 1 or (names[e["from"]], names[e["to"]]) in bad)
    ]  # fmt: skip
    near.sort(key=lambda row: (row[:2] not in bad, row))
    loose = len(graph["classes"]) - len(linked)
    note = ""
    if loose:
        left_out = counted(
            loose, "class has no dependency and is", "classes have no dependency and are"
        )
        note = f" {left_out} not drawn."
    in_findings = '<option value="findings">what is in findings, and around it</option>'
    choices = (in_findings if bad else "") + '<option value="all">the most contended</option>'
    limits = "".join(f"<option{' selected' if n == NODES_MAX else ''}>{n}</option>"
                     for n in (30, NODES_MAX, 120, 250, 500))  # fmt: skip
    return (
        '<div class="bar"><input type="search" placeholder="search classes" '
        'aria-label="search classes">'
        f'<select id="what" aria-label="what is shown">{choices}</select>'
        f'<label>at most <select id="limit" aria-label="at most so many classes">{limits}</select>'
        '</label><label><input type="checkbox" id="modules"> by module</label>'
        '<label><input type="checkbox" id="far"> also between locks further apart</label>'
        '<button data-zoom="1.25" aria-label="larger">+</button>'
        '<button data-zoom="0.8" aria-label="smaller">−</button>'
        '<button data-zoom="fit">fit</button>'
        f'<span class="sub count">{len(shown)} of {len(linked)} classes</span></div>'
        '<div class="graphbox"><div class="picture">'
        + graph_svg(classes, near[:EDGES_MAX], bad)
        + '</div><aside id="about" class="card" aria-live="polite"></aside></div>'
        "<p class=sub>An arrow a → b: b was taken while a was held. Red: part of a finding."
        f"{note} Ctrl + wheel zooms where the pointer is.</p>"
        '<script type="application/json" id="facts">'
        f"{embed(_facts(graph, causes, bad))}</script>"
    )


def first_choice(graph: Document, bad: set[tuple[str, str]]) -> set[int]:
    """Ids of what is in findings and its neighbours; without findings, of the most contended."""
    names = {cls["id"]: str(cls["name"]) for cls in graph["classes"]}
    heat = {cls["id"]: (cls.get("contentions", 0), -cls["id"]) for cls in graph["classes"]}
    around: dict[int, set[int]] = {}
    core: set[int] = set()
    for edge in graph["edges"]:
        a, b = edge["from"], edge["to"]
        around.setdefault(a, set()).add(b)
        around.setdefault(b, set()).add(a)
        if (names[a], names[b]) in bad:
            core |= {a, b}

    def rank(ids: set[int]) -> list[int]:
        return sorted(ids, key=lambda i: (heat[i][0], len(around.get(i, ())), heat[i][1]),
                      reverse=True)  # fmt: skip

    if not core:
        return set(rank(set(around))[:NODES_MAX])
    shown = set(rank(core)[:NODES_MAX])
    next_to = {n for i in shown for n in around[i]} - shown
    return shown | set(rank(next_to)[: NODES_MAX - len(shown)])


def _facts(graph: Document, causes: Sequence[RootCause], bad: set[tuple[str, str]]) -> Json:
    """What the script draws from and reports of a class."""
    at = {cls["id"]: number for number, cls in enumerate(graph["classes"])}
    names = {cls["id"]: str(cls["name"]) for cls in graph["classes"]}
    modules: dict[str, int] = {}
    classes = []
    for cls in graph["classes"]:
        site = short_path(str(cls.get("site", "")))
        lines = [f"made at {site}"] if site else []
        lines.append(f"{cls.get('kind', 'lock')}, {cls.get('instances', 0)} instances")
        lines.append(f"usage {usage(cls)} (signal, gc)")
        module = modules.setdefault(site.rpartition(":")[0] or "elsewhere", len(modules))
        classes.append((names[cls["id"]], lines, cls.get("contentions", 0), module))
    edges = [
        (at[e["from"]], at[e["to"]], " ".join(e["kinds"]), e.get("count", 0),
         int(e.get("distance", 1) <= 1))
        for e in graph["edges"]
    ]  # fmt: skip
    cards: dict[int, list[int]] = {}
    by_name = {name: at[ident] for ident, name in names.items()}
    for number, root in enumerate(causes, 1):
        for name in dict.fromkeys(c for f in root.findings for c in f.get("classes") or ()):
            if name in by_name:
                cards.setdefault(by_name[name], []).append(number)
    return {
        "classes": classes,
        "modules": list(modules),
        "edges": edges,
        "bad": [i for i, e in enumerate(graph["edges"])
                if (names[e["from"]], names[e["to"]]) in bad],
        "cards": cards,
    }  # fmt: skip
