"""`index.html`: the whole report as one page that needs no network.

First what ran and what came out, the worst finding first; then the lock graph, its tables, the
time line, and the panels of other packages (`Panel`): the model shows its topology that way.
Everything stands in the page as text and SVG; the scripts add tabs, sorting, searching, other
choices of the graph, and the time line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Final

from lockcheck.core.document import Document
from lockcheck.core.findings import is_counted, root_causes
from lockcheck.render.control_characters import legible
from lockcheck.render.dot import bad_pairs
from lockcheck.render.html_cards import cards_html
from lockcheck.render.html_graph import graph_html
from lockcheck.render.html_tables import classes_table, contention_table, edges_table
from lockcheck.render.html_timeline import timeline_html
from lockcheck.render.sentences import outcome

__all__ = ["Panel", "page", "render"]

SCRIPTS: Final = ("page_tabs.js", "page_tables.js", "page_graph.js", "page_timeline.js")
TOP: Final = 8
"""Classes in the short table of contention that a clean run leads with."""


@dataclass(frozen=True)
class Panel:
    """A section of somebody else's: its id, its title on the tab, its HTML.

    `summary`: no tab of its own; it stands on the first screen, above the findings.
    """

    ident: str
    title: str
    body: str
    summary: bool = False


def render(
    graph: Document,
    findings: Sequence[Document],
    *,
    timeline: Document | None = None,
    run: Document | None = None,
    panels: Sequence[Panel] = (),
    title: str = "lockcheck",
    lead: str = "",
    command: str = "lockcheck replay TOKEN",
) -> str:
    """Return the page.

    `lead`: fingerprint of the finding that comes first; `command` replays a token.
    """
    graph, findings = legible(graph), legible(findings)
    timeline, run, title = legible(timeline), legible(run), legible(title)
    causes = root_causes(findings, lead)
    bad = bad_pairs(findings)
    hot = {name for pair in bad for name in pair}
    first = "".join(panel.body for panel in panels if panel.summary)
    first += cards_html(causes, command) if causes else _clean(graph, timeline, first)
    sections: list[tuple[str, str, int | None, str]] = [
        ("findings", "Findings" if causes else "Overview", len(causes) or None, first),
        ("graph", "Lock graph", None, graph_html(graph, causes)),
        ("classes", "Classes", len(graph["classes"]), classes_table(graph, hot)),
        ("edges", "Dependencies", len(graph["edges"]), edges_table(graph, bad)),
        ("contention", "Contention", None, contention_table(graph, timeline)
         or '<p class="empty">Nobody had to wait for a lock, or nothing was recorded.</p>'),
        ("timeline", "Time line", None, timeline_html(timeline)),
        *((panel.ident, panel.title, None, panel.body) for panel in panels if not panel.summary),
    ]  # fmt: skip
    counting = any(is_counted(root.lead) for root in causes)
    mood = "found" if counting else "known" if causes else "clean"
    return page(title, outcome(causes), _subtitle(graph, run), sections, mood=mood)


def page(
    title: str,
    said: str,
    subtitle: str,
    sections: Sequence[tuple[str, str, int | None, str]],
    *,
    mood: str = "clean",
) -> str:
    """A page of sections (id, name, count or None, HTML) under a title and what came out.

    `mood`: `found`, `known` or `clean`; `subtitle` is HTML.
    """
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
    script = "\n".join(_asset(name) for name in SCRIPTS)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_asset("page.css")}</style></head><body>
<header><h1>{escape(title)}</h1><p class="outcome {mood}">{escape(said)}</p>
<div class="sub">{subtitle}</div></header>
<nav>{nav}</nav>
<main>{body}</main><div id="tip"></div>
<script>{script}</script>
</body></html>
"""


def _asset(name: str) -> str:
    """The text of a file that stands beside this one."""
    return resources.files("lockcheck.render").joinpath(name).read_text(encoding="utf-8")


def _subtitle(graph: Document, run: Document | None) -> str:
    parts = [f"{len(graph['classes'])} lock classes", f"{len(graph['edges'])} dependencies"]
    for key, value in (run or {}).items():
        if key == "seed" and isinstance(value, int):
            parts.append(f"seed {value}")
        elif key == "seconds" and isinstance(value, int | float):
            parts.append(f"{value:.1f} s")
        elif key in ("workers", "strategy", "shard", "threads", "netns") and value:
            parts.append(f"{key} {value}")
    return " · ".join(escape(str(part)) for part in parts)


def _clean(graph: Document, timeline: Document | None, shown: str) -> str:
    """What a run without findings leads with: who waited for what."""
    table = contention_table(graph, timeline, most=TOP)
    if table:
        return f"<h3>What was waited for</h3>{table}"
    if shown:
        return ""
    return '<p class="empty">No thread had to wait for a lock.</p>'
