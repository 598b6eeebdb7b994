"""Baselines of known findings, and the demand of `--fail-on`.  For the CLI and for pytest.

A baseline is a JSON file of fingerprints, `{"schema": "lockcheck/baseline/1", "known":
{fingerprint: title}}`; a `findings.json` or `graph.json` of an earlier run serves as well: what it
has is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from lockcheck.core.document import Document, Json
from lockcheck.core.report import SEVERITIES
from lockcheck.documents import DocumentError, MalformedError, check, read_document, read_json
from lockcheck.documents.shape import List, Shape
from lockcheck.documents.shapes import BASELINE, FINDING
from lockcheck.render.atomic_file import write_text

__all__ = ["FAIL_ON", "InputError", "load", "read_baseline", "write_baseline"]

FAIL_ON = tuple(reversed(SEVERITIES))
"""From the strictest demand to the loosest: certain, possible, class-only."""

BASELINE_SCHEMA = "lockcheck/baseline/1"


class InputError(Exception):
    """The call or a file it names is wrong; said in one line, status 2."""


def load(path: str | Path, shape: Shape, what: str) -> Json:
    """Read a document of a known shape.  Raises: InputError."""
    try:
        return read_document(path, shape, what)
    except DocumentError as error:
        raise InputError(str(error)) from error


def read_baseline(path: str | Path) -> dict[str, str]:
    """Return fingerprint -> title of what a baseline knows.  Raises: InputError."""
    try:
        document = read_json(path)
        if isinstance(document, dict) and "known" in document:
            check(document, BASELINE)
            return dict(document["known"])
        rows = findings_of(document)
        if rows is None:
            raise InputError(f"{path}: neither a baseline nor findings of an earlier run")
        check(rows, List(FINDING), "findings")
    except DocumentError as error:
        raise InputError(str(error)) from error
    except MalformedError as error:
        raise InputError(f"{path}: not a baseline: {error}") from error
    return {row["fingerprint"]: row["title"] for row in rows}


def findings_of(document: object) -> list[Json] | None:
    """The findings of a `findings.json`, a `graph.json` or a bare list, if it is one of these."""
    if isinstance(document, dict):
        document = document.get("findings", document.get("reports"))
    return document if isinstance(document, list) else None


def write_baseline(path: str | Path, findings: Iterable[Document]) -> None:
    """Write what was found as known, whole or not at all.  Raises: InputError."""
    known = {str(f["fingerprint"]): str(f["title"]) for f in findings}
    document = {"schema": BASELINE_SCHEMA, "known": dict(sorted(known.items()))}
    try:
        write_text(Path(path), json.dumps(document, indent=1) + "\n")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
