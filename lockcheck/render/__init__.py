"""Reports out: one format per file, all made from the dictionaries that the values' `to_dict` give.

That way a recorded `graph.json` or `findings.json` renders exactly as the live objects do.
"""

from __future__ import annotations

from lockcheck.render.sentences import heading, how_many

__all__ = ["heading", "how_many"]
