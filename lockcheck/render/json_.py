"""JSON documents, and what two of them differ by.

Only what is stable from run to run is compared: class names, pairs of class names, fingerprints.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from lockcheck.core.document import Document, Json
from lockcheck.core.findings import with_causes
from lockcheck.render.sentences import counted

__all__ = ["compact", "difference", "dumps", "findings_document", "headline"]


def dumps(document: object) -> str:
    """One way to write JSON everywhere."""
    return json.dumps(document, indent=1)


def compact(document: object) -> str:
    """The same for what only programs read."""
    return json.dumps(document, separators=(",", ":"))


def findings_document(findings: Sequence[Document]) -> Json:
    """What `findings.json` holds."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding["severity"]] = counts.get(finding["severity"], 0) + 1
    return {
        "schema": "lockcheck/findings/1",
        "severities": dict(sorted(counts.items())),
        "findings": with_causes(findings),
    }


def headline(graph: Document) -> str:
    """The graph in half a line."""
    classes = counted(len(graph["classes"]), "lock class", "lock classes")
    return f"{classes}, {counted(len(graph['edges']), 'dependency', 'dependencies')}"


def difference(old: Document, new: Document) -> dict[str, dict[str, list[str]]]:
    """`{"classes" | "edges" | "reports": {"gone": […], "new": […]}}`, each sorted."""
    found = {}
    for what, names in (("classes", _classes), ("edges", _edges), ("reports", _reports)):
        before, after = names(old), names(new)
        found[what] = {
            "gone": [before[key] for key in sorted(before.keys() - after.keys())],
            "new": [after[key] for key in sorted(after.keys() - before.keys())],
        }
    return found


def _classes(graph: Document) -> dict[str, str]:
    return {str(cls["name"]): str(cls["name"]) for cls in graph["classes"]}


def _edges(graph: Document) -> dict[str, str]:
    names = {cls["id"]: cls["name"] for cls in graph["classes"]}
    rows = {}
    for edge in graph["edges"]:
        text = f"{names[edge['from']]} -> {names[edge['to']]}"
        rows[text] = text
    return rows


def _reports(graph: Document) -> dict[str, str]:
    return {
        str(r["fingerprint"]): f"{r['fingerprint']} {r['severity']} {r['kind']}: {r['title']}"
        for r in graph.get("reports", ())
    }
