"""Write a report folder: everything of one run, each file whole or not there.

A file is written beside its place under a temporary name and renamed over it, `index.html` last:
a folder with an index is complete.  A full disk or a place that cannot be written is one clear line
(`FolderError`), and no temporary file stays behind.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from lockcheck.core.document import Document
from lockcheck.documents.graph import packed
from lockcheck.render import chrome, dot, html, json_, proc
from lockcheck.render.atomic_file import write_text

__all__ = ["FolderError", "prepare_folder", "write_files", "write_folder"]


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
        "index.html": html.render(
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
