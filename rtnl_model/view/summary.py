"""The first screen of a model run's page: what ran in words, its figures, where else to look."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from lockcheck.render import Column, figures_html, search_figures, table
from rtnl_model.kernel.documents import Document

__all__ = ["commands_html", "summary_html", "title_of"]

FIGURES: Final = {
    "operations": "operations",
    "devices_removed": "devices removed",
    "delegated_share": "delegated to their own namespace",
    "unregistering_sections_max": "unregistering sections at once",
}
"""Fields of a stress that are shown large."""


def title_of(run: Document) -> str:
    """What ran, in words."""
    if run.get("title"):
        return str(run["title"])
    schema = str(run.get("schema", ""))
    what = {"rtnl-model/stress/1": "stress", "rtnl-model/explore/1": "explore"}.get(schema, "run")
    script = f" {run['script']}" if run.get("script") else ""
    where = f" in regime {run['regime']}" if run.get("regime") else ""
    return f"rtnl-model {what}{script}{where}"


def summary_html(run: Document) -> str:
    """Figures as tiles, what ended a run early, and links to its other pages."""
    return _figures(run) + _end(run) + _pages(run)


def _figures(run: Document) -> str:
    figures = []
    for key, words in FIGURES.items():
        value = run.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        figures.append((f"{value:.0%}" if key == "delegated_share" else f"{value}", words))
    return figures_html([*figures, *_commands(run.get("ops") or ()), *search_figures(run)])


def _commands(ops: Sequence[Document]) -> list[tuple[str, str]]:
    """What a script did: its commands, the most devices there were, those that are left."""
    if not ops:
        return []
    commands = sum(len(op.get("cmds", ())) for op in ops)
    devices = [
        sum(device.get("kind") != "lo" for shown in (op.get("devices") or {}).values()
            for device in shown)
        for op in ops
    ]  # fmt: skip
    return [
        (str(commands), "command" if commands == 1 else "commands"),
        (str(max(devices)), "devices at most, without lo"),
        (str(devices[-1]), "devices at the end"),
    ]


def _end(run: Document) -> str:
    lines = []
    if run.get("hung") not in (None, False):
        lines.append("The run came to a standstill; all its threads were ended.")
    if run.get("interrupted"):
        lines.append("The run was interrupted; what had been done is shown.")
    failed = [cmd for op in run.get("ops") or () for cmd in op.get("cmds", ()) if cmd.get("rc")]
    if failed:
        count = "1 command" if len(failed) == 1 else f"{len(failed)} commands"
        lines.append(f"{count} failed: {failed[0]['cmd']}: {failed[0].get('stderr') or ''}")
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _pages(run: Document) -> str:
    links = []
    for page in run.get("pages") or ():
        href = str(page.get("href", ""))
        if href.startswith(("http:", "https:", "javascript:", "data:", "//", "/")):
            continue
        links.append(f'<a href="{escape(href)}">{escape(str(page.get("title", href)))}</a>')
    return f'<p class="links">The other runs: {" ".join(links)}</p>' if links else ""


def commands_html(ops: Sequence[Document]) -> str:
    """Every command with its status."""
    columns = (
        Column("step", "num"), Column("command", "name"), Column("status", "num"),
        Column("message"),
    )  # fmt: skip
    rows = [
        (op.get("i", 0), str(cmd["cmd"]), cmd.get("rc") or 0, str(cmd.get("stderr") or ""))
        for op in ops
        for cmd in op.get("cmds", ())
    ]
    bad = {number for number, row in enumerate(rows) if row[2]}
    return table("commands-data", columns, rows, bad, search="search commands")
