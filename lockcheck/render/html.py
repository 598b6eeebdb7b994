"""A page that needs no network: sections on tabs, under a title and what came out.

Everything stands in the page as text and SVG; the scripts add tabs, sorting, searching, other
choices of the graph, and the time line.  Which sections a report's page has, `folder` says; other
packages add theirs (`Panel`): the model shows its topology that way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Final

__all__ = ["Panel", "page"]

SCRIPTS: Final = ("page_tabs.js", "page_tables.js", "page_graph.js", "page_timeline.js")


@dataclass(frozen=True)
class Panel:
    """A section of somebody else's: its id, its title on the tab, its HTML.

    `summary`: no tab of its own; it stands on the first screen, above the findings.
    """

    ident: str
    title: str
    body: str
    summary: bool = False


def page(
    title: str,
    said: str,
    subtitle: str,
    sections: Sequence[tuple[str, str, int | None, str]],
    *,
    mood: str = "clean",
) -> str:
    """A page of sections (id, name, count or None, HTML) under a title and what came out.

    `mood`: `found`, `known` or `clean`; `subtitle` is HTML.
    """
    nav = "".join(
        f'<a href="#{ident}">{escape(name)}'
        + (f"<span>{count}</span>" if count is not None else "")
        + "</a>"
        for ident, name, count, _ in sections
    )
    body = "\n".join(
        f'<section id="{ident}"><h2>{escape(name)}</h2>{content}</section>'
        for ident, name, _, content in sections
    )
    script = "\n".join(_asset(name) for name in SCRIPTS)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_asset("page.css")}</style></head><body>
<header><h1>{escape(title)}</h1><p class="outcome {mood}">{escape(said)}</p>
<div class="sub">{subtitle}</div></header>
<nav>{nav}</nav>
<main>{body}</main><div id="tip"></div>
<script>{script}</script>
</body></html>
"""


def _asset(name: str) -> str:
    """The text of a file that stands beside this one."""
    return resources.files("lockcheck.render").joinpath(name).read_text(encoding="utf-8")
