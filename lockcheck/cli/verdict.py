"""Which findings count: severity, and the baseline of known ones.  For the CLI and for pytest.

A baseline is a JSON file of fingerprints, `{"schema": "lockcheck/baseline/1", "known":
{fingerprint: title}}`; a `findings.json` or `graph.json` of an earlier run serves as well: what it
has is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lockcheck.core.report import POSSIBLE, SEVERITIES

__all__ = ["FAIL_ON", "InputError", "Verdict", "load_json", "read_baseline", "write_baseline"]

FAIL_ON = tuple(reversed(SEVERITIES))
"""From the strictest demand to the loosest: certain, possible, class-only."""

BASELINE_SCHEMA = "lockcheck/baseline/1"


class InputError(Exception):
    """The call or a file it names is wrong; told in one line, status 2."""


class Verdict:
    """Sorts findings into those that count, lower ones, and known ones."""

    def __init__(self, fail_on: str = POSSIBLE, known: Iterable[str] = ()) -> None:
        self._least = SEVERITIES.index(fail_on)
        self._known = frozenset(known)

    def is_known(self, fingerprint: str) -> bool:
        return fingerprint in self._known

    def counts(self, severity: str, fingerprint: str) -> bool:
        """Does a finding decide the exit status?"""
        return SEVERITIES.index(severity) >= self._least and not self.is_known(fingerprint)


def load_json(path: str | Path) -> Any:
    """Read a JSON file.  Raises: InputError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file") from error
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error


def read_baseline(path: str | Path) -> dict[str, str]:
    """Return fingerprint -> title of what a baseline knows.  Raises: InputError."""
    document = load_json(path)
    known: dict[str, str] = {}
    if isinstance(document, dict) and isinstance(document.get("known"), dict):
        known.update({str(key): str(title) for key, title in document["known"].items()})
    for finding in findings_in(document):
        known[str(finding["fingerprint"])] = str(finding.get("title", ""))
    if not known and not _is_baseline(document):
        raise InputError(f"{path}: neither a baseline nor findings of an earlier run")
    return known


def _is_baseline(document: Any) -> bool:
    return isinstance(document, dict) and (
        document.get("schema") == BASELINE_SCHEMA
        or any(isinstance(document.get(key), list) for key in ("findings", "reports"))
    )


def findings_in(document: Any) -> list[Mapping[str, Any]]:
    """The findings of a `findings.json`, `graph.json` or a bare list."""
    rows: Any = document
    if isinstance(document, dict):
        rows = document.get("findings", document.get("reports", []))
    if not isinstance(rows, list):
        return []
    return [row for row in rows if isinstance(row, dict) and "fingerprint" in row]


def write_baseline(path: str | Path, findings: Iterable[Mapping[str, Any]]) -> None:
    """Write what was found as known.  Raises: InputError."""
    known = {str(f["fingerprint"]): str(f["title"]) for f in findings}
    document = {"schema": BASELINE_SCHEMA, "known": dict(sorted(known.items()))}
    try:
        Path(path).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
