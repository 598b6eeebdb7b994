"""The folder of one cause: everything that a person needs to judge it and to try it elsewhere.

DIR/findings/<cause>/
    script.ip       the smallest script
    token.txt       replays it: rtnl-model replay "$(cat token.txt)"
    columns.txt     the schedule step by step, a column a thread
    finding.json    the finding's document, its cause, what was in the way
    reproduce.sh    a loop for a real kernel
    report/         the report folder of the token's schedule
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final

from lockcheck.explore import Token, columns
from lockcheck.render import write_text
from rtnl_model.kernel.documents import Document, Fields

from ...iproute import parse_script
from ...view import report
from ..explore import replay, shown
from ..model_run import ModelSetting
from .cause import Cause
from .reproduce import reproduce_script

__all__ = ["Left", "NotAFinding", "read_finding", "readable", "write_finding"]

BYTES_MAX: Final = 4 << 20


class NotAFinding(Exception):  # noqa: N818 - says what is wrong, as NotACorpus does
    """A folder among a hunt's findings cannot be read as one of ours."""


@dataclass(frozen=True, slots=True)
class Left:
    """What the folder of one cause says."""

    cause: Cause
    finding: Fields
    script: str
    rtnl: str
    workers: str


def write_finding(
    folder: Path,
    cause: Cause,
    script_text: str,
    setting: ModelSetting,
    finding: Document,
    *,
    in_the_way: Sequence[str] = (),
) -> Path:
    """Write the folder; returns it.  `in_the_way`: known defects that the same script met."""
    home = folder / cause.ident
    home.mkdir(parents=True, exist_ok=True)
    title = str(finding["title"])
    script = parse_script(script_text, cause.ident, strict=False)
    write_text(home / "script.ip", f"# {cause.kind}: {_line(title)}\n{readable(script_text)}")
    token_text = str(finding.get("replay", ""))
    write_text(home / "token.txt", token_text + "\n")
    document = {
        "cause": {"id": cause.ident, "kind": cause.kind, "title": cause.title,
                  "tags": list(cause.tags)},
        "setting": {"rtnl": setting.rtnl, "workers": setting.workers, "bugs": list(setting.bugs)},
        "in_the_way": list(in_the_way),
        "finding": dict(finding),
    }  # fmt: skip
    write_text(home / "finding.json", json.dumps(document, indent=1) + "\n")
    write_text(home / "reproduce.sh", reproduce_script(script, title=title))
    if token_text:
        token = Token.parse(token_text)
        write_text(home / "columns.txt", columns(replay(token)))
        schedule = shown(script, setting, token)
        inner = home / "report"
        inner.mkdir(exist_ok=True)
        told = {"regime": setting.rtnl, "findings": [dict(finding)], "topology": schedule.states}
        report.write_folder(inner, schedule.chk, told, schedule.timeline)
    return home


def read_finding(home: Path) -> Left:
    """The folder of one cause, as `write_finding` left it.  Raises: NotAFinding, OSError."""
    path = home / "finding.json"
    with path.open("rb") as file:
        raw = file.read(BYTES_MAX + 1)
    try:
        if len(raw) > BYTES_MAX:
            raise ValueError(f"more than {BYTES_MAX} bytes")
        document = json.loads(raw)
        cause, finding = document["cause"], dict(document["finding"])
        setting = document["setting"]
        script = (home / "script.ip").read_text(encoding="utf-8")
        for key in ("kind", "severity", "title"):
            finding[key] = str(finding[key])
        return Left(
            Cause(str(cause["kind"]), str(cause["title"]), tuple(map(str, cause["tags"]))),
            finding,
            "".join(line for line in script.splitlines(keepends=True) if line[:1] != "#"),
            str(setting["rtnl"]),
            str(setting["workers"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise NotAFinding(f"{path}: not a finding of a hunt: {error}") from error


def readable(script: str) -> str:
    """As a person writes it: the namespaces that it begins with on one line."""
    lines = script.splitlines()
    spaces = list(takewhile(lambda line: line.startswith("ip netns add "), lines))
    head = ["; ".join(spaces)] if spaces else []
    return "\n".join([*head, *lines[len(spaces) :]]) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())
