"""Write a report folder: everything of one run, each file whole or not there, and the page's
sections.

A file is written beside its place under a temporary name and renamed over it, `index.html` last:
a folder with an index is complete.  A full disk or a place that cannot be written is one clear line
(`FolderError`), and no temporary file stays behind.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from lockcheck.core.document import Document
from lockcheck.core.findings import is_counted, root_causes
from lockcheck.documents.graph import packed
from lockcheck.render import chrome, dot, html, json_, proc
from lockcheck.render.atomic_file import write_text
from lockcheck.render.control_characters import legible
from lockcheck.render.html_cards import cards_html
from lockcheck.render.html_graph import graph_html
from lockcheck.render.html_tables import classes_table, contention_table, edges_table
from lockcheck.render.html_timeline import timeline_html
from lockcheck.render.sentences import outcome

__all__ = ["FolderError", "index_page", "prepare_folder", "write_files", "write_folder"]

TOP: Final = 8
"""Classes in the short table of contention that a clean run leads with."""
PLAIN: Final = ("workers", "strategy", "shard", "threads", "netns")
"""Fields of a run that stand below the title as they are."""


class FolderError(OSError):
    """A report folder cannot be written; its text is the one line to show."""


def write_folder(
    folder: str | Path,
    graph: Document,
    findings: Sequence[Document],
    *,
    timeline: Document | None = None,
    run: Document | None = None,
    panels: Sequence[html.Panel] = (),
    title: str = "lockcheck",
    lead: str = "",
    command: str = "lockcheck replay TOKEN",
) -> Path:
    """Write all files of a report; returns the folder's path.  Raises: FolderError."""
    files = {
        "graph.json": json_.compact(packed(graph)) + "\n",
        "graph.dot": dot.render(graph) + "\n",
        "findings.json": json_.dumps(json_.findings_document(findings)) + "\n",
        **proc.tables(graph, timeline),
        "trace.json": json_.compact(chrome.trace(timeline, title)) + "\n",
        "timeline.json": json_.compact(timeline or {}) + "\n",
        "run.json": json_.dumps(run or {}) + "\n",
        "index.html": index_page(
            graph,
            findings,
            timeline=timeline,
            run=run,
            panels=panels,
            title=title,
            lead=lead,
            command=command,
        ),
    }
    return write_files(folder, files)


def index_page(
    graph: Document,
    findings: Sequence[Document],
    *,
    timeline: Document | None = None,
    run: Document | None = None,
    panels: Sequence[html.Panel] = (),
    title: str = "lockcheck",
    lead: str = "",
    command: str = "lockcheck replay TOKEN",
) -> str:
    """`index.html`: what came out, the worst first; then graph, tables, time line, panels.

    `lead`: fingerprint of the finding that comes first; `command` replays a token.
    """
    graph, findings = legible(graph), legible(findings)
    timeline, run, title = legible(timeline), legible(run), legible(title)
    causes = root_causes(findings, lead)
    bad = dot.bad_pairs(findings)
    hot = {name for pair in bad for name in pair}
    names = {cls["id"]: str(cls["name"]) for cls in graph["classes"]}
    drawn = {names[end] for edge in graph["edges"] for end in (edge["from"], edge["to"])}
    first = "".join(panel.body for panel in panels if panel.summary)
    first += cards_html(causes, command, drawn) if causes else _clean(graph, timeline, first)
    sections: list[tuple[str, str, int | None, str]] = [
        ("findings", "Findings" if causes else "Overview", len(causes) or None, first),
        ("graph", "Lock graph", None, graph_html(graph, causes)),
        ("classes", "Classes", len(graph["classes"]), classes_table(graph, hot)),
        ("edges", "Dependencies", len(graph["edges"]), edges_table(graph, bad)),
        ("contention", "Contention", None, contention_table(graph, timeline)
         or '<p class="empty">No thread had to wait for a lock, and holds were not timed.</p>'),
        ("timeline", "Time line", None, timeline_html(timeline)),
        *((panel.ident, panel.title, None, panel.body) for panel in panels if not panel.summary),
    ]  # fmt: skip
    counting = any(is_counted(root.lead) for root in causes)
    mood = "found" if counting else "known" if causes else "clean"
    return html.page(title, outcome(causes), _subtitle(graph, run), sections, mood=mood)


def _subtitle(graph: Document, run: Document | None) -> str:
    parts = json_.headline(graph).split(", ")
    for key, value in (run or {}).items():
        if key == "seed" and isinstance(value, int):
            parts.append(f"seed {value}")
        elif key == "seconds" and isinstance(value, int | float):
            parts.append(f"{value:.1f} s")
        elif key in PLAIN and value not in ("", "1/1"):
            parts.append(f"{key} {value}")
    return " · ".join(escape(str(part)) for part in parts)


def _clean(graph: Document, timeline: Document | None, shown: str) -> str:
    """What a run without findings leads with: who waited for what, else what was held longest."""
    waited = contention_table(graph, timeline, most=TOP, what="waited")
    if waited:
        return f"<h3>What was waited for</h3>{waited}"
    held = contention_table(graph, timeline, most=TOP, what="held")
    if held:
        return f"<p>No thread had to wait for a lock.</p><h3>What was held longest</h3>{held}"
    return "" if shown else '<p class="empty">No thread had to wait for a lock.</p>'


def prepare_folder(folder: str | Path) -> Path:
    """Make the folder and try to write there, before anything is run.  Raises: FolderError."""
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise FolderError(
            f"cannot write a report to {folder}: {error.strerror or error}"
        ) from error
    return path


def write_files(folder: str | Path, files: Mapping[str, str]) -> Path:
    """Write the files, each atomically, in the order given.  Raises: FolderError."""
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_text(path / name, text)
    except OSError as error:
        raise FolderError(
            f"cannot write the report to {folder}: {error.strerror or error}"
        ) from error
    return path
