"""Reports out: one format per file, all made from the dictionaries that the values' `to_dict` give.

That way a recorded `graph.json` or `findings.json` renders exactly as the live objects do.

The face of this package for those outside is what stands in `__all__`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.face import loader

if TYPE_CHECKING:
    from lockcheck.render import sarif
    from lockcheck.render.atomic_file import write_text
    from lockcheck.render.control_characters import legible, legible_line
    from lockcheck.render.folder import write_files, write_folder
    from lockcheck.render.html import Panel, page
    from lockcheck.render.html_figures import figures_html, search_figures
    from lockcheck.render.html_tables import Column, table
    from lockcheck.render.screen import flush, show, show_json, silence
    from lockcheck.render.sentences import heading, how_many

__all__ = [
    "Column",
    "Panel",
    "figures_html",
    "flush",
    "heading",
    "how_many",
    "legible",
    "legible_line",
    "page",
    "sarif",
    "search_figures",
    "show",
    "show_json",
    "silence",
    "table",
    "write_files",
    "write_folder",
    "write_text",
]

__getattr__ = loader(
    __name__,
    {
        "atomic_file": ["write_text"],
        "folder": ["write_files", "write_folder"],
        "html": ["Panel", "page"],
        "html_figures": ["figures_html", "search_figures"],
        "html_tables": ["Column", "table"],
        "control_characters": ["legible", "legible_line"],
        "screen": ["flush", "show", "show_json", "silence"],
        "sentences": ["heading", "how_many"],
    },
)
