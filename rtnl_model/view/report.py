"""The report folder of a model run: lockcheck's, with the topology before and after on its page.

`write_folder` takes a run that has just ended; `rewrite_folder` makes every derived file again from
the JSON files of an earlier one (`run.json graph.json findings.json timeline.json`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockcheck import render
from lockcheck.documents import FINDINGS, TIMELINE, read_document, read_graph
from lockcheck.render import Panel
from rtnl_model.kernel.documents import Document, Fields

from .shapes import RUN
from .summary import commands_html, summary_html, title_of
from .topology import states_html, topology_html

if TYPE_CHECKING:
    from lockcheck import Checker

__all__ = ["rewrite_folder", "write_folder"]


def write_folder(
    folder: Path,
    chk: Checker,
    document: Document,
    timeline: Document | None = None,
) -> None:
    """Write the report of one run.  Raises: OSError, its text one line for the user."""
    if timeline is None and chk.recorder is not None:
        timeline = chk.recorder.to_dict(chk)
    _write(folder, document, chk.graph.to_dict(), document.get("findings", ()), timeline)


def rewrite_folder(folder: Path) -> None:
    """Make the derived files again.

    Raises: DocumentError (what is recorded is not ours), OSError.
    """
    run = read_document(folder / "run.json", RUN, "the run of a report")
    graph: Fields = read_graph(folder / "graph.json")
    recorded: Fields = read_document(folder / "findings.json", FINDINGS, "findings")
    timeline = None
    if (folder / "timeline.json").is_file():
        timeline = read_document(folder / "timeline.json", TIMELINE, "a time line") or None
    _write(folder, run, graph, recorded["findings"], timeline)


def _write(
    folder: Path,
    run: Document,
    graph: Document,
    findings: Sequence[Document],
    timeline: Document | None,
) -> None:
    panels = [Panel("summary", "", summary_html(run), summary=True)]
    ops, states = run.get("ops"), run.get("topology")
    if isinstance(states, list) and states:
        panels.append(Panel("topology", "Topology", states_html(states)))
    if isinstance(ops, list):
        panels.append(Panel("topology", "Topology", topology_html(ops)))
        panels.append(Panel("commands", "Commands", commands_html(ops)))
    render.write_folder(
        folder, graph, findings, timeline=timeline, run=run, panels=panels, title=title_of(run),
        lead=str(run.get("lead", "")), command=str(run.get("replay") or "rtnl-model replay TOKEN"),
    )  # fmt: skip
