"""The findings on the report page: a card a root cause, with the cause in words and both stacks."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from html import escape

from lockcheck.core.document import Document
from lockcheck.core.findings import RootCause, known_as
from lockcheck.render.html_accesses import accesses_html, order_html
from lockcheck.render.places import short_path, users_own
from lockcheck.render.scenario import columns, scenario_rows
from lockcheck.render.sentences import KINDS, cause
from lockcheck.render.splat import is_lock, lock_text, splat_of, waits_for_itself

__all__ = ["cards_html"]

FRAMES_SHOWN = 6
"""Frames of a stack that are open; the others are folded."""
PARTS_MAX = 20
"""Findings of one cause that are folded into its card; the others are counted."""


def cards_html(causes: Sequence[RootCause], command: str, drawn: Collection[str]) -> str:
    """A search bar and the cards.  `command` replays TOKEN; `drawn`: classes in the lock graph."""
    severities = dict.fromkeys(str(each.lead["severity"]) for each in causes)
    options = "".join(f"<option>{escape(name)}</option>" for name in severities)
    bar = (
        '<div class="bar"><input type="search" placeholder="search findings" '
        'aria-label="search findings"><select aria-label="severity">'
        f'<option value="">every severity</option>{options}</select>'
        f'<span class="sub count">{len(causes)} of {len(causes)}</span></div>'
    )
    cards = (_card(each, number, command, drawn) for number, each in enumerate(causes, 1))
    return (bar if len(causes) > 1 else "") + "".join(cards)


def _card(root: RootCause, number: int, command: str, drawn: Collection[str]) -> str:
    finding = root.lead
    severity = str(finding["severity"])
    known = known_as(finding)
    threads = sorted({str(step["thread"]) for step in finding.get("cycle") or ()}
                     | set(map(str, finding.get("threads") or ())))  # fmt: skip
    parts = [
        f'<article class="card filtered {escape(severity)}{" known" if known else ""}" '
        f'id="finding-{number}" data-severity="{escape(severity)}" '
        f'data-threads="{escape(json.dumps(threads))}">'
        f"<h3>{_badges(finding)}<b>{escape(_title(finding))}</b></h3>"
    ]
    why = cause(finding)
    if why:
        parts.append(f'<p class="cause">{escape(why)}</p>')
    if finding.get("replay"):
        parts.append(_token(str(finding["replay"]), command))
    cycle = finding.get("cycle") or []
    detail = str(finding.get("detail") or "")
    if cycle:
        parts.append(_steps(cycle))
        if not waits_for_itself(finding):
            parts.append(_scenario(cycle))
        if detail:
            parts.append(
                f"<details><summary>all waiting threads</summary><pre>{escape(detail)}</pre>"
                "</details>"
            )
    else:
        accesses, detail = accesses_html(finding)
        order, detail = order_html(finding, detail)
        parts += [accesses, order]
        if detail:
            parts.append(f'<div class="detail">{escape(detail)}</div>')
        parts.append(_stacks(finding.get("stacks") or []))
    if finding.get("advice"):
        parts.append(f"<p><b>What to do:</b> {escape(str(finding['advice']))}</p>")
    parts.append(
        _foot(finding, number, graph=any(c in drawn for c in finding.get("classes") or ()))
    )
    parts.append(_also(root))
    return "".join(parts) + "</article>"


def _badges(finding: Document) -> str:
    severity, kind = str(finding["severity"]), str(finding["kind"])
    badges = (
        f'<span class="badge {escape(severity)}">{escape(severity)}</span>'
        f'<span class="badge kind" title="{escape(kind)}">{escape(KINDS.get(kind, kind))}</span>'
    )
    known = known_as(finding)
    if known:
        tip = "a known defect: it does not count"
        badges += f'<span class="badge tag" title="{tip}">{escape(known)}</span>'
    elif not finding.get("counts", True):
        badges += '<span class="badge tag">does not count</span>'
    return badges


def _title(finding: Document) -> str:
    """The title without the kind, which the badge says."""
    title = str(finding["title"])
    head, colon, rest = title.partition(": ")
    heads = ("deadlock", "possible circular locking dependency", "possible recursive locking")
    return rest if colon and head in heads else title


def _token(token: str, command: str) -> str:
    call = command.replace("TOKEN", token)
    return (
        f'<div class="token"><code>{escape(call)}</code>'
        f'<button data-copy="{escape(call)}">copy</button></div>'
    )


def _foot(finding: Document, number: int, *, graph: bool) -> str:
    links = []
    if graph:
        links.append(f'<a href="#graph:finding-{number}">in the lock graph</a>')
    if finding.get("threads") or finding.get("cycle"):
        links.append(f'<a href="#timeline:finding-{number}">in the time line</a>')
    ends = []
    if finding.get("reason"):
        ends.append(f"{escape(str(finding['severity']))}: {escape(str(finding['reason']))}")
    if finding.get("made"):
        ends += [
            f"{escape(name)} made at <code>{escape(short_path(str(at)))}</code>"
            for name, at in finding["made"].items()
        ]
    ends.append(f"fingerprint <code>{escape(str(finding['fingerprint']))}</code>")
    return (
        f'<div class="links">{" ".join(links)}</div>'
        f'<div class="sub">{" · ".join(ends)}</div>'
        f"<details><summary>as text</summary><pre>{escape(splat_of(finding))}</pre></details>"
    )


def _also(root: RootCause) -> str:
    """The other findings of this cause, folded in."""
    if not root.parts:
        return ""
    rows = "".join(
        f"<li>{_badges(part)}{escape(_title(part))}"
        f"<details><summary>as text</summary><pre>{escape(splat_of(part))}</pre></details></li>"
        for part in root.parts[:PARTS_MAX]
    )
    count = len(root.parts)
    more = f"<li>… {count - PARTS_MAX} more in findings.json</li>" if count > PARTS_MAX else ""
    words = "1 more report" if count == 1 else f"{count} more reports"
    return (
        f'<details class="parts"><summary>{words} of this cause</summary><ul>{rows}{more}</ul>'
        "</details>"
    )


def _steps(cycle: Sequence[Document]) -> str:
    parts = []
    for title, step in zip(columns(cycle), cycle, strict=True):
        verb = "waits for" if step["op"] in ("wait", "sync") else "wants"
        boxes = _stack(f"{verb} {lock_text(step['wanted'])}", step["wanted_stack"])
        if is_lock(step["held"]) or step["held_stack"]:
            word = "holds" if is_lock(step["held"]) else "owes"
            boxes = _stack(f"{word} {lock_text(step['held'])}", step["held_stack"]) + boxes
        parts.append(f'<div class="step"><h4>{escape(title)}</h4>{boxes}</div>')
    return f'<div class="steps">{"".join(parts)}</div>'


def _stacks(stacks: Sequence[Document]) -> str:
    parts = []
    for each in stacks:
        who = f", {each['thread']}" if each.get("thread") else ""
        parts.append(_stack(f"{each['title']}{who}", each["frames"]))
    return f'<div class="steps two">{"".join(parts)}</div>' if parts else ""


def _stack(title: str, frames: Sequence[Document]) -> str:
    rows = [
        f"<li>{escape(str(frame['function']))} "
        f"<span>{escape(short_path(str(frame['file'])))}:{frame['line']}</span></li>"
        for frame in users_own(frames)
    ]
    body = f"<ol>{''.join(rows[:FRAMES_SHOWN])}</ol>" if rows else ""
    if len(rows) > FRAMES_SHOWN:
        body += (
            f"<details><summary>{len(rows) - FRAMES_SHOWN} more</summary>"
            f'<ol start="{FRAMES_SHOWN + 1}">{"".join(rows[FRAMES_SHOWN:])}</ol></details>'
        )
    return f'<div class="stack"><b>{escape(title)}</b>{body}</div>'


def _scenario(cycle: Sequence[Document]) -> str:
    heads = "".join(f'<th scope="col">{escape(title)}</th>' for title in columns(cycle))
    rows = []
    for number, text in scenario_rows(cycle):
        cells = "".join(
            f'<td class="mono">{escape(text) if at == number else ""}</td>'
            for at in range(len(cycle))
        )
        rows.append(f"<tr>{cells}</tr>")
    return (
        f'<div class="scroll"><table class="scenario"><thead><tr>{heads}</tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table></div>"
    )
