"""Figures as tiles, for the first screen of a page: what was done, in numbers."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from lockcheck.core.document import Document

__all__ = ["figures_html", "search_figures"]

Figure = tuple[str, str]
"""A figure, and what it counts."""


def figures_html(figures: Iterable[Figure]) -> str:
    """The tiles; empty without figures."""
    tiles = "".join(
        f"<div><b>{escape(figure)}</b>{escape(words)}</div>" for figure, words in figures
    )
    return f'<div class="figures">{tiles}</div>' if tiles else ""


def search_figures(result: Document) -> list[Figure]:
    """What a search of schedules (`*/explore/1`) did, and whether it was all there is."""
    figures = []
    for key, one, more in (
        ("schedules", "schedule tried", "schedules tried"),
        ("orders", "distinct order", "distinct orders"),
        ("states", "final state", "final states"),
    ):
        value = result.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            figures.append((str(value), one if value == 1 else more))
    if "exhausted" in result:
        figures.append(("yes" if result["exhausted"] else "no", "every order was tried"))
    return figures
