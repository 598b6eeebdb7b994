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
from itertools import takewhile
from pathlib import Path

from lockcheck.explore import Token, columns
from lockcheck.render import write_text
from rtnl_model.kernel.documents import Document

from ...iproute import parse_script
from ...view import report
from ..explore import replay, shown
from ..model_run import ModelSetting
from .cause import Cause
from .reproduce import reproduce_script

__all__ = ["readable", "write_finding"]


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


def readable(script: str) -> str:
    """As a person writes it: the namespaces that it begins with on one line."""
    lines = script.splitlines()
    spaces = list(takewhile(lambda line: line.startswith("ip netns add "), lines))
    head = ["; ".join(spaces)] if spaces else []
    return "\n".join([*head, *lines[len(spaces) :]]) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())
