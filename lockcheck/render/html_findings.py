"""The findings on the report page: both stacks of every step, the scenario, the splat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lockcheck.render.places import short_path, users_own
from lockcheck.render.scenario import columns, scenario_rows
from lockcheck.render.splat import lock_text, splat_of

__all__ = ["findings_html"]


def findings_html(findings: Sequence[Mapping[str, Any]]) -> str:
    """The section's content."""
    if not findings:
        return '<p class="empty">Nothing was found.</p>'
    severities = dict.fromkeys(str(finding["severity"]) for finding in findings)
    options = "".join(f"<option>{escape(name)}</option>" for name in severities)
    bar = (
        '<div class="bar"><input type="search" placeholder="search findings" '
        'aria-label="search findings"><select aria-label="severity">'
        f'<option value="">every severity</option>{options}</select>'
        '<span class="sub count"></span></div>'
    )
    order = {"certain": 0, "possible": 1, "class-only": 2}
    # The surest first; of these, the circles before what is told by one place.
    ranked = sorted(findings, key=lambda f: (order.get(str(f["severity"]), 3), not f.get("cycle")))
    return bar + "".join(_card(finding) for finding in ranked)


def _card(finding: Mapping[str, Any]) -> str:
    severity = str(finding["severity"])
    parts = [
        f'<article class="card filtered {escape(severity)}" data-severity="{escape(severity)}">'
        f'<span class="badge {escape(severity)}">{escape(severity)}</span>'
        f'<span class="badge kind">{escape(str(finding["kind"]))}</span>'
        f"<b>{escape(str(finding['title']))}</b>"
    ]
    for key in ("reason", "detail"):
        if finding.get(key):
            css = ' class="sub"' if key == "reason" else ' class="detail"'
            parts.append(f"<div{css}>{escape(str(finding[key]))}</div>")
    cycle = finding.get("cycle") or []
    if cycle:
        parts.append(_steps(cycle) + _scenario(cycle))
    else:
        parts.append(_stacks(finding.get("stacks") or []))
    if finding.get("made"):
        places = ", ".join(
            f"{escape(name)} at <code>{escape(short_path(str(at)))}</code>"
            for name, at in finding["made"].items()
        )
        parts.append(f'<div class="sub">made: {places}</div>')
    if finding.get("advice"):
        parts.append(f"<div><b>What to do:</b> {escape(str(finding['advice']))}</div>")
    ends = [f"fingerprint <code>{escape(str(finding['fingerprint']))}</code>"]
    if finding.get("replay"):
        ends.append(f"replay <code>{escape(str(finding['replay']))}</code>")
    parts.append(f'<div class="sub">{" · ".join(ends)}</div>')
    parts.append(
        f"<details><summary>as text</summary><pre>{escape(splat_of(finding))}</pre></details>"
    )
    return "".join(parts) + "</article>"


def _steps(cycle: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for title, step in zip(columns(cycle), cycle, strict=True):
        verb = "waits for" if step["op"] == "wait" else "wants"
        told = f' <span class="sub">{escape(str(step["told"]))}</span>' if step.get("told") else ""
        parts.append(
            f'<div class="step"><h3>{escape(title)}{told}</h3>'
            + _stack(f"holds {lock_text(step['held'])}", step["held_stack"])
            + _stack(f"{verb} {lock_text(step['wanted'])}", step["wanted_stack"])
            + "</div>"
        )
    return f'<div class="steps">{"".join(parts)}</div>'


def _stacks(stacks: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for each in stacks:
        who = f", {each['thread']}" if each.get("thread") else ""
        parts.append(_stack(f"{each['title']}{who}", each["frames"]))
    return f'<div class="steps">{"".join(parts)}</div>'


def _stack(title: str, frames: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<li>{escape(str(frame['function']))} "
        f"<span>{escape(short_path(str(frame['file'])))}:{frame['line']}</span></li>"
        for frame in users_own(frames)
    )
    body = f"<ol>{rows}</ol>" if rows else '<div class="sub">no stack</div>'
    return f'<div class="stack"><b>{escape(title)}</b>{body}</div>'


def _scenario(cycle: Sequence[Mapping[str, Any]]) -> str:
    heads = "".join(f"<th>{escape(title)}</th>" for title in columns(cycle))
    rows = []
    for number, text in scenario_rows(cycle):
        cells = "".join(
            f'<td class="mono">{escape(text) if at == number else ""}</td>'
            for at in range(len(cycle))
        )
        rows.append(f"<tr>{cells}</tr>")
    return (
        f'<table class="scenario"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody>'
        "</table>"
    )
