"""The report folder of a model run: lockcheck's, with the topology before and after on its page.

`write_folder` takes a run that has just ended; `rewrite_folder` makes every derived file again from
the JSON files of an earlier one (`run.json graph.json findings.json timeline.json`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockcheck.documents import read_document
from lockcheck.documents.shapes import FINDINGS, GRAPH, TIMELINE, dangling
from lockcheck.render import folder as lock_folder
from lockcheck.render.html import Panel

from .shapes import RUN
from .topology import topology_html

if TYPE_CHECKING:
    from lockcheck import Checker

    from ..kernel.kernel import Kernel

__all__ = ["rewrite_folder", "write_folder"]


def write_folder(folder: Path, chk: Checker, _k: Kernel, document: Mapping[str, Any]) -> None:
    """Write the report of one run.  Raises: OSError, its text one line for the user."""
    timeline = chk.recorder.to_dict(chk) if chk.recorder is not None else None
    _write(folder, document, chk.graph.to_dict(), document.get("findings", ()), timeline)


def rewrite_folder(folder: Path) -> None:
    """Make the derived files again.

    Raises: DocumentError (what is recorded is not ours), OSError.
    """
    run = read_document(folder / "run.json", RUN, "the run of a report")
    graph: dict[str, Any] = read_document(folder / "graph.json", GRAPH, "a lock graph")
    dangling(graph, folder / "graph.json")
    recorded: dict[str, Any] = read_document(folder / "findings.json", FINDINGS, "findings")
    timeline = None
    if (folder / "timeline.json").is_file():
        timeline = read_document(folder / "timeline.json", TIMELINE, "a time line") or None
    _write(folder, run, graph, recorded["findings"], timeline)


def _write(
    folder: Path,
    run: Mapping[str, Any],
    graph: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    timeline: Mapping[str, Any] | None,
) -> None:
    ops = run.get("ops")
    panels = []
    if isinstance(ops, list):
        panels.append(Panel("topology", "Topology", topology_html(ops)))
        panels.append(Panel("commands", "Commands", _commands(ops)))
    title = f"rtnl-model, regime {run['regime']}" if run.get("regime") else "rtnl-model"
    lock_folder.write_folder(
        folder, graph, findings, timeline=timeline, run=run, panels=panels, title=title
    )


def _commands(ops: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for op in ops:
        for cmd in op.get("cmds", ()):
            status = cmd.get("rc", "")
            said = cmd.get("stderr") or ""
            rows.append(
                f'<tr class="filtered{" bad" if status else ""}"><td class="num">{op.get("i", "")}'
                f'</td><td class="name">{escape(str(cmd["cmd"]))}</td>'
                f'<td class="num">{escape(str(status))}</td><td>{escape(str(said))}</td></tr>'
            )
    return (
        '<div class="bar"><input type="search" placeholder="search commands" '
        'aria-label="search commands"><span class="sub count"></span></div>'
        '<table class="data"><thead><tr><th class=num>op</th><th>command</th>'
        f"<th class=num>status</th><th>said</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
