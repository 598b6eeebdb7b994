"""The first screen of a model run's page: what ran in words, its figures, where else to look."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from lockcheck.render import Column, table
from rtnl_model.kernel.documents import Document

__all__ = ["commands_html", "summary_html", "title_of"]

FIGURES: Final = {
    "operations": "operations",
    "devices_removed": "devices removed",
    "delegated_share": "delegated to their own namespace",
    "unregistering_sections_max": "unregistering sections at once",
    "schedules": "schedules tried",
    "orders": "distinct orders",
    "states": "final states",
}
"""Fields of a stress or a search that are shown large."""


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
    tiles = []
    for key, words in FIGURES.items():
        value = run.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        shown = f"{value:.0%}" if key == "delegated_share" else f"{value}"
        tiles.append(f"<div><b>{escape(shown)}</b>{escape(words)}</div>")
    if "exhausted" in run:
        word = "yes" if run["exhausted"] else "no"
        aside = f", {escape(str(run['assumed']))}" if run.get("assumed") else ""
        tiles.append(f"<div><b>{word}</b>every order was tried{aside}</div>")
    return f'<div class="figures">{"".join(tiles)}</div>' if tiles else ""


def _end(run: Document) -> str:
    lines = []
    if run.get("hung") not in (None, False):
        lines.append("The run stood still; every thread of it was ended.")
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
