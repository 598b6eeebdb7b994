"""`lockcheck report` and `lockcheck diff`: documents of earlier runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lockcheck.cli.verdict import InputError, findings_in, load_json
from lockcheck.render import dot, html, json_, proc
from lockcheck.render.splat import splat_of

if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["diff", "report"]


def load_graph(path: str) -> dict[str, Any]:
    """Read a graph.json.  Raises: InputError."""
    document = load_json(path)
    if not isinstance(document, dict):
        raise InputError(f"{path}: not a lock graph: an object was expected")
    for key in ("classes", "edges"):
        if not isinstance(document.get(key), list):
            raise InputError(f"{path}: not a lock graph: it has no list of {key}")
    return document


def report(options: Namespace) -> int:
    """Print a recorded graph in one of the formats."""
    graph = load_graph(options.graph)
    findings = findings_in(graph)
    try:
        text = _render(graph, findings, options.format)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{options.graph}: not a lock graph of this version: {type(error).__name__} {error}"
        ) from error
    print(text)
    return 0


def _render(graph: dict[str, Any], findings: list[Any], form: str) -> str:
    if form == "json":
        return json_.dumps(graph)
    if form == "dot":
        return dot.render(graph)
    if form == "html":
        return html.render(graph, findings)
    if form == "tables":
        return "\n\n".join(text.rstrip("\n") for text in proc.tables(graph).values())
    if not findings:
        return f"no findings; {json_.headline(graph)}"
    return "\n\n".join([splat_of(finding) for finding in findings])


def diff(options: Namespace) -> int:
    """Print what appeared (+) and what went (-); status 1 when anything did."""
    changes = json_.difference(load_graph(options.old), load_graph(options.new))
    if options.json:
        print(json.dumps(changes, indent=1))
    else:
        for what in ("classes", "edges", "reports"):
            for sign, side in (("-", "gone"), ("+", "new")):
                for name in changes[what][side]:
                    print(f"{sign} {what[:-2] if what == 'classes' else what[:-1]} {name}")
    return int(any(changes[what][side] for what in changes for side in ("gone", "new")))
