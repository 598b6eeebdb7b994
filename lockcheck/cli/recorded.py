"""`lockcheck report` and `lockcheck diff`: documents of earlier runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck import __version__
from lockcheck.cli.baseline import InputError
from lockcheck.core.document import Json
from lockcheck.documents import DocumentError
from lockcheck.documents.graph import read_graph
from lockcheck.render import dot, json_, proc, sarif
from lockcheck.render.control_characters import legible_line
from lockcheck.render.folder import index_page
from lockcheck.render.screen import show, show_document, show_json
from lockcheck.render.splat import splat_of

if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["diff", "report"]

NOUN = {"classes": "class", "edges": "edge", "reports": "report"}


def load_graph(path: str) -> Json:
    """Read a graph.json.  Raises: InputError."""
    try:
        return read_graph(path)
    except DocumentError as error:
        raise InputError(str(error)) from error


def report(options: Namespace) -> int:
    """Print a recorded graph in one of the formats."""
    graph = load_graph(options.graph)
    text = _render(graph, graph.get("reports", []), options.format)
    if options.format in ("text", "tables"):
        show(text + "\n")
    else:
        show_document(text + "\n")
    return 0


def _render(graph: Json, findings: list[Json], form: str) -> str:
    if form == "json":
        return json_.dumps(graph)
    if form == "dot":
        return dot.render(graph)
    if form == "sarif":
        return sarif.render(findings, tool="lockcheck", version=__version__)
    if form == "html":
        return index_page(graph, findings)
    if form == "tables":
        return "\n\n".join(text.rstrip("\n") for text in proc.tables(graph).values())
    if not findings:
        return f"no findings; {json_.headline(graph)}"
    return "\n\n".join([splat_of(finding) for finding in findings])


def diff(options: Namespace) -> int:
    """Print what appeared (+) and what went (-); status 1 when anything did."""
    changes = json_.difference(load_graph(options.old), load_graph(options.new))
    if options.json:
        show_json(changes)
    else:
        for what in ("classes", "edges", "reports"):
            for sign, side in (("-", "gone"), ("+", "new")):
                for name in changes[what][side]:
                    show(f"{sign} {NOUN[what]} {legible_line(name)}\n")
    return int(any(changes[what][side] for what in changes for side in ("gone", "new")))
