"""Findings as SARIF 2.1.0, so that code review shows them at their lines.

One result a finding: the innermost place of the user's own code, the other sides as related
locations, the steps of a schedule (where there is one) as a code flow with a thread flow a thread.
`certain` is an error, `possible` a warning, `class-only` a note.  Paths below the working directory
are relative to it, as code review wants them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from lockcheck.core.document import Document, Json
from lockcheck.render.places import users_own

__all__ = ["document", "render"]

Finding = Document

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {"certain": "error", "possible": "warning", "class-only": "note"}


def render(findings: Sequence[Finding], *, tool: str, version: str) -> str:
    """Return the SARIF text of findings given as their dictionaries."""
    return json.dumps(document(findings, tool=tool, version=version), indent=1)


def document(findings: Sequence[Finding], *, tool: str, version: str) -> Json:
    """Return the SARIF document."""
    kinds = sorted({str(finding["kind"]) for finding in findings})
    driver = {
        "name": tool,
        "version": version,
        "rules": [{"id": kind, "shortDescription": {"text": kind}} for kind in kinds],
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "results": [_result(finding, kinds) for finding in findings],
            }
        ],
    }


def _result(finding: Finding, kinds: Sequence[str]) -> Json:
    places = list(_places(finding))
    lines = [str(finding["title"])]
    lines += [str(finding[key]) for key in ("reason", "detail", "advice") if finding.get(key)]
    if finding.get("replay"):
        lines.append(f"replay: {finding['replay']}")
    found: Json = {
        "ruleId": finding["kind"],
        "ruleIndex": kinds.index(str(finding["kind"])),
        "level": _LEVELS.get(str(finding.get("severity")), "warning"),
        "message": {"text": "\n".join(lines)},
        "locations": [_location(*places[0])] if places else [],
        "partialFingerprints": {"lockcheck/1": str(finding.get("fingerprint", ""))},
    }
    if places[1:]:
        related = [_location(*place) for place in places[1:]]
        found["relatedLocations"] = [{"id": n, **each} for n, each in enumerate(related, 1)]
    flows = _flows(finding)
    if flows:
        found["codeFlows"] = [{"threadFlows": flows}]
    return found


def _places(finding: Finding) -> Iterable[tuple[str, int, str]]:
    """(file, line, what happens there) of every side, each once, the newest first."""
    seen = set()
    for file, line, text in _every_place(finding):
        if file and line and (file, line) not in seen:
            seen.add((file, line))
            yield file, line, text


def _every_place(finding: Finding) -> Iterable[tuple[str, int, str]]:
    for row in reversed(finding.get("data", {}).get("accesses", ())):
        yield row["file"], row["line"], f"{row['access']} by {row['thread']}"
    for step in finding.get("cycle", ()):
        for key, word in (("wanted", "wants"), ("held", "holds")):
            frames = users_own(step[f"{key}_stack"])
            if frames:
                text = f"{step['thread']} {word} {step[key]['name']}"
                yield frames[0]["file"], frames[0]["line"], text
    for stack in finding.get("stacks", ()):
        frames = users_own(stack["frames"])
        if frames:
            yield frames[0]["file"], frames[0]["line"], f"{stack['thread']}: {stack['title']}"


def _location(file: str, line: int, text: str = "") -> Json:
    found: Json = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(file)},
            "region": {"startLine": max(1, int(line))},
        }
    }
    if text:
        found["message"] = {"text": text}
    return found


def _uri(file: str) -> str:
    here = os.getcwd() + os.sep
    if file.startswith(here):
        return Path(file[len(here) :]).as_posix()
    path = Path(file)
    return path.as_uri() if path.is_absolute() else path.as_posix()


def _flows(finding: Finding) -> list[Json]:
    """The steps of the schedule by thread, numbered over all threads."""
    threads: dict[str, list[Json]] = {}
    for number, step in enumerate(finding.get("data", {}).get("order", ()), 1):
        if step["file"]:
            text = f"{step['thread']}: {step['source']}  {step['what']}"
            threads.setdefault(step["thread"], []).append(
                {
                    "location": _location(step["file"], step["line"], text),
                    "executionOrder": number,
                }
            )
    return [{"id": thread, "locations": steps} for thread, steps in threads.items()]
